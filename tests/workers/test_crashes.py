"""Workers that die: what was done stays done, what was told is told once, and the run ends as if nothing happened."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from engine.canvas import Canvas
from engine.compile import Callee
from engine.events import EventType, RunEvent, StoredEvent
from engine.plan import plan_hash
from storage.ids import new_id
from storage.runs import NewRun
from storage.stores import Stores, open_stores
from tests.engine.draw import answer, canvas, compiled, end, node, start
from tests.workers.harness import until
from workers.client import RunsClient, RunStart
from workers.connection import Connection, TemporalOptions, connect, ensure_search_attributes
from workers.embedded import EmbeddedTemporal

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Scene:
    """Stores, a client, and workers that may be killed."""

    server: EmbeddedTemporal
    folder: Path
    queue: str
    stores: Stores
    connection: Connection
    client: RunsClient
    workers: list[asyncio.subprocess.Process]

    async def worker(self) -> asyncio.subprocess.Process:
        """Start a worker; returns when it is about to poll."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.workers.worker_process",
            self.server.address,
            self.queue,
            str(self.folder),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        self.workers.append(process)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        return process

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        process.kill()
        await process.wait()

    async def start(self, drawn: Canvas, *callees: Callee) -> RunStart:
        """Record a run and start it."""
        known = {one.workflow_id: one for one in callees}
        plan, digest = compiled(drawn, lambda workflow, version: known.get(workflow))
        for one in (plan, *(callee.plan for callee in callees)):
            await self.stores.plans.put(plan_hash(one.to_bytes()), one.to_bytes())
        home = await self.stores.organisations.ensure_default()
        made = RunStart(
            run_id=str(new_id()),
            org_id=str(home.org_id),
            space_id=str(home.space_id),
            workflow_id="7",
            version="v1.0.0",
            plan_hash=digest,
            inputs={},
        )
        new = NewRun(
            id=int(made.run_id),
            workflow_id=7,
            workflow_key="flow",
            workflow_name="Flow",
            version="v1.0.0",
            plan_hash=digest,
            mode="durable",
            kind="run",
            created=time.time_ns() // 1_000_000,
            inputs={},
        )
        await self.stores.runs(home.org_id, home.space_id).create(new)
        await self.client.start(made)
        return made

    async def told(self, run: RunStart, kind: EventType, path: str | None = None) -> RunEvent:
        async with asyncio.timeout(180):
            async for stored in self.stores.events.follow(run.run_id):
                if stored.event.type is kind and path in (None, stored.event.path):
                    return stored.event
        raise AssertionError(f"no {kind} at {path}")

    async def opened(self, run: RunStart, wait_id: str) -> None:
        """Returns when this wait is open."""
        async with asyncio.timeout(180):
            async for stored in self.stores.events.follow(run.run_id):
                if stored.event.type is EventType.WAIT_OPENED and stored.event.data["wait_id"] == wait_id:
                    return

    async def to_the_end(self, run: RunStart, into: list[StoredEvent]) -> None:
        """Read the stream as a client does, from before the crash to the end of the run."""
        async with asyncio.timeout(180):
            async for stored in self.stores.events.follow(run.run_id):
                into.append(stored)

    async def begun(self, path: str) -> None:
        """Returns when a worker is at this step."""
        await self.traced("begin", path)

    async def traced(self, word: str, path: str) -> None:
        """Returns when the trace says this of a step."""

        async def there() -> bool:
            return self.trace(word)[path] > 0

        await until(there, seconds=30)

    async def lost(self, run: RunStart) -> list[str]:
        """Why Temporal handed activities out again."""
        history = await self.connection.client.get_workflow_handle(run.executor).fetch_history()
        started = [event.activity_task_started_event_attributes for event in history.events]
        failures = [one.last_failure for one in started if one.attempt > 1]
        return [one.application_failure_info.type or str(one.WhichOneof("failure_info")) for one in failures]

    def trace(self, word: str) -> Counter[str]:
        """How often each step began, or was done."""
        file = self.folder / "trace"
        lines = file.read_text().splitlines() if file.exists() else []
        return Counter(line.partition(" ")[2] for line in lines if line.startswith(word))


