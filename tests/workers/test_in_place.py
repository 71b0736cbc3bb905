"""Plans of inline steps are walked within the process: to their end, or not at all."""

from typing import Any

import pytest

from engine.canvas import Canvas
from engine.compile import Callee
from engine.errors import EngineError
from engine.events import EventType
from engine.limits import DEFAULT_LIMITS, Limits
from engine.plan import Plan
from engine.runtime import RunContext
from tests.engine.draw import answer, callee, canvas, choose, compiled, end, node, start
from workers.in_place import TooMuch, Walked, walk

JOIN = {"operation": "text.concat"}


def concat(id: str, template: str, **inputs: Any) -> dict[str, Any]:
    return node(id, "compute", {"template": template, **inputs}, settings=JOIN, outputs=TEXT)


TEXT = {"type": "object", "properties": {"output": {"type": "string"}}}


async def walked(
    drawn: Canvas, inputs: dict[str, Any] | None = None, *callees: Callee, limits: Limits = DEFAULT_LIMITS
) -> Walked:
    known = {one.workflow_id: one for one in callees}
    plan, digest = compiled(drawn, lambda workflow, version: known.get(workflow))
    plans: dict[str, Plan] = {one.plan_hash: one.plan for one in callees} | {digest: plan}
    context = RunContext("1", "2", "3", "4", "v1", digest, started_at=1)
    return await walk(plan, inputs or {}, context, plans.__getitem__, limits=limits, now=lambda: 7)


def repeat(count: int) -> Canvas:
    body = [concat("say", "turn {{index}}")]
    loop = node(
        "laps", "loop", {"count": count}, settings={"mode": "count"}, blocks=body, lines="laps>say>laps",
        results={"all": "=say.output"},
        outputs={"type": "object", "properties": {"all": {"type": "array", "items": {"type": "string"}}}},
    )  # fmt: skip
    return canvas(start(), loop, end({"all": "=laps.all"}), lines="start>laps>end")


async def test_a_run_tells_everything_and_its_end_last() -> None:
    drawn = canvas(
        start({"name": "string"}),
        concat("hi", "Hello {{name}}", name="=start.name"),
        answer("{{hi.output}}!"),
        lines="start>hi>end",
    )
    done = await walked(drawn, {"name": "Ada"})
    assert (done.output, done.answer, done.error) == ({"output": "Hello Ada!"}, "Hello Ada!", None)
    assert [event.key for event in done.events] == [
        "run:started", "start:succeeded", "hi:succeeded", "end:message", "end:succeeded", "run:succeeded",
    ]  # fmt: skip
    assert done.events[-1].data == {"output": {"output": "Hello Ada!"}, "answer": "Hello Ada!"}
    assert {event.at for event in done.events} == {7}


async def test_a_run_that_fails_says_why_in_its_last_event() -> None:
    drawn = canvas(start({"name": "string"}, "name"), end(), lines="start>end")
    done = await walked(drawn, {})
    assert done.output is None
    assert done.error is not None
    assert done.error["code"] == "invalid_input"
    assert done.events[-1].type is EventType.RUN_FAILED
    assert done.events[-1].data == {"error": done.error}


async def test_branches_that_are_not_taken_are_told_as_skipped() -> None:
    drawn = canvas(
        start({"age": "integer"}),
        choose("pick", adult=("=start.age", "greater_equal", 18)),
        concat("yes", "welcome"),
        end({"said": "=yes.output"}),
        lines="start>pick pick:adult>yes>end pick:otherwise>end",
    )
    done = await walked(drawn, {"age": 3})
    assert done.output == {}
    assert [event.path for event in done.events if event.type is EventType.STEP_SKIPPED] == ["yes"]


async def test_loops_and_batches_are_walked_turn_by_turn() -> None:
    assert (await walked(repeat(3))).output == {"all": ["turn 0", "turn 1", "turn 2"]}
    body = [concat("say", "{{item}}!")]
    batch = node(
        "batch", "batch", {"items": [*"abc"] * 100}, blocks=body, lines="batch>say>batch",
        results={"all": "=say.output"},
        outputs={"type": "object", "properties": {"all": {"type": "array", "items": {"type": "string"}}}},
    )  # fmt: skip
    done = await walked(canvas(start(), batch, end({"all": "=batch.all"}), lines="start>batch>end"))
    assert done.output == {"all": ["a!", "b!", "c!"] * 100}


async def test_a_sub_workflow_of_inline_steps_is_walked_too() -> None:
    inner = callee("shout", canvas(start({"text": "string"}), end({"loud": "{{start.text}}!"}), lines="start>end"))
    call = node(
        "call",
        "subworkflow",
        {"text": "hey"},
        settings={"workflow": "shout"},
        outputs={"type": "object", "properties": {"loud": {"type": "string"}}},
    )
    done = await walked(canvas(start(), call, end({"loud": "=call.loud"}), lines="start>call>end"), {}, inner)
    assert done.output == {"loud": "hey!"}


async def test_a_run_of_more_steps_than_the_limit_is_given_up() -> None:
    assert (await walked(repeat(20), limits=Limits(in_place_steps=30))).error is None
    with pytest.raises(TooMuch):
        await walked(repeat(40), limits=Limits(in_place_steps=30))


async def test_a_step_that_handles_errors_does_not_handle_that_it_is_too_much() -> None:
    drawn = repeat(40)
    loop = drawn.nodes[1]
    careful = loop.data.model_copy(
        update={"on_error": loop.data.on_error.model_copy(update={"policy": "default", "default": {"all": []}})}
    )
    drawn = drawn.model_copy(
        update={"nodes": [drawn.nodes[0], loop.model_copy(update={"data": careful}), drawn.nodes[2]]}
    )
    with pytest.raises(TooMuch):
        await walked(drawn, limits=Limits(in_place_steps=30))


async def test_a_run_that_breaks_the_limit_of_all_runs_fails_here_as_anywhere() -> None:
    done = await walked(repeat(40), limits=Limits(executed_steps=10))
    assert done.error is not None
    assert done.error["code"] == "limit_exceeded"


async def test_a_large_value_is_left_to_those_who_carry_it_by_reference() -> None:
    drawn = canvas(
        start({"text": "string"}), concat("twice", "{{a}}{{a}}", a="=start.text"), end(), lines="start>twice>end"
    )
    with pytest.raises(TooMuch):
        await walked(drawn, {"text": "x" * 3_000}, limits=Limits(inline_value_bytes=8_000))


async def test_a_number_beyond_64_bits_is_left_to_the_slow_road() -> None:
    with pytest.raises(TooMuch):
        await walked(canvas(start(), end({"n": 2**70}), lines="start>end"))


async def test_a_plan_that_needs_more_than_inline_steps_fails_visibly() -> None:
    done = await walked(canvas(start(), node("act", "work", {}), end(), lines="start>act>end"))
    assert done.error is not None
    assert done.error["code"] == EngineError.code
