"""Random Coze canvases: imported, run in memory, through Temporal, and with a worker that dies: one outcome.

`python -m tests.interchange.fuzz 500` tries so many.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.events import RUN_ENDS, EventType, RunEvent
from storage.ids import new_id
from storage.runs import NewRun
from storage.stores import Stores, open_stores
from tests.interchange.imports import import_case
from tests.interchange.random_canvases import INPUTS, canvases, case_of
from tests.interchange.roads import Errand, MemoryRoad, TemporalRoad, memory_road, temporal_road
from tests.interchange.told import Told, told
from tests.interchange.verdict import differences
from tests.interchange.world import World
from workers.client import RunsClient, RunStart
from workers.connection import TemporalOptions, connect, ensure_search_attributes
from workers.embedded import EmbeddedTemporal

T = TypeVar("T")

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
ROOT = Path(__file__).resolve().parents[2]
QUIET: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
SOME = settings(max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate], **QUIET)
DEATHS = settings(max_examples=max(1, EXAMPLES // 25), phases=[Phase.explicit, Phase.generate], **QUIET)
AT_ONCE = 8
"""Runs that one death hits."""


class Stage:
    """Both roads on a loop of their own: examples are drawn without one."""

    def __init__(self, server: EmbeddedTemporal, folder: Path) -> None:
        self.server, self.folder = server, folder
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        self._stack = AsyncExitStack()
        self.memory: MemoryRoad = self.do(self._stack.enter_async_context(memory_road(folder / "memory")))
        self.temporal: TemporalRoad = self.do(
            self._stack.enter_async_context(temporal_road(server, folder / "temporal"))
        )

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(300)

    def close(self) -> None:
        self.do(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def stage(temporal_server: EmbeddedTemporal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(temporal_server, tmp_path_factory.mktemp("fuzz"))
    yield made
    made.close()


def errand(canvas: dict[str, Any]) -> Errand:
    """The document, ready to be run by somebody new."""
    case = case_of(canvas)
    imported = import_case(case, case.ids)
    assert imported.refusal == ""
    assert [one for one in imported.diagnostics if one.severity == "error"] == []
    owner = str(int(uuid4().int % 10**15))
    start = RunStart(owner, owner, owner, "7", "v1", imported.root, INPUTS, user_id="u1", app_id="app")
    return Errand(imported, start, (), World.of(case, case.runs[0]), every_wait=answer_to)


def answer_to(wait_id: str, kind: str) -> Any:
    """What people say to whatever they are asked."""
    return {"name": f"to {wait_id}"} if kind == "form" else f"to {wait_id}"


async def walked(road: MemoryRoad | TemporalRoad, one: Errand) -> Told:
    road.worlds.add(one.start.run_id, one.world)
    async with asyncio.timeout(60):
        events, ended = await road.carry_out(one)
    assert ended is not None
    return told(events, ended, one.world)


@SOME
@given(canvas=canvases(people=True))
def test_every_canvas_gives_the_same_in_memory_and_through_temporal(stage: Stage, canvas: dict[str, Any]) -> None:
    one = errand(canvas)
    here = stage.do(walked(stage.memory, one))
    there = stage.do(walked(stage.temporal, one))
    assert differences(here, there) == []


@DEATHS
@given(drawn=st.lists(canvases(people=True), min_size=AT_ONCE, max_size=AT_ONCE), moment=st.integers(3, 120))
def test_a_worker_that_dies_changes_nothing(stage: Stage, drawn: list[dict[str, Any]], moment: int) -> None:
    errands = [errand(canvas) for canvas in drawn]
    expected = [stage.do(walked(stage.memory, one)) for one in errands]
    logs = stage.do(survived(stage, errands, moment))
    for one, wanted, events in zip(errands, expected, logs, strict=True):
        keys = Counter(event.key for event in events)
        assert [key for key, times in keys.items() if times > 1] == []
        ends = Counter(
            event.path for event in events if event.type in (EventType.STEP_SUCCEEDED, EventType.STEP_FAILED)
        )
        assert [path for path, times in ends.items() if times > 1] == []
        last = [event for event in events if event.type in RUN_ENDS]
        assert len(last) == 1
        assert differences(wanted, told(events, last[0], one.world)) == []


async def survived(stage: Stage, errands: list[Errand], moment: int) -> list[list[RunEvent]]:
    """Run them all; after so many events the worker is killed, and another comes."""
    folder, queue = stage.folder / uuid4().hex, uuid4().hex
    with open_stores(folder) as stores:
        connection = await connect(TemporalOptions(address=stage.server.address, task_queue=queue), stores.blobs)
        await ensure_search_attributes(connection)
        client = RunsClient(connection)
        worker = await _worker(stage, queue, folder)
        seen = _Seen(moment)
        try:
            readers = []
            for one in errands:
                for digest, plan in one.imported.plans.items():
                    await stores.plans.put(digest, plan.to_bytes())
                start = await _recorded(stores, one.start)
                readers.append(asyncio.create_task(_follow(stores, client, start, seen)))
                await client.start(start)
            done = asyncio.gather(*readers)
            done.add_done_callback(lambda _: seen.reached.set())
            await seen.reached.wait()
            worker.send_signal(signal.SIGKILL)
            await worker.wait()
            worker = await _worker(stage, queue, folder)
            async with asyncio.timeout(120):
                return list(await done)
        finally:
            worker.kill()
            await worker.wait()


async def _recorded(stores: Stores, start: RunStart) -> RunStart:
    """The run, on record; of an application of its own, so that nobody else writes its variables."""
    home = await stores.organisations.ensure_default()
    run_id = new_id()
    new = NewRun(
        id=run_id,
        workflow_id=7,
        workflow_key="flow",
        workflow_name="Flow",
        version="v1",
        plan_hash=start.plan_hash,
        mode="durable",
        kind="run",
        created=1,
        inputs={},
    )
    await stores.runs(home.org_id, home.space_id).create(new)
    return replace(
        start, run_id=str(run_id), org_id=str(home.org_id), space_id=str(home.space_id), app_id=f"app-{run_id}"
    )


class _Seen:
    """Counts what is told, and says when it is enough."""

    def __init__(self, enough: int) -> None:
        self._left = enough
        self.reached = asyncio.Event()

    def one_more(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self.reached.set()


async def _follow(stores: Stores, client: RunsClient, start: RunStart, seen: _Seen) -> list[RunEvent]:
    """Read a run as a client does, and answer whatever it asks."""
    events: list[RunEvent] = []
    async for stored in stores.events.follow(start.run_id):
        event = stored.event
        events.append(event)
        seen.one_more()
        if event.type is EventType.WAIT_OPENED:
            wait_id, kind = str(event.data["wait_id"]), str(event.data["kind"])
            executor = str(event.data["executor"] or start.executor)
            await client.answer(executor, wait_id, answer_to(wait_id, kind), answer_id=wait_id)
    return events


async def _worker(stage: Stage, queue: str, folder: Path) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.interchange.fuzz_worker",
        stage.server.address,
        queue,
        str(folder),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    while (line := await process.stdout.readline()) != b"ready\n":
        assert line, "the worker ended before it began"
    return process
