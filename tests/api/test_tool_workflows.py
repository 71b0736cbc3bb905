"""Workflows that a model may call: found like sub-workflows, published with what calls them, never in a ring."""

from __future__ import annotations

from typing import Any

from tests.api.drawings import Document, chain, end, greeting, start
from tests.api.serving import Serving


def talking(workflow: str, **tool: Any) -> Document:
    """A canvas whose model may call this workflow."""
    tools = [{"kind": "workflow", "workflow": workflow, **tool}]
    ask = {"id": "ask", "type": "llm", "data": {"inputs": {"prompt": {"value": "Hi"}}, "settings": {"tools": tools}}}
    return chain(start(), ask, end(text=["ask", "output"]))


def codes(found: list[Document]) -> set[str]:
    return {one["code"] for one in found}


async def test_a_tool_must_be_published_before_what_calls_it(serving: Serving) -> None:
    await serving.drawn(greeting(), key="greet")
    caller = await serving.drawn(talking("greet"), key="caller")
    assert caller["diagnostics"] == []
    refused = await serving.post("/workflows/caller/versions", {})
    assert (refused.status_code, codes(refused.json()["errors"])) == (422, {"unknown_workflow"})
    await serving.post("/workflows/greet/versions", {})
    assert (await serving.post("/workflows/caller/versions", {})).status_code == 201


async def test_a_tool_that_is_nobody_is_a_finding_at_its_place(serving: Serving) -> None:
    caller = await serving.drawn(talking("nobody"))
    (finding,) = caller["diagnostics"]
    assert (finding["code"], finding["field"]) == ("unknown_workflow", "data.settings.tools.0.workflow")


async def test_what_a_model_does_not_give_must_be_given(serving: Serving) -> None:
    await serving.published(chain(start(("who",), who={"type": "string"}), end(text=["start", "who"])), key="greet")
    hidden = await serving.drawn(talking("greet", hidden=["who"]))
    assert codes(hidden["diagnostics"]) == {"missing_input"}
    fixed = await serving.drawn(talking("greet", fixed={"who": "Ada"}))
    assert fixed["diagnostics"] == []


async def test_a_ring_through_tools_is_found_out(serving: Serving) -> None:
    await serving.published(greeting(), key="inner")
    await serving.published(talking("inner"), key="outer")
    saved = await serving.put("/workflows/inner/draft", {"canvas": talking("outer"), "revision": 1})
    assert "recursive_workflow" in codes(saved.json()["diagnostics"])
    saved = await serving.put("/workflows/inner/draft", {"canvas": talking("inner"), "revision": 2})
    assert "recursive_workflow" in codes(saved.json()["diagnostics"])
    assert (await serving.post("/workflows/inner/runs", {"version": "draft"})).status_code == 422
