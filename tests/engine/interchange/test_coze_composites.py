"""Loops and batches of Coze, and nodes that run in batches."""

from __future__ import annotations

from typing import Any

import pytest

from engine.interchange.coze import ExternalIds, import_canvas
from tests.engine.interchange.coze import (
    ENTRY,
    EXIT,
    around,
    document,
    entry,
    inside,
    leave,
    lit,
    node,
    params,
    ref,
    said,
    took,
    var,
)

IDS = ExternalIds({"model": {"17": "default"}})


@pytest.mark.parametrize(
    ("kind", "lists", "more", "expected"),
    [
        ("21", {"loopType": "array"}, {}, {"mode": "array"}),
        ("21", {"loopType": "count", "loopCount": lit("3", "integer")}, {"count": {"value": 3}}, {"mode": "count"}),
        ("21", {"loopType": "infinite"}, {}, {"mode": "infinite"}),
        ("28", {"batchSize": lit("0", "integer"), "concurrentSize": lit("5", "integer")},
         {"limit": {"value": 0}, "concurrency": {"value": 5}}, {"usual_limit": 100}),
    ],
)  # fmt: skip
def test_a_composite_walks_its_lists_together(
    kind: str, lists: dict[str, Any], more: dict[str, Any], expected: dict[str, Any]
) -> None:
    child = node("2", "58", [var("output")], inputParameters=params(input=ref("1", "a")))
    outputs = [{"name": "all", "input": ref("2", "output", "list")}]
    given = node("1", kind, outputs, inputParameters=params(a=ref(ENTRY, "items", "list")), **lists)
    found = import_canvas(
        document(entry(), inside(given, child, lines="1:loop-function-inline-output>2>1"), leave(),
                 lines=f"{ENTRY}>1 1:loop-output>{EXIT}")
    )  # fmt: skip
    got = took(found, "1")
    assert got["inputs"] == {"items": {"object": {"a": {"ref": [ENTRY, "items"]}}}} | more
    assert got["settings"] == expected
    assert got["results"] == {"all": {"ref": ["2", "output"]}}
    assert all("sourcePortID" not in one for one in found.canvas["edges"])
    assert said(found) == []


def test_a_loop_variable_is_set_read_and_handed_on() -> None:
    setter = node("2", "20", inputParameters=[{"left": ref("1", "sum"), "right": lit("5", "integer")}])
    leaver, going_on = node("3", "19"), node("4", "29")
    loop = node("1", "21", [{"name": "total", "input": ref("1", "sum", "integer")}], loopType="infinite",
                variableParameters=params(sum=lit("0", "integer")))  # fmt: skip
    found = import_canvas(
        document(entry(), inside(loop, setter, leaver, going_on, lines="1>2>3 2>4"), leave(), lines=f"{ENTRY}>1>{EXIT}")
    )
    assert took(found, "2")["inputs"] == {"sum": {"value": 5}}
    assert took(found, "1")["results"] == {"total": {"ref": ["loop", "sum"]}}
    assert took(found, "1")["types"]["variables"]["properties"] == {"sum": {"type": "integer"}}
    assert [took(found, name)["type"] for name in "34"] == ["break", "continue"]


def test_a_node_that_runs_in_batches_stands_in_a_batch() -> None:
    batch = {"batchEnable": True, "batchSize": 20, "concurrentSize": 3,
             "inputLists": params(item1=ref(ENTRY, "items", "list"))}  # fmt: skip
    outputs = [var("outputList", "list", schema={"type": "object", "schema": [var("output")]})]
    given = node("1", "3", outputs, batch=batch, inputParameters=params(x=ref("1", "item1.name")),
                 llmParam=params(modelType=lit("17", "integer"), prompt=lit("{{x}}")),
                 settingOnError={"processType": 2, "dataOnErr": '{"output": "-"}'})  # fmt: skip
    found = import_canvas(around(given), IDS)
    around_it, inner = took(found, "1"), took(found, "1_inner")
    assert said(found) == []
    assert (around_it["type"], inner["type"]) == ("batch", "llm")
    assert around_it["results"] == {"outputList": {"ref": ["1_inner"]}}
    assert around_it["inputs"]["limit"] == {"value": 20}
    assert inner["inputs"]["x"] == {"ref": ["item", "item1", "name"]}
    assert inner["on_error"]["default"] == {"output": "-"}
    assert "on_error" not in around_it
    assert inner["outputs"]["properties"] == {"output": {"type": "string"}}
