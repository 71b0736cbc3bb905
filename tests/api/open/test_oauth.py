"""OAuth applications: the SDK signs for its tokens unmodified, and nobody comes by one who is not the application."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from cozepy import AsyncCoze, AsyncJWTAuth, AsyncJWTOAuthApp, Coze, CozeAPIError, JWTAuth, JWTOAuthApp, Scope
from cozepy.request import AsyncHTTPClient, SyncHTTPClient
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from httpx2 import AsyncClient, Response
from sqlalchemy import select, update
from sqlmodel import col

from api.open.oauth import GRANT
from storage.accounts import set_disabled
from storage.clock import now_ms
from storage.tables import AccessToken, AuditEvent, OAuthUse
from tests.api.browsing import at_a_browser
from tests.api.drawings import greeting
from tests.api.open.coze import Programs, listening, sync
from tests.api.people import Somebody, another_organisation, leaves, somebody
from tests.api.serving import Serving, client_of, serve

TOKEN = "/api/permission/oauth2/token"


def pair(bits: int = 2048) -> tuple[str, str]:
    """A private key and its public half."""
    key = rsa.generate_private_key(65_537, bits)
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


PRIVATE, PUBLIC = pair()


@dataclass
class Application:
    """An application of somebody, with a key."""

    serving: Serving
    owner: Somebody
    page: AsyncClient
    id: str
    client_id: str
    kid: str
    private: str = PRIVATE
    count: list[int] = field(default_factory=lambda: [0])

    def signed(self, *, key: str | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """What it signs; a claim that is None is left out."""
        self.count[0] += 1
        now = int(time.time())
        said = {
            "iss": self.client_id,
            "aud": "test",
            "iat": now,
            "exp": now + 3_600,
            "jti": f"{now}:{self.count[0]}",
        }
        said = {name: value for name, value in {**said, **claims}.items() if value is not None}
        return jwt.encode(said, key or self.private, "RS256", headers={"kid": self.kid, **(header or {})})

    async def ask(self, text: str, host: str = "test", **body: Any) -> Response:
        """Ask for a token."""
        headers = {"authorization": f"Bearer {text}", "host": host}
        async with client_of(self.serving.app, None) as client:
            return await client.post(TOKEN, json={"grant_type": GRANT, **body}, headers=headers)

    async def token(self, **body: Any) -> str:
        answer = await self.ask(self.signed(), **body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


async def application(serving: Serving, role: str = "owner", **fields: Any) -> Application:
    owner = await somebody(serving, role, grants=(2,))
    page = await at_a_browser(serving, owner)
    wanted = {"name": "导入程序", "space_id": str(owner.space_id), **fields}
    made = await page.post("/api/v1/oauth-apps", json=wanted)
    assert made.status_code == 201, made.text
    app = made.json()
    key = await page.post(f"/api/v1/oauth-apps/{app['id']}/keys", json={"public_key": PUBLIC, "name": "one"})
    assert key.status_code == 201, key.text
    assert key.json()["private_key"] is None
    return Application(serving, owner, page, app["id"], app["client_id"], key.json()["kid"])


@pytest.fixture
async def app(serving: Serving) -> AsyncIterator[Application]:
    made = await application(serving)
    async with aclosing(made.page):
        yield made


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Programs]:
    async with serve(tmp_path) as serving, listening(serving) as programs:
        yield programs


def refusal(answer: Response) -> tuple[int, int]:
    """The status, and the number in the envelope."""
    body = answer.json()
    assert body["msg"]
    assert answer.headers["x-tt-logid"]
    return answer.status_code, body["code"]


def oauth_of(there: Programs, client_id: str, key: str, kid: str) -> JWTOAuthApp:
    """The SDK's application. It keeps a connection of its own, and has no way to close it but ours."""
    oauth = JWTOAuthApp(client_id, key, kid, base_url=there.url)
    oauth._requester._sync_client = there.left.enter_context(SyncHTTPClient(trust_env=False))
    return oauth


# --- the SDK ----------------------------------------------------------------------------------------------------------


