"""What an editor and a reader get of a node type."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.node_type import Category
from nodes.docs import docs_page, render_docs, stale_docs, write_docs
from nodes.palette import CATEGORY_TITLES, palette_entry
from tests.architecture.source import ROOT
from tests.nodes.drawing import LIBRARY, end, findings, start

TYPES = list(LIBRARY.types.values())


def entry(name: str) -> dict[str, Any]:
    return dict(palette_entry(LIBRARY.types[name]))


@pytest.mark.parametrize("node_type", TYPES, ids=lambda one: one.name)
def test_an_entry_is_json_without_references(node_type: Any) -> None:
    text = json.dumps(palette_entry(node_type), allow_nan=False)
    assert "$ref" not in text
    assert "$defs" not in text
    assert json.loads(text)["name"] == node_type.name


# Start and end are in every canvas already, and a sub-workflow needs a workflow to call.
NEW = [one for one in TYPES if one.name not in ("start", "end", "subworkflow")]


@pytest.mark.parametrize("node_type", NEW, ids=lambda one: one.name)
def test_a_new_node_has_settings_and_required_inputs_that_fit(node_type: Any) -> None:
    node = {"id": "n", "type": node_type.name, "data": palette_entry(node_type)["data"]}
    found = findings(start(), node, end(), lines="start>n>end")
    mine = [one for one in found if one.field.startswith(("data.settings", "data.outputs"))]
    # Which knowledge base is meant is the author's to say.
    assert [one for one in mine if one.code != "knowledge_base_missing"] == []
    assert {one.field for one in found if one.field.startswith("data.inputs")} <= {"data.inputs.items"}


def test_an_entry_holds_what_an_editor_needs() -> None:
    condition = entry("condition")
    assert (condition["title"], condition["category"], condition["category_title"]) == ("Condition", "logic", "Logic")
    assert condition["ports"] == ["many", "otherwise"]
    assert condition["settings_make_ports"]
    comparison = condition["settings"]["properties"]["cases"]["items"]["properties"]["comparisons"]["items"]
    assert comparison["properties"]["left"] == {"format": "expression"}
    assert len(comparison["properties"]["operator"]["enum"]) == 16
    request = entry("http_request")
    assert request["inputs"]["properties"]["auth"]["properties"]["token"]["format"] == "password"
    assert request["outputs"]["properties"].keys() == {"statusCode", "body", "headers"}
    assert request["data"] == {"title": "HTTP Request", "inputs": {"url": {"value": ""}}}
    assert request["settings"]["properties"].keys() == {"retries"}
    assert (entry("delay")["settings"], request["role"], request["source"]) == (None, "plain", "mainspring")


def test_an_entry_says_where_the_canvas_declares_the_output() -> None:
    assert entry("start")["outputs"] is None
    assert entry("start")["data"]["outputs"] == {"type": "object", "properties": {"article": {"type": "string"}}}
    assert entry("loop")["role"] == "composite"


def test_every_category_has_a_title() -> None:
    assert CATEGORY_TITLES.keys() == set(Category)


def test_the_pages_are_up_to_date() -> None:
    assert stale_docs(ROOT) == [], "run `mainspring docs`"


def test_there_is_a_page_for_every_node_type_and_the_index_leads_to_each() -> None:
    pages = render_docs()
    assert pages.keys() == {f"docs/nodes/{name}.md" for name in [*LIBRARY.types, "index"]}
    for name in LIBRARY.types:
        assert f"]({name}.md)" in pages["docs/nodes/index.md"]


def test_a_page_tells_inputs_settings_output_and_an_example() -> None:
    page = docs_page(LIBRARY.types["http_request"])
    assert page.startswith("# HTTP Request\n\n`http_request` · Tools · version 1\n\nCall an HTTP endpoint")
    assert "| `url` | string | Required. Where to send the request. |" in page
    assert "| `auth.token` | string | For bearer. |" in page
    assert "| `statusCode` | integer |" in page
    assert '"body": {"name": "李雷"}' in page
    assert "| `cases[].comparisons[].left` | expression | Required. |" in docs_page(LIBRARY.types["condition"])


def test_writing_mends_what_is_old_missing_or_about_nothing(tmp_path: Path) -> None:
    assert len(write_docs(tmp_path)) == len(LIBRARY.types) + 1
    assert write_docs(tmp_path) == []
    folder = tmp_path / "docs" / "nodes"
    (folder / "llm.md").write_text("old")
    (folder / "gone.md").write_text("about nothing")
    (folder / "end.md").unlink()
    assert sorted(stale_docs(tmp_path)) == ["docs/nodes/end.md", "docs/nodes/gone.md", "docs/nodes/llm.md"]
    write_docs(tmp_path)
    assert stale_docs(tmp_path) == []