@pytest.fixture
async def scene(temporal_server: EmbeddedTemporal, tmp_path: Path) -> AsyncIterator[Scene]:
    with open_stores(tmp_path) as stores:
        queue = uuid4().hex
        connection = await connect(TemporalOptions(address=temporal_server.address, task_queue=queue), stores.blobs)
        await ensure_search_attributes(connection)
        made = Scene(temporal_server, tmp_path, queue, stores, connection, RunsClient(connection), [])
        yield made
        for process in made.workers:
            if process.returncode is None:
                process.kill()
            await process.wait()


def exact(stream: list[StoredEvent]) -> None:
    """No gap, no duplicate, and one end."""
    assert [stored.seq for stored in stream] == list(range(1, len(stream) + 1))
    assert max(Counter(stored.event.key for stored in stream).values()) == 1
    assert stream[-1].event.type is EventType.RUN_SUCCEEDED


CHAIN = canvas(
    start(),
    *[node(f"n{i}", "work", {"text": f"{i}", "rounds": 2 if i == 2 else 1}) for i in range(4)],
    node("local", "work", {"text": "l"}, settings={"tier": "local"}),
    end({"last": "=n3.text", "local": "=local.text"}),
    lines="start>n0>n1>n2>local>n3>end",
)


async def test_a_worker_killed_in_an_activity_repeats_that_one_alone(scene: Scene) -> None:
    first = await scene.worker()
    run = await scene.start(CHAIN)
    stream: list[StoredEvent] = []
    reading = asyncio.create_task(scene.to_the_end(run, stream))
    await scene.begun("n2")
    await scene.kill(first)
    await scene.worker()
    await reading
    exact(stream)
    assert stream[-1].event.data["output"] == {"last": "3", "local": "l"}
    assert scene.trace("begin") == {"n0": 1, "n1": 1, "n2": 2, "local": 1, "n3": 1}
    assert scene.trace("done") == {"n0": 1, "n1": 1, "n2": 1, "local": 1, "n3": 1}
    retried = [stored.event for stored in stream if stored.event.type is EventType.STEP_RETRIED]
    assert [(event.path, event.data["delivery"]) for event in retried] == [("n2", 2)]


async def test_an_answer_that_had_to_wait_for_a_worker_waits_for_the_question_too(scene: Scene) -> None:
    scene.client.opening_seconds = 3.0
    drawn = canvas(
        start(),
        node("a", "work", {"text": "x", "seconds": 0.5}),
        node("ask", "ask", {"question": "?"}),
        end({"said": "=ask.answer"}),
        lines="start>a>ask>end",
    )
    run = await scene.start(drawn)
    # As after a death: no worker is there, and the one that comes is not where the run was told to be yet.
    giving = asyncio.create_task(scene.client.answer(run.executor, "ask", "yes", answer_id="1"))
    await asyncio.wait({giving}, timeout=scene.client.opening_seconds + 0.5)
    await scene.worker()
    await giving
    stream: list[StoredEvent] = []
    await scene.to_the_end(run, stream)
    exact(stream)
    assert stream[-1].event.data["output"] == {"said": "yes"}


async def test_a_stream_cut_by_a_kill_is_announced_and_told_again_whole(scene: Scene) -> None:
    first = await scene.worker()
    drawn = canvas(
        start(),
        node("a", "work", {"pieces": 25, "text": "whole"}, settings={"streams": "text"}),
        answer("So: {{said}}", {"said": "=a.text"}),
        lines="start>a>end",
    )
    run = await scene.start(drawn)
    stream: list[StoredEvent] = []
    reading = asyncio.create_task(scene.to_the_end(run, stream))

    async def in_the_middle() -> bool:
        return sum(stored.event.type is EventType.STEP_DELTA for stored in stream) >= 5

    await until(in_the_middle, seconds=20)
    await scene.kill(first)
    await scene.worker()
    await reading
    exact(stream)
    said: dict[int, str] = {}
    for stored in stream:
        data: Any = stored.event.data
        if stored.event.type is EventType.STEP_DELTA:
            said[data["delivery"]] = said.get(data["delivery"], "") + data["text"]
    whole = "".join(f"{number}," for number in range(25))
    assert said[2] == whole
    assert whole.startswith(said[1])
    order = [stored.event.type for stored in stream]
    again = order.index(EventType.STEP_RETRIED)
    assert all(stored.event.data.get("delivery", 2) == 2 for stored in stream[again:])


