"""The activities: one for each node type, under its own name, and the few that the interpreter itself needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from engine.errors import FlowError
from engine.interpret import interpret_slice
from engine.perform import READ_VARIABLES
from engine.plan import Plan
from engine.runtime import CallResult, SliceResult, StepError
from workers.big_values import BigValues
from workers.event_writer import EventWriter
from workers.node_runner import NodeRunner
from workers.slices import SliceRuntime, evaluate_request
from workers.workflows.failures import to_temporal
from workers.workflows.messages import (
    EVALUATE,
    FLUSH,
    WALK_SLICE,
    CallOrder,
    EvaluateOrder,
    SliceOrder,
    Wire,
    write_call_result,
    write_slice_result,
)

# A cancellation reaches an activity in the answer to its heartbeat, so there should be one every half second. But each
# costs the server a millisecond or two: where there are more than fifty activities, they send a hundred a second.
_OFTEN: Final = 0.5
_BEATS_PER_SECOND: Final = 100


@activity.defn(dynamic=True)
async def _missing(args: Sequence[RawValue]) -> None:
    """Answers for every other name: Temporal itself would try an unknown activity again and again."""
    name = activity.info().activity_type
    raise to_temporal(StepError("activity_missing", f"No worker has a node type {name}: is its package installed?"))


class Activities:
    """What a worker registers."""

    def __init__(
        self,
        names: tuple[str, ...],
        *,
        runner: NodeRunner,
        plans: Callable[[str], Plan],
        values: BigValues,
        writer: EventWriter,
    ) -> None:
        """`names` are those of the node types that do something."""
        self._names = names
        self._runner = runner
        self._plans = plans
        self._values = values
        self._writer = writer
        self._running = 0

    def all(self) -> list[Callable[..., Any]]:
        """Each as Temporal wants it: a function with a name."""
        nodes = [self._node(name) for name in (*self._names, READ_VARIABLES.activity)]
        return [*nodes, self._flush(), self._evaluate(), self._walk_slice(), _missing]

    def _node(self, name: str) -> Callable[..., Any]:
        @activity.defn(name=name)
        async def run_node(wire: Wire) -> Wire:
            order = CallOrder.from_wire(wire)
            async with self._alive():
                result: CallResult = await self._runner.run(
                    order.request,
                    delivery=activity.info().attempt,
                    inline=order.inline_value_bytes,
                    largest=order.value_bytes,
                )
            return write_call_result(result)

        return run_node

    def _flush(self) -> Callable[..., Any]:
        @activity.defn(name=FLUSH)
        async def flush(run_id: str) -> None:
            await self._writer.flush(run_id)

        return flush

    def _evaluate(self) -> Callable[..., Any]:
        @activity.defn(name=EVALUATE)
        async def evaluate(wire: Wire) -> Any:
            order = EvaluateOrder.from_wire(wire)
            async with self._alive():
                return await evaluate_request(order.request, order.limits, self._plans, self._values)

        return evaluate

    def _walk_slice(self) -> Callable[..., Any]:
        @activity.defn(name=WALK_SLICE)
        async def walk_slice(wire: Wire) -> Wire:
            order = SliceOrder.from_wire(wire)
            async with self._alive():
                return write_slice_result(await self._walk(order))

        return walk_slice

    async def _walk(self, order: SliceOrder) -> SliceResult:
        request, context = order.request, order.request.context
        runtime = SliceRuntime(
            context.run_id,
            activity.info().attempt,
            limits=order.limits,
            plans=self._plans,
            runner=self._runner,
            values=self._values,
            writer=self._writer,
        )
        try:
            plan = self._plans(context.plan_hash)
            done = await interpret_slice(plan, request, runtime, limits=order.limits)
        finally:
            await self._writer.flush(context.run_id)
        limits = order.limits
        results: dict[str, list[Any]] = {}
        for name, values in done.results.items():
            items = {str(index): value for index, value in enumerate(values)}
            kept = await self._values.offload(
                context.org_id, items, inline=limits.inline_value_bytes, largest=limits.value_bytes
            )
            results[name] = list(kept.values())
        return SliceResult(results=results, executed=done.executed, usage=done.usage)

    @asynccontextmanager
    async def _alive(self) -> AsyncGenerator[None]:
        """Heartbeats while the work goes on, and errors in Temporal's form when it fails."""
        timeout = activity.info().heartbeat_timeout
        beats = None if timeout is None else asyncio.create_task(self._beat(timeout))
        self._running += 1
        try:
            yield
        except FlowError as error:
            # Without its causes: the history keeps what it is told, and they may tell too much.
            raise to_temporal(error) from None
        except asyncio.CancelledError:
            if activity.is_worker_shutdown():
                # Nobody cancelled the run: only this process stops. Another one takes the activity over.
                raise ApplicationError(
                    "The worker stops.", type="worker_stops", category=ApplicationErrorCategory.BENIGN
                ) from None
            raise
        finally:
            self._running -= 1
            if beats is not None:
                beats.cancel()

    async def _beat(self, timeout: timedelta) -> None:
        while True:
            often = max(_OFTEN, self._running / _BEATS_PER_SECOND)
            await asyncio.sleep(min(timeout.total_seconds() / 3, often))
            activity.heartbeat()
