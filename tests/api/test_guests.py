"""End users of what is published: each runs what his token names, sees what is his, and nothing of anybody else."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
from httpx2 import AsyncClient
from sqlalchemy import select, update
from sqlmodel import col

from api.access import GUEST_PERMISSIONS, Require, api_routes, required
from api.rates import RateLimiter, Rates
from storage.accounts import set_disabled
from storage.clock import now_ms
from storage.tables import AccessToken, AuditEvent
from tests.api.browsing import at_a_browser
from tests.api.drawings import greeting
from tests.api.people import another_organisation, leaves, somebody
from tests.api.serving import Serving, client_of

HOUR = 3_600_000


async def admitted(client: AsyncClient, user: str = "客户-17", **fields: Any) -> dict[str, Any]:
    """A guest whom somebody lets in."""
    answer = await client.post("/api/v1/guest-tokens", json={"user_id": user, "workflows": ["greet"], **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def start(client: AsyncClient, workflow: str = "greet", **fields: Any) -> Any:
    return await client.post(f"/api/v1/workflows/{workflow}/runs", json={"inputs": {"name": "王"}, **fields})


async def test_a_guest_runs_what_his_token_names_and_sees_what_became_of_it(serving: Serving) -> None:
    workflow = await serving.published(greeting(), key="greet")
    guest = await admitted(serving.client)
    assert guest["token"].startswith("gst_")
    assert guest["workflows"] == [workflow]
    assert guest["expires"] - now_ms() == pytest.approx(HOUR, abs=60_000)
    async with client_of(serving.app, guest["token"]) as client:
        run = (await start(client)).json()
        assert (run["output"], run["user_id"], run["temporal_url"]) == ({"text": "Hello 王!"}, "客户-17", None)
        assert (await client.get(f"/api/v1/runs/{run['id']}")).json()["output"] == run["output"]
        assert [one["id"] for one in (await client.get("/api/v1/runs")).json()["items"]] == [run["id"]]
        assert (await client.post(f"/api/v1/runs/{run['id']}/cancel", json={})).status_code == 200
        events = (await client.get(f"/api/v1/runs/{run['id']}/events")).json()
        assert [one["type"] for one in events["items"]] == ["run.started", "run.succeeded"]
        assert events["ended"] is True
        # What is on the page is nothing for him: he is given the next one instead of an empty one.
        page = (await client.get(f"/api/v1/runs/{run['id']}/events?after=1&limit=1")).json()
        assert [one["type"] for one in page["items"]] == ["run.succeeded"]
        stream = (await client.get(f"/api/v1/runs/{run['id']}/events/stream")).text
        assert ("event: run.succeeded" in stream, "step." in stream) == (True, False)


async def test_the_steps_of_a_run_are_not_for_its_guest_in_the_open_api_either(serving: Serving) -> None:
    workflow = await serving.published(greeting(), key="greet")
    guest = await admitted(serving.client)
    async with client_of(serving.app, guest["token"]) as client:
        run = (await start(client)).json()
        where = f"/v1/workflows/{workflow}/run_histories/{run['id']}"
        [seen] = (await serving.client.get(where)).json()["data"]
        step = next(iter(seen["node_execute_status"].values()))["node_execute_uuid"]
        assert (await serving.client.get(f"{where}/execute_nodes/{step}")).status_code == 200
        [seen] = (await client.get(where)).json()["data"]
        assert (seen["execute_status"], seen["node_execute_status"]) == ("Success", {})
        assert (await client.get(f"{where}/execute_nodes/{step}")).status_code == 404


async def test_a_guest_sees_nothing_of_others(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    other = await serving.published(greeting(), key="other")
    mine = (await serving.run("greet", {"name": "Ada"}))["id"]
    said = (await serving.post("/conversations", {"name": "a", "user_id": "客户-18"})).json()["id"]
    his = (await serving.run("other", {"name": "Ada"}, user_id="客户-17"))["id"]
    first, second = await admitted(serving.client), await admitted(serving.client, "客户-18")
    async with client_of(serving.app, first["token"]) as one, client_of(serving.app, second["token"]) as two:
        theirs = (await start(two)).json()["id"]
        # Of nobody, of another end user, and of his own name but of a workflow that his token does not name.
        for run in (mine, theirs, his):
            for method, path, body in (
                ("GET", f"/runs/{run}", None),
                ("GET", f"/runs/{run}/events", None),
                ("GET", f"/runs/{run}/events/stream", None),
                ("POST", f"/runs/{run}/answers", {"wait_id": "ask", "answer": "x"}),
                ("POST", f"/runs/{run}/cancel", {}),
            ):
                answer = await one.request(method, f"/api/v1{path}", json=body)
                assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path)
        for ref in ("other", other, "nothing"):
            assert (await start(one, ref)).status_code == 404
            assert (await one.get("/api/v1/runs", params={"workflow": ref})).status_code == 404
        assert (await one.get("/api/v1/runs")).json()["items"] == []
        assert (await one.get("/api/v1/conversations")).json()["items"] == []
        assert (await one.get("/api/v1/conversations", params={"user_id": "客户-18"})).json()["items"] == []
        for method, path, body in (
            ("GET", f"/conversations/{said}", None),
            ("PATCH", f"/conversations/{said}", {"name": "mine"}),
            ("DELETE", f"/conversations/{said}", None),
            ("POST", f"/conversations/{said}/clear", {}),
            ("GET", f"/conversations/{said}/messages", None),
            ("POST", f"/conversations/{said}/messages", {"role": "user", "content": "x"}),
        ):
            answer = await one.request(method, f"/api/v1{path}", json=body)
            assert answer.status_code == 404, (method, path)
        assert (await start(one, conversation_id=said)).status_code == 404
        assert (await two.get(f"/api/v1/conversations/{said}")).status_code == 200


async def test_a_guest_speaks_for_himself_alone(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    guest = await admitted(serving.client, app_id="shop")
    async with client_of(serving.app, guest["token"]) as client:
        wrong: list[dict[str, Any]] = [
            {"user_id": "客户-18"},
            {"app_id": "bank"},
            {"version": "draft"},
            {"version": "v0.0.1"},
            {"pins": {"greet": {"output": {}}}},
        ]
        for fields in wrong:
            assert (await start(client, **fields)).status_code == 403, fields
        run = (await start(client, user_id="客户-17", app_id="shop")).json()
        assert (run["user_id"], run["app_id"]) == ("客户-17", "shop")
        for fields in ({"user_id": "客户-18"}, {"app_id": "bank"}, dict[str, Any](draft=True)):
            answer = await client.post("/api/v1/conversations", json={"name": "a", **fields})
            assert answer.status_code == 403, fields
        made = (await client.post("/api/v1/conversations", json={"name": "问"})).json()
        assert (made["user_id"], made["app_id"]) == ("客户-17", "shop")
        assert (await start(client, conversation_id=made["id"])).json()["conversation_id"] == made["id"]
        messages = f"/api/v1/conversations/{made['id']}/messages"
        assert (await client.post(messages, json={"role": "user", "content": "你好"})).status_code == 201
        assert (await client.get(messages)).json()["items"]
        assert (await client.get("/api/v1/conversations")).json()["items"][0]["id"] == made["id"]


async def test_two_guests_with_one_idempotency_key_start_two_runs(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    runs = []
    for user in ("甲", "乙", "甲"):
        async with client_of(serving.app, (await admitted(serving.client, user))["token"]) as client:
            answer = await start(client, idempotency_key="1")
            runs.append((answer.status_code, answer.json()["id"]))
    assert [status for status, _ in runs] == [201, 201, 200]
    assert runs[0][1] == runs[2][1] != runs[1][1]


async def test_a_guest_may_nothing_else(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    guest = await admitted(serving.client)
    # He asks more often here than in a minute.
    serving.app.state.rates = RateLimiter(Rates())
    open_to_guests = set()
    async with client_of(serving.app, guest["token"]) as client:
        for route in api_routes(serving.app.routes):
            declared = required(route.dependant)
            if not isinstance(declared, Require):
                continue
            if declared.guests:
                assert declared.permission in GUEST_PERMISSIONS, route.path
                open_to_guests.add(route.path.removeprefix("/api/v1"))
                continue
            path = route.path
            for name in route.param_convertors:
                path = path.replace(f"{{{name}}}", "7")
            path = path if path.startswith(("/v1", "/v3", "/api", "/open_api")) else f"/api/v1{path}"
            for method in route.methods or ():
                answer = await client.request(method, path, params={"workflow_id": "7", "conversation_id": "7"})
                assert answer.status_code in {401, 403, 404, 422}, (method, path, answer.status_code)
    assert {"/workflows/{workflow}/runs", "/runs/{run_id}", "/conversations"} <= open_to_guests


async def test_who_may_not_let_guests_in_lets_none_in(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    org, space = await another_organisation(serving)
    body = {"user_id": "a", "workflows": ["greet"]}
    async with AsyncExitStack() as stack:
        for one, status in (
            (await somebody(serving, "viewer"), 403),
            (await somebody(serving, "editor"), 403),
            (await somebody(serving, "admin"), 201),
            (await somebody(serving, "admin", scopes=["workflow.*"]), 403),
            (await somebody(serving, "admin", scopes=["guest.admit"]), 201),
            # There is no such workflow where he is.
            (await somebody(serving, "owner", org_id=org, space_id=space), 404),
        ):
            client = await stack.enter_async_context(one.client)
            answer = await client.post("/api/v1/guest-tokens", json=body)
            assert answer.status_code == status, answer.text
            if status == 201:
                guest = await stack.enter_async_context(client_of(serving.app, answer.json()["token"]))
                assert (await start(guest)).status_code == 201
                assert (await guest.post("/api/v1/guest-tokens", json=body)).status_code == 403


async def test_what_a_guest_is_let_in_for_is_checked(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    wrong: list[dict[str, Any]] = [
        {"workflows": []},
        {"user_id": ""},
        {"user_id": " "},
        {"user_id": "x" * 192},
        {"seconds": 0},
        {"seconds": 86_401},
        {"origins": ["shop.example.com"]},
        {"origins": ["https://shop.example.com/path"]},
    ]
    for fields in wrong:
        answer = await serving.post("/guest-tokens", {"user_id": "a", "workflows": ["greet"], **fields})
        assert answer.status_code == 422, fields
    for ref in ("nothing", "7"):
        answer = await serving.post("/guest-tokens", {"user_id": "a", "workflows": ["greet", ref]})
        assert answer.status_code == 404


async def test_a_guest_goes_with_whoever_let_him_in(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")

    async def opens(guest: dict[str, Any]) -> int:
        async with client_of(serving.app, guest["token"]) as client:
            return (await client.get("/api/v1/runs")).status_code

    ada, bob = await somebody(serving, "admin"), await somebody(serving, "admin")
    async with ada.client, bob.client, await at_a_browser(serving, ada) as page:
        token = (await page.post("/api/v1/tokens", json={"name": "server", "space_id": str(ada.space_id)})).json()
        async with client_of(serving.app, token["token"]) as server:
            of_token = await admitted(server)
        of_page = (
            await page.post(
                "/api/v1/guest-tokens",
                json={"user_id": "a", "workflows": ["greet"]},
                headers={"x-space-id": str(ada.space_id)},
            )
        ).json()
        of_bob = await admitted(bob.client)
        assert [await opens(one) for one in (of_token, of_page, of_bob)] == [200, 200, 200]
        await page.delete(f"/api/v1/tokens/{token['id']}")
        assert [await opens(one) for one in (of_token, of_page, of_bob)] == [401, 200, 200]
        await leaves(serving, ada)
        assert [await opens(one) for one in (of_page, of_bob)] == [404, 200]
        await serving.stores.database.write(lambda one: set_disabled(one, bob.account_id, True))
        assert await opens(of_bob) == 401


async def test_a_guest_never_outlasts_the_token_that_let_him_in(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    ada = await somebody(serving, "admin", expires=now_ms() + 60_000)
    async with ada.client:
        guest = await admitted(ada.client, seconds=86_400)
    assert guest["expires"] <= now_ms() + 60_000
    ends = update(AccessToken).where(col(AccessToken.id) == int(guest["id"])).values(expires=now_ms() - 1)
    await serving.stores.database.write(lambda one: one.execute(ends).close())
    async with client_of(serving.app, guest["token"]) as client:
        assert (await client.get("/api/v1/runs")).status_code == 401


async def test_guests_are_listed_and_dismissed(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    guest = await admitted(serving.client)
    org, space = await another_organisation(serving)
    foreigner = await somebody(serving, "owner", org_id=org, space_id=space)
    listed = (await serving.get("/guest-tokens")).json()["items"]
    assert [one["id"] for one in listed] == [guest["id"]]
    assert guest["token"] not in str(listed)
    async with foreigner.client, client_of(serving.app, guest["token"]) as client:
        assert (await foreigner.client.get("/api/v1/guest-tokens")).json()["items"] == []
        assert (await foreigner.client.delete(f"/api/v1/guest-tokens/{guest['id']}")).status_code == 404
        assert (await client.get("/api/v1/runs")).status_code == 200
        assert (await serving.delete(f"/guest-tokens/{guest['id']}")).status_code == 204
        assert (await client.get("/api/v1/runs")).status_code == 401
    wanted = select(col(AuditEvent.action)).where(col(AuditEvent.target_id) == guest["id"])
    found = await serving.stores.database.read(lambda one: {*one.scalars(wanted)})
    assert found == {"guest.admit", "guest.dismiss"}


async def test_a_token_for_the_pages_of_a_site_is_not_for_those_of_another(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    guest = await admitted(serving.client, origins=["https://shop.example.com"])
    async with client_of(serving.app, guest["token"]) as client:
        for headers, status in (
            ({}, 200),
            ({"origin": "https://shop.example.com"}, 200),
            ({"origin": "https://evil.example"}, 403),
            ({"origin": "null"}, 403),
        ):
            assert (await client.get("/api/v1/runs", headers=headers)).status_code == status
