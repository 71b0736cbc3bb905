"""The runtime in memory: walks plans without anything outside, for tests and for steps that need nothing durable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from engine.answers import check_answer
from engine.errors import EngineError, FlowError, InvalidInput, NotFound
from engine.evaluate import evaluate_step
from engine.events import RunEvent
from engine.interpret import interpret, interpret_slice
from engine.limits import DEFAULT_LIMITS, Limits
from engine.plan import Plan
from engine.runtime import (
    CallRequest,
    CallResult,
    EvaluateRequest,
    OpenWait,
    SliceRequest,
    SliceResult,
    StepError,
    SubflowRequest,
    SubflowResult,
    wait_answered,
    wait_opened,
)
from engine.values import Json

Handler = Callable[[CallRequest], Awaitable[CallResult]]


class InMemoryRuntime:
    """Activities are plain functions, time jumps to whatever is slept for, answers are given by `answer`.

    `events` holds everything told, in order, each key once.
    """

    def __init__(
        self,
        activities: Mapping[str, Handler] | None = None,
        plans: Mapping[str, Plan] | None = None,
        *,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.limits = limits
        self.events: list[RunEvent] = []
        self.waits: dict[str, OpenWait] = {}
        self.slept: list[float] = []
        self.wait_opened = asyncio.Event()
        self._activities = dict(activities or {})
        self._plans = dict(plans or {})
        self._answers: dict[str, asyncio.Future[Json]] = {}
        self._keys: set[str] = set()
        self._now = 1_700_000_000_000

    def now(self) -> int:
        return self._now

    def emit(self, event: RunEvent) -> None:
        if event.key not in self._keys:
            self._keys.add(event.key)
            self.events.append(event)

    def plan(self, plan_hash: str) -> Plan:
        if plan_hash not in self._plans:
            raise EngineError("The plan is not there.", plan_hash=plan_hash)
        return self._plans[plan_hash]

    async def call(self, request: CallRequest) -> CallResult:
        handler = self._activities.get(request.call.activity)
        if handler is None:
            raise StepError("unknown_activity", f"Nothing here runs the activity {request.call.activity}.")
        try:
            return await handler(request)
        except FlowError as error:
            raise StepError.of(error) from error

    async def evaluate(self, request: EvaluateRequest) -> Json:
        plan = self.plan(request.context.plan_hash)
        return evaluate_step(plan, request.step, request.bound, self.limits)

    async def wait(self, wait: OpenWait) -> Json:
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self.waits[wait.wait_id] = wait
        self._answers[wait.wait_id] = answer
        self.emit(wait_opened(wait, self._now))
        self.wait_opened.set()
        try:
            given = await answer
        finally:
            self.waits.pop(wait.wait_id, None)
        self.emit(wait_answered(wait, given, self._now))
        return given

    def answer(self, wait_id: str, answer: Json) -> None:
        """Answer an open wait. Raises `InvalidInput` when the answer does not fit, `NotFound` when nobody asks."""
        wait = self.waits.get(wait_id)
        if wait is None or self._answers[wait_id].done():
            raise NotFound("Nobody is waiting for this answer.", wait_id=wait_id)
        if (complaint := check_answer(wait, answer)) is not None:
            raise InvalidInput(complaint, wait_id=wait_id)
        self._answers[wait_id].set_result(answer)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now += int(seconds * 1000)
        await asyncio.sleep(0)

    async def subflow(self, request: SubflowRequest) -> SubflowResult:
        plan = self.plan(request.context.plan_hash)
        result = await interpret(
            plan, request.inputs, self, request.context, limits=self.limits, targets=request.targets
        )
        return SubflowResult(result.output, result.executed, result.usage, result.forwarded, result.void)

    async def slice(self, request: SliceRequest) -> SliceResult:
        return await interpret_slice(self.plan(request.context.plan_hash), request, self, limits=self.limits)

    async def breathe(self) -> None:
        await asyncio.sleep(0)

    def hand_over_due(self) -> bool:
        return False
