"""The node types that steer: how they lower themselves, what they refuse, and what a run makes of them."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from engine.compile import Callee
from engine.events import EventType
from engine.plan import Assign, Call, Choose, Compute, Finish, Leave, Loop, Map, Step, Subflow, Wait
from tests.engine.draw import told
from tests.nodes.context import NodeWorld
from tests.nodes.drawing import Walk, alone, canvas, end, findings, node, start


def step(walk: Walk, id: str = "n") -> Step:
    return next(one for one in walk.plan.graph.steps if one.id == id)


def codes(*nodes: dict[str, Any], lines: str) -> list[tuple[str, str]]:
    return [(one.code, one.field) for one in findings(*nodes, lines=lines) if one.severity == "error"]


def comparing(left: Any, operator: str, *right: Any) -> dict[str, Any]:
    return {"left": left, "operator": operator, **({"right": right[0]} if right else {})}


# --- start and end ---


async def test_what_goes_in_at_the_start_comes_out_at_the_end() -> None:
    drawn = canvas(start({"n": "integer"}), end({"n": {"ref": ["start", "n"]}}, n="integer"), lines="start>end")
    walk = Walk(drawn)
    assert (await walk.run({"n": "7"})).output == {"n": 7}
    assert step(walk, "end").zero_inputs
    assert walk.plan.in_place


async def test_an_end_that_answers_fills_its_template_from_inputs_and_nodes() -> None:
    settings = {"mode": "answer", "answer": "{{greeting}}, {{start.name}}!"}
    finish = node("end", "end", {"greeting": "你好"}, settings=settings)
    walk = Walk(canvas(start({"name": "string"}), finish, lines="start>end"))
    assert isinstance(step(walk, "end").action, Finish)
    assert (await walk.run({"name": "Ada"})).answer == "你好, Ada!"


def test_an_answer_that_names_an_unknown_node_is_found() -> None:
    finish = node("end", "end", settings={"mode": "answer", "answer": "{{nobody.name}}"})
    found = findings(start(), finish, lines="start>end")
    assert [one.field for one in found] == ["data.settings.answer"]


# --- condition ---


@pytest.mark.parametrize(("value", "port"), [(3, "few"), (12, "case_1"), (50, "otherwise")])
async def test_a_condition_opens_the_first_case_that_holds(value: int, port: str) -> None:
    n: Any = {"ref": ["start", "n"]}
    settings = {
        "cases": [
            {"port": "few", "comparisons": [comparing(n, "less", {"value": 10})]},
            {
                "logic": "or",
                "comparisons": [comparing(n, "less", {"value": 20}), comparing(n, "equal", {"value": 99})],
            },
        ]
    }
    condition = node("n", "condition", settings=settings)
    ways = "start>n n:few>end n:case_1>end n:otherwise>end"
    walk = Walk(canvas(start({"n": "integer"}), condition, end({"port": {"ref": ["n", "port"]}}), lines=ways))
    assert isinstance(step(walk).action, Choose)
    assert (await walk.run({"n": value})).output == {"port": port}


@pytest.mark.parametrize(
    ("cases", "sentence"),
    [
        ([], "1 or more"),
        ([{"comparisons": []}], "1 or more"),
        ([{"comparisons": [comparing({"value": 1}, "greater")]}], "compares with something: `right` is missing"),
        ([{"comparisons": [comparing({"value": 1}, "empty", {"value": 2})]}], "looks at the left side alone"),
        ([{"comparisons": [comparing({"value": 1}, "about", {"value": 2})]}], "equal"),
        ([{"port": "a b", "comparisons": [comparing({"value": 1}, "empty")]}], "pattern|match"),
        ([{"port": "otherwise", "comparisons": [comparing({"value": 1}, "empty")]}], "more than once"),
        ([{"port": "error", "comparisons": [comparing({"value": 1}, "empty")]}], "is taken"),
        ([{"port": "case_1", "comparisons": [comparing({"value": 1}, "empty")]}] * 2, "more than once"),
    ],
)
def test_cases_that_make_no_sense_are_refused(cases: list[Any], sentence: str) -> None:
    condition = node("n", "condition", settings={"cases": cases})
    found = findings(start(), condition, end(), lines="start>n n>end")
    assert found
    assert any(re.search(sentence, one.message) for one in found), found
    assert all(one.node == "n" for one in found)


def test_a_reference_in_a_case_is_checked_where_it_stands() -> None:
    settings = {"cases": [{"comparisons": [comparing({"ref": ["nobody", "n"]}, "empty")]}]}
    found = findings(
        start(), node("n", "condition", settings=settings), end(), lines="start>n n:case_0>end n:otherwise>end"
    )
    assert [one.field for one in found] == ["data.settings.cases.0.comparisons.0.left"]


# --- texts and JSON ---


async def test_texts_are_joined_with_nodes_and_inputs() -> None:
    concat = node(
        "n",
        "text_concat",
        {"template": "{{start.name}}: {{parts}}", "parts": [1, {"a": 1}, None]},
        settings={"joiner": "-"},
    )
    walk = Walk(canvas(start({"name": "string"}), concat, end({"out": {"ref": ["n", "output"]}}), lines="start>n>end"))
    assert step(walk).action == Compute(operation="text.concat", settings={"joiner": "-"})
    assert (await walk.run({"name": "李雷"})).output == {"out": '李雷: 1-{"a":1}-'}


def test_splitting_needs_a_delimiter() -> None:
    split = node("n", "text_split", {"text": "a"}, settings={"delimiters": []})
    assert codes(start(), split, end(), lines="start>n>end")[0][1] == "data.settings.delimiters"


async def test_json_becomes_text_and_back() -> None:
    members = {"n": {"type": "array"}, "m": {"type": "string"}}
    declared = {"type": "object", "properties": {"output": {"type": "object", "properties": members}}}
    to = node("a", "json_to", {"input": {"n": [1, None]}})
    read = node("b", "json_from", {"input": {"ref": ["a", "output"]}}, outputs=declared)
    walk = Walk(canvas(start(), to, read, end({"out": {"ref": ["b", "output"]}}), lines="start>a>b>end"))
    assert (await walk.run()).output == {"out": {"n": [1, None], "m": None}}


# --- variables ---


async def test_merging_takes_the_branch_that_ran() -> None:
    condition = node(
        "c", "condition", settings={"cases": [{"comparisons": [comparing({"ref": ["start", "yes"]}, "is_true")]}]}
    )
    groups = {"answer": [{"ref": ["a", "output"]}, {"ref": ["b", "output"]}]}
    drawn = canvas(
        start({"yes": "boolean"}),
        condition,
        node("a", "json_to", {"input": 1}),
        node("b", "json_to", {"input": 2}),
        node("m", "merge_variables", settings={"groups": groups}),
        end({"answer": {"ref": ["m", "answer"]}}),
        lines="start>c c:case_0>a>m c:otherwise>b>m>end",
    )
    assert (await Walk(drawn).run({"yes": True})).output == {"answer": "1"}
    assert (await Walk(drawn).run({"yes": False})).output == {"answer": "2"}


async def test_variables_are_assigned_where_their_scope_says() -> None:
    assign = node(
        "n",
        "assign_variables",
        {"language": "中文", "visits": 3},
        settings={"scopes": {"language": "user", "visits": "app"}},
    )
    world = NodeWorld()
    walk = Walk(alone(assign), world)
    action = step(walk).action
    assert isinstance(action, Call)
    assert (action.tier, action.attempts) == ("activity", 3)
    assert (await walk.run()).output == {"out": {"isSuccess": True}}
    assert world.variables.kept == {
        ("10", "20", "user", "40"): {"language": "中文"},
        ("10", "20", "app", "30"): {"visits": 3},
    }


def test_an_assigned_variable_without_scope_or_value_is_found() -> None:
    assign = node("n", "assign_variables", {"a": 1}, settings={"scopes": {"b": "app"}})
    found = codes(start(), assign, end(), lines="start>n>end")
    assert found == [("missing_scope", "data.settings.scopes.a"), ("missing_input", "data.inputs.b")]


# --- repeating ---


async def test_a_loop_sets_variables_skips_turns_and_breaks() -> None:
    body = [
        node("big", "condition", settings={"cases": [
            {"port": "skip", "comparisons": [comparing({"ref": ["item"]}, "less", {"value": 2})]},
            {"port": "stop", "comparisons": [comparing({"ref": ["item"]}, "greater", {"value": 3})]},
        ]}),
        node("next", "continue"),
        node("out", "break"),
        node("keep", "set_variable", {"last": {"ref": ["item"]}}),
        node("show", "json_to", {"input": {"ref": ["loop", "last"]}}),
    ]  # fmt: skip
    loop = node(
        "n", "loop", {"items": [1, 2, 3, 4, 5], "variables": {"object": {"last": {"value": 0}}}},
        settings={"mode": "array"}, results={"shown": "=show.output", "last": "=loop.last"}, blocks=body,
        lines="n>big big:skip>next big:stop>out big:otherwise>keep>show>n",
    )  # fmt: skip
    walk = Walk(alone(loop))
    action = step(walk).action
    assert isinstance(action, Loop)
    assert action.mode == "array"
    assert {type(one.action) for one in action.body.steps} == {Choose, Leave, Assign, Compute}
    assert (await walk.run()).output == {"out": {"shown": ["2", "3"], "last": 3}}


@pytest.mark.parametrize(("mode", "missing"), [("array", ["items"]), ("count", ["count"]), ("infinite", [])])
def test_a_loop_without_what_its_mode_needs_is_found(mode: str, missing: list[str]) -> None:
    blocks = [node("b", "break")]
    loop = node("n", "loop", {}, settings={"mode": mode}, blocks=blocks, lines="n>b")
    found = findings(start(), loop, end(), lines="start>n>end")
    assert [one.field for one in found] == [f"data.inputs.{name}" for name in missing]


async def test_a_batch_takes_every_item_and_keeps_their_order() -> None:
    blocks = [node("one", "json_to", {"input": {"ref": ["item"]}})]
    batch = node(
        "n",
        "batch",
        {"items": ["c", "a", "b"], "concurrency": 2},
        results={"texts": "=one.output"},
        blocks=blocks,
        lines="n>one>n",
    )
    walk = Walk(alone(batch))
    assert isinstance(step(walk).action, Map)
    assert (await walk.run()).output == {"out": {"texts": ['"c"', '"a"', '"b"']}}


def test_a_batch_without_items_is_found() -> None:
    blocks = [node("one", "json_to", {"input": 1})]
    batch = node("n", "batch", {}, results={"r": "=one.output"}, blocks=blocks, lines="n>one>n")
    assert "data.inputs.items" in [field for _, field in codes(start(), batch, end(), lines="start>n>end")]


async def test_a_sub_workflow_runs_with_its_inputs() -> None:
    inner = Walk(canvas(start({"a": "integer"}), end({"b": {"ref": ["start", "a"]}}, b="integer"), lines="start>end"))
    callee = Callee(workflow_id="77", version="v3", plan_hash=inner.digest, plan=inner.plan)
    walk = Walk(alone(node("n", "subworkflow", {"a": 5}, settings={"workflow": "77"})), callees=(callee,))
    assert step(walk).action == Subflow(plan_hash=inner.digest, workflow_id="77", version="v3", tier="inline")
    assert (await walk.run()).output == {"out": {"b": 5}}


# --- people and time ---


async def answered(walk: Walk, answer: Any) -> Any:
    run = asyncio.create_task(walk.run())
    await walk.runtime.wait_opened.wait()
    walk.runtime.answer("n", answer)
    return (await run).output


@pytest.mark.parametrize(("answer", "port"), [("yes", "option_0"), ("no", "option_1"), ("perhaps", "other")])
async def test_a_question_with_fixed_options_leaves_by_the_one_chosen(answer: str, port: str) -> None:
    ask = node("n", "question", {"question": "Publish?"}, settings={"options": ["yes", "no"]})
    said = [node(f"at_{way}", "json_to", {"input": way}) for way in ("option_0", "option_1", "other")]
    ways = " ".join(f"n:{way}>at_{way}>m" for way in ("option_0", "option_1", "other"))
    groups = {"way": [{"ref": [one["id"], "output"]} for one in said]}
    merge = node("m", "merge_variables", settings={"groups": groups})
    walk = Walk(canvas(start(), ask, *said, merge, end({"way": {"ref": ["m", "way"]}}), lines=f"start>n {ways} m>end"))
    assert await answered(walk, answer) == {"way": f'"{port}"'}


async def test_a_question_shows_its_options_and_takes_no_other_when_it_is_not_free() -> None:
    ask = node("n", "question", {"question": "Publish?"}, settings={"options": ["yes", "no"], "free": False})
    walk = Walk(alone(ask, ("option_0", "option_1")))
    assert isinstance(step(walk).action, Wait)
    run = asyncio.create_task(walk.run())
    await walk.runtime.wait_opened.wait()
    assert (walk.runtime.waits["n"].prompt, walk.runtime.waits["n"].options) == ("Publish?", ("yes", "no"))
    with pytest.raises(Exception, match="must be one of"):
        walk.runtime.answer("n", "perhaps")
    walk.runtime.answer("n", "no")
    assert (await run).output["out"] == {"answer": "no", "option_id": "B", "option_content": "no"}


async def test_a_question_may_learn_its_options_when_it_is_asked() -> None:
    ask = node("n", "question", {"question": "Which?", "options": ["红", "绿"]})
    assert await answered(Walk(alone(ask)), "绿") == {"out": {"answer": "绿", "option_id": "B", "option_content": "绿"}}


def test_options_given_twice_or_alike_are_found() -> None:
    ask = node("n", "question", {"question": "?", "options": ["a"]}, settings={"options": ["a", "a"]})
    ways = "start>n n:option_0>end n:option_1>end n:other>end"
    assert [code for code, _ in codes(start(), ask, end(), lines=ways)] == ["options_twice", "options_alike"]


async def test_a_form_may_be_the_declared_output() -> None:
    outputs = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name"],
    }
    form = node("n", "form", outputs=outputs)
    assert await answered(Walk(alone(form)), {"name": "李雷", "age": "7"}) == {"out": {"name": "李雷", "age": 7}}


def test_a_form_without_fields_is_found() -> None:
    form = node("n", "form", settings={"schema": {"type": "object", "properties": {}}})
    assert codes(start(), form, end(), lines="start>n>end") == [("form_without_fields", "data.settings.schema")]


async def test_a_delay_waits_and_a_message_is_told() -> None:
    message = node("m", "message", {"name": "Ada"}, settings={"content": "Wait, {{name}}."})
    walk = Walk(canvas(start(), message, node("n", "delay", {"seconds": 0.5}), end(), lines="start>m>n>end"))
    await walk.run()
    assert told(walk.runtime, EventType.MESSAGE_COMPLETED) == ["m"]
    assert sum(walk.runtime.slept) == pytest.approx(0.5, abs=0.01)
