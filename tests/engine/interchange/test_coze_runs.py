"""Imported canvases walked in memory: what they must mean and canvases of ours never had to say."""

from __future__ import annotations

from typing import Any

import pytest

from engine.events import EventType
from engine.interchange.coze import ExternalIds, import_canvas
from engine.runtime import StepError
from tests.engine.interchange.coze import (
    ENTRY,
    EXIT,
    answer,
    document,
    edges,
    entry,
    inside,
    leave,
    lit,
    node,
    params,
    ref,
    var,
)
from tests.nodes.drawing import Walk


def walked(*nodes: dict[str, Any], lines: str, **ids: dict[str, str]) -> Walk:
    return Walk(import_canvas(document(*nodes, lines=lines), ExternalIds(ids)).model)


def concat(name: str, text: str, **values: dict[str, Any]) -> dict[str, Any]:
    given = params(concatResult=lit(text), arrayItemConcatChar=lit(","))
    return node(name, "15", [var("output")], method="concat", inputParameters=params(**values), concatParams=given)


def choose(name: str, left: dict[str, Any], code: int, right: dict[str, Any]) -> dict[str, Any]:
    conditions = [{"operator": code, "left": {"input": left}, "right": {"input": right}}]
    return node(name, "8", branches=[{"condition": {"logic": 2, "conditions": conditions}}])


def batch(lists: dict[str, Any], text: str = "{{x}}", **sizes: Any) -> tuple[dict[str, Any], ...]:
    child = concat("2", text, x=ref("1", "a"), n=ref("1", "index", "integer"))
    outputs = [{"name": "all", "input": ref("2", "output", "list")}]
    given = node("1", "28", outputs, inputParameters=params(**lists), **sizes)
    items = entry(var("a", "list"), var("b", "list"), var("n", "integer"))
    return items, inside(given, child, lines="1>2>1"), leave(all=ref("1", "all", "list"))


async def test_what_is_declared_is_tried_on_and_absence_is_a_zero() -> None:
    step = concat("1", "{{n}}|{{s}}|{{l}}|{{gone}}", n=ref(ENTRY, "text", "integer"), s=ref(ENTRY, "none"),
                  l=ref(ENTRY, "none", "list"), gone=ref(ENTRY, "none", "float"))  # fmt: skip
    run = walked(
        entry(var("text"), var("none", "object")), step, leave(r=ref("1", "output")), lines=f"{ENTRY}>1>{EXIT}"
    )
    assert (await run.run({"text": "many"})).output == {"r": "0|||0"}
    (told,) = [one for one in run.runtime.events if one.node == "1" and one.data.get("warnings")]
    assert "whole number" in str(told.data["warnings"])
    assert (await run.run({"text": "7"})).output == {"r": "7|||0"}


async def test_text_that_would_be_a_placeholder_here_stays_text() -> None:
    run = walked(entry(), answer("{{100001.input}} {{item}} {{ a }} {{nobody}}", a=ref(ENTRY, "input")),
                 lines=f"{ENTRY}>{EXIT}")  # fmt: skip
    assert (await run.run({"input": "茶"})).output == {"output": "{{100001.input}} {{item}} 茶 {{nobody}}"}


async def test_a_join_behind_branches_sees_nothing_of_the_one_that_was_not_taken() -> None:
    nodes = (
        entry(var("n", "integer")),
        choose("1", ref(ENTRY, "n", "integer"), 13, lit("3", "integer")),
        concat("2", "big"),
        concat("3", "small"),
        answer("[{{a}}{{b}}]", a=ref("2", "output"), b=ref("3", "output")),
    )
    run = walked(*nodes, lines=f"{ENTRY}>1:x 1:true>2>{EXIT} 1:false>3>{EXIT}".replace("1:x", "1"))
    assert (await run.run({"n": 5})).output == {"output": "[big]"}
    assert (await run.run({"n": "2"})).output == {"output": "[small]"}


async def test_lists_are_walked_together_and_null_is_an_empty_one() -> None:
    run = walked(*batch({"a": ref(ENTRY, "a", "list"), "b": ref(ENTRY, "b", "list")}, "{{n}}{{x}}"),
                 lines=f"{ENTRY}>1>{EXIT}")  # fmt: skip
    assert (await run.run({"a": ["x", "y", "z"], "b": [1, 2]})).output == {"all": ["0x", "1y"]}
    assert (await run.run({"a": ["x"], "b": None})).output == {"all": []}
    assert (await run.run({"a": ["x"]})).output == {"all": []}


