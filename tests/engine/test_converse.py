"""Conversations with a model that calls tools: turns, tools side by side, what ends one and what does not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from engine.compile import Callee, compile_canvas
from engine.converse import LARGEST_TALK, MOST_CALLS
from engine.errors import EngineError, FlowError, LimitExceeded, NodeFailed, NodeUnavailable
from engine.events import EventType
from engine.interpret import RunResult, interpret
from engine.limits import DEFAULT_LIMITS, Limits
from engine.memory import InMemoryRuntime
from engine.plan import Converse, Map, Plan, plan_hash, read_plan
from engine.runtime import CallRequest, CallResult, StepError, ToolsCalled, ToolUse
from tests.engine.draw import CONTEXT, answer, callee, canvas, end, event, node, start, told
from tests.engine.library import LIBRARY

Turns = Callable[[CallRequest], Awaitable[CallResult]]

ECHO = callee(
    "echo",
    canvas(
        start({"word": "string"}),
        node("c", "compute", {"template": "{{start.word}}!"}, settings={"operation": "text.concat"}),
        end({"said": "=c.output"}),
        lines="start>c>end",
    ),
)
WORK = callee(
    "slow",
    canvas(
        start({"word": "string"}),
        node("a", "work", {"text": "{{start.word}}"}),
        end({"said": "=a.text"}),
        lines="start>a>end",
    ),
)
SAYS = callee("says", canvas(start({"w": "string"}), answer("So: {{start.w}}"), lines="start>end"))
ASKS = callee(
    "asks", canvas(start(), node("q", "ask", {"question": "?"}), end({"said": "=q.answer"}), lines="start>q>end")
)


class World:
    """The model of a test, turn by turn, and the work of its tools."""

    def __init__(self, *turns: Any) -> None:
        self.turns = list(turns)
        self.requests: list[CallRequest] = []
        self.work: Turns = self.echo
        self.worked: list[CallRequest] = []

    async def think(self, request: CallRequest) -> CallResult:
        self.requests.append(request)
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        if isinstance(turn, CallResult):
            return turn
        return CallResult({"text": turn}, {"total_tokens": 5})

    async def echo(self, request: CallRequest) -> CallResult:
        self.worked.append(request)
        return CallResult(dict(request.inputs), {"total_tokens": 2})

    async def do(self, request: CallRequest) -> CallResult:
        return await self.work(request)

    def runtime(self, plans: Mapping[str, Plan], limits: Limits = DEFAULT_LIMITS) -> InMemoryRuntime:
        return InMemoryRuntime({"think": self.think, "work": self.do}, plans, limits=limits)


def calls(*uses: tuple[int, dict[str, Any]] | ToolUse, told: bool = False) -> CallResult:
    """A turn that calls tools by their places."""
    made = [
        use if isinstance(use, ToolUse) else ToolUse(f"call{number}", f"tool{use[0]}", *use)
        for number, use in enumerate(uses)
    ]
    return CallResult({}, {"total_tokens": 7}, tools=ToolsCalled({"text": "…"}, tuple(made), told))


async def talk(
    world: World, *tools: Callee | str, limits: Limits = DEFAULT_LIMITS, hold: list[Any] | None = None, **data: Any
) -> tuple[RunResult, InMemoryRuntime]:
    """Walk a canvas around one conversation; its text is the output."""
    names = [tool if isinstance(tool, str) else tool.workflow_id for tool in tools]
    callees = [tool for tool in tools if isinstance(tool, Callee)]
    drawn = canvas(
        start(),
        node("t", "talk", settings={"tools": names}, **data),
        end({"said": "=t.text"}),
        lines="start>t>end",
    )
    known = {one.workflow_id: one for one in callees}
    plan = compile_canvas(drawn, LIBRARY, lambda workflow, version: known.get(workflow))
    digest = plan_hash(plan.to_bytes())
    assert read_plan(plan.to_bytes()) == plan
    runtime = world.runtime({one.plan_hash: one.plan for one in callees} | {digest: plan}, limits)
    if hold is not None:
        hold.append(runtime)
    return await interpret(plan, {}, runtime, replace(CONTEXT, plan_hash=digest), limits=limits), runtime


async def test_turn_follows_turn_until_there_is_an_output() -> None:
    world = World(calls((0, {"word": "hi"}), (1, {"text": "x"})), calls((0, {"word": "ho"})), "Done.")
    result, runtime = await talk(world, ECHO, "work")
    assert result.output == {"said": "Done."}
    assert [request.turn for request in world.requests] == [0, 1, 2]
    first, second = world.requests[2].conversation
    assert first == {
        "said": {"text": "…"},
        "answers": [
            {"id": "call0", "name": "tool0", "tool": 0, "output": {"said": "hi!"}},
            {"id": "call1", "name": "tool1", "tool": 1, "output": {"text": "x"}},
        ],
    }
    assert second["answers"][0]["output"] == {"said": "ho!"}  # type: ignore[index, call-overload]
    assert len({request.idempotency_key for request in world.requests}) == 3
    assert world.worked[0].idempotency_key == "1/t/tools[1.1]"
    assert result.usage == {"total_tokens": 7 + 7 + 5 + 2}
    done = event(runtime, "t:succeeded").data
    assert done["usage"] == {"total_tokens": 7 + 7 + 5}
    assert [one["output"] for one in done["details"]["tool_calls"]] == [  # type: ignore[index, call-overload, union-attr]
        {"said": "hi!"},
        {"text": "x"},
        {"said": "ho!"},
    ]


async def test_tools_of_a_turn_go_on_side_by_side() -> None:
    gate = asyncio.Barrier(3)
    world = World(calls((0, {}), (1, {}), (0, {})), "Done.")

    async def together(request: CallRequest) -> CallResult:
        await gate.wait()
        return CallResult({"text": "x"})

    world.work = together
    result, runtime = await talk(world, WORK, "work")
    assert result.output == {"said": "Done."}
    assert told(runtime, EventType.STEP_SUCCEEDED).count("t/tools[1.1]") == 1


async def test_every_executed_step_is_told_and_counted() -> None:
    result, runtime = await talk(World(calls((0, {"word": "x"})), "Done."), ECHO)
    ends = told(runtime, EventType.STEP_SUCCEEDED, EventType.STEP_FAILED)
    assert result.executed == len(ends) == len({*ends})


async def test_an_answering_workflow_gives_the_next_turn_its_text() -> None:
    world = World(calls((1, {"word": "x"}), (0, {"w": "y"})), "As it says.")
    await talk(world, SAYS, ECHO)
    (turn,) = world.requests[1].conversation
    assert turn["answers"][1] == {"id": "call1", "name": "tool0", "tool": 0, "text": "So: y"}  # type: ignore[index, call-overload]


async def test_a_tool_sends_no_messages_though_a_sub_workflow_does() -> None:
    _, runtime = await talk(World(calls((0, {"w": "y"})), "Done."), SAYS)
    assert told(runtime, EventType.MESSAGE_COMPLETED, EventType.MESSAGE_DELTA) == []
    assert "t/tools[1.0]/end" in told(runtime, EventType.STEP_SUCCEEDED)


@pytest.mark.parametrize("error", [NodeFailed("No."), NodeUnavailable("Away."), StepError("node_crashed", "Oh.")])
async def test_a_tool_that_fails_is_an_answer(error: FlowError) -> None:
    world = World(calls((0, {})), "Well.")

    async def fails(request: CallRequest) -> CallResult:
        world.worked.append(request)
        raise error

    world.work = fails
    result, runtime = await talk(world, "work")
    assert result.output == {"said": "Well."}
    (turn,) = world.requests[1].conversation
    assert turn["answers"][0]["error"]["message"] == error.message  # type: ignore[index, call-overload]
    failed = event(runtime, "t/tools[1.0]:failed").data
    assert failed["handled"] == "model"
    # Its own retries come first.
    assert len(world.worked) == (2 if isinstance(error, NodeUnavailable) else 1)


@pytest.mark.parametrize("error", [LimitExceeded("Too much.", limit=1), EngineError("Broken.")])
async def test_limits_and_the_engines_own_errors_end_the_run(error: FlowError) -> None:
    world = World(calls((0, {}), (0, {})), "Well.")

    async def fails(request: CallRequest) -> CallResult:
        raise error

    world.work = fails
    with pytest.raises(FlowError, match=error.message):
        await talk(world, "work")
    assert len(world.requests) == 1


async def test_the_depth_of_sub_workflows_holds_for_tools() -> None:
    with pytest.raises(FlowError, match="nested 1 deep"):
        await talk(World(calls((0, {})), "x"), ECHO, limits=Limits(subflow_depth=0))


async def test_an_unknown_tool_and_a_call_that_does_not_fit_are_told() -> None:
    world = World(calls(ToolUse("a", "what", -1, {}), ToolUse("b", "tool0", 0, {}, "No word.")), "Well.")
    await talk(world, ECHO)
    (turn,) = world.requests[1].conversation
    said = [one["error"]["message"] for one in turn["answers"]]  # type: ignore[index, call-overload, union-attr]
    assert said == ["There is no tool what.", "No word."]


async def test_more_rounds_than_allowed_are_an_error_that_tells_what_was_spent() -> None:
    world = World(*[calls((0, {"word": "x"})) for _ in range(4)])
    hold: list[Any] = []
    with pytest.raises(StepError, match="in 3 rounds"):
        await talk(world, ECHO, hold=hold)
    assert event(hold[0], "t:failed").data["usage"] == {"total_tokens": 28}


async def test_a_turn_is_tried_again_without_its_tools() -> None:
    world = World(calls((1, {})), NodeUnavailable("Busy."), calls((1, {})), NodeUnavailable("Busy."), "Done.")
    result, runtime = await talk(world, ECHO, "work")
    assert result.output == {"said": "Done."}
    assert len(world.worked) == 2
    assert [request.attempt for request in world.requests] == [1, 1, 2, 2, 3]
    assert [request.turn for request in world.requests] == [0, 1, 1, 2, 2]
    assert len({(request.attempt, request.turn) for request in world.requests}) == 5
    assert runtime.slept == [0.01, 0.01]


async def test_an_error_policy_retries_the_failing_turn_at_once() -> None:
    world = World(calls((1, {})), NodeFailed("No."), NodeFailed("No."), "Done.")
    result, _ = await talk(world, ECHO, "work", on_error={"policy": "fail", "retries": 2})
    assert result.output == {"said": "Done."}
    assert len(world.worked) == 1


async def test_a_failure_is_handled_as_the_policy_says() -> None:
    world = World(calls((0, {"word": "x"})), NodeFailed("No."))
    on_error = {"policy": "default", "default": {"text": "instead"}}
    result, runtime = await talk(world, ECHO, on_error=on_error)
    assert result.output == {"said": "instead"}
    assert event(runtime, "t:failed").data["handled"] == "default"


async def test_a_step_that_is_out_of_time_takes_its_tools_with_it() -> None:
    world = World(calls((0, {}), (1, {})), "x")
    ended: list[str] = []

    async def long(request: CallRequest) -> CallResult:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(request.path)
        return CallResult({})

    world.work = long
    hold: list[Any] = []
    with pytest.raises(FlowError, match="within 50 ms"):
        await talk(world, WORK, "work", hold=hold, on_error={"policy": "fail", "timeout_ms": 50})
    assert sorted(ended) == ["t/tools[1.0]/a", "t/tools[1.1]"]
    assert sorted(told(hold[0], EventType.STEP_CANCELLED)) == ["t/tools[1.0]", "t/tools[1.0]/a", "t/tools[1.1]"]


async def test_one_that_ends_the_run_takes_the_others_with_it() -> None:
    world = World(calls((0, {}), (1, {})), "x")

    async def one_fails(request: CallRequest) -> CallResult:
        if request.path == "t/tools[1.1]":
            raise LimitExceeded("Too much.")
        await asyncio.sleep(60)
        return CallResult({})

    world.work = one_fails
    hold: list[Any] = []
    with pytest.raises(FlowError, match="Too much"):
        await talk(world, WORK, "work", hold=hold)
    assert "t/tools[1.0]" in told(hold[0], EventType.STEP_CANCELLED)


async def test_people_asked_by_tools_answer_in_any_order() -> None:
    world = World(calls((0, {}), (0, {}), (1, {"word": "x"})), "Done.")
    hold: list[Any] = []
    running = asyncio.create_task(talk(world, ASKS, ECHO, hold=hold))
    await asyncio.sleep(0)
    runtime: InMemoryRuntime = hold[0]
    while len(runtime.waits) < 2:
        runtime.wait_opened.clear()
        await runtime.wait_opened.wait()
    runtime.answer("t/tools[1.1]/q", "second")
    runtime.answer("t/tools[1.0]/q", "first")
    result, _ = await running
    assert result.output == {"said": "Done."}
    (turn,) = world.requests[1].conversation
    outputs = [one["output"] for one in turn["answers"]]  # type: ignore[index, call-overload, union-attr]
    assert outputs == [{"said": "first"}, {"said": "second"}, {"said": "x!"}]


async def test_what_was_told_before_the_calls_is_taken_back() -> None:
    _, runtime = await talk(World(calls((0, {"word": "x"}), told=True), "Done."), ECHO)
    taken = event(runtime, "t:retried:turn1")
    assert (taken.type, taken.data["delivery"]) == (EventType.STEP_RETRIED, 101)
    _, quiet = await talk(World(calls((0, {"word": "x"})), "Done."), ECHO)
    assert told(quiet, EventType.STEP_RETRIED) == []


def test_a_plan_with_a_conversation_is_neither_inline_nor_fused_and_names_its_workflows() -> None:
    talks = node("t", "talk", settings={"tools": ["echo", "slow"]})
    drawn = canvas(
        start(),
        node("each", "batch", {"items": [1]}, blocks=[talks], lines="each>t>each", results={"all": "=t.text"}),
        end({"all": "=each.all"}),
        lines="start>each>end",
    )
    known = {one.workflow_id: one for one in (ECHO, WORK)}
    plan = compile_canvas(drawn, LIBRARY, lambda workflow, version: known.get(workflow))
    batch = next(step.action for step in plan.graph.steps if step.id == "each")
    assert isinstance(batch, Map)
    assert (batch.inline, batch.fused, plan.in_place) == (False, False, False)
    assert batch.activities > 5
    assert {*plan.plans} == {ECHO.plan_hash, WORK.plan_hash}
    inner = batch.body.steps[0].action
    assert isinstance(inner, Converse)
    assert [tool.action.tier for tool in inner.tools] == ["inline", "child"]


async def test_a_turn_that_calls_far_too_many_tools_is_an_error_and_calls_none() -> None:
    world = World(calls(*[(1, {})] * (MOST_CALLS + 1)), "Done.")
    with pytest.raises(StepError, match="calls 65 tools at once; the limit is 64"):
        await talk(world, ECHO, "work")
    assert world.worked == []


async def test_a_talk_that_grows_without_end_is_ended() -> None:
    world = World(*[calls((1, {"text": "长" * (LARGEST_TALK // 3)})) for _ in range(4)], "Done.")
    with pytest.raises(StepError, match="let the tools answer with less") as caught:
        await talk(world, ECHO, "work")
    assert caught.value.error_code == "limit_exceeded"
    assert len(world.worked) == 3
