"""The runtime of a slice that is walked within one activity: its steps run right here, and history knows it alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from engine.errors import EngineError
from engine.evaluate import evaluate_step
from engine.events import RunEvent
from engine.interpret import interpret_slice
from engine.limits import Limits
from engine.plan import Plan
from engine.runtime import (
    CallRequest,
    CallResult,
    EvaluateRequest,
    OpenWait,
    SliceRequest,
    SliceResult,
    SubflowRequest,
    SubflowResult,
)
from engine.values import Json
from workers.big_values import BigValues
from workers.event_writer import EventWriter
from workers.node_runner import NodeRunner


class SliceRuntime:
    """`engine.runtime.Runtime` for inline steps and local nodes: a slice with any others was not compiled as fused."""

    def __init__(
        self,
        run_id: str,
        delivery: int,
        *,
        limits: Limits,
        plans: Callable[[str], Plan],
        runner: NodeRunner,
        values: BigValues,
        writer: EventWriter,
    ) -> None:
        self._run_id = run_id
        self._delivery = delivery
        self._limits = limits
        self._plans = plans
        self._runner = runner
        self._values = values
        self._writer = writer

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def emit(self, event: RunEvent) -> None:
        self._writer.tell(self._run_id, event)

    def plan(self, plan_hash: str) -> Plan:
        return self._plans(plan_hash)

    async def call(self, request: CallRequest) -> CallResult:
        limits = self._limits
        return await self._runner.run(
            request, delivery=self._delivery, inline=limits.inline_value_bytes, largest=limits.value_bytes
        )

    async def evaluate(self, request: EvaluateRequest) -> Json:
        return await evaluate_request(request, self._limits, self._plans, self._values)

    async def wait(self, wait: OpenWait) -> Json:
        raise EngineError("A step that asks a person cannot be walked within an activity.", path=wait.wait_id)

    async def sleep(self, seconds: float) -> None:
        # Between two attempts of a local node.
        await asyncio.sleep(seconds)

    async def subflow(self, request: SubflowRequest) -> SubflowResult:
        raise EngineError("A sub-workflow with a history of its own cannot be walked within an activity.")

    async def slice(self, request: SliceRequest) -> SliceResult:
        return await interpret_slice(self._plans(request.context.plan_hash), request, self, limits=self._limits)

    async def breathe(self) -> None:
        await self._writer.room()
        await asyncio.sleep(0)

    def hand_over_due(self) -> bool:
        return False


async def evaluate_request(
    request: EvaluateRequest, limits: Limits, plans: Callable[[str], Plan], values: BigValues
) -> Json:
    """Evaluate an inline step whose values are by reference: load them, and leave what is big in the store again."""
    org_id = request.context.org_id
    bound = await values.load(org_id, dict(request.bound))
    plan = plans(request.context.plan_hash)
    done: Any = await asyncio.to_thread(evaluate_step, plan, request.step, bound, limits)
    output = await values.offload(org_id, done["output"], inline=limits.inline_value_bytes, largest=limits.value_bytes)
    return {**done, "output": output}