async def test_a_graceful_stop_hands_the_activity_over_without_waiting_for_its_heartbeat(scene: Scene) -> None:
    first = await scene.worker()
    drawn = canvas(
        start(), node("a", "work", {"rounds": 2, "text": "x"}), end({"said": "=a.text"}), lines="start>a>end"
    )
    run = await scene.start(drawn)
    stream: list[StoredEvent] = []
    reading = asyncio.create_task(scene.to_the_end(run, stream))
    await scene.begun("a")
    await scene.worker()
    first.send_signal(signal.SIGTERM)
    await scene.told(run, EventType.STEP_RETRIED, "a")
    await reading
    exact(stream)
    assert await first.wait() == 0
    # Handed over by the worker that stopped: no heartbeat was missed.
    assert await scene.lost(run) == ["worker_stops"]


async def test_a_question_asked_by_a_worker_that_died_is_answered_by_the_next(scene: Scene) -> None:
    first = await scene.worker()
    drawn = canvas(start(), node("ask", "ask", {"question": "?"}), end({"said": "=ask.answer"}), lines="start>ask>end")
    run = await scene.start(drawn)
    stream: list[StoredEvent] = []
    reading = asyncio.create_task(scene.to_the_end(run, stream))
    opened = await scene.told(run, EventType.WAIT_OPENED)
    # At once: its workflow task may not even have been accepted.
    await scene.kill(first)
    giving = asyncio.create_task(scene.client.answer(str(opened.data["executor"]), "ask", "yes", answer_id="1"))
    await scene.worker()
    await giving
    await reading
    exact(stream)
    assert stream[-1].event.data["output"] == {"said": "yes"}


async def test_a_worker_killed_again_and_again_ends_the_run_once(scene: Scene) -> None:
    drawn = canvas(
        start(),
        node(
            "turns",
            "loop",
            {"count": 12},
            settings={"mode": "count"},
            blocks=[
                node("a", "work", {"text": "{{index}}", "seconds": 0.1}),
                node("b", "work", {"text": "{{index}}"}, settings={"tier": "local"}),
            ],
            lines="turns>a>b>turns",
            results={"all": "=a.text"},
        ),
        end({"all": "=turns.all"}),
        lines="start>turns>end",
    )
    run = await scene.start(drawn)
    stream: list[StoredEvent] = []
    reading = asyncio.create_task(scene.to_the_end(run, stream))
    for kill in range(3):
        worker = await scene.worker()
        await scene.traced("done", f"turns[{3 * kill + 1}]/a")
        await scene.kill(worker)
    await scene.worker()
    await reading
    exact(stream)
    assert stream[-1].event.data["output"] == {"all": [str(number) for number in range(12)]}
    begun = scene.trace("begin")
    activities = {path: count for path, count in begun.items() if path.endswith("/a")}
    assert len(activities) == 12
    assert sum(activities.values()) <= 12 + 3


async def test_a_question_in_rounds_survives_a_kill_at_every_point(scene: Scene) -> None:
    """While it waits, while an answer is read, and between two questions: nothing is asked or read a second time."""
    ask = node("ask", "ask", {"question": "?"}, settings={"reader": {"answers": 3}})
    drawn = canvas(start(), ask, end({"said": "=ask.answer"}), lines="start>ask>end")
    worker = await scene.worker()
    run = await scene.start(drawn)
    stream: list[StoredEvent] = []
    reading = asyncio.create_task(scene.to_the_end(run, stream))

    async def next_worker() -> asyncio.subprocess.Process:
        await scene.kill(worker)
        return await scene.worker()

    await scene.told(run, EventType.WAIT_OPENED)
    worker = await next_worker()
    await scene.client.answer(run.executor, "ask", "a", answer_id="1")
    await scene.begun("ask")
    worker = await next_worker()
    await scene.opened(run, "ask.2")
    worker = await next_worker()
    await scene.client.answer(run.executor, "ask.2", "b", answer_id="2")
    await scene.traced("done", "ask.2")
    worker = await next_worker()
    await scene.opened(run, "ask.3")
    await scene.client.answer(run.executor, "ask.3", "c", answer_id="3")
    await reading
    exact(stream)
    assert stream[-1].event.data["output"] == {"said": "a b c"}
    done = scene.trace("done")
    # Of a reading that was just done when its process died, nobody may have heard.
    assert (done["ask"], done["ask.3"]) == (1, 1)
    assert done["ask.2"] <= 2
    assert scene.trace("begin")["ask"] <= 2