async def test_the_sdk_signs_for_its_tokens(there: Programs) -> None:
    made = await application(there.serving)
    workflow = await there.serving.published(greeting(), key="greet")
    auth = JWTAuth(ttl=600, oauth_app=oauth_of(there, made.client_id, PRIVATE, made.kid))
    plain = there.left.enter_context(SyncHTTPClient(trust_env=False))
    coze = Coze(auth, base_url=there.url, http_client=plain)
    me = await sync(coze.users.me)
    assert me.user_id == str(made.owner.account_id)
    first = auth.token
    run = await sync(lambda: coze.workflows.runs.create(workflow_id=workflow, parameters={"name": "王"}))
    assert json.loads(run.data)["text"] == "Hello 王!"
    # One token is used until it ends.
    assert await sync(lambda: auth.token) == first
    await made.page.aclose()


async def test_the_sdk_signs_for_its_tokens_in_the_loop_too(there: Programs) -> None:
    made = await application(there.serving)
    async with AsyncHTTPClient(trust_env=False) as client:
        oauth = AsyncJWTOAuthApp(made.client_id, PRIVATE, made.kid, base_url=there.url)
        oauth._requester._async_client = client
        auth = AsyncJWTAuth(oauth_app=oauth)
        coze = AsyncCoze(auth, base_url=there.url, http_client=client)
        assert (await coze.users.me()).user_id == str(made.owner.account_id)
    await made.page.aclose()


async def test_the_sdk_asks_for_a_scope_a_duration_and_a_session(there: Programs) -> None:
    made = await application(there.serving)
    oauth = oauth_of(there, made.client_id, PRIVATE, made.kid)
    scope = Scope.build_bot_chat([], ["run.view"])
    token = await sync(lambda: oauth.get_access_token(ttl=60, scope=scope, session_name="客户-17"))
    assert token.token_type == "Bearer"
    assert token.expires_in == pytest.approx(time.time() + 60, abs=5)
    async with client_of(there.serving.app, token.access_token) as client:
        assert (await client.get("/api/v1/runs")).status_code == 200
        assert (await client.get("/api/v1/workflows")).status_code == 403
    await made.page.aclose()


async def test_the_sdk_reads_why_it_gets_no_token(there: Programs) -> None:
    made = await application(there.serving)
    for client_id, key, kid in (
        ("app_nobody", PRIVATE, made.kid),
        (made.client_id, PRIVATE, "no-such-key"),
        (made.client_id, pair()[0], made.kid),
    ):
        oauth = oauth_of(there, client_id, key, kid)
        with pytest.raises(CozeAPIError) as refused:
            await sync(oauth.get_access_token)
        assert refused.value.code == 4100
        assert refused.value.logid
    await made.page.aclose()


# --- what is signed ---------------------------------------------------------------------------------------------------


async def test_the_end_of_a_token_is_told_as_a_moment(app: Application) -> None:
    for body, seconds in (({}, 900), ({"duration_seconds": 86_400, "scope": None}, 86_400)):
        answer = await app.ask(app.signed(), **body)
        assert answer.status_code == 200
        told = answer.json()
        assert told.keys() == {"access_token", "expires_in", "token_type"}
        assert told["expires_in"] == pytest.approx(time.time() + seconds, abs=5)
    for seconds in (0, 86_401, -1):
        assert refusal(await app.ask(app.signed(), duration_seconds=seconds)) == (422, 4000)


async def test_what_was_shown_already_is_refused(app: Application) -> None:
    text = app.signed(jti="一次")
    assert (await app.ask(text)).status_code == 200
    again = await app.ask(text)
    assert refusal(again) == (401, 4100)
    assert "already" in again.json()["msg"]
    # Also signed anew, with the same name.
    assert (await app.ask(app.signed(jti="一次", session_name="x"))).status_code == 401


