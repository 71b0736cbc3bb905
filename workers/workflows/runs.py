"""The two workflows: a run of any canvas, and a slice of a batch. What they do is in the plan; here is how they end."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Coroutine
from typing import Any

from temporalio import workflow

from engine.errors import EngineError, FlowError
from engine.events import EventType, RunEvent
from engine.interpret import HandOver, RunResult, interpret, interpret_slice
from engine.runtime import RunContext, StepError, SubflowResult
from engine.values import Json
from workers.workflows import attributes
from workers.workflows.answers import Answers
from workers.workflows.failures import to_temporal
from workers.workflows.messages import (
    ANSWER,
    CANCEL_REASON,
    RUN_CANVAS,
    RUN_SLICE,
    RunOrder,
    SliceOrder,
    Wire,
    write_slice_result,
    write_subflow_result,
)
from workers.workflows.runtime import TemporalRuntime


class _TakesAnswers:
    """What both workflows have in common: people answer the questions that are open in them."""

    answers: Answers

    @workflow.update(name=ANSWER)
    def answer(self, wait_id: str, answer: Json) -> None:
        self.answers.give(wait_id, answer, _answer_id())

    @answer.validator
    def _check_answer(self, wait_id: str, answer: Json) -> None:
        self.answers.check(wait_id, answer, _answer_id())


@workflow.defn(name=RUN_CANVAS, sandboxed=False, failure_exception_types=[EngineError])
class RunCanvas(_TakesAnswers):
    """Interprets a plan: a whole run, or a sub-workflow as the child of one."""

    @workflow.init
    def __init__(self, wire: Wire) -> None:
        self._order = RunOrder.from_wire(wire)
        self._reason = ""
        self.answers = Answers(self._order.answered, self._order.given)

    @workflow.signal(name=CANCEL_REASON)
    def _take_reason(self, reason: str) -> None:
        """Comes before the cancellation itself, whose own reason Temporal keeps in clear."""
        self._reason = reason

    @workflow.run
    async def run(self, wire: Wire) -> Wire:
        order = self._order
        runtime = TemporalRuntime(
            order.context,
            limits=order.limits,
            kind=order.kind,
            answers=self.answers,
            hand_over_events=order.hand_over_events,
        )
        try:
            result = await self._walk(runtime)
        except FlowError as error:
            failure = StepError.of(error)
            _show_failure(failure)
            self._tell_end(runtime, EventType.RUN_FAILED, error=failure.to_json())
            await _to_the_end(runtime.flush())
            raise to_temporal(error) from None
        except asyncio.CancelledError:
            reason = self._reason or workflow.cancellation_reason() or "The run was cancelled."
            self._tell_end(runtime, EventType.RUN_CANCELLED, reason=reason)
            await _to_the_end(runtime.flush())
            raise
        answer = {} if result.answer is None else {"answer": result.answer}
        self._tell_end(runtime, EventType.RUN_SUCCEEDED, output=result.output, **answer)
        await _to_the_end(runtime.flush())
        return write_subflow_result(
            SubflowResult(result.output, result.executed, result.usage, result.forwarded, result.void)
        )

    async def _walk(self, runtime: TemporalRuntime) -> RunResult:
        order = self._order
        if workflow.cancellation_reason() is not None:
            # Before it began: Temporal would cancel it only once its first steps are under way.
            raise asyncio.CancelledError
        try:
            return await interpret(
                runtime.plan(order.plan_hash),
                order.inputs,
                runtime,
                order.context,
                limits=order.limits,
                snapshot=order.snapshot,
                targets=order.targets,
            )
        except HandOver as due:
            await runtime.flush()
            await workflow.wait_condition(workflow.all_handlers_finished)
            later = dataclasses.replace(
                order, snapshot=due.snapshot, answered=self.answers.answered, given=self.answers.given
            )
            workflow.continue_as_new(later.to_wire())

    def _tell_end(self, runtime: TemporalRuntime, how: EventType, **data: Any) -> None:
        """Only the run itself ends in the log; a sub-workflow's end is the end of a step."""
        if _is_root(self._order.context):
            key = "run:" + how.value.removeprefix("run.")
            runtime.emit(RunEvent(key=key, type=how, at=runtime.now(), data=data))


@workflow.defn(name=RUN_SLICE, sandboxed=False, failure_exception_types=[EngineError])
class RunSlice(_TakesAnswers):
    """Walks some turns of a batch that is too large for one history."""

    @workflow.init
    def __init__(self, wire: Wire) -> None:
        self._order = SliceOrder.from_wire(wire)
        self.answers = Answers({}, {})

    @workflow.run
    async def run(self, wire: Wire) -> Wire:
        order = self._order
        context = order.request.context
        # A slice is small enough for one history: it is never handed over.
        runtime = TemporalRuntime(context, limits=order.limits, kind=order.kind, answers=self.answers)
        try:
            plan = runtime.plan(context.plan_hash)
            result = await interpret_slice(plan, order.request, runtime, limits=order.limits)
        except FlowError as error:
            _show_failure(StepError.of(error))
            await _to_the_end(runtime.flush())
            raise to_temporal(error) from None
        except asyncio.CancelledError:
            await _to_the_end(runtime.flush())
            raise
        await _to_the_end(runtime.flush())
        return write_slice_result(result)


def _is_root(context: RunContext) -> bool:
    return context.depth == 0 and not context.prefix


def _answer_id() -> str:
    update = workflow.current_update_info()
    return "" if update is None else update.id


def _show_failure(failure: StepError) -> None:
    title = str(failure.facts.get("title", ""))
    workflow.upsert_search_attributes(attributes.failed(title, failure.error_code))


async def _to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Do this even if the run is cancelled meanwhile: how it ended is decided, and must be stored before it closes."""
    task = asyncio.create_task(work)
    while not task.done():
        try:
            await workflow.wait([task])
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    task.result()
