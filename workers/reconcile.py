"""Runs that their records call open, compared with Temporal: what ended is told, what never began does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import structlog
from temporalio.exceptions import ApplicationError

from engine.errors import FlowError
from engine.events import EventType, RunEvent
from engine.runtime import StepError
from engine.values import Json
from storage.ports import EventLog
from workers.client import ExecutionState, RunsClient, RunStart, RunsUnavailable
from workers.workflows.failures import is_ours, to_step_error

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

# A younger run may be between its record and its start.
_GRACE_SECONDS: Final = 15.0
_LONGEST_MESSAGE: Final = 2_000

Finding = Literal["under way", "started", "ended"]


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run whose record is queued, running or waiting. `start` is what it was, or should have been, started with."""

    run_id: str
    executor: str
    start: RunStart


class OpenRuns(Protocol):
    """Where the records are."""

    def open_runs(self, *, created_before: int) -> AsyncIterator[OpenRun]:
        """Open runs that are older than this (UTC milliseconds), of every organisation."""
        ...


class Reconciler:
    """Looks again and again, for as long as `run` is awaited."""

    def __init__(
        self, runs: OpenRuns, client: RunsClient, events: EventLog, *, grace_seconds: float = _GRACE_SECONDS
    ) -> None:
        self._runs = runs
        self._client = client
        self._events = events
        self._grace = grace_seconds

    async def run(self, every_seconds: float) -> None:
        """Reconcile, rest, and again. What cannot be reached now is looked at the next time."""
        while True:
            try:
                await self.once()
            except RunsUnavailable as away:
                _log.warning("runs cannot be compared with Temporal", reason=away.message)
            except Exception:  # noqa: BLE001
                # A full disk, a busy database: whatever it was, runs left behind need the next look all the more.
                _log.exception("open runs cannot be read")
            await asyncio.sleep(every_seconds)

    async def once(self) -> dict[str, Finding]:
        """Compare every open run; what was found, by run. Raises `RunsUnavailable`."""
        before = _now() - int(self._grace * 1000)
        found: dict[str, Finding] = {}
        async for run in self._runs.open_runs(created_before=before):
            state = await self._client.describe(run.executor)
            try:
                found[run.run_id] = await self._compare(run, state)
            except Exception:  # noqa: BLE001
                # One that cannot be helped must not keep the others from help.
                _log.exception("a run cannot be looked after", run_id=run.run_id)
        return found

    async def _compare(self, run: OpenRun, state: ExecutionState) -> Finding:
        if state.status == "running":
            return "under way"
        if state.status == "missing" and not await self._events.read(run.run_id, limit=1):
            return await self._start(run)
        # Its own end was stored before it closed, if it had any: the log then takes no second one.
        failure = await self._client.failure(run.executor) if state.status == "failed" else None
        if await self._events.append(run.run_id, [_end(state, failure)]):
            _log.warning("a run ended without a word", run_id=run.run_id, status=state.status)
        return "ended"

    async def _start(self, run: OpenRun) -> Finding:
        try:
            await self._client.start(run.start)
        except FlowError as error:
            if error.retryable:
                raise
            failure = StepError.of(error).to_json()
            never = RunEvent("run:failed", EventType.RUN_FAILED, _now(), data={"error": failure})
            await self._events.append(run.run_id, [never])
            return "ended"
        _log.warning("a run was never started; it is now", run_id=run.run_id)
        return "started"


def _end(state: ExecutionState, failure: BaseException | None) -> RunEvent:
    at = state.closed_at or _now()
    if state.status == "cancelled":
        return RunEvent("run:cancelled", EventType.RUN_CANCELLED, at, data={"reason": "The run was cancelled."})
    return RunEvent("run:failed", EventType.RUN_FAILED, at, data={"error": _error(state, failure)})


def _error(state: ExecutionState, failure: BaseException | None) -> dict[str, Json]:
    match state.status:
        case "terminated":
            return {"code": "terminated", "message": "An operator ended the run."}
        case "timed_out":
            return {"code": "run_timeout", "message": "The run took longer than a run may take."}
        case "missing":
            return {
                "code": "run_lost",
                "message": "Temporal does not know this run any more; what it had done is told above.",
            }
        case "failed" if isinstance(failure, ApplicationError) and is_ours(failure):
            # The run itself ended this way; only its own word of that was lost.
            return to_step_error(failure).to_json()
        case "failed" if failure is not None:
            reason = (getattr(failure, "message", "") or str(failure))[:_LONGEST_MESSAGE]
            return {"code": "run_broken_off", "message": f"The run broke off in Temporal: {reason}"}
        case _:
            return {
                "code": "run_broken_off",
                "message": "The run broke off in Temporal, where the reason stands; what it had done is told above.",
            }


def _now() -> int:
    return time.time_ns() // 1_000_000
