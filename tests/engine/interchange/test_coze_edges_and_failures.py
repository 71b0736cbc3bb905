"""Edges and their ports, isolated nodes, ids, and what happens when a node fails."""

from __future__ import annotations

from typing import Any

import pytest

from engine.interchange.coze import ExternalIds, import_canvas
from tests.engine.interchange.coze import (
    ENTRY,
    EXIT,
    around,
    become,
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

BRANCHES = [{"condition": {"logic": 2, "conditions": [{"operator": 9, "left": {"input": ref(ENTRY, "input")}}]}}] * 3


def code(**handling: Any) -> dict[str, Any]:
    outputs = [var("s"), var("t"), var("n", "integer"), var("f", "float"), var("b", "boolean"), var("l", "list"),
               var("o", "object"), var("errorBody", "object", readOnly=True, schema=[]),
               var("isSuccess", "boolean")]  # fmt: skip
    return node("1", "5", outputs, code="def main(args): ...", language=3, settingOnError=handling)


def ports(step: dict[str, Any], *written: str, **ids: dict[str, str]) -> list[str | None]:
    lines = " ".join([f"{ENTRY}>1", *(f"1:{port}>{EXIT}" for port in written)])
    found = import_canvas(document(entry(), step, leave(), lines=lines), ExternalIds(ids))
    return [one.get("sourcePortID") for one in found.canvas["edges"][1:]]


def test_ports_of_a_condition() -> None:
    step = node("1", "8", branches=BRANCHES)
    assert ports(step, "true", "true_1", "true_2", "false") == ["true", "true_1", "true_2", "otherwise"]


def test_ports_of_a_node_with_an_error_branch() -> None:
    assert ports(code(processType=3), "default", "branch_error") == [None, "error"]


def test_a_condition_may_have_an_error_branch_too() -> None:
    step = node("1", "8", branches=BRANCHES[:1], settingOnError={"processType": 3})
    assert ports(step, "true", "false", "branch_error") == ["true", "otherwise", "error"]


def test_ports_of_a_workflow_that_is_not_known_here() -> None:
    step = node("1", "9", [], workflowId="7", settingOnError={"processType": 3})
    lines = f"{ENTRY}>1 1:default>{EXIT} 1:branch_error>{EXIT}"
    found = import_canvas(document(entry(), step, leave(), lines=lines))
    assert took(found, "1")["settings"]["ports"] == []
    assert [one.get("sourcePortID") for one in found.canvas["edges"]] == [None, None, "error"]


def test_a_port_that_can_mean_nothing_stays_and_is_named() -> None:
    found = import_canvas(document(entry(), code(), leave(), lines=f"{ENTRY}>1 1:sideways>{EXIT}"))
    assert found.canvas["edges"][1]["sourcePortID"] == "sideways"
    assert [one for one, _, _ in said(found)] == ["unknown_port"]


def test_a_branch_may_lead_straight_to_the_end_of_a_body() -> None:
    each = node("each", "21", [], loopType="array", inputParameters=params(a=ref(ENTRY, "items", "list")))
    step = node("1", "8", branches=BRANCHES[:1])
    body = inside(each, step, lines="each:loop-function-inline-output>1 1:true>each 1:false>each")
    found = import_canvas(document(entry(), body, leave(), lines=f"{ENTRY}>each each:loop-output>{EXIT}"))
    (composite,) = [one for one in found.canvas["nodes"] if one["id"] == "each"]
    assert [one.get("sourcePortID") for one in composite["edges"]] == [None, "true", "otherwise"]


def test_what_is_wrong_with_a_node_that_is_left_out_is_no_error() -> None:
    lost = node("1", "5", [], code="x", language=3, inputParameters=params(a=ref("nobody", "x")))
    found = import_canvas(document(entry(), lost, leave(), lines=f"{ENTRY}>{EXIT}"))
    assert [(one.code, one.severity) for one in found.diagnostics] == [("unknown_node", "warning")]


def test_of_two_nodes_with_one_id_the_last_is_meant() -> None:
    first, second = code(), code()
    second["data"]["inputs"]["code"] = "the second"
    found = import_canvas(document(entry(), first, second, leave(), lines=f"{ENTRY}>1>{EXIT}"))
    assert [one["id"] for one in found.canvas["nodes"]] == [ENTRY, "1_2", "1", EXIT]
    assert took(found, "1")["settings"]["source"] == "the second"
    assert [one for one, _, _ in said(found)] == ["duplicate_id"]


@pytest.mark.parametrize("name", ["item", "a b", "茶", "x" * 90, "a.b", ""])
def test_an_id_that_cannot_stand_here_is_another_one_everywhere(name: str) -> None:
    step = code() | {"id": name}
    found = import_canvas(
        document(entry(), step, leave(a=ref(name or "?", "s")), lines=f"{ENTRY}>{EXIT}")
        | {"edges": [{"sourceNodeID": ENTRY, "targetNodeID": name or "?"}]}
    )
    (now,) = [one["id"] for one in found.canvas["nodes"] if one["id"] not in (ENTRY, EXIT)]
    assert now != name
    if name:
        assert found.canvas["edges"][0]["targetNodeID"] == now
        assert took(found, EXIT)["inputs"]["a"] == {"ref": [now, "s"]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"processType": 1, "switch": True, "dataOnErr": "{}"}, None),
        ({"retryTimes": 2, "timeoutMs": 900}, {"retries": 2, "timeout_ms": 900}),
        ({"retryTimes": 50}, {"retries": 50}),
        ({"retryTimes": 500}, {"retries": 100}),
        ({"processType": 3}, {"policy": "branch", "codes": "numbers"}),
        ({"processType": 2, "dataOnErr": '{"s": 5, "n": "7"}'},
         {"policy": "default", "codes": "numbers", "default": {"s": "5", "n": 7}}),
        ({"switch": True, "dataOnErr": '{"s": "x"}'},
         {"policy": "default", "codes": "numbers", "default": {"s": "x"}}),
        ({"switch": False, "dataOnErr": '{"s": "x"}'}, None),
        ({"processType": 2, "dataOnErr": "sorry"}, {"policy": "default", "codes": "numbers", "default": {
            "s": "sorry", "t": "sorry", "n": 0, "f": 0, "b": False, "l": None, "o": None}}),
        ({"processType": 2, "dataOnErr": ""}, {"policy": "default", "codes": "numbers"}),
    ],
)  # fmt: skip
def test_a_failure_is_handled_as_it_was(given: dict[str, Any], expected: dict[str, Any] | None) -> None:
    assert become(code(**given)).get("on_error") == expected


