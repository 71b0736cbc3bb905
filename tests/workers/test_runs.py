"""Runs through Temporal: outcomes, errors, retries, streams and variables, told and stored."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from engine.compile import compile_canvas
from engine.errors import NodeFailed, NodeUnavailable
from engine.events import EventType
from engine.plan import Call, plan_hash
from engine.values import Json
from nodes.context import NodeContext
from tests.engine.draw import answer, callee, canvas, choose, end, node, start
from tests.engine.library import LIBRARY
from tests.workers.harness import Bench, bench
from workers.client import RunStart
from workers.embedded import EmbeddedTemporal

ONE_STEP = canvas(
    start({"name": "string"}),
    node("a", "work", {"text": "你好 {{start.name}}"}, title="Greet"),
    end({"said": "=a.text"}),
    lines="start>a>end",
)

ELSEWHERE = Call(activity="elsewhere", tier="activity", timeout_ms=1_000)


@pytest.fixture
async def here(temporal_server: EmbeddedTemporal) -> AsyncIterator[Bench]:
    async with bench(temporal_server) as made:
        yield made


async def test_a_run_gives_its_output_and_tells_every_step(here: Bench) -> None:
    run = await here.start(ONE_STEP, {"name": "世界"})
    ended = await here.ended(run)
    assert ended.type is EventType.RUN_SUCCEEDED
    assert ended.data["output"] == {"said": "你好 世界"}
    assert [event.key for event in here.events(run)] == [
        "run:started",
        "start:succeeded",
        "a:started",
        "a:succeeded",
        "end:succeeded",
        "run:succeeded",
    ]
    assert (await here.client.describe(run.executor)).status == "succeeded"


async def test_starting_the_same_run_twice_starts_one(here: Bench) -> None:
    run = await here.start(ONE_STEP, {"name": "x"})
    await here.ended(run)
    assert await here.client.start(run) == run.executor
    await asyncio.sleep(0.1)
    assert here.world.calls == ["a"]


async def test_a_start_that_was_kept_as_json_is_the_same_start() -> None:
    start = RunStart("1", "o", "s", "w", "v1.0.0", "hash", {"a": [1]}, user_id="u", title="T")
    assert RunStart.from_json({**start.to_json(), "of another version": 1}) == start


async def test_an_operator_finds_the_run_by_what_it_is(here: Bench) -> None:
    run = await here.start(ONE_STEP, {"name": "x"}, kind="draft")
    await here.ended(run)
    assert await here.attributes(run.executor) == {
        "AppOrg": "org",
        "AppSpace": "space",
        "AppWorkflow": "flow",
        "AppVersion": "v1.0.0",
        "AppRunKind": "draft",
        "AppState": "running",
    }
    assert await here.summaries(run.executor) == ["work · Greet"]


async def test_titles_of_any_length_and_script_are_shown_as_far_as_there_is_room(here: Bench) -> None:
    title = "🌊" * 200
    inner = callee(
        "inner", canvas(start(), node("ask", "ask", {"question": "?"}, title=title), end({}), lines="start>ask>end")
    )
    drawn = canvas(
        start(),
        node("a", "work", {}, title=title),
        node("b", "work", {}, title=title, settings={"tier": "local"}),
        node("sub", "subworkflow", {}, title=title, settings={"workflow": "inner"}),
        end({}),
        lines="start>a>b>sub>end",
    )
    run = await here.start(drawn, {}, inner, details="河" * 20_000)
    await here.told(run, EventType.WAIT_OPENED)
    await here.client.answer(f"{run.executor}/sub", "sub/ask", "x", answer_id="1")
    assert (await here.ended(run)).type is EventType.RUN_SUCCEEDED
    (summary,) = await here.summaries(run.executor)
    assert summary.startswith("work · 🌊")


async def test_a_node_that_fails_lets_the_run_fail_visibly(here: Bench) -> None:
    async def fail(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        raise NodeFailed("The shop is closed.", status=404)

    here.world.handlers["a"] = fail
    run = await here.start(ONE_STEP, {"name": "x"})
    ended = await here.ended(run)
    assert ended.type is EventType.RUN_FAILED
    error: Any = ended.data["error"]
    assert (error["code"], error["message"], error["facts"]["status"]) == ("node_failed", "The shop is closed.", 404)
    assert (await here.client.describe(run.executor)).status == "failed"
    found = await here.attributes(run.executor)
    assert (found["AppState"], found["AppNode"], found["AppErrorCode"]) == ("failed", "Greet", "node_failed")
    assert here.world.calls == ["a"]


async def test_a_local_node_that_fails_is_handled_like_any_other(here: Bench) -> None:
    async def fail(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        raise NodeFailed("The shop is closed.")

    here.world.handlers["a"] = fail
    instead = {"policy": "default", "default": {"text": "instead"}}
    drawn = canvas(
        start(),
        node("a", "work", {"text": "x"}, settings={"tier": "local"}, on_error=instead),
        end({"said": "=a.text"}),
        lines="start>a>end",
    )
    assert (await here.run(drawn)).data["output"] == {"said": "instead"}
    unhandled = canvas(
        start(),
        node("a", "work", {"text": "x"}, settings={"tier": "local"}),
        end(),
        lines="start>a>end",
    )
    ended = await here.run(unhandled)
    assert ended.type is EventType.RUN_FAILED
    error: Any = ended.data["error"]
    assert error["message"] == "The shop is closed."


async def test_what_a_node_did_not_foresee_is_told_without_its_insides_and_not_tried_again(here: Bench) -> None:
    async def crash(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        raise KeyError("abc")

    here.world.handlers["a"] = crash
    ended = await here.run(ONE_STEP, {"name": "x"})
    error: Any = ended.data["error"]
    assert (error["code"], error["message"]) == ("node_crashed", "KeyError: 'abc'")
    assert here.world.calls == ["a"]


async def test_what_may_succeed_later_is_tried_again_by_the_interpreter(here: Bench) -> None:
    attempts: list[int] = []

    async def away_at_first(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        attempts.append(ctx.attempt)
        if len(attempts) < 3:
            raise NodeUnavailable("Away.", retry_after=0.05)
        return inputs

    here.world.handlers["a"] = away_at_first
    drawn = canvas(
        start(),
        node("a", "work", {"text": "x"}, settings={"attempts": 3, "backoff_ms": 10}),
        end({"said": "=a.text"}),
        lines="start>a>end",
    )
    run = await here.start(drawn)
    ended = await here.ended(run)
    assert ended.data["output"] == {"said": "x"}
    assert attempts == [1, 2, 3]
    retried = [event.data for event in here.events(run) if event.type is EventType.STEP_RETRIED]
    assert [(data["attempt"], data["delay_ms"]) for data in retried] == [(2, 50), (3, 50)]


async def test_a_node_that_takes_too_long_fails_with_its_time(here: Bench) -> None:
    async def sleep(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        await asyncio.sleep(60)
        return {}

    here.world.handlers["a"] = sleep
    drawn = canvas(
        start(),
        node("a", "work", {}, on_error={"policy": "default", "timeout_ms": 200, "default": {"text": "late"}}),
        end({"said": "=a.text", "code": "=a.errorBody.errorCode"}),
        lines="start>a>end",
    )
    ended = await here.run(drawn)
    assert ended.data["output"] == {"said": "late", "code": "node_timeout"}


async def test_a_nodes_own_timeout_is_its_failure_not_ours(here: Bench) -> None:
    async def times_out(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        raise TimeoutError("the socket")

    here.world.handlers["a"] = times_out
    error: Any = (await here.run(ONE_STEP, {"name": "x"})).data["error"]
    assert (error["code"], error["message"]) == ("node_crashed", "TimeoutError: the socket")


@pytest.mark.parametrize("bad", [math.nan, {1, 2}])
async def test_an_output_that_is_no_json_fails_the_node(here: Bench, bad: Any) -> None:
    async def give(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        return {"text": [bad]}

    here.world.handlers["a"] = give
    error: Any = (await here.run(ONE_STEP, {"name": "x"})).data["error"]
    assert error["code"] == "node_failed"
    assert "JSON" in error["message"]


async def test_a_local_node_leaves_one_marker_in_the_history(here: Bench) -> None:
    drawn = canvas(
        start(),
        node("a", "work", {"text": "x"}, settings={"tier": "local"}),
        end({"said": "=a.text"}),
        lines="start>a>end",
    )
    run = await here.start(drawn)
    assert (await here.ended(run)).data["output"] == {"said": "x"}
    history = await here.history(run.executor)
    # Started, one workflow task, the node, the flush, the end.
    assert len(history) == 7


async def test_inline_steps_leave_nothing_in_the_history(here: Bench) -> None:
    chain = [node(f"n{i}", "compute", {"text": f"{i}"}, settings={"operation": "text.concat"}) for i in range(10)]
    drawn = canvas(
        start(), *chain, end({"n": "=n9.output"}), lines="start>" + ">".join(f"n{i}" for i in range(10)) + ">end"
    )
    run = await here.start(drawn)
    await here.ended(run)
    assert len(await here.history(run.executor)) == 6


async def test_variables_are_read_before_the_step_that_names_them(here: Bench) -> None:
    await here.variables.write("org", "space", "user", "user", {"name": "Ada"})
    await here.variables.write("org", "space", "app", "flow", {"greeting": "你好"})
    drawn = canvas(
        start(),
        node("a", "work", {"text": {"template": "{{app.greeting}} {{user.name}}"}}),
        end({"said": "=a.text"}),
        lines="start>a>end",
    )
    ended = await here.run(drawn)
    assert ended.data["output"] == {"said": "你好 Ada"}


async def test_pieces_are_told_as_they_come_and_forwarded_into_the_answer(here: Bench) -> None:
    go_on = asyncio.Event()

    async def write(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        await ctx.emit("Rivers ")
        await go_on.wait()
        await ctx.emit("flow ")
        await ctx.emit("down.")
        ctx.spend(total_tokens=7)
        ctx.warn("slowly")
        ctx.log("第一行", "second")
        return {"text": "Rivers flow down."}

    here.world.handlers["a"] = write
    drawn = canvas(
        start(),
        node("a", "work", {}, settings={"streams": "text"}),
        answer("Well: {{said}}!", {"said": "=a.text"}),
        lines="start>a>end",
    )
    run = await here.start(drawn)
    first = await here.told(run, EventType.MESSAGE_DELTA)
    assert first.data == {"text": "Well: Rivers ", "source": "a", "attempt": 1, "delivery": 1}
    assert not any(event.type is EventType.STEP_SUCCEEDED and event.path == "a" for event in here.events(run))
    go_on.set()
    ended = await here.ended(run)
    assert ended.data["output"] == {"output": "Well: Rivers flow down.!"}
    assert ended.data["answer"] == "Well: Rivers flow down.!"
    texts = {
        kind: [event.data["text"] for event in here.events(run) if event.type is kind]
        for kind in (EventType.STEP_DELTA, EventType.MESSAGE_DELTA, EventType.MESSAGE_COMPLETED)
    }
    assert texts[EventType.STEP_DELTA] == ["Rivers ", "flow down."]
    assert "".join(texts[EventType.MESSAGE_DELTA]) == "Well: Rivers flow down.!"  # type: ignore[arg-type]
    assert texts[EventType.MESSAGE_COMPLETED] == ["Well: Rivers flow down.!"]
    step = next(event for event in here.events(run) if event.key == "a:succeeded")
    assert (step.data["usage"], step.data["warnings"]) == ({"total_tokens": 7}, ["slowly"])
    assert step.data["logs"] == ["第一行", "second"]
    order = [event.type for event in here.events(run)]
    assert order.index(EventType.STEP_STARTED) < order.index(EventType.STEP_DELTA)


async def test_a_run_whose_plan_is_gone_fails_and_says_so(here: Bench) -> None:
    start = RunStart("1" * 16, "org", "space", "flow", "v1.0.0", "no such plan", {})
    await here.client.start(start)
    ended = await here.ended(start)
    error: Any = ended.data["error"]
    assert (error["code"], error["facts"]["plan_hash"]) == ("engine_error", "no such plan")


async def test_a_node_type_that_no_worker_has_fails_the_node_at_once(here: Bench) -> None:
    drawn = canvas(start(), node("a", "elsewhere", {}), end({}), lines="start>a>end")
    elsewhere = replace(LIBRARY["work"], name="elsewhere", settings=None, lower=lambda _: ELSEWHERE)
    plan = compile_canvas(drawn, {**LIBRARY, "elsewhere": elsewhere})
    digest = plan_hash(plan.to_bytes())
    await here.plans.put(digest, plan.to_bytes())
    run = RunStart(uuid4().hex, "org", "space", "flow", "v1.0.0", digest, {})
    await here.client.start(run)
    error: Any = (await here.ended(run, seconds=5)).data["error"]
    assert error["code"] == "activity_missing"
    assert "elsewhere" in error["message"]


async def test_a_run_with_a_wrong_input_fails_and_names_it(here: Bench) -> None:
    drawn = canvas(start({"count": "integer"}, "count"), end({}), lines="start>end")
    error: Any = (await here.run(drawn, {"count": "many"})).data["error"]
    assert "count" in error["message"]


async def test_a_sub_workflow_has_a_history_of_its_own_and_hands_its_output_back(here: Bench) -> None:
    inner = callee("inner", ONE_STEP)
    drawn = canvas(
        start({"name": "string"}),
        node("sub", "subworkflow", {"name": "=start.name"}, settings={"workflow": "inner"}, title="Inner"),
        end({"said": "=sub.said"}),
        lines="start>sub>end",
    )
    run = await here.start(drawn, {"name": "Ada"}, inner)
    ended = await here.ended(run)
    assert ended.data["output"] == {"said": "你好 Ada"}
    assert (await here.client.describe(f"{run.executor}/sub")).status == "succeeded"
    assert here.world.calls == ["sub/a"]
    keys = [event.key for event in here.events(run)]
    assert (
        keys.index("sub:started")
        < keys.index("sub/a:started")
        < keys.index("sub/a:succeeded")
        < keys.index("sub:succeeded")
    )
    assert [key for key in keys if key.startswith("run:")] == ["run:started", "run:succeeded"]


async def test_an_error_deep_inside_names_the_step_it_came_from(here: Bench) -> None:
    async def fail(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        raise NodeFailed("No.")

    here.world.handlers["a"] = fail
    inner = callee("inner", ONE_STEP)
    drawn = canvas(
        start(),
        node("sub", "subworkflow", {"name": "x"}, settings={"workflow": "inner"}),
        end({}),
        lines="start>sub>end",
    )
    run = await here.start(drawn, {}, inner)
    error: Any = (await here.ended(run)).data["error"]
    assert (error["code"], error["facts"]["path"], error["facts"]["title"]) == ("node_failed", "sub/a", "Greet")
    assert (await here.attributes(run.executor))["AppNode"] == "Greet"


async def test_a_sub_workflow_that_fails_can_be_handled(here: Bench) -> None:
    async def fail(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        raise NodeFailed("No.")

    here.world.handlers["a"] = fail
    inner = callee("inner", ONE_STEP)
    drawn = canvas(
        start(),
        node("sub", "subworkflow", {"name": "x"}, settings={"workflow": "inner"}, on_error={"policy": "branch"}),
        end({"why": "=sub.errorBody.errorMessage"}),
        lines="start>sub>end sub:error>end",
    )
    assert (await here.run(drawn, {}, inner)).data["output"] == {"why": "No."}


async def test_a_branch_not_taken_is_told_as_skipped(here: Bench) -> None:
    drawn = canvas(
        start({"n": "integer"}),
        choose("pick", large=("=start.n", "greater", 3)),
        node("big", "work", {"text": "big"}),
        node("small", "work", {"text": "small"}),
        end({"big": "=big.text", "small": "=small.text"}),
        lines="start>pick pick:large>big>end pick:otherwise>small>end",
    )
    run = await here.start(drawn, {"n": 5})
    assert (await here.ended(run)).data["output"] == {"big": "big"}
    assert [event.path for event in here.events(run) if event.type is EventType.STEP_SKIPPED] == ["small"]
