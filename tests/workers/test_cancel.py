"""Cancellation: a run stops at once wherever it is, and its record says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from engine.errors import NotFound
from engine.events import EventType, RunEvent
from engine.values import Json
from nodes.context import NodeContext
from tests.engine.draw import callee, canvas, end, node, start
from tests.workers.harness import PATIENCE, Bench, bench
from workers.client import RunStart
from workers.embedded import EmbeddedTemporal

LONG = canvas(start(), node("a", "work", {}), end({}), lines="start>a>end")


@pytest.fixture
async def here(temporal_server: EmbeddedTemporal) -> AsyncIterator[Bench]:
    async with bench(temporal_server) as made:
        yield made


class Sleeper:
    """A step that would take for ever, and knows when it was stopped."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.stopped = asyncio.Event()

    async def __call__(self, inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        self.started.set()
        try:
            await asyncio.sleep(600)
        finally:
            self.stopped.set()
        return {}


async def cancelled(here: Bench, run: RunStart) -> RunEvent:
    """Cancel, and see the run end: ten minutes before the step would."""
    await here.client.cancel(run.executor, "I changed my mind.")
    ended = await here.ended(run)
    assert (ended.type, ended.data) == (EventType.RUN_CANCELLED, {"reason": "I changed my mind."})
    assert (await here.client.describe(run.executor)).status == "cancelled"
    return ended


async def test_an_activity_in_flight_is_stopped_too(here: Bench) -> None:
    here.world.handlers["a"] = sleeper = Sleeper()
    run = await here.start(LONG)
    await sleeper.started.wait()
    await cancelled(here, run)
    assert "a:cancelled" in [event.key for event in here.events(run)]
    async with asyncio.timeout(PATIENCE):
        await sleeper.stopped.wait()
    assert here.world.calls == ["a"]


async def test_a_run_that_waits_for_an_answer_stops(here: Bench) -> None:
    run = await here.start(canvas(start(), node("ask", "ask", {"question": "?"}), end({}), lines="start>ask>end"))
    await here.told(run, EventType.WAIT_OPENED)
    await cancelled(here, run)


async def test_a_run_that_is_delayed_stops(here: Bench) -> None:
    run = await here.start(canvas(start(), node("wait", "delay", {"seconds": 600}), end({}), lines="start>wait>end"))
    await here.told(run, EventType.STEP_STARTED)
    await cancelled(here, run)


async def test_a_sub_workflow_is_stopped_with_its_parent(here: Bench) -> None:
    here.world.handlers["a"] = sleeper = Sleeper()
    drawn = canvas(
        start(), node("sub", "subworkflow", {}, settings={"workflow": "inner"}), end({}), lines="start>sub>end"
    )
    run = await here.start(drawn, {}, callee("inner", LONG))
    await sleeper.started.wait()
    await cancelled(here, run)
    assert (await here.client.describe(f"{run.executor}/sub")).status == "cancelled"
    keys = [event.key for event in here.events(run)]
    assert keys.index("sub/a:cancelled") < keys.index("sub:cancelled") < keys.index("run:cancelled")


async def test_a_loop_of_inline_steps_without_end_stops(here: Bench) -> None:
    drawn = canvas(
        start(),
        node(
            "turns",
            "loop",
            {},
            settings={"mode": "infinite"},
            blocks=[node("n", "compute", {"text": "x"}, settings={"operation": "text.concat"})],
            lines="turns>n>turns",
        ),
        end({}),
        lines="start>turns>end",
    )
    run = await here.start(drawn)
    await here.told(run, EventType.STEP_STARTED, "turns")
    await cancelled(here, run)


async def test_a_step_that_runs_out_of_time_is_stopped_and_the_run_goes_on(here: Bench) -> None:
    here.world.handlers["a"] = sleeper = Sleeper()
    drawn = canvas(
        start(),
        node(
            "sub",
            "subworkflow",
            {},
            settings={"workflow": "inner"},
            on_error={"policy": "default", "timeout_ms": 300, "default": {}},
        ),
        end({"code": "=sub.errorBody.errorCode"}),
        lines="start>sub>end",
    )
    run = await here.start(drawn, {}, callee("inner", LONG))
    ended = await here.ended(run)
    assert ended.data["output"] == {"code": "node_timeout"}
    async with asyncio.timeout(PATIENCE):
        await sleeper.stopped.wait()
    assert (await here.client.describe(f"{run.executor}/sub")).status == "cancelled"


async def test_a_failed_branch_stops_the_others(here: Bench) -> None:
    here.world.handlers["a"] = sleeper = Sleeper()

    async def crash(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        await sleeper.started.wait()
        raise ValueError("no")

    here.world.handlers["bad"] = crash
    drawn = canvas(
        start(),
        node("a", "work", {}),
        node("bad", "work", {}),
        end({"a": "=a.x", "b": "=bad.x"}),
        lines="start>a>end start>bad>end",
    )
    run = await here.start(drawn)
    assert (await here.ended(run)).type is EventType.RUN_FAILED
    keys = [event.key for event in here.events(run)]
    assert "bad:failed" in keys
    assert "a:cancelled" in keys
    async with asyncio.timeout(PATIENCE):
        await sleeper.stopped.wait()


async def test_cancelling_what_does_not_run_is_not_found(here: Bench) -> None:
    with pytest.raises(NotFound):
        await here.client.cancel("no/such/run")


async def test_a_run_cancelled_before_any_worker_saw_it_says_so_too(temporal_server: EmbeddedTemporal) -> None:
    async with bench(temporal_server, idle=True) as here:
        run = await here.start(LONG)
        await here.client.cancel(run.executor, "Never mind.")
        async with here.worker:
            ended = await here.ended(run)
            assert (ended.type, ended.data) == (EventType.RUN_CANCELLED, {"reason": "Never mind."})
    assert here.world.calls == []
