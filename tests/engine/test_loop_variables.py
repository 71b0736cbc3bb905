"""Loop variables keep the type that they begin with."""

from __future__ import annotations

from typing import Any

import pytest

from engine.plan import Assign, Loop
from engine.runtime import StepError
from tests.engine.draw import canvas, compiled, end, node, run, start


def one_turn(first: dict[str, Any], **values: Any) -> Any:
    return canvas(
        start({"given": {}, "ages": {"type": "array", "items": {"type": "integer"}}, "name": "string"}),
        node(
            "each", "loop", {"items": [1], "variables": first},
            blocks=[node("set", "set_variable", values)], lines="each>set>each",
            results={name: f"=loop.{name}" for name in values},
        ),
        end({name: f"=each.{name}" for name in values}),
        lines="start>each>end",
    )  # fmt: skip


FIRST: dict[str, Any] = {
    "object": {
        "text": {"value": "a"},
        "sum": {"value": 0},
        "flag": {"value": True},
        "many": {"list": []},
        "record": {"value": {"a": 1}},
        "name": {"ref": ["start", "name"]},
        "age": {"ref": ["start", "ages", 0]},
        "any": {"ref": ["start", "given"]},
        "none": {"value": None},
    }
}
TYPES = {
    "text": {"type": "string"},
    "sum": {"type": "number"},
    "flag": {"type": "boolean"},
    "many": {"type": "array"},
    "record": {"type": "object"},
    "name": {"type": "string"},
    "age": {"type": "integer"},
}


def test_types_come_from_what_variables_begin_with() -> None:
    plan, _ = compiled(one_turn(FIRST, text="b", any=1))
    loop = plan.graph.steps[1].action
    assert isinstance(loop, Loop)
    assert loop.variable_types == TYPES
    assign = loop.body.steps[0].action
    assert isinstance(assign, Assign)
    assert assign.types == {"text": {"type": "string"}}


async def test_null_becomes_the_zero_of_the_type() -> None:
    nothing = dict.fromkeys(("text", "sum", "flag", "any"), "=start.given")
    result, _ = await run(one_turn(FIRST, **nothing), {"given": None})
    assert result.output == {"text": "", "sum": 0, "flag": False, "any": None}


async def test_a_number_may_become_a_fraction_and_a_text_that_is_one_counts() -> None:
    assert (await run(one_turn(FIRST, sum="=start.given"), {"given": 0.5}))[0].output == {"sum": 0.5}
    assert (await run(one_turn(FIRST, sum="=start.given"), {"given": "7"}))[0].output == {"sum": 7}


async def test_a_value_of_another_type_fails_the_step() -> None:
    with pytest.raises(StepError, match=r'inputs\.sum must be a number, but the text "abc" came') as failed:
        await run(one_turn(FIRST, sum="=start.given"), {"given": "abc"})
    assert (failed.value.error_code, failed.value.facts["path"]) == ("invalid_input", "each[0]/set")