async def test_what_was_shown_is_forgotten_when_it_could_not_be_shown_again(app: Application) -> None:
    await app.token()
    database = app.serving.stores.database
    count = select(col(OAuthUse.expires))
    (expires,) = await database.read(lambda one: one.scalars(count).all())
    assert now_ms() + 3_600_000 < expires < now_ms() + 3_700_000
    await database.write(lambda one: one.execute(update(OAuthUse).values(expires=1)).close())
    await app.token()
    assert len(await database.read(lambda one: one.scalars(count).all())) == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "api.coze.com"},
        {"aud": None},
        {"aud": []},
        {"aud": "test:8888"},
        {"iss": "app_other"},
        {"iss": None},
        {"iss": 7},
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 256},
        {"jti": 7},
        {"iat": None},
        {"exp": None},
        {"exp": int(time.time()) - 120},
        {"exp": int(time.time()) + 7_300},
        {"iat": int(time.time()) + 300, "exp": int(time.time()) + 3_600},
        {"iat": int(time.time()) - 7_000, "exp": int(time.time()) + 600},
        {"exp": "never"},
        {"session_name": 7},
        {"session_name": "x" * 192},
        {"nbf": int(time.time()) + 900},
    ],
)
async def test_what_is_signed_must_be_for_here_and_now(app: Application, claims: dict[str, Any]) -> None:
    try:
        text = app.signed(**claims)
    except (TypeError, ValueError):
        # Some the library itself does not sign: as a hostile program would.
        text = _raw({"alg": "RS256", "typ": "JWT", "kid": app.kid}, {"iss": app.client_id, **claims})
    assert refusal(await app.ask(text)) == (401, 4100)


async def test_clocks_may_be_a_little_apart(app: Application) -> None:
    now = int(time.time())
    assert (await app.ask(app.signed(iat=now + 30, exp=now + 3_630))).status_code == 200
    assert (await app.ask(app.signed(iat=now - 3_620, exp=now - 20))).status_code == 200


