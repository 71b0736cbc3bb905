"""Plugins over HTTP: made of documents, published, given keys that never come out, and called on trial."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.serving import Document, Serving, serve
from tests.fakes.tool_server import described, tools
from tests.workers.egress.loopback import Server, serving
from workers.egress import EgressClient, EgressPolicy
from workers.tool_trial import LiveTools

KEY = "sk-canary-a1b2c3d4-9f3a"
BEARER = {"type": "http", "scheme": "bearer"}

YAML = """
openapi: 3.0.3
info: {title: 天气, version: "1"}
servers: [{url: "https://api.example.com/v1"}]
x-shared: &id {name: id, in: path, required: true, schema: {type: integer}}
paths:
  /things/{id}:
    get:
      operationId: thing
      parameters:
        - *id
        - name: on
          in: query
          schema: {type: string, enum: [on, off, no, 010]}
      responses:
        200:
          description: ok
          content:
            application/json:
              schema: {type: object, properties: {name: {type: string}}}
"""


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving(tools) as made:
        yield made


@pytest.fixture
async def api(tmp_path: Path, server: Server) -> AsyncIterator[Serving]:
    live = LiveTools(lambda: EgressClient(EgressPolicy(allow=(server.place,))))
    async with serve(tmp_path, tools=live) as made:
        yield made


async def made(api: Serving, document: Any, **more: Any) -> Document:
    answer = await api.post("/plugins", {"document": document, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def refused(api: Serving, document: Any, **more: Any) -> list[tuple[str, str]]:
    answer = await api.post("/plugins", {"document": document, **more})
    assert answer.status_code == 422, answer.text
    return [(one["field"], one["message"]) for one in answer.json()["errors"]]


def contents(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


# --- making -----------------------------------------------------------------------------------------------------------


async def test_a_plugin_is_made_of_a_document(api: Serving, server: Server) -> None:
    plugin = await made(api, described(server.url(""), scheme=BEARER), key="tools")
    assert (plugin["key"], plugin["name"], plugin["description"]) == ("tools", "Tools 工具", "What the tests call.")
    assert (plugin["base_url"], plugin["auth"]["kind"]) == (server.url(""), "bearer")
    assert (plugin["revision"], plugin["latest_version"]) == (1, None)
    assert plugin["credentials"] == {"set": False, "last4": ""}
    assert plugin["findings"] == []
    shown = (await api.get("/plugins/tools")).json()
    assert {**shown, "findings": []} == plugin
    assert [one["key"] for one in (await api.get("/plugins")).json()["items"]] == ["tools"]
    assert (await api.get("/plugins/tools/document")).json() == described(server.url(""), scheme=BEARER)


async def test_a_document_may_be_a_text_in_json_or_yaml(api: Serving) -> None:
    for document in (YAML, json.dumps(described("https://api.example.com"))):
        assert (await made(api, document))["findings"] == []
    plugin = await made(api, YAML, key="things")
    (tool,) = (await api.get("/plugins/things/tools")).json()["items"]
    assert (plugin["name"], tool["name"], tool["method"], tool["enabled"]) == ("天气", "thing", "GET", True)
    assert tool["parameters"]["properties"] == {
        "id": {"type": "integer"},
        "on": {"type": "string", "enum": ["on", "off", "no", 10]},
    }
    assert tool["result"] == {"type": "object", "properties": {"name": {"type": "string"}}}


async def test_what_of_a_document_cannot_be_a_tool_is_told(api: Serving) -> None:
    document = described("https://api.example.com")
    document["paths"]["/soap"] = {
        "post": {"operationId": "soap", "requestBody": {"required": True, "content": {"text/xml": {}}}}
    }
    plugin = await made(api, document)
    assert [(one["field"], one["code"], one["severity"]) for one in plugin["findings"]] == [
        ("paths./soap.post.requestBody.content", "body_unusable", "error")
    ]
    tools_ = (await api.get(f"/plugins/{plugin['id']}/tools")).json()["items"]
    assert "soap" not in {one["name"] for one in tools_}


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        ({}, "document.openapi", "OpenAPI 3.0 or 3.1"),
        ({"openapi": "3.0.0", "paths": {}}, "document.paths", "no operation"),
        ("{not json", "document", "The text is not JSON"),
        ("- a\n- b", "document", "must be an object"),
        ("a: [1, 2", "document", "neither JSON nor YAML: "),
        ("a: 1\na: 2", "document", "the key 'a' stands twice in one object (line 2, column 4)"),
        ("a: !!python/object/apply:os.system [id]", "document", "the tag tag:yaml.org,2002:python/object/apply"),
        ("a: &x [*x]", "document", "the alias *x stands for nothing that is whole"),
        ("a: 1\n---\nb: 2", "document", "more than one document"),
        ("? [a]\n: 1", "document", "a key must be a text"),
        ("a: " + "[" * 300, "document", "nested more than 200 levels"),
        ("", "document", "must be an object"),
    ],
)
async def test_a_document_that_gives_no_tool_is_refused_with_its_place(
    api: Serving, document: Any, field: str, message: str
) -> None:
    findings = await refused(api, document, base_url="https://api.example.com")
    assert any(where == field and message in told for where, told in findings), findings


async def test_a_bomb_of_aliases_is_refused_before_it_unfolds(api: Serving) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    ((field, message),) = await refused(api, "\n".join(lines))
    assert field == "document"
    assert "with what its aliases stand for it has more than 200000 parts" in message


async def test_yaml_beyond_its_limit_is_refused(api: Serving) -> None:
    ((_, message),) = await refused(api, "# " + "x" * (2 * 1024 * 1024))
    assert "at most 2 MiB" in message


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"base_url": "ftp://a.example"}, "base_url"),
        ({"base_url": "https://user:pass@a.example"}, "base_url"),
        ({"base_url": "https://a.example?x=1"}, "base_url"),
        ({"base_url": "nonsense"}, "base_url"),
        ({"auth": {"kind": "api_key"}}, "auth.name"),
        ({"auth": {"kind": "api_key", "name": "Host"}}, "auth.name"),
        ({"auth": {"kind": "magic"}}, "auth.kind"),
        ({"common": {"header": {"X-A": "1\r\nX-B: 2"}}}, "common.header.X-A"),
        ({"common": {"header": {"Content-Length": "5"}}}, "common.header.Content-Length"),
        ({"key": "Not A Key"}, "key"),
        ({"nope": 1}, "nope"),
    ],
)
async def test_what_does_not_fit_is_named(api: Serving, more: Document, field: str) -> None:
    assert field in {where for where, _ in await refused(api, described("https://api.example.com"), **more)}


async def test_a_document_without_a_whole_address_needs_one(api: Serving) -> None:
    document = described("/v1")
    assert [field for field, _ in await refused(api, document)] == ["base_url"]
    assert (await made(api, document, base_url="https://api.example.com/v1/"))[
        "base_url"
    ] == "https://api.example.com/v1"


async def test_a_key_that_is_taken_is_a_conflict(api: Serving) -> None:
    await made(api, YAML, key="taken")
    assert (await api.post("/plugins", {"document": YAML, "key": "taken"})).status_code == 409


# --- changing and publishing ------------------------------------------------------------------------------------------


async def test_a_draft_is_changed_by_the_revision_that_was_opened(api: Serving) -> None:
    await made(api, described("https://one.example.com"), key="tools")
    change = {"revision": 1, "name": "Other", "auth": {"kind": "bearer"}, "common": {"query": {"lang": "zh"}}}
    changed = (await api.patch("/plugins/tools", change)).json()
    assert (changed["name"], changed["auth"]["kind"], changed["revision"]) == ("Other", "bearer", 2)
    assert changed["common"]["query"] == {"lang": "zh"}
    late = await api.patch("/plugins/tools", {"revision": 1, "name": "Late"})
    assert (late.status_code, late.json()["facts"]["revision"]) == (409, 2)


async def test_a_new_document_brings_its_address_unless_another_was_given(api: Serving) -> None:
    await made(api, described("https://one.example.com"), key="its")
    await made(api, described("https://one.example.com"), key="own", base_url="https://mine.example.com")
    body = {"revision": 1, "document": described("https://two.example.com")}
    assert (await api.patch("/plugins/its", body)).json()["base_url"] == "https://two.example.com"
    assert (await api.patch("/plugins/own", body)).json()["base_url"] == "https://mine.example.com"


async def test_what_is_published_stays_as_it_is(api: Serving) -> None:
    await made(api, described("https://one.example.com"), key="tools")
    off = await api.patch("/plugins/tools/tools/order", {"enabled": False})
    assert off.status_code == 204
    first = await api.post("/plugins/tools/versions", {"notes": "第一版"})
    assert (first.status_code, first.json()["version"]) == (201, "v0.0.1")
    assert (await api.post("/plugins/tools/versions", {"version": "v1.0.0"})).json()["version"] == "v1.0.0"
    assert (await api.post("/plugins/tools/versions", {"version": "v0.5.0"})).status_code == 409
    versions = (await api.get("/plugins/tools/versions")).json()["items"]
    assert [one["version"] for one in versions] == ["v1.0.0", "v0.0.1"]
    await api.patch("/plugins/tools/tools/order", {"enabled": True})
    published = (await api.get("/plugins/tools/tools", version="v0.0.1")).json()["items"]
    draft = (await api.get("/plugins/tools/tools")).json()["items"]
    assert {one["name"] for one in draft} - {one["name"] for one in published} == {"order"}


async def test_a_tool_may_have_a_slash_in_its_name(api: Serving) -> None:
    document = {"openapi": "3.1.0", "paths": {"/a": {"get": {"operationId": "repos/list"}}}}
    await made(api, document, key="repos", name="Repos", base_url="https://api.example.com")
    assert (await api.patch("/plugins/repos/tools/repos/list", {"enabled": False})).status_code == 204
    called = await api.post("/plugins/repos/tools/repos/list/call", {})
    assert (called.status_code, called.json()["facts"]["tool"]) == (404, "repos/list")


async def test_what_is_deleted_is_gone(api: Serving, tmp_path: Path) -> None:
    await made(api, described("https://one.example.com", scheme=BEARER), key="tools")
    await api.put("/plugins/tools/credentials", {"key": KEY})
    assert (await api.delete("/plugins/tools")).status_code == 204
    assert (await api.get("/plugins/tools")).status_code == 404
    rows = await api.stores.database.read(
        lambda connection: connection.exec_driver_sql("SELECT count(*) FROM secret").scalar()
    )
    assert rows == 0


# --- keys -------------------------------------------------------------------------------------------------------------


async def test_a_key_goes_in_and_never_comes_out(api: Serving, server: Server, tmp_path: Path) -> None:
    plugin = await made(api, described(server.url(""), scheme=BEARER), key="tools")
    kept = await api.put("/plugins/tools/credentials", {"key": KEY})
    assert kept.json() == {"set": True, "last4": "9f3a"}
    assert (await api.get("/plugins/tools")).json()["credentials"] == {"set": True, "last4": "9f3a"}
    called = await api.post("/plugins/tools/tools/echo/call", {})
    assert server.asked[-1].headers["authorization"] == f"Bearer {KEY}"
    shown = [kept, called, await api.get(f"/plugins/{plugin['id']}"), await api.get("/plugins")]
    assert all(KEY not in one.text for one in shown)
    assert called.json()["output"]["headers"]["authorization"] == "Bearer •••"
    assert KEY.encode() not in contents(tmp_path)


async def test_a_key_is_replaced_and_taken_away_for_good(api: Serving, server: Server) -> None:
    await made(api, described(server.url(""), scheme=BEARER), key="tools")
    for key in (KEY, "another-key-that-is-long"):
        await api.put("/plugins/tools/credentials", {"key": key})
    await api.post("/plugins/tools/tools/echo/call", {})
    assert server.asked[-1].headers["authorization"] == "Bearer another-key-that-is-long"
    assert (await api.delete("/plugins/tools/credentials")).status_code == 204
    called = (await api.post("/plugins/tools/tools/echo/call", {})).json()
    assert (called["ok"], called["code"], called["facts"]["number"]) == (False, "plugin_unauthorised", 777777765)


async def test_a_key_is_not_sent_to_another_address_than_it_was_given_for(api: Serving, server: Server) -> None:
    await made(api, described("https://one.example.com", scheme=BEARER), key="tools")
    await api.put("/plugins/tools/credentials", {"key": KEY})
    await api.patch("/plugins/tools", {"revision": 1, "base_url": server.url("")})
    called = (await api.post("/plugins/tools/tools/forecast/call", {"arguments": {"city": "a"}})).json()
    assert "given for another address" in called["message"]
    assert server.asked == []


@pytest.mark.parametrize("key", ["", " blank-a1", "two\nlines", "钥匙"])
async def test_what_is_no_key_is_refused(api: Serving, key: str) -> None:
    await made(api, described("https://one.example.com", scheme=BEARER), key="tools")
    answer = await api.put("/plugins/tools/credentials", {"key": key})
    assert answer.status_code == 422
    assert not key or key not in answer.text


async def test_a_plugin_that_is_called_without_a_key_takes_none(api: Serving) -> None:
    await made(api, YAML, key="things")
    answer = await api.put("/plugins/things/credentials", {"key": KEY})
    assert (answer.status_code, KEY in answer.text) == (422, False)


async def test_oauth_is_kept_and_says_that_it_is_not_served(api: Serving) -> None:
    plugin = await made(api, described("https://one.example.com", scheme={"type": "oauth2", "flows": {}}), key="tools")
    assert [one["code"] for one in plugin["findings"]] == ["oauth_not_served"]
    called = (await api.post("/plugins/tools/tools/forecast/call", {"arguments": {"city": "a"}})).json()
    assert (called["ok"], called["facts"]["number"]) == (False, 777777765)


# --- calling ----------------------------------------------------------------------------------------------------------


async def test_a_tool_is_called_for_real(api: Serving, server: Server) -> None:
    await made(api, described(server.url("")), key="tools")
    called = (await api.post("/plugins/tools/tools/forecast/call", {"arguments": {"city": "杭州", "x": 1}})).json()
    assert called["output"] == {"city": "杭州", "days": 1, "sky": "雨"}
    assert (called["ok"], called["warnings"]) == (True, ["The tool forecast takes no x: it is left out."])


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [("forecast", {}, "invalid_input"), ("answer", {"kind": "404"}, "plugin_failed"),
     ("answer", {"kind": "metadata"}, "egress_refused"), ("photo", {"file": "http://10.0.0.1/a"}, "egress_refused")],
)  # fmt: skip
async def test_a_call_that_fails_says_why(
    api: Serving, server: Server, tool: str, arguments: Document, code: str
) -> None:
    await made(api, described(server.url("")), key="tools")
    called = (await api.post(f"/plugins/tools/tools/{tool}/call", {"arguments": arguments})).json()
    assert (called["ok"], called["code"]) == (False, code)
    assert called["message"]


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "http://169.254.169.254", "http://10.1.2.3"])
async def test_a_plugin_at_a_place_that_may_not_be_called_is_refused_when_it_is_called(
    api: Serving, base_url: str
) -> None:
    await made(api, described(base_url), key="inside")
    called = (await api.post("/plugins/inside/tools/echo/call", {})).json()
    assert (called["ok"], called["code"]) == (False, "egress_refused")


async def test_an_unpublished_plugin_is_called_as_its_draft_alone(api: Serving, server: Server) -> None:
    await made(api, described(server.url("")), key="tools")
    newest = await api.post("/plugins/tools/tools/echo/call", {"version": ""})
    assert (newest.status_code, "no published version" in newest.json()["detail"]) == (404, True)
    await api.post("/plugins/tools/versions", {})
    assert (await api.post("/plugins/tools/tools/echo/call", {"version": ""})).json()["ok"]


async def test_without_a_way_out_nothing_is_called(tmp_path: Path) -> None:
    async with serve(tmp_path) as api:
        await made(api, YAML, key="things")
        answer = await api.post("/plugins/things/tools/thing/call", {"arguments": {"id": 1}})
        assert (answer.status_code, answer.json()["code"]) == (503, "not_available")
