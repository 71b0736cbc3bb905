"""The same canvas gives the same in memory and through Temporal: output, error, and what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack
from threading import Thread
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from engine.canvas import Canvas
from engine.errors import FlowError, NodeFailed
from engine.events import RUN_ENDS, EventType, RunEvent
from engine.interpret import interpret
from engine.memory import InMemoryRuntime
from engine.runtime import CallRequest, CallResult, RunContext, StepError
from engine.values import Json
from nodes.context import NodeContext
from tests.engine.draw import compiled
from tests.engine.generate import canvases
from tests.workers.harness import Bench, World, bench
from workers.client import RunStart
from workers.embedded import EmbeddedTemporal

T = TypeVar("T")

INPUTS: dict[str, Json] = {"text": "文", "number": 2, "list": [1, "二", None]}
SOME = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)


class Fickle(World):
    """Nodes whose id begins with `f` always fail."""

    async def work(self, inputs: Any, ctx: NodeContext) -> Mapping[str, Json]:
        name = ctx.path.rpartition("/")[2]
        if name.startswith("f"):
            raise NodeFailed(f"{name} fails.")
        return dict(inputs.model_extra or {})


async def work_in_memory(request: CallRequest) -> CallResult:
    if request.node.startswith("f"):
        raise NodeFailed(f"{request.node} fails.")
    return CallResult(output=dict(request.inputs))


class Stage:
    """A bench on a loop of its own, for tests whose examples are drawn by hypothesis, without a loop."""

    def __init__(self, server: EmbeddedTemporal, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        self._stack = AsyncExitStack()
        self.bench: Bench = self.do(self._stack.enter_async_context(bench(server, world=Fickle(), **options)))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self.do(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def stage(temporal_server: EmbeddedTemporal) -> Iterator[Stage]:
    made = Stage(temporal_server)
    yield made
    made.close()


@pytest.fixture(scope="module")
def hasty_stage(temporal_server: EmbeddedTemporal) -> Iterator[Stage]:
    """Every history is handed over after a few events."""
    made = Stage(temporal_server, hand_over_events=20)
    yield made
    made.close()


async def through_temporal(here: Bench, drawn: Canvas) -> tuple[RunStart, list[RunEvent]]:
    """Run it, and answer whatever it asks by the name of the wait."""
    digest = await here.publish(drawn)
    run = RunStart(uuid4().hex, "org", "space", "flow", "v1.0.0", digest, INPUTS)
    await here.client.start(run)
    async for stored in here.log.follow(run.run_id):
        if stored.event.type is EventType.WAIT_OPENED:
            wait_id = stored.event.path
            await here.client.answer(run.executor, wait_id, f"to {wait_id}", answer_id=wait_id)
    return run, here.events(run)


async def in_memory(drawn: Canvas, run: RunStart) -> list[RunEvent]:
    """The same run, walked here."""
    plan, digest = compiled(drawn)
    handlers = {"work": work_in_memory, "strict_work": work_in_memory}
    runtime = InMemoryRuntime(handlers, {digest: plan})
    context = RunContext(run.run_id, "org", "space", "flow", "v1.0.0", digest)
    walk = asyncio.create_task(interpret(plan, INPUTS, runtime, context))
    while not walk.done():
        await asyncio.sleep(0)
        for wait_id in list(runtime.waits):
            if not runtime._answers[wait_id].done():
                runtime.answer(wait_id, f"to {wait_id}")
    try:
        done = walk.result()
        end = RunEvent("run:succeeded", EventType.RUN_SUCCEEDED, 0, data={"output": done.output})
    except FlowError as error:
        end = RunEvent("run:failed", EventType.RUN_FAILED, 0, data={"error": StepError.of(error).to_json()})
    return [*runtime.events, end]


def story(events: list[RunEvent]) -> dict[str, Any]:
    """What was told, by key; what differs by its nature is left out."""
    ended = next(event for event in events if event.type in RUN_ENDS)
    # Who lost to the first error, and how far it had come, is chance.
    if ended.type is EventType.RUN_FAILED:
        error: Any = ended.data["error"]
        return {"failed": error["code"]}
    told: dict[str, Any] = {}
    for event in events:
        data = {name: value for name, value in event.data.items() if name != "executor"}
        told[event.key] = (event.type, event.path, event.node, data)
    return told


@SOME
@given(drawn=canvases())
def test_every_canvas_gives_the_same_through_temporal(stage: Stage, drawn: Canvas) -> None:
    run, events = stage.do(through_temporal(stage.bench, drawn))
    assert story(events) == story(asyncio.run(in_memory(drawn, run)))


@SOME
@given(drawn=canvases(people=True, size=6))
def test_questions_and_fresh_histories_change_nothing(hasty_stage: Stage, drawn: Canvas) -> None:
    run, events = hasty_stage.do(through_temporal(hasty_stage.bench, drawn))
    assert story(events) == story(asyncio.run(in_memory(drawn, run)))