def _part(value: dict[str, Any]) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def _raw(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None = None) -> str:
    signed = _part(header) + b"." + _part(claims)
    signature = b"" if secret is None else hmac.new(secret, signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


async def test_only_rs256_counts_whatever_the_header_says(app: Application) -> None:
    now = int(time.time())
    claims = {"iss": app.client_id, "aud": "test", "iat": now, "exp": now + 600, "jti": "a"}
    header = {"typ": "JWT", "kid": app.kid}
    elliptic = ec.generate_private_key(ec.SECP256R1())
    for text in (
        _raw({**header, "alg": "none"}, claims),
        _raw({**header, "alg": "None"}, claims),
        _raw({**header, "alg": ""}, claims),
        # The public key, which everybody may know, as the secret of another algorithm.
        _raw({**header, "alg": "HS256"}, claims, PUBLIC.encode()),
        _raw({**header, "alg": "RS256"}, claims, PUBLIC.encode()),
        _raw({**header, "alg": "RS256"}, claims),
        jwt.encode(claims, PRIVATE, "RS512", headers=header),
        jwt.encode(claims, PRIVATE, "PS256", headers=header),
        jwt.encode(claims, elliptic, "ES256", headers=header),
        jwt.encode(claims, PRIVATE, "RS256"),
        jwt.encode(claims, PRIVATE, "RS256", headers={**header, "typ": "at+jwt"}),
        jwt.encode(claims, PRIVATE, "RS256", headers={**header, "crit": ["b64"]}),
        jwt.encode(claims, pair()[0], "RS256", headers=header),
        # A key that is brought along is not one that was registered.
        jwt.encode(claims, pair()[0], "RS256", headers={**header, "jwk": {"kty": "RSA"}, "jku": "http://127.0.0.1/"}),
    ):
        assert refusal(await app.ask(text)) == (401, 4100), text
    for text in ("", "x", "a.b.c", "....", "x" * 9_000, app.owner.token):
        assert refusal(await app.ask(text)) == (401, 4100), text
    async with client_of(app.serving.app, None) as client:
        assert refusal(await client.post(TOKEN, json={"grant_type": GRANT})) == (401, 4100)


async def test_a_key_of_one_application_signs_for_no_other(app: Application) -> None:
    other = await application(app.serving)
    async with aclosing(other.page):
        private, public = pair()
        key = await other.page.post(f"/api/v1/oauth-apps/{other.id}/keys", json={"public_key": public})
        text = app.signed(key=private, header={"kid": key.json()["kid"]})
        assert refusal(await app.ask(text)) == (401, 4100)


async def test_where_the_operator_says_the_address_the_host_header_does_not_count(tmp_path: Path) -> None:
    addresses = {"public_urls": "https://flows.example.com, http://10.0.0.7:8888/"}
    async with serve(tmp_path, settings=addresses) as serving:
        made = await application(serving)
        for audience, host, status in (
            ("flows.example.com", "flows.example.com", 200),
            ("flows.example.com", "inside:8000", 200),
            ("10.0.0.7:8888", "inside:8000", 200),
            ("inside:8000", "inside:8000", 401),
            # What was signed for a test system, relayed with its name.
            ("staging.example.com", "staging.example.com", 401),
        ):
            answer = await made.ask(made.signed(aud=audience), host=host)
            assert answer.status_code == status, (audience, host)
        await made.page.aclose()


async def test_in_production_the_operator_says_the_address(tmp_path: Path) -> None:
    async with serve(tmp_path, settings={"mode": "production"}) as serving:
        made = await application(serving)
        answer = await made.ask(made.signed())
        assert refusal(answer) == (403, 4101)
        assert "MAINSPRING_PUBLIC_URLS" in answer.json()["msg"]
        await made.page.aclose()


async def test_what_else_oauth_knows_is_told_to_be_missing(app: Application) -> None:
    async with client_of(app.serving.app, None) as client:
        for grant in ("authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code", "x"):
            answer = await client.post(TOKEN, json={"grant_type": grant, "client_id": app.client_id, "code": "x"})
            assert refusal(answer) == (501, 5010), grant
        for path in ("device/code", "workspace_id/7/device/code", "account/7/token"):
            answer = await client.post(f"/api/permission/oauth2/{path}", json={"client_id": app.client_id})
            assert refusal(answer) == (501, 5010), path
        assert refusal(await client.get("/api/permission/oauth2/authorize")) == (501, 5010)
        assert refusal(await client.post(TOKEN, json={})) == (422, 4000)


# --- what a token may -------------------------------------------------------------------------------------------------


async def test_an_application_may_no_more_than_its_account(serving: Serving) -> None:
    made = await application(serving, "viewer")
    await serving.drawn(greeting(), key="greet")
    async with aclosing(made.page), client_of(serving.app, await made.token()) as client:
        assert (await client.get("/api/v1/workflows/greet")).status_code == 200
        assert (await client.patch("/api/v1/workflows/greet", json={"name": "x"})).status_code == 403
        await leaves(serving, made.owner)
        assert (await client.get("/api/v1/workflows/greet")).status_code == 404
        assert refusal(await made.ask(made.signed())) == (403, 4101)


async def test_an_application_may_no_more_than_its_scopes_and_spaces(serving: Serving) -> None:
    owner = await somebody(serving, "owner", grants=(2,))
    made = await application(serving, scopes=["workflow.view", "account.view"])
    await made.page.patch(f"/api/v1/oauth-apps/{made.id}", json={"spaces": [str(made.owner.space_id)]})
    async with aclosing(made.page), client_of(serving.app, await made.token()) as client:
        assert (await client.get("/api/v1/workflows")).status_code == 200
        assert (await client.get("/api/v1/runs")).status_code == 403
        assert (await client.get("/api/v1/accounts")).status_code == 403
        assert (await client.get("/api/v1/workflows", headers={"x-space-id": str(owner.space_id)})).status_code == 200
        own = {"x-space-id": f"own-{made.owner.account_id}"}
        assert (await client.get("/api/v1/workflows", headers=own)).status_code == 404


async def test_a_scope_that_is_asked_for_only_narrows(serving: Serving) -> None:
    made = await application(serving, scopes=["workflow.view", "run.*"])

    def scope(*permissions: str) -> dict[str, Any]:
        return {"account_permission": {"permission_list": [*permissions]}}

    for wanted, views, runs in (
        ({}, 200, 200),
        (scope(), 200, 200),
        (scope("run.view"), 403, 200),
        (scope("workflow.*", "model.*"), 200, 403),
        (scope("*"), 200, 200),
        (scope("Connector.botChat"), 200, 200),
        (scope("nothing.known"), 403, 403),
    ):
        async with client_of(serving.app, await made.token(scope=wanted)) as client:
            found = [(await client.get(f"/api/v1/{one}")).status_code for one in ("workflows", "runs")]
        assert found == [views, runs], wanted
    bots = {"attribute_constraint": {"connector_bot_chat_attribute": {"bot_id_list": ["7"]}}}
    assert refusal(await made.ask(made.signed(), scope={**scope("Connector.botChat"), **bots})) == (422, 4000)
    await made.page.aclose()


async def test_an_applications_token_makes_neither_tokens_nor_keys(app: Application) -> None:
    async with client_of(app.serving.app, await app.token()) as client:
        for path, body in (
            ("tokens", {"name": "a"}),
            ("oauth-apps", {"name": "a"}),
            (f"oauth-apps/{app.id}/keys", {}),
        ):
            assert (await client.post(f"/api/v1/{path}", json=body)).status_code == 403


async def test_a_session_sees_runs_and_conversations_of_its_own(app: Application) -> None:
    workflow = await app.serving.published(greeting(), key="greet")
    tokens = [(await app.ask(app.signed(session_name=name))).json()["access_token"] for name in ("甲", "乙")]
    async with client_of(app.serving.app, tokens[0]) as one, client_of(app.serving.app, tokens[1]) as other:
        run = (await one.post(f"/api/v1/workflows/{workflow}/runs", json={"inputs": {"name": "王"}})).json()
        said = (await one.post("/api/v1/conversations", json={"name": "问"})).json()
        assert (run["user_id"], said["user_id"]) == ("甲", "甲")
        for path in (f"runs/{run['id']}", f"runs/{run['id']}/nodes", f"conversations/{said['id']}"):
            assert (await one.get(f"/api/v1/{path}")).status_code == 200, path
            assert (await other.get(f"/api/v1/{path}")).status_code == 404, path
        assert (await other.get("/api/v1/runs")).json()["items"] == []
        assert (await other.get("/api/v1/conversations")).json()["items"] == []
        named = await other.post(f"/api/v1/workflows/{workflow}/runs", json={"inputs": {"name": "a"}, "user_id": "甲"})
        assert named.status_code == 403


# --- when it ends -----------------------------------------------------------------------------------------------------


async def test_tokens_of_an_application_end_with_it(app: Application) -> None:
    where = f"/api/v1/oauth-apps/{app.id}"
    steps: list[tuple[str, str, Any]] = [
        ("PATCH", where, {"disabled": True}),
        ("PATCH", where, {"disabled": False}),
        ("PATCH", where, {"scopes": ["workflow.view"]}),
        ("PATCH", where, {"name": "别的"}),
        ("DELETE", where, None),
    ]
    for method, path, body in steps:
        disabled = body == {"disabled": False}
        token = "" if disabled else await app.token()
        answer = await app.page.request(method, path, json=body)
        assert answer.status_code in {200, 204}, answer.text
        if not disabled:
            async with client_of(app.serving.app, token) as client:
                status = 200 if body == {"name": "别的"} else 401
                assert (await client.get("/api/v1/workflows")).status_code == status, body
        if body == {"disabled": True}:
            assert refusal(await app.ask(app.signed())) == (401, 4100)
    assert refusal(await app.ask(app.signed())) == (401, 4100)


async def test_what_was_given_out_for_a_key_ends_with_it(app: Application) -> None:
    made = await app.page.post(f"/api/v1/oauth-apps/{app.id}/keys", json={"name": "second"})
    second = made.json()
    assert second["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert "private_key" not in (await app.page.get(f"/api/v1/oauth-apps/{app.id}/keys")).text
    one = await app.token()
    text = app.signed(key=second["private_key"], header={"kid": second["kid"]})
    two = (await app.ask(text)).json()["access_token"]
    assert (await app.page.delete(f"/api/v1/oauth-apps/{app.id}/keys/{app.kid}")).status_code == 204
    for token, status in ((one, 401), (two, 200)):
        async with client_of(app.serving.app, token) as client:
            assert (await client.get("/api/v1/workflows")).status_code == status
    assert refusal(await app.ask(app.signed())) == (401, 4100)
    assert (await app.page.delete(f"/api/v1/oauth-apps/{app.id}/keys/{app.kid}")).status_code == 404


async def test_an_application_of_a_disabled_account_gets_nothing(app: Application) -> None:
    token = await app.token()
    account = app.owner.account_id
    await app.serving.stores.database.write(lambda one: set_disabled(one, account, True))
    async with client_of(app.serving.app, token) as client:
        assert (await client.get("/api/v1/workflows")).status_code == 401
    assert refusal(await app.ask(app.signed())) == (403, 4101)


async def test_a_token_ends_by_itself(app: Application) -> None:
    token = await app.token(duration_seconds=1)
    ends = update(AccessToken).where(col(AccessToken.kind) == "oauth").values(expires=now_ms() - 1)
    await app.serving.stores.database.write(lambda one: one.execute(ends).close())
    async with client_of(app.serving.app, token) as client:
        assert (await client.get("/api/v1/workflows")).status_code == 401


# --- looking after applications ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "key",
    [
        "",
        "no key",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        PRIVATE,
        pair(1024)[1],
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode(),
        rsa.generate_private_key(3, 2048)
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    ],
    ids=["empty", "no key", "broken", "private", "short", "elliptic", "small exponent"],
)
async def test_what_is_no_good_key_is_refused(app: Application, key: str) -> None:
    answer = await app.page.post(f"/api/v1/oauth-apps/{app.id}/keys", json={"public_key": key})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "public_key")
    assert "PRIVATE" not in answer.text


