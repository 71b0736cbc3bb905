"""Steps that do something are not begun with inputs that do not fit; what a text says plainly is taken."""

from __future__ import annotations

from typing import Any

import pytest

from engine.conversion import convert_inputs
from engine.errors import InvalidInput
from engine.events import EventType
from engine.runtime import StepError
from tests.engine.draw import World, canvas, end, node, run, start, told

METHOD: dict[str, Any] = {"type": "object", "properties": {"method": {"type": "string", "enum": ["GET", "POST"]}}}
ANY: dict[str, Any] = {"given": {}}


def one_call(**data: Any) -> Any:
    work = node("w", "strict_work", {"url": "x", "tries": "=start.given"}, **data)
    return canvas(start(ANY), work, end({"status": "=w.status"}), lines="start>w>end")


def turns(kind: str, name: str, **data: Any) -> Any:
    composite = node(
        "each", kind, {name: "=start.given"}, blocks=[node("w", "work", {"text": "{{item}}"})],
        lines="each>w>each", results={"all": "=w.text"}, **data,
    )  # fmt: skip
    return canvas(start(ANY), composite, end({"all": "=each.all"}), lines="start>each>end")


async def test_a_call_with_an_input_that_does_not_fit_is_not_made() -> None:
    world = World(outputs={"w": {"status": 200}})
    with pytest.raises(StepError) as failed:
        await run(one_call(), {"given": "abc"}, world)
    assert failed.value.error_code == "invalid_input"
    assert failed.value.facts["field"] == "inputs.tries"
    assert 'must be a whole number of at most 64 bits, but the text "abc" came' in failed.value.message
    assert world.calls == []


async def test_a_number_as_text_is_taken_and_null_is_no_claim() -> None:
    world = World(outputs={"w": {"status": 200}})
    await run(one_call(), {"given": "3"}, world)
    await run(one_call(), {"given": None}, world)
    assert [request.inputs["tries"] for request in world.requests] == [3, None]


async def test_the_error_policy_decides_what_follows() -> None:
    drawn = one_call(on_error={"policy": "default", "default": {"status": 7}})
    result, runtime = await run(drawn, {"given": [1]}, World())
    assert result.output == {"status": 7}
    assert told(runtime, EventType.STEP_FAILED) == ["w"]


@pytest.mark.parametrize(
    ("kind", "given", "came"),
    [
        ("loop", "x", "a text"),
        ("loop", None, "null"),
        ("batch", "x", "a text"),
        ("batch", 5, "a number"),
        ("batch", {"a": [1]}, "an object"),
        ("batch", None, "null"),
        ("batch", '{"a": 1}', "a text"),
    ],
)
async def test_what_is_no_list_is_not_walked_over(kind: str, given: Any, came: str) -> None:
    with pytest.raises(StepError) as failed:
        await run(turns(kind, "items"), {"given": given})
    assert failed.value.message == f"items is {came}; a list is needed."
    assert (failed.value.error_code, failed.value.facts["field"]) == ("invalid_input", "inputs.items")


@pytest.mark.parametrize("kind", ["loop", "batch"])
async def test_the_json_text_of_a_list_is_walked_over(kind: str) -> None:
    assert (await run(turns(kind, "items"), {"given": '["甲","b"]'}))[0].output == {"all": ["甲", "b"]}


async def test_of_lists_walked_together_each_is_one() -> None:
    drawn = canvas(
        start(ANY),
        node(
            "each", "batch", {"items": {"object": {"a": {"value": [1, 2]}, "b": {"ref": ["start", "given"]}}}},
            blocks=[node("w", "work", {"text": "{{item.a}}{{item.b}}"})],
            lines="each>w>each", results={"all": "=w.text"},
        ),
        end({"all": "=each.all"}),
        lines="start>each>end",
    )  # fmt: skip
    assert (await run(drawn, {"given": '["x","y"]'}))[0].output == {"all": ["1x", "2y"]}
    with pytest.raises(StepError, match=r"items\.b is a number; a list is needed"):
        await run(drawn, {"given": 3})


async def test_a_count_is_a_number() -> None:
    counted = turns("loop", "count", settings={"mode": "count"})
    assert len((await run(counted, {"given": "2"}))[0].output["all"]) == 2  # type: ignore[arg-type]
    with pytest.raises(StepError, match=r'inputs\.count must be a whole number .* the text "abc" came'):
        await run(counted, {"given": "abc"})


def test_a_choice_is_taken_in_any_case_and_no_other() -> None:
    assert convert_inputs({"method": "post", "more": [1]}, METHOD) == {"method": "POST", "more": [1]}
    with pytest.raises(InvalidInput, match="PSOT"):
        convert_inputs({"method": "PSOT"}, METHOD)


def test_a_member_that_does_not_fit_is_named_with_its_place() -> None:
    nested: dict[str, Any] = {"type": "object", "properties": {"auth": METHOD | {"required": ["token"]}}}
    with pytest.raises(InvalidInput) as refused:
        convert_inputs({"auth": {"method": "nope"}}, nested)
    assert refused.value.facts["field"] == "inputs.auth.method"
    assert convert_inputs({"auth": {}}, nested) == {"auth": {}}
