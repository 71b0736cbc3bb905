"""OAuth applications: what their tokens may, when these end, and who looks after them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select, update
from sqlmodel import col

from storage.accounts import set_disabled
from storage.clock import now_ms
from storage.tables import AccessToken, AuditEvent
from tests.api.browsing import at_a_browser
from tests.api.drawings import greeting
from tests.api.open.applications import PRIVATE, PUBLIC, Application, application, pair, refusal
from tests.api.people import another_organisation, leaves, somebody
from tests.api.serving import Serving, client_of


@pytest.fixture
async def app(serving: Serving) -> AsyncIterator[Application]:
    made = await application(serving)
    async with aclosing(made.page):
        yield made


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
            # Nor does it come along with what everybody may who administrates.
            ("PATCH", where, {"disabled": True, "scopes": ["*"]}, 403),
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
