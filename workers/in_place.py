"""Walking a plan within the process that asks: for plans of inline steps alone, which have nothing outside to lose."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import orjson

from engine.errors import EngineError, FlowError
from engine.events import EventType, RunEvent
from engine.interpret import interpret, interpret_slice
from engine.limits import Limits
from engine.plan import Plan
from engine.runtime import (
    CallRequest,
    CallResult,
    EvaluateRequest,
    OpenWait,
    RunContext,
    SliceRequest,
    SliceResult,
    StepError,
    SubflowRequest,
    SubflowResult,
)
from engine.values import Json

LONGEST_SECONDS: Final = 0.5
"""A walk holds up everybody else in the process between two breaths, so it may not go on for long."""

_STEP_ENDS: Final = (EventType.STEP_SUCCEEDED, EventType.STEP_FAILED)


class TooMuch(Exception):
    """The run is too long or too large to be walked here: nothing has happened yet, so it can start over elsewhere."""


@dataclass(frozen=True, slots=True)
class Walked:
    """A run that has ended: everything it told, its end last."""

    events: list[RunEvent]
    output: dict[str, Json] | None = None
    answer: str | None = None
    error: dict[str, Json] | None = None
    executed: int = 0


async def walk(
    plan: Plan,
    inputs: Mapping[str, Json],
    context: RunContext,
    plans: Callable[[str], Plan],
    *,
    limits: Limits,
    now: Callable[[], int] | None = None,
) -> Walked:
    """Walk a plan whose `in_place` holds, to its end. How the run fails is part of what it tells. Raises `TooMuch`."""
    runtime = InPlaceRuntime(plans, limits, now or _now)
    try:
        result = await interpret(plan, inputs, runtime, context, limits=limits)
    except FlowError as failure:
        error = StepError.of(failure).to_json()
        runtime.end(EventType.RUN_FAILED, error=error)
        return Walked(runtime.events, error=error, executed=runtime.steps)
    said = {} if result.answer is None else {"answer": result.answer}
    runtime.end(EventType.RUN_SUCCEEDED, output=result.output, **said)
    return Walked(runtime.events, output=result.output, answer=result.answer, executed=runtime.steps)


class InPlaceRuntime:
    """`engine.runtime.Runtime` for inline steps; a plan that asks for more was not compiled to be walked here."""

    def __init__(self, plans: Callable[[str], Plan], limits: Limits, now: Callable[[], int]) -> None:
        self.events: list[RunEvent] = []
        self._plans = plans
        self._limits = limits
        self._now = now
        self.steps = 0
        self._until = time.monotonic() + LONGEST_SECONDS

    def now(self) -> int:
        return self._now()

    def emit(self, event: RunEvent) -> None:
        # Not an error of the run, which a step might handle: it leaves through all of the interpreter.
        if event.type in _STEP_ENDS:
            self.steps += 1
            if self.steps > self._limits.in_place_steps:
                raise TooMuch(f"more than {self._limits.in_place_steps} steps")
        # What is larger than this is carried by reference, and references are made by whoever runs activities.
        if _size(event.data) > self._limits.inline_value_bytes:
            raise TooMuch("a large value")
        self.events.append(event)

    def end(self, how: EventType, **data: Any) -> None:
        """Tell how the run ended."""
        self.emit(RunEvent(key="run:" + how.value.removeprefix("run."), type=how, at=self._now(), data=data))

    def plan(self, plan_hash: str) -> Plan:
        return self._plans(plan_hash)

    async def breathe(self) -> None:
        if time.monotonic() > self._until:
            raise TooMuch(f"more than {LONGEST_SECONDS} seconds")
        await asyncio.sleep(0)

    def hand_over_due(self) -> bool:
        return False

    async def call(self, request: CallRequest) -> CallResult:
        _not_here(request.path)

    async def evaluate(self, request: EvaluateRequest) -> Json:
        _not_here(request.path)

    async def wait(self, wait: OpenWait) -> Json:
        _not_here(wait.wait_id)

    async def sleep(self, seconds: float) -> None:
        _not_here("")

    async def subflow(self, request: SubflowRequest) -> SubflowResult:
        _not_here(request.context.prefix)

    async def slice(self, request: SliceRequest) -> SliceResult:
        return await interpret_slice(self.plan(request.context.plan_hash), request, self, limits=self._limits)


def _not_here(path: str) -> NoReturn:
    raise EngineError("The plan says that it can be walked in place, and has a step that cannot.", path=path)


def _size(data: Mapping[str, Any]) -> int:
    """How large an event is when it is stored."""
    try:
        return len(orjson.dumps(data))
    except TypeError:
        # Integers beyond 64 bits and the like, which orjson does not write: let those take the slow road too.
        raise TooMuch("a value out of the ordinary") from None


def _now() -> int:
    return time.time_ns() // 1_000_000
