"""Imports and exports over the API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.drawings import TEXT, chain, concat, end, greeting, start
from tests.api.serving import Serving, serve

Document = dict[str, Any]

WEATHER: Document = {
    "openapi": "3.0.3",
    "info": {"title": "Weather", "version": "1"},
    "servers": [{"url": "https://weather.example.test"}],
    "paths": {
        "/forecast": {
            "get": {
                "operationId": "forecast",
                "summary": "What the weather will be.",
                "parameters": [{"name": "city", "in": "query", "required": True, "schema": {"type": "string"}}],
                "responses": {
                    "200": {
                        "description": "ok",
                        "content": {
                            "application/json": {
                                "schema": {"type": "object", "properties": {"text": {"type": "string"}}}
                            }
                        },
                    }
                },
            }
        }
    },
}


def calling(workflow: str, version: str = "") -> Document:
    """A canvas that greets by another workflow."""
    node = {
        "id": "call",
        "type": "subworkflow",
        "data": {
            "settings": {"workflow": workflow, "version": version},
            "inputs": {"name": {"ref": ["start", "name"]}},
        },
    }
    return chain(start(("name",), name=TEXT), node, end(text=["call", "text"]))


def coze(*, greeting: str = "你好 {{String1}}", callee: str = "", model: str = "") -> Document:
    """A canvas as the editor of Coze saves it."""
    text: Document = {
        "id": "1001",
        "type": "15",
        "meta": {"position": {"x": 400, "y": 0}},
        "data": {
            "nodeMeta": {"title": "文本处理"},
            "outputs": [{"type": "string", "name": "output", "required": True}],
            "inputs": {
                "method": "concat",
                "inputParameters": [{"name": "String1", "input": _ref("100001", "name")}],
                "concatParams": [
                    {"name": "concatResult", "input": _text(greeting)},
                    {"name": "arrayItemConcatChar", "input": _text("，")},
                ],
            },
        },
    }
    if callee:
        text = {
            "id": "1001",
            "type": "9",
            "meta": {"position": {"x": 400, "y": 0}},
            "data": {
                "nodeMeta": {"title": "工作流"},
                "outputs": [{"type": "string", "name": "output"}],
                "inputs": {
                    "workflowId": callee,
                    "workflowVersion": "",
                    "type": 0,
                    "spaceId": "1",
                    "inputParameters": [{"name": "name", "input": _ref("100001", "name")}],
                },
            },
        }
    if model:
        text = {
            "id": "1001",
            "type": "3",
            "version": "3",
            "meta": {"position": {"x": 400, "y": 0}},
            "data": {
                "nodeMeta": {"title": "大模型"},
                "outputs": [{"type": "string", "name": "output"}],
                "inputs": {
                    "inputParameters": [{"name": "name", "input": _ref("100001", "name")}],
                    "llmParam": [
                        {"name": "modelType", "input": _text(model)},
                        {"name": "modleName", "input": _text("豆包")},
                        {"name": "responseFormat", "input": _text("0")},
                        {"name": "prompt", "input": _text("say: {{name}}")},
                        {"name": "systemPrompt", "input": _text("")},
                        {"name": "enableChatHistory", "input": {"type": "boolean", "value": _literal(False)}},
                    ],
                },
            },
        }
    ports = [{"sourceNodeID": "100001", "targetNodeID": "1001"}, {"sourceNodeID": "1001", "targetNodeID": "900001"}]
    return {
        "nodes": [
            {
                "id": "100001",
                "type": "1",
                "meta": {"position": {"x": 0, "y": 0}},
                "data": {
                    "nodeMeta": {"title": "开始"},
                    "outputs": [{"type": "string", "name": "name", "required": True}],
                },
            },
            {
                "id": "900001",
                "type": "2",
                "meta": {"position": {"x": 900, "y": 0}},
                "data": {
                    "nodeMeta": {"title": "结束"},
                    "inputs": {
                        "terminatePlan": "returnVariables",
                        "inputParameters": [{"name": "output", "input": _ref("1001", "output")}],
                    },
                },
            },
            text,
        ],
        "edges": ports,
        "versions": {"loop": "v2"},
    }


def _literal(value: Any) -> Document:
    return {"type": "literal", "content": value}


def _text(content: str) -> Document:
    return {"type": "string", "value": _literal(content)}


def _ref(block: str, name: str) -> Document:
    content = {"source": "block-output", "blockID": block, "name": name}
    return {"type": "string", "value": {"type": "ref", "content": content}}


async def imported(serving: Serving, **order: Any) -> Document:
    answer = await serving.post("/workflows/import", order)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


# --- from Coze ------------------------------------------------------------------------------------------------------


async def test_a_canvas_of_coze_becomes_a_workflow_that_runs(serving: Serving) -> None:
    document = {"id": "7494", "name": "问候", "description": "Says hello.", "canvas": coze()}
    made = await imported(serving, **{"from": "coze"}, documents=[document])
    (one,) = made["workflows"]
    assert (one["external_id"], one["name"], one["action"], one["published"]) == ("7494", "问候", "created", [])
    assert [found for found in one["diagnostics"] if found["severity"] == "error"] == []
    run = await serving.run(one["id"], {"name": "李雷"}, version="draft")
    assert run["output"] == {"output": "你好 李雷"}


async def test_a_canvas_may_come_as_the_text_that_the_editor_saves(serving: Serving) -> None:
    text = json.dumps(coze(), ensure_ascii=False)
    made = await imported(serving, **{"from": "coze"}, documents=[{"canvas": text}], publish=True)
    (one,) = made["workflows"]
    assert one["published"] == ["v0.0.1"]
    assert (await serving.run(one["id"], {"name": "Ada"}))["output"] == {"output": "你好 Ada"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_documents_find_each_other_in_any_order(serving: Serving, order: tuple[int, int]) -> None:
    documents = [
        {"id": "7001", "name": "Caller", "canvas": coze(callee="7002")},
        {"id": "7002", "name": "Callee", "canvas": coze()},
    ]
    made = await imported(serving, **{"from": "coze"}, documents=[documents[number] for number in order], publish=True)
    assert made["unmapped"] == []
    caller = next(one for one in made["workflows"] if one["name"] == "Caller")
    assert caller["published"] == ["v0.0.1"], caller["diagnostics"]
    assert (await serving.run(caller["id"], {"name": "韩梅梅"}))["output"] == {"output": "你好 韩梅梅"}


async def test_what_was_imported_before_is_found_by_what_comes_later(serving: Serving) -> None:
    await imported(serving, **{"from": "coze"}, documents=[{"id": "7002", "canvas": coze()}], publish=True)
    made = await imported(serving, **{"from": "coze"}, documents=[{"id": "7001", "canvas": coze(callee="7002")}])
    assert made["unmapped"] == []
    run = await serving.run(made["workflows"][0]["id"], {"name": "Ada"}, version="draft")
    assert run["output"] == {"output": "你好 Ada"}


async def test_an_unknown_workflow_is_told_and_fails_only_when_it_is_reached(serving: Serving) -> None:
    made = await imported(serving, **{"from": "coze"}, documents=[{"id": "7001", "canvas": coze(callee="7009")}])
    assert made["unmapped"] == [{"kind": "workflow", "id": "7009", "workflow": "7001", "nodes": ["1001"]}]
    run = await serving.run(made["workflows"][0]["id"], {"name": "Ada"}, version="draft")
    assert (run["state"], run["error"]["code"]) == ("failed", "node_unavailable_here")
    assert "7009" in run["error"]["message"]


async def test_models_are_found_by_the_table_by_what_is_known_and_by_the_star(serving: Serving) -> None:
    order = {"from": "coze", "documents": [{"canvas": coze(model="1737")}]}
    made = await imported(serving, **order, dry_run=True)
    assert made["unmapped"] == [{"kind": "model", "id": "1737", "workflow": "Imported workflow 1", "nodes": ["1001"]}]
    for table in ({"model": {"1737": "scripted"}}, {"model": {"*": "scripted"}}):
        made = await imported(serving, **order, table=table)
        assert made["unmapped"] == []
        draft = (await serving.get(f"/workflows/{made['workflows'][0]['id']}/draft")).json()["canvas"]
        node = next(one for one in draft["nodes"] if one["id"] == "1001")
        assert node["data"]["inputs"]["model"] == {"value": "scripted"}
    # What a table named is known from then on; a star is a wish for one import.
    assert (await serving.get("/external-ids")).json() == {"table": {"model": {"1737": "scripted"}}}
    assert (await imported(serving, **order))["unmapped"] == []


async def test_a_table_that_leads_to_no_model_is_told(serving: Serving) -> None:
    order = {"from": "coze", "documents": [{"canvas": coze(model="1737")}], "dry_run": True}
    made = await imported(serving, **order, table={"model": {"*": "nomodel"}})
    told = [found["message"] for found in made["workflows"][0]["diagnostics"] if found["code"] == "unmapped_model"]
    assert told == ["The table of ids says model nomodel, and none is here; a run that gets to the node fails there."]
    made = await imported(serving, **order, table={"model": {"*": "default"}})
    assert [found["code"] for found in made["workflows"][0]["diagnostics"]] == []


async def test_a_second_import_is_refused_updates_or_copies(serving: Serving) -> None:
    first = await imported(serving, **{"from": "coze"}, documents=[{"id": "7494", "name": "A", "canvas": coze()}])
    order = {"from": "coze", "documents": [{"id": "7494", "name": "A", "canvas": coze(greeting="Hi {{String1}}")}]}
    refused = await serving.post("/workflows/import", order)
    assert (refused.status_code, refused.json()["facts"]["workflow_id"]) == (409, first["workflows"][0]["id"])
    updated = await imported(serving, **order, existing="update")
    assert (updated["workflows"][0]["id"], updated["workflows"][0]["action"]) == (
        first["workflows"][0]["id"],
        "updated",
    )
    assert (await serving.run(first["workflows"][0]["id"], {"name": "Ada"}, version="draft"))["output"] == {
        "output": "Hi Ada"
    }
    copied = await imported(serving, **order, existing="copy")
    assert copied["workflows"][0]["id"] != first["workflows"][0]["id"]
    known = (await serving.get("/external-ids")).json()["table"]["workflow"]
    assert known == {"7494": copied["workflows"][0]["id"]}


async def test_a_dry_run_stores_nothing(serving: Serving) -> None:
    order = {"from": "coze", "documents": [{"id": "7494", "canvas": coze()}], "table": {"model": {"1": "gpt"}}}
    made = await imported(serving, **order, dry_run=True)
    assert made["workflows"][0]["action"] == "would_create"
    assert (await serving.get("/workflows")).json()["items"] == []
    assert (await serving.get("/external-ids")).json() == {"table": {}}


@pytest.mark.parametrize(
    ("order", "status", "field"),
    [
        ({"from": "coze"}, 422, "documents"),
        ({"from": "dify", "documents": []}, 422, "from"),
        ({"from": "coze", "documents": [{"canvas": "{"}]}, 422, "documents.0.canvas"),
        ({"from": "coze", "documents": [{"canvas": "[]"}]}, 422, "documents.0.canvas"),
        ({"from": "coze", "documents": [{"id": "1", "canvas": {}}, {"id": "1", "canvas": {}}]}, 422, "documents.1.id"),
        ({"from": "coze", "documents": [{"canvas": {}}], "table": {"colour": {}}}, 422, "table.colour"),
        ({"bundle": {"kind": "else"}}, 422, "bundle.kind"),
        ({"bundle": None}, 422, "bundle"),
    ],
)
async def test_what_cannot_be_imported_is_refused_and_nothing_is_stored(
    serving: Serving, order: Document, status: int, field: str
) -> None:
    answer = await serving.post("/workflows/import", order)
    told = answer.json()
    assert answer.status_code == status, answer.text
    assert field in (told.get("facts", {}).get("field"), *(one["field"] for one in told["errors"])), told
    assert (await serving.get("/workflows")).json()["items"] == []


async def test_a_name_that_is_forgotten_is_unknown_again(serving: Serving) -> None:
    kept = await serving.put("/external-ids", {"table": {"field": {"7402/101": "名称"}}})
    assert kept.json() == {"table": {"field": {"7402/101": "名称"}}}
    assert (await serving.delete("/external-ids/field/7402/101")).status_code == 204
    assert (await serving.delete("/external-ids/field/7402/101")).status_code == 404
    assert (await serving.put("/external-ids", {"table": {"colour": {"1": "2"}}})).status_code == 422


async def test_a_file_of_millions_of_values_is_refused_before_they_are_made(serving: Serving) -> None:
    numbers = "1," * 1_000_001
    body = f'{{"from": "coze", "documents": [{{"canvas": {{"nodes": [{numbers}1]}}}}]}}'
    answer = await serving.client.post(
        "/api/v1/workflows/import", content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "limit_exceeded")
    assert answer.json()["detail"] == "The body holds more than 1,000,000 values."


# --- bundles ----------------------------------------------------------------------------------------------------------


async def test_a_bundle_brings_a_workflow_and_all_it_calls_to_another_server(serving: Serving, tmp_path: Path) -> None:
    called = await serving.published(greeting(), "Greet", key="greet")
    middle = await serving.published(calling(called, "v0.0.1"), "Middle", key="middle")
    await serving.put(f"/workflows/{called}/draft", {"canvas": chain(start(name=TEXT), end(text="new")), "revision": 1})
    await serving.post(f"/workflows/{called}/versions", {})
    root = await serving.published(calling("middle"), "顶层", key="root", description="Calls two.")
    bundle = (await serving.get("/workflows/root/export")).json()
    # Of what is called, the versions that are asked for; nobody asks for the newest "greet".
    assert {one["key"]: [frozen["version"] for frozen in one["versions"]] for one in bundle["workflows"]} == {
        "greet": ["v0.0.1"], "middle": ["v0.0.1"], "root": ["v0.0.1"],
    }  # fmt: skip
    assert bundle["root"] == root
    async with serve(tmp_path / "elsewhere") as other:
        made = await imported(other, bundle=bundle)
        by_key = {one["key"]: one for one in made["workflows"]}
        assert {key: one["diagnostics"] for key, one in by_key.items()} == {"greet": [], "middle": [], "root": []}
        assert by_key["root"]["published"] == ["v0.0.1"]
        assert (await other.run("root", {"name": "李雷"}))["output"] == {"text": "Hello 李雷!"}
        again = (await other.get("/workflows/root/export")).json()
        assert _without_ids(again) == _without_ids(bundle)
        assert middle not in json.dumps(again)


def _without_ids(bundle: Document) -> Document:
    text = json.dumps(bundle, sort_keys=True, ensure_ascii=False)
    for number, workflow in enumerate(sorted(bundle["workflows"], key=lambda one: one["key"])):
        text = text.replace(workflow["id"], f"#{number}")
    made: Document = json.loads(text)
    made["workflows"].sort(key=lambda one: one["key"])
    return made


async def test_a_bundle_brings_the_tables_the_plugins_and_the_bases_it_names(serving: Serving, tmp_path: Path) -> None:
    fields = [{"name": "名称", "type": "text"}, {"name": "数量", "type": "integer"}]
    table = (await serving.post("/databases", {"name": "库存", "fields": fields})).json()
    plugin = (await serving.post("/plugins", {"document": WEATHER, "key": "weather"})).json()
    await serving.post(f"/plugins/{plugin['id']}/versions", {"version": "v1.2.0"})
    base = (await serving.post("/knowledge", {"name": "手册"})).json()
    nodes = [
        {"id": "rows", "type": "database_query", "data": {"settings": {"database": table["id"], "limit": 5}}},
        {"id": "call", "type": "plugin", "data": {"settings": {"plugin": plugin["id"], "tool": "forecast"}}},
        {"id": "find", "type": "knowledge_retrieve", "data": {"settings": {"bases": [base["id"]]}}},
    ]
    await serving.drawn(chain(start(), *nodes, end(text="x")), "Needs", key="needs")
    bundle = (await serving.get("/workflows/needs/export")).json()
    assert [[one["id"] for one in bundle[kind]] for kind in ("databases", "plugins", "knowledge")] == [
        [table["id"]],
        [plugin["id"]],
        [base["id"]],
    ]
    # Beside the original the copy stands on the same things.
    assert (await imported(serving, bundle=bundle))["made"] == {}
    async with serve(tmp_path / "elsewhere") as other:
        made = (await imported(other, bundle=bundle))["made"]
        assert {kind: [*ids] for kind, ids in made.items()} == {
            "database": [table["id"]],
            "plugin": [plugin["id"]],
            "knowledge": [base["id"]],
        }
        draft = (await other.get("/workflows/needs/draft")).json()["canvas"]
        settings = {node["id"]: node["data"].get("settings", {}) for node in draft["nodes"]}
        assert settings["rows"]["database"] == made["database"][table["id"]]
        assert settings["find"]["bases"] == [made["knowledge"][base["id"]]]
        there = (await other.get(f"/plugins/{settings['call']['plugin']}")).json()
        assert (there["latest_version"], there["base_url"]) == ("v1.2.0", "https://weather.example.test")
        found = (await other.get(f"/databases/{settings['rows']['database']}")).json()["fields"]
        assert [(one["name"], one["type"]) for one in found] == [("名称", "text"), ("数量", "integer")]


async def test_a_bundle_beside_the_original_gets_keys_of_its_own(serving: Serving) -> None:
    await serving.published(greeting(), "Greet", key="greet")
    bundle = (await serving.get("/workflows/greet/export")).json()
    (one,) = (await imported(serving, bundle=bundle))["workflows"]
    assert one["key"].startswith("greet-")
    assert one["published"] == ["v0.0.1"]
    assert (await serving.run(one["key"], {"name": "Ada"}))["output"] == {"text": "Hello Ada!"}


async def test_an_unfinished_draft_is_exported_and_comes_back_as_it_was(serving: Serving) -> None:
    drawn = chain(start(name=TEXT), concat("t", "{{x}}", x=["nowhere", "y"]), end(text=["t", "output"]))
    workflow = await serving.drawn(drawn, "Unfinished", key="unfinished")
    bundle = (await serving.get("/workflows/unfinished/export")).json()
    (one,) = (await imported(serving, bundle=bundle))["workflows"]
    assert one["id"] != workflow["id"]
    assert (await serving.get(f"/workflows/{one['id']}/draft")).json()["canvas"] == drawn
    assert [found["severity"] for found in one["diagnostics"]] == ["error"]


async def test_nothing_of_another_space_can_be_exported(serving: Serving) -> None:
    assert (await serving.get("/workflows/208134112739467264/export")).status_code == 404
