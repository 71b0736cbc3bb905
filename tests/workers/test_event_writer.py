"""The event writer: in order, in batches, from any thread, and nothing lost by a log that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from threading import Thread
from typing import Any

import pytest

from engine.errors import NotFound
from engine.events import EventType, RunEvent, StoredEvent
from engine.values import BlobRef
from tests.workers.harness import PATIENCE
from tests.workers.memory_stores import MemoryLog
from workers.event_writer import EventWriter, WriterOverloaded


def event(key: str, **data: Any) -> RunEvent:
    return RunEvent(key, EventType.STEP_DELTA, 1, "a", "a", data)


def keys(log: MemoryLog, run_id: str) -> list[str]:
    return [stored.event.key for stored in log.events.get(run_id, [])]


class StuckLog(MemoryLog):
    """Takes nothing of these runs until it is told to."""

    def __init__(self, *stuck: str) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self._stuck = stuck or ("run",)

    async def append(self, run_id: str, events: Sequence[RunEvent]) -> list[StoredEvent]:
        if run_id in self._stuck:
            await self.gate.wait()
        return await super().append(run_id, events)


async def test_what_was_told_before_a_flush_is_stored_after_it() -> None:
    log = MemoryLog()
    writer = EventWriter(log)
    for number in range(5):
        writer.tell("run", event(f"e{number}"))
    await writer.flush("run")
    assert keys(log, "run") == ["e0", "e1", "e2", "e3", "e4"]
    assert log.appends == 1
    await writer.close()


async def test_a_flush_of_a_run_that_told_nothing_returns_at_once() -> None:
    writer = EventWriter(StuckLog())
    async with asyncio.timeout(PATIENCE):
        await writer.flush("run")


async def test_events_of_many_threads_are_all_stored_and_each_threads_in_its_order() -> None:
    log = MemoryLog()
    writer = EventWriter(log)

    def tell(number: int) -> None:
        for count in range(500):
            writer.tell("run", event(f"{number}.{count}"))

    threads = [Thread(target=tell, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    await writer.flush("run")
    stored = keys(log, "run")
    assert len(stored) == 2_000
    for n in range(4):
        assert [key for key in stored if key.startswith(f"{n}.")] == [f"{n}.{i}" for i in range(500)]


async def test_a_log_that_fails_delays_events_and_loses_none() -> None:
    log = MemoryLog()
    log.failures = 3
    writer = EventWriter(log)
    writer.tell("run", event("a"))
    writer.tell("run", event("b"))
    await writer.flush("run")
    assert keys(log, "run") == ["a", "b"]
    assert log.appends == 4


async def test_a_run_whose_log_is_stuck_does_not_hold_up_another() -> None:
    log = StuckLog("stuck")
    writer = EventWriter(log)
    writer.tell("stuck", event("a"))
    writer.tell("free", event("b"))
    await writer.flush("free")
    assert keys(log, "free") == ["b"]
    assert keys(log, "stuck") == []
    log.gate.set()
    await writer.flush("stuck")
    assert keys(log, "stuck") == ["a"]


async def test_a_thread_is_held_up_while_there_is_no_room_and_refused_after_a_second() -> None:
    log = StuckLog()
    writer = EventWriter(log, room=2)
    writer.tell("run", event("a"))
    writer.tell("run", event("b"))
    with pytest.raises(WriterOverloaded):
        await asyncio.to_thread(writer.tell, "run", event("c"))
    waiting = asyncio.create_task(asyncio.to_thread(writer.tell, "run", event("c")))
    asking = asyncio.create_task(writer.room())
    await asyncio.sleep(0)
    assert not asking.done()
    log.gate.set()
    await waiting
    await asking
    await writer.flush("run")
    assert keys(log, "run") == ["a", "b", "c"]


async def test_references_are_stored_in_their_json_form() -> None:
    log = MemoryLog()
    writer = EventWriter(log)
    ref = BlobRef("0" * 64, 10, "string", 8)
    writer.tell("run", event("a", output={"big": ref, "list": [1, ref]}))
    await writer.flush("run")
    assert log.events["run"][0].event.data == {"output": {"big": ref.to_wire(), "list": [1, ref.to_wire()]}}


async def test_closing_stores_what_is_left() -> None:
    log = MemoryLog()
    writer = EventWriter(log)
    for number in range(3_000):
        writer.tell(f"run{number % 7}", event(f"e{number}"))
    await asyncio.sleep(0)
    await writer.close()
    assert sum(len(stored) for stored in log.events.values()) == 3_000


async def test_events_of_a_run_that_was_deleted_are_dropped_and_hold_up_nothing() -> None:
    class Deleted(MemoryLog):
        async def append(self, run_id: str, events: Sequence[RunEvent]) -> list[StoredEvent]:
            if run_id == "deleted":
                raise NotFound("There is no such run.", run_id=run_id)
            return await super().append(run_id, events)

    log = Deleted()
    writer = EventWriter(log)
    writer.tell("deleted", event("a"))
    writer.tell("run", event("b"))
    await writer.flush("deleted")
    await writer.flush("run")
    assert keys(log, "run") == ["b"]
