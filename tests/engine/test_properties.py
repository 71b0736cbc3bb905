"""What holds of every canvas: runs end, nothing runs before its inputs are known, what is skipped stays skipped."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.canvas import Canvas, Reference, Template
from engine.errors import NodeFailed
from engine.events import EventType, RunEvent
from engine.interpret import HandOver, interpret
from engine.limits import DEFAULT_LIMITS
from engine.memory import InMemoryRuntime
from engine.runtime import CallRequest, CallResult
from tests.engine.draw import CONTEXT, World, compiled
from tests.engine.generate import canvases

INPUTS: dict[str, Any] = {"text": "文", "number": 2, "list": [1, "二", None]}
ENOUGH = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


class Fickle(World):
    """Nodes whose id begins with `f` always fail; every call takes a turn or two of the event loop."""

    async def work(self, request: CallRequest) -> CallResult:
        self.calls.append(request.path)
        for _ in range(len(request.path) % 3):
            await asyncio.sleep(0)
        if request.node.startswith("f"):
            raise NodeFailed(f"{request.node} fails.")
        return CallResult(output=dict(request.inputs))


async def walked(drawn: Canvas, runtime: InMemoryRuntime, snapshot: Any = None) -> Any:
    plan, digest = compiled(drawn)
    runtime._plans[digest] = plan
    context = CONTEXT.__class__(**{**{name: getattr(CONTEXT, name) for name in CONTEXT.__slots__}, "plan_hash": digest})
    return await interpret(plan, INPUTS, runtime, context, limits=DEFAULT_LIMITS, snapshot=snapshot)


def plain(path: str) -> str:
    """The node id at the end of a path."""
    return path.rpartition("/")[2]


def ended(events: list[RunEvent]) -> dict[str, EventType]:
    kinds = (EventType.STEP_SUCCEEDED, EventType.STEP_FAILED, EventType.STEP_SKIPPED)
    return {event.path: event.type for event in events if event.type in kinds}


@ENOUGH
@given(canvases())
def test_every_run_ends_and_every_step_of_it_once(drawn: Canvas) -> None:
    runtime = Fickle().runtime()
    asyncio.run(asyncio.wait_for(walked(drawn, runtime), 60))
    ends = [event.path for event in runtime.events if event.type in (EventType.STEP_SUCCEEDED, EventType.STEP_SKIPPED)]
    assert len(ends) == len(set(ends))
    top = {path for path in ended(runtime.events) if "[" not in path}
    assert top == {node.id for node in drawn.nodes}


@ENOUGH
@given(canvases())
def test_nothing_runs_before_its_inputs_are_known(drawn: Canvas) -> None:
    runtime = Fickle().runtime()
    asyncio.run(walked(drawn, runtime))
    reads = {node.id: _reads(node.data.inputs) for top in drawn.nodes for node in (top, *top.blocks)}
    finished: set[str] = set()
    for event in runtime.events:
        owner = event.path.rpartition("/")[0]
        place = f"{owner}/" if owner else ""
        if event.type in (EventType.STEP_STARTED, EventType.STEP_SUCCEEDED):
            for source in reads.get(event.node, ()):
                assert place + source in finished or source in finished, f"{event.path} ran before {source}"
        if event.type in (EventType.STEP_SUCCEEDED, EventType.STEP_SKIPPED, EventType.STEP_FAILED):
            finished.add(event.path)


def _reads(inputs: Any) -> list[str]:
    found = []
    for expression in inputs.values():
        if isinstance(expression, Reference):
            found.append(str(expression.ref[0]))
        elif isinstance(expression, Template):
            found += re.findall(r"{{(\w+)\.", expression.template)
    return [one for one in found if one not in ("item", "index", "loop", "system", "user", "app")]


@ENOUGH
@given(canvases())
def test_a_skipped_branch_stays_skipped(drawn: Canvas) -> None:
    world = Fickle()
    runtime = world.runtime()
    asyncio.run(walked(drawn, runtime))
    ends = ended(runtime.events)
    skipped = {path for path, kind in ends.items() if kind is EventType.STEP_SKIPPED}
    assert not skipped & set(world.calls)
    for edge in drawn.edges:
        into = [one for one in drawn.edges if one.target == edge.target]
        if all(one.source in skipped for one in into):
            assert edge.target in skipped


@ENOUGH
@given(canvases())
def test_the_same_run_gives_the_same_output_and_the_same_steps_again(drawn: Canvas) -> None:
    first, second = Fickle().runtime(), Fickle().runtime()
    assert asyncio.run(walked(drawn, first)) == asyncio.run(walked(drawn, second))
    assert [event.key for event in first.events] == [event.key for event in second.events]


class Restless(InMemoryRuntime):
    """A runtime whose history is always too long."""

    def hand_over_due(self) -> bool:
        return True


@ENOUGH
@given(canvases(people=True), st.integers(0, 3))
def test_handing_over_between_turns_changes_nothing(drawn: Canvas, patience: int) -> None:
    async def answering(runtime: InMemoryRuntime) -> None:
        while True:
            for wait in list(runtime.waits):
                if not runtime._answers[wait].done():
                    runtime.answer(wait, "蓝")
            await asyncio.sleep(0)

    async def whole(make: type[InMemoryRuntime]) -> tuple[Any, set[str], list[str]]:
        world = Fickle()
        runtime = make({"work": world.work})
        person = asyncio.create_task(answering(runtime))
        snapshot: Any = None
        try:
            while True:
                try:
                    result = await walked(drawn, runtime, snapshot)
                    return result.output, {event.key for event in runtime.events}, world.calls
                except HandOver as over:
                    snapshot = json.loads(json.dumps(over.snapshot))
        finally:
            person.cancel()

    calm = asyncio.run(asyncio.wait_for(whole(InMemoryRuntime), 60))
    restless = asyncio.run(asyncio.wait_for(whole(Restless), 60))
    assert restless[0] == calm[0]
    assert restless[1] == calm[1]
    assert sorted(restless[2]) == sorted(calm[2])
