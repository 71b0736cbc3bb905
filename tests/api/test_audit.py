"""The audit log: everything an auditor asks for stands in it, once, without secrets, and stays there."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError
from sqlmodel import col

from api.access import api_routes
from storage.audit import Actor, Deed, record
from storage.callers import rights_changed
from storage.tables import AuditEvent
from tests.api.drawings import greeting
from tests.api.people import Somebody, another_organisation, somebody
from tests.api.serving import Serving
from tests.architecture.source import ROOT

API = "/api/v1"
DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "天气", "version": "1"},
    "servers": [{"url": "https://weather.example.com"}],
    "paths": {"/now": {"get": {"operationId": "now", "responses": {"200": {"description": "ok"}}}}},
}


async def done(serving: Serving, *deeds: Deed, **actor: Any) -> None:
    home = await serving.stores.organisations.ensure_default()
    who = Actor(**{"org_id": home.org_id, "space_id": home.space_id, "name": "李雷", **actor})

    def job(connection: Any) -> None:
        for one in deeds:
            record(connection, who, one)

    await serving.stores.database.write(job)


async def actions(who: Somebody | Serving, **params: Any) -> list[str]:
    answer = await who.client.get(f"{API}/audit", params=params)
    assert answer.status_code == 200, answer.text
    return [one["action"] for one in answer.json()["items"]]


async def test_filters_find_what_they_say(serving: Serving) -> None:
    await done(serving, Deed("role.create", "role", 7, "人事专员"), ip="10.0.0.1", account_id=5)
    await done(serving, Deed("role.delete", "role", 8, "财务", outcome="refused"), ip="10.0.0.2", account_id=6)
    await done(serving, Deed("workflow.publish", "workflow", 7, "100%", {"version": None}, {"version": "v0.0.1"}))
    for expected, params in (
        (["workflow.publish", "role.delete", "role.create"], {}),
        (["role.delete", "role.create"], {"action": "role."}),
        (["role.create"], {"action": "role.create"}),
        (["role.create"], {"account": "5"}),
        (["role.delete"], {"ip": "10.0.0.2"}),
        (["role.delete"], {"outcome": "refused"}),
        (["workflow.publish", "role.create"], {"target": "7"}),
        (["role.create"], {"target": "7", "target_kind": "role"}),
        (["role.create"], {"search": "人事"}),
        (["workflow.publish"], {"search": "0%"}),
        ([], {"search": "%%"}),
        (["workflow.publish", "role.delete", "role.create"], {"search": "李雷"}),
        ([], {"space": "1"}),
        ([], {"until": 1_000}),
        ([], {"since": 4_000_000_000_000}),
    ):
        assert await actions(serving, **params) == expected, params


async def test_pages_follow_one_another_the_newest_first(serving: Serving) -> None:
    await done(serving, *(Deed(f"test.{number}") for number in range(5)))
    first = (await serving.get("/audit", limit=2)).json()
    await done(serving, Deed("test.later"))
    second = (await serving.get("/audit", limit=4, cursor=first["next_cursor"])).json()
    found = [one["action"] for one in first["items"] + second["items"]]
    assert found == [f"test.{number}" for number in (4, 3, 2, 1, 0)]
    assert second["next_cursor"] is None
    shown = (await serving.get(f"/audit/{first['items'][0]['id']}")).json()
    assert shown == first["items"][0]


async def test_auditors_see_their_organisations_and_the_instance_is_for_its_administrator(serving: Serving) -> None:
    org, _ = await another_organisation(serving)
    await done(serving, Deed("here.done"), Deed("there.done", org_id=org), Deed("above.done", org_id=0, space_id=0))
    auditor, foreign = await somebody(serving, grants=(3,)), await somebody(serving, org_id=org, grants=(2,))
    chief, worker = await somebody(serving, grants=(1,)), await somebody(serving, "owner")
    assert await actions(auditor) == ["here.done"]
    assert await actions(foreign) == ["there.done"]
    assert await actions(chief) == ["above.done", "there.done", "here.done"]
    assert await actions(chief, organisation="0") == ["above.done"]
    assert (await worker.client.get(f"{API}/audit")).status_code == 403
    for path in ("", "/export"):
        assert (await auditor.client.get(f"{API}/audit{path}", params={"organisation": str(org)})).status_code == 404
    [event] = (await foreign.client.get(f"{API}/audit")).json()["items"]
    assert (await auditor.client.get(f"{API}/audit/{event['id']}")).status_code == 404


async def test_the_log_is_taken_along_as_csv_that_is_no_formula(serving: Serving) -> None:
    evil = '=HYPERLINK("http://x")'
    await done(serving, Deed("a.done", "role", 1, evil, None, {"名": "值"}), Deed("b.done", "role", 2, "一,\n二"))
    answer = await serving.client.get(f"{API}/audit/export", params={"target_kind": "role"})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = [*csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))]
    assert [row["target_name"] for row in rows] == ["一,\n二", f"'{evil}"]
    assert json.loads(rows[1]["after"]) == {"名": "值"}
    assert await actions(serving, action="audit.") == ["audit.export"]


async def test_the_log_is_taken_along_as_lines_however_long_it_is(serving: Serving) -> None:
    await done(serving, *(Deed("many.done", "role", number, "行") for number in range(1_203)))
    answer = await serving.client.get(f"{API}/audit/export", params={"format": "jsonl", "action": "many."})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [int(one["target_id"]) for one in lines] == [*range(1_202, -1, -1)]


async def test_nobody_changes_or_deletes_what_was_done(serving: Serving) -> None:
    await done(serving, Deed("a.done"))
    for statement in (update(AuditEvent).values(action="b.done"), delete(AuditEvent)):
        with pytest.raises(DatabaseError, match="never changed"):
            await serving.stores.database.write(lambda connection, one=statement: connection.execute(one).close())  # type: ignore[misc]
    assert await actions(serving) == ["a.done"]
    routes = [one for one in api_routes(serving.app.routes) if "/audit" in one.path]
    methods = {method for one in routes for method in one.methods or ()}
    assert methods == {"GET"}


def test_no_code_of_ours_changes_or_deletes_what_was_done() -> None:
    writes = re.compile(r"(update|delete)\(\s*AuditEvent|(UPDATE|DELETE FROM) audit_event", re.IGNORECASE)
    sources = [path for folder in ("storage", "api", "workers", "cli") for path in Path(ROOT / folder).rglob("*.py")]
    assert [str(path) for path in sources if writes.search(path.read_text("utf-8"))] == []


async def test_what_is_rolled_back_was_not_done(serving: Serving) -> None:
    def job(connection: Any) -> None:
        record(connection, Actor(), Deed("a.done"))
        rights_changed(connection)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await serving.stores.database.write(job)
    await asyncio.sleep(0)
    assert await actions(serving) == []


async def test_who_and_from_where_are_told(serving: Serving) -> None:
    li = await somebody(serving, name="李雷")
    headers = {"user-agent": "tests/1", "x-request-id": "abc-1"}
    await li.client.post(f"{API}/spaces", json={"name": "空间"}, headers=headers)
    [event] = (await serving.get("/audit", action="space.create")).json()["items"]
    assert (event["actor"], event["account_id"], event["request_id"]) == ("李雷", str(li.account_id), "abc-1")
    assert event["ip"] == "127.0.0.1"
    assert event["user_agent"] == "tests/1"
    assert event["organisation_id"] == str(li.org_id)


async def test_what_is_done_to_things_is_written_down_without_secrets(serving: Serving) -> None:
    admin = await somebody(serving, "owner", grants=(2,), name="管理员")
    ask, canary = admin.client, "sk-canary-5f1e9b"

    async def made(method: str, path: str, body: Any = None) -> Any:
        answer = await ask.request(method, f"{API}{path}", json=body)
        assert answer.status_code < 300, (path, answer.text)
        return answer.json() if answer.content else None

    model = {
        "key": "big",
        "title": "大模型",
        "kind": "chat",
        "provider": "openai",
        "vendor_model": "gpt-x",
        "test": False,
    }
    saved = await made("POST", "/models", {**model, "api_key": canary, "test": False})
    body = {"revision": saved["revision"], "api_key": f"{canary}-2", "title": "更大", "test": False}
    await made("PATCH", "/models/big", body)
    await made("DELETE", "/models/big")
    plugin = await made("POST", "/plugins", {"document": DOCUMENT, "auth": {"kind": "bearer"}})
    there = f"/plugins/{plugin['id']}"
    await made("PUT", f"{there}/credentials", {"key": canary})
    await made("PATCH", there, {"revision": plugin["revision"], "common": {"header": {"X-Key": canary}}})
    await made("POST", f"{there}/versions", {})
    await made("DELETE", f"{there}/credentials")
    await made("DELETE", there)
    database = await made("POST", "/databases", {"name": "orders", "fields": [{"name": "title"}]})
    await made("DELETE", f"/databases/{database['id']}")
    base = await made("POST", "/knowledge", {"name": "手册"})
    document = await made("POST", f"/knowledge/{base['id']}/documents", {"name": "一", "text": "你好"})
    await made("DELETE", f"/knowledge/{base['id']}/documents/{document['id']}")
    await made("DELETE", f"/knowledge/{base['id']}")
    variable = await made(
        "POST", "/variables", {"scope": "app", "name": "key", "type": {"type": "string"}, "default": canary}
    )
    await made("PATCH", f"/variables/{variable['id']}", {"enabled": False})
    await made("DELETE", f"/variables/{variable['id']}")
    workflow = await made("POST", "/workflows", {"name": "流程", "canvas": greeting()})
    await made("POST", f"/workflows/{workflow['id']}/versions", {})
    await made("GET", f"/workflows/{workflow['id']}/export")
    await made("DELETE", f"/workflows/{workflow['id']}")
    answer = await serving.get("/audit", limit=200)
    told = answer.json()["items"]
    assert canary not in answer.text
    assert [one["action"] for one in told][::-1] == [
        "model.create", "model.change", "model.delete",
        "plugin.create", "plugin.set_key", "plugin.change", "plugin.publish", "plugin.forget_key", "plugin.delete",
        "database.create", "database.delete", "knowledge.delete_document", "knowledge.delete",
        "variable.define", "variable.change", "variable.delete",
        "workflow.create", "workflow.publish", "workflow.export", "workflow.delete",
    ]  # fmt: skip
    assert {one["actor"] for one in told} == {"管理员"}
    [changed] = [one for one in told if one["action"] == "model.change"]
    assert (changed["before"]["title"], changed["after"]["title"]) == ("大模型", "更大")
    assert {one["space_id"] for one in told if one["target_kind"] == "plugin"} == {str(admin.space_id)}


async def test_events_are_of_the_organisation_of_what_was_changed(serving: Serving) -> None:
    org, _ = await another_organisation(serving)
    made = await serving.post("/roles", {"name": "角色", "organisation_id": str(org)})
    assert made.status_code == 201
    count = await serving.stores.database.read(
        lambda connection: connection.execute(
            AuditEvent.__table__.select().where(col(AuditEvent.org_id) == org)  # type: ignore[attr-defined]
        ).all()
    )
    assert [row.action for row in count] == ["role.create"]
