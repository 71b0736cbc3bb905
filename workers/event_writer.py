"""The way of events into the log: told from any thread, stored in batches and in order, not lost by a storage error."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from threading import Condition
from typing import Any, Final

import structlog

from engine.errors import FlowError
from engine.events import EventType, RunEvent, StoredEvent
from engine.values import BlobRef
from storage.ports import EventLog

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_BATCH: Final = 1_000
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0
# Most events come in handfuls: a transaction for each handful costs less than one for each event.
_GATHER: Final = 0.02
_URGENT: Final = (EventType.STEP_DELTA, EventType.MESSAGE_DELTA, EventType.MESSAGE_OPENED, EventType.WAIT_OPENED)
# Less than the two seconds after which Temporal takes a workflow thread for dead.
_PATIENCE: Final = 1.0


class WriterOverloaded(Exception):
    """The log takes events more slowly than they come. No error of the run: Temporal tries its task again, later."""


@dataclass(slots=True)
class _Line:
    """The events of one run that wait to be stored."""

    waiting: deque[RunEvent] = field(default_factory=deque[RunEvent])
    told: int = 0
    stored: int = 0
    draining: bool = False
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    flushes: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list[tuple[int, "asyncio.Future[None]"]])


class EventWriter:
    """One per process. Made and closed on the event loop that the log belongs to.

    An error of the log is tried again until it is gone: a flush then simply takes longer, and with it the workflow.
    """

    def __init__(self, log: EventLog, *, room: int = 100_000, width: int = 32) -> None:
        """Hold up to `room` events; write to at most `width` runs at a time."""
        self._log = log
        self._room = room
        self._loop = asyncio.get_running_loop()
        self._lines: dict[str, _Line] = {}
        self._held = 0
        self._change = Condition()
        self._slots = asyncio.Semaphore(width)
        self._drains: set[asyncio.Task[None]] = set()
        self._free = asyncio.Event()
        self._free.set()
        self._closed = False

    def tell(self, run_id: str, event: RunEvent) -> None:
        """Take an event, from any thread. A thread that is not the loop's is held up while there is no room."""
        with self._change:
            if self._held >= self._room and not self._on_loop():
                self._change.wait_for(lambda: self._held < self._room, _PATIENCE)
                if self._held >= self._room:
                    raise WriterOverloaded(f"{self._held} events wait to be stored.")
            if (line := self._lines.get(run_id)) is None:
                line = self._lines[run_id] = _Line()
            line.waiting.append(event)
            line.told += 1
            self._held += 1
            if self._held >= self._room:
                self._loop.call_soon_threadsafe(self._look_for_room)
            start, line.draining = not line.draining, True
        if start:
            self._loop.call_soon_threadsafe(self._start, run_id)
        if event.type in _URGENT:
            self._loop.call_soon_threadsafe(line.hurry.set)

    async def room(self) -> None:
        """Wait until there is room for more: what tells from the loop asks first."""
        await self._free.wait()

    def follow(self, run_id: str) -> AsyncIterator[StoredEvent]:
        """The events of a run from its beginning, and new ones as they come, whichever process tells them."""
        return self._log.follow(run_id)

    async def flush(self, run_id: str) -> None:
        """Wait until everything told of this run before now is stored."""
        with self._change:
            line = self._lines.get(run_id)
            if line is None or line.stored >= line.told:
                return
            done: asyncio.Future[None] = self._loop.create_future()
            line.flushes.append((line.told, done))
            line.hurry.set()
        await done

    async def close(self, patience: float = 5.0) -> None:
        """Store what is left; what the log will not take within `patience` is told again by Temporal's replay."""
        for line in self._lines.values():
            line.hurry.set()
        if self._drains:
            await asyncio.wait(list(self._drains), timeout=patience)
        self._closed = True
        for task in list(self._drains):
            task.cancel()
        await asyncio.gather(*self._drains, return_exceptions=True)
        for line in self._lines.values():
            for _, done in line.flushes:
                done.cancel()
        if self._held:
            _log.error("events were not stored before the end", events=self._held)

    def _look_for_room(self) -> None:
        if self._held < self._room:
            self._free.set()
        else:
            self._free.clear()

    def _on_loop(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def _start(self, run_id: str) -> None:
        if self._closed:
            return
        task = self._loop.create_task(self._drain(run_id), name=f"events of {run_id}")
        self._drains.add(task)
        task.add_done_callback(self._drains.discard)

    async def _drain(self, run_id: str) -> None:
        """Store the run's events until none is left; then forget the run."""
        line = self._lines[run_id]
        while True:
            await _hurried(line)
            with self._change:
                batch = [line.waiting.popleft() for _ in range(min(_BATCH, len(line.waiting)))]
                line.hurry.clear()
                if not batch:
                    line.draining = False
                    del self._lines[run_id]
                    return
            # Here and not where they are told: a large event would hold up its workflow's thread.
            await self._store(run_id, [_plain(event) for event in batch])
            with self._change:
                line.stored += len(batch)
                self._held -= len(batch)
                self._change.notify_all()
                reached = [done for mark, done in line.flushes if mark <= line.stored]
                line.flushes = [(mark, done) for mark, done in line.flushes if mark > line.stored]
            self._look_for_room()
            for done in reached:
                if not done.done():
                    done.set_result(None)

    async def _store(self, run_id: str, batch: list[RunEvent]) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self._slots:
                    await self._log.append(run_id, batch)
            except FlowError as refused:
                if not refused.retryable:
                    # The run was deleted while it went on: there is nothing left that its events could belong to.
                    _log.warning(
                        "the event log refuses events", run_id=run_id, events=len(batch), reason=refused.message
                    )
                    return
                await self._rest(run_id, pause)
            except Exception:  # noqa: BLE001
                # Whatever else the log raises: the run must not go on without its record, so it is tried again.
                await self._rest(run_id, pause)
            else:
                return
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _rest(self, run_id: str, pause: float) -> None:
        _log.warning("the event log fails", run_id=run_id, next_try_in=pause, exc_info=True)
        await asyncio.sleep(pause)


async def _hurried(line: _Line) -> None:
    """Wait for what else there is to tell, unless somebody waits for this."""
    if line.hurry.is_set() or line.flushes or not line.waiting:
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GATHER):
            await line.hurry.wait()


def _plain(event: RunEvent) -> RunEvent:
    """The event with references in their JSON form; the very same object where there are none."""
    plain = _without_refs(event.data)
    return event if plain is event.data else replace(event, data=plain)


def _without_refs(value: Any) -> Any:
    if isinstance(value, BlobRef):
        return value.to_wire()
    if isinstance(value, Mapping):
        made = {key: _without_refs(item) for key, item in value.items()}
        return made if any(made[key] is not item for key, item in value.items()) else value
    if isinstance(value, list | tuple):
        items = [_without_refs(item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value