async def test_a_batch_without_a_size_takes_a_hundred() -> None:
    many = {"a": [str(number) for number in range(150)]}
    for sizes, taken in (
        ({}, 100),
        ({"batchSize": ref(ENTRY, "n", "integer")}, 100),
        ({"batchSize": lit("7", "integer")}, 7),
    ):
        run = walked(*batch({"a": ref(ENTRY, "a", "list")}, "{{x}}", **sizes), lines=f"{ENTRY}>1>{EXIT}")
        done: Any = await run.run(many)
        assert len(done.output["all"]) == taken


async def test_a_loop_variable_has_the_type_that_is_declared() -> None:
    setter = node("2", "20", inputParameters=[{"left": ref("1", "sum"), "right": ref("1", "a")}])
    loop = node("1", "21", [{"name": "sum", "input": ref("1", "sum", "integer")}], loopType="array",
                inputParameters=params(a=ref(ENTRY, "a", "list")),
                variableParameters=params(sum=ref(ENTRY, "none", "integer")))  # fmt: skip
    run = walked(entry(var("a", "list"), var("none", "integer")), inside(loop, setter, lines="1>2>1"),
                 leave(sum=ref("1", "sum", "integer")), lines=f"{ENTRY}>1>{EXIT}")  # fmt: skip
    assert (await run.run({"a": ["1", "12"]})).output == {"sum": 12}
    assert (await run.run({"a": []})).output == {"sum": 0}


async def test_the_record_of_a_merge_tells_what_was_chosen() -> None:
    groups = [
        {"name": "first", "variables": [ref(ENTRY, "none"), ref(ENTRY, "input")]},
        {"name": "second", "variables": [ref(ENTRY, "none")]},
    ]
    merge = node("1", "32", [var("first"), var("second")], mergeGroups=groups)
    run = walked(entry(var("input"), var("none")), merge, leave(a=ref("1", "first"), b=ref("1", "second")),
                 lines=f"{ENTRY}>1>{EXIT}")  # fmt: skip
    assert (await run.run({"input": "x"})).output == {"a": "x", "b": ""}
    (told,) = [one for one in run.runtime.events if one.node == "1" and one.type is EventType.STEP_SUCCEEDED]
    assert told.data["details"] == {"variable_select": [1, None]}


async def test_a_failure_is_compared_by_its_number() -> None:
    broken = node("1", "59", [var("output", "object")], inputParameters=params(input=lit("no json")),
                  settingOnError={"processType": 3})  # fmt: skip
    right = choose("2", ref("1", "errorBody.errorCode", "integer"), 1, lit("720701013", "integer"))
    nodes = (entry(), broken, right, answer("{{a}}", a=ref("1", "isSuccess", "boolean")))
    lines = f"{ENTRY}>1 1:branch_error>2 1:default>{EXIT} 2:true>{EXIT} 2:false>{EXIT}"
    done = await walked(*nodes, lines=lines).run({})
    assert done.output == {"output": "false"}


async def test_a_node_that_cannot_run_fails_only_when_a_run_gets_there() -> None:
    nodes = (
        entry(var("go", "boolean")),
        choose("1", ref(ENTRY, "go", "boolean"), 1, lit("true", "boolean")),
        node("2", "16", [var("image")], inputParameters=params(prompt=ref(ENTRY, "go"))),
        leave(r=ref("2", "image")),
    )
    run = walked(*nodes, lines=f"{ENTRY}>1 1:true>2>{EXIT} 1:false>{EXIT}")
    assert (await run.run({"go": False})).output == {"r": ""}
    with pytest.raises(StepError, match="type 16") as failed:
        await run.run({"go": True})
    assert failed.value.error_code == "node_unavailable_here"


async def test_a_node_that_runs_in_batches_gives_an_object_for_each_item() -> None:
    outputs = [var("outputList", "list", schema={"type": "object", "schema": [var("output")]})]
    model = node("1", "3", outputs, llmParam=params(modelType=lit("17"), prompt=lit("say: {{x}}!")),
                 inputParameters=params(x=ref("1", "item1.name")),
                 batch={"batchEnable": True, "batchSize": 2,
                        "inputLists": params(item1=ref(ENTRY, "a", "list"))})  # fmt: skip
    run = walked(entry(var("a", "list")), model, leave(r=ref("1", "outputList", "list")), lines=f"{ENTRY}>1>{EXIT}",
                 model={"17": "scripted"})  # fmt: skip
    done: Any = await run.run({"a": [{"name": "tea"}, {"name": "米"}, {"name": "third"}]})
    assert [one["output"].rpartition("] ")[2] for one in done.output["r"]] == ["tea!", "米!"]


def test_edges_are_drawn_as_they_are_written() -> None:
    assert edges("a:x>b>c")[0] == {"sourceNodeID": "a", "targetNodeID": "b", "sourcePortID": "x"}