def test_what_handling_adds_is_not_declared_twice() -> None:
    assert {"errorBody", "isSuccess"}.isdisjoint(become(code(processType=3))["outputs"]["properties"])
    assert "isSuccess" in become(code())["outputs"]["properties"]


def test_a_backup_model_is_asked_by_a_retry() -> None:
    def model(retries: int) -> dict[str, Any]:
        handling = {"processType": 1, "retryTimes": retries, "ext": {"backupLLmParam": '{"modelType": 18}'}}
        llm = params(modelType=lit("17", "integer"), prompt=lit("x"))
        return node("1", "3", [var("output")], llmParam=llm, settingOnError=handling)

    ids = {"17": "first", "18": "second"}
    assert become(model(1), model=ids)["inputs"]["fallback_models"] == {"value": ["second"]}
    assert "fallback_models" not in become(model(0), model=ids)["inputs"]


def test_an_unknown_key_is_named_wherever_it_stands() -> None:
    step = code()
    step["data"]["newThing"] = step["data"]["inputs"]["mystery"] = step["extra"] = 1
    given = around(step) | {"future": {"a": 1}}
    given["edges"][0]["color"] = "red"
    assert {field for code, _, field in said(import_canvas(given)) if code == "unknown_key"} == {
        "data.newThing",
        "data.inputs.mystery",
        "nodes.1.extra",
        "edges.0.color",
        "future",
    }