async def test_a_key_is_added_once(app: Application) -> None:
    again = await app.page.post(f"/api/v1/oauth-apps/{app.id}/keys", json={"public_key": f"\n{PUBLIC}  "})
    assert (again.status_code, again.json()["facts"]["kid"]) == (409, app.kid)


async def test_nobody_becomes_somebody_else_through_an_application(app: Application) -> None:
    """Whoever holds a key of an application is the account that it acts for, however much another administrates."""
    boss = await somebody(app.serving, grants=(1, 2))
    email = (await app.serving.stores.accounts.get(app.owner.account_id)).email
    where = f"/api/v1/oauth-apps/{app.id}"
    async with await at_a_browser(app.serving, boss) as admin:
        for method, path, body, status in (
            ("POST", "/api/v1/oauth-apps", {"name": "a", "account": email}, 403),
            ("POST", f"{where}/keys", {}, 403),
            ("PATCH", where, {"scopes": ["*"]}, 403),
            ("PATCH", where, {"disabled": False}, 403),
            ("PATCH", where, {"name": "看见"}, 200),
            ("PATCH", where, {"disabled": True}, 200),
            ("DELETE", f"{where}/keys/{app.kid}", None, 204),
            ("DELETE", where, None, 204),
        ):
            answer = await admin.request(method, path, json=body)
            assert answer.status_code == status, (method, body, answer.text)


