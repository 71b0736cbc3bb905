"""OAuth applications: the SDK signs for its tokens unmodified, and nobody comes by one who is not the application."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import jwt
import pytest
from cozepy import AsyncCoze, AsyncJWTAuth, AsyncJWTOAuthApp, Coze, CozeAPIError, JWTAuth, JWTOAuthApp, Scope
from cozepy.request import AsyncHTTPClient, SyncHTTPClient
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import select, update
from sqlmodel import col

from api.open.oauth import GRANT
from storage.clock import now_ms
from storage.tables import OAuthUse
from tests.api.drawings import greeting
from tests.api.open.applications import PRIVATE, PUBLIC, TOKEN, Application, application, pair, refusal
from tests.api.open.coze import Programs, listening, sync
from tests.api.serving import Serving, client_of, serve


@pytest.fixture
async def app(serving: Serving) -> AsyncIterator[Application]:
    made = await application(serving)
    async with aclosing(made.page):
        yield made


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Programs]:
    async with serve(tmp_path) as serving, listening(serving) as programs:
        yield programs


def oauth_of(there: Programs, client_id: str, key: str, kid: str) -> JWTOAuthApp:
    """The SDK's application. It keeps a connection of its own, and has no way to close it but ours."""
    oauth = JWTOAuthApp(client_id, key, kid, base_url=there.url)
    oauth._requester._sync_client = there.left.enter_context(SyncHTTPClient(trust_env=False))  # type: ignore[no-untyped-call]
    return oauth


# --- the SDK ----------------------------------------------------------------------------------------------------------


async def test_the_sdk_signs_for_its_tokens(there: Programs) -> None:
    made = await application(there.serving)
    workflow = await there.serving.published(greeting(), key="greet")
    auth = JWTAuth(ttl=600, oauth_app=oauth_of(there, made.client_id, PRIVATE, made.kid))
    plain = there.left.enter_context(SyncHTTPClient(trust_env=False))  # type: ignore[no-untyped-call]
    coze = Coze(auth, base_url=there.url, http_client=plain)
    me = await sync(coze.users.me)
    assert me.user_id == str(made.owner.account_id)
    first = auth.token
    run = await sync(lambda: coze.workflows.runs.create(workflow_id=workflow, parameters={"name": "王"}))
    assert json.loads(run.data or "")["text"] == "Hello 王!"
    # One token is used until it ends.
    assert await sync(lambda: auth.token) == first
    await made.page.aclose()


async def test_the_sdk_signs_for_its_tokens_in_the_loop_too(there: Programs) -> None:
    made = await application(there.serving)
    async with AsyncHTTPClient(trust_env=False) as client:  # type: ignore[no-untyped-call]
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
    asked: list[tuple[dict[str, Any], int]] = [({}, 900), ({"duration_seconds": 86_400, "scope": None}, 86_400)]
    for body, seconds in asked:
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


class From(int):
    """A moment, so many seconds from when a test begins: the suite takes longer than claims last."""

    def moment(self) -> int | str:
        return int(time.time()) + self


class Words(From):
    """Such a moment, written as a text."""

    def moment(self) -> int | str:
        return str(super().moment())


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
        {"exp": From(-120)},
        {"exp": From(7_300)},
        {"iat": From(300), "exp": From(3_600)},
        {"iat": From(-7_000), "exp": From(600)},
        {"exp": "never"},
        {"iat": Words(0)},
        {"exp": Words(60)},
        {"exp": float("inf")},
        {"iss": "\ud800"},
        {"jti": "\ud800"},
        {"session_name": "\ud800"},
        {"session_name": 7},
        {"session_name": "x" * 192},
        {"nbf": From(900)},
    ],
)
async def test_what_is_signed_must_be_for_here_and_now(app: Application, claims: dict[str, Any]) -> None:
    claims = {name: value.moment() if isinstance(value, From) else value for name, value in claims.items()}
    try:
        text = app.signed(**claims)
    except (TypeError, ValueError):
        # Some the library itself does not sign: as a hostile program would.
        text = _raw({"alg": "RS256", "typ": "JWT", "kid": app.kid}, {"iss": app.client_id, **claims})
    assert refusal(await app.ask(text)) == (401, 4100)


async def test_the_name_of_a_key_that_no_database_takes_is_nobodys(app: Application) -> None:
    text = _raw({"alg": "RS256", "typ": "JWT", "kid": "\ud800"}, {"iss": app.client_id})
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