async def test_applications_of_other_organisations_are_not_found(app: Application) -> None:
    org, space = await another_organisation(app.serving)
    foreigner = await somebody(app.serving, "owner", org_id=org, space_id=space, grants=(2,))
    plain = await somebody(app.serving, "owner")
    where = f"/api/v1/oauth-apps/{app.id}"
    async with await at_a_browser(app.serving, foreigner) as other, await at_a_browser(app.serving, plain) as editor:
        assert (await other.get("/api/v1/oauth-apps")).json()["items"] == []
        for method, path, body in (
            ("GET", where, None),
            ("PATCH", where, {"name": "x"}),
            ("DELETE", where, None),
            ("GET", f"{where}/keys", None),
            ("POST", f"{where}/keys", {}),
            ("DELETE", f"{where}/keys/{app.kid}", None),
        ):
            assert (await other.request(method, path, json=body)).status_code == 404, (method, path)
            assert (await editor.request(method, path, json=body)).status_code == 403, (method, path)
        answer = await app.page.patch(where, json={"spaces": [str(foreigner.space_id)]})
        assert answer.status_code == 404
    assert [one["id"] for one in (await app.page.get("/api/v1/oauth-apps")).json()["items"]] == [app.id]


async def test_what_was_done_to_applications_is_written_down(app: Application) -> None:
    await app.page.patch(f"/api/v1/oauth-apps/{app.id}", json={"name": "b"})
    await app.page.delete(f"/api/v1/oauth-apps/{app.id}/keys/{app.kid}")
    await app.page.delete(f"/api/v1/oauth-apps/{app.id}")
    wanted = select(col(AuditEvent.action)).where(col(AuditEvent.target_id) == app.id).order_by(col(AuditEvent.id))
    found = await app.serving.stores.database.read(lambda one: [*one.scalars(wanted)])
    assert found == ["oauth_app.create", "oauth_key.add", "oauth_app.change", "oauth_key.remove", "oauth_app.delete"]
