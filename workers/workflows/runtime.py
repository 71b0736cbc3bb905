"""The durable runtime: what the interpreter asks for becomes commands to Temporal, and history answers at replay."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, Protocol

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError, is_cancelled_exception

from engine.errors import EngineError, FlowError
from engine.events import RunEvent
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
    SubflowRequest,
    SubflowResult,
    wait_answered,
    wait_opened,
)
from engine.values import Json
from workers.workflows import attributes
from workers.workflows.answers import Answers
from workers.workflows.failures import to_step_error
from workers.workflows.messages import (
    EVALUATE,
    FLUSH,
    RUN_CANVAS,
    RUN_SLICE,
    WALK_SLICE,
    CallOrder,
    EvaluateOrder,
    RunOrder,
    SliceOrder,
    Wire,
    read_call_result,
    read_slice_result,
    read_subflow_result,
)

PLAN_FUNCTION: Final = "mainspring_plan"
EMIT_FUNCTION: Final = "mainspring_emit"

# What one workflow task has to say must fit into 4 MB, and 2,000 activities may be pending: beyond either the server
# ends the run. With payloads of at most 16 KB, all of this at once still fits.
_ACTIVITIES_IN_FLIGHT: Final = 100
_CHILDREN_IN_FLIGHT: Final = 50
_LOCALS_IN_FLIGHT: Final = 16
_LOCALS_PER_TASK: Final = 48

# Temporal repeats only what a dead process left behind; a node's error comes back to the interpreter.
_AFTER_A_CRASH: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10), maximum_attempts=20
)
_UNTIL_STORED: Final = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=2))

# The activity itself keeps the node's time; Temporal's clock is there for a process that no longer can.
_GRACE: Final = timedelta(seconds=10)
_FLUSH_TIME: Final = timedelta(seconds=30)
_EVALUATE_TIME: Final = timedelta(minutes=1)
_SLICE_TIME: Final = timedelta(hours=1)
# The worker beats for its nodes, so a missing beat tells of a dead process, and that soon.
_HEARTBEAT: Final = timedelta(seconds=3)

# A checkpoint that costs a timer ends the workflow task, so that a cancellation can get in; the others are cheaper.
_BREATHS_PER_TASK: Final = 10
_LONGEST_ID: Final = 240


class Emit(Protocol):
    """Tells an event out of Temporal's sight: at replay too, since the log keeps each key once."""

    def __call__(self, run_id: str, event: RunEvent) -> None: ...


class TemporalRuntime:
    """`engine.runtime.Runtime`, within a workflow."""

    def __init__(
        self, context: RunContext, *, limits: Limits, kind: str, answers: Answers, hand_over_events: int | None = None
    ) -> None:
        self._context = context
        self._limits = limits
        self._kind = kind
        self._answers = answers
        self._hand_over_events = hand_over_events
        self._tell: Emit = workflow.extern_functions()[EMIT_FUNCTION]
        self._read_plan: Callable[[str], Plan] = workflow.extern_functions()[PLAN_FUNCTION]
        self._told = 0
        self._shown = ""
        self._breaths = 0
        self._activities = asyncio.Semaphore(_ACTIVITIES_IN_FLIGHT)
        self._locals = asyncio.Semaphore(_LOCALS_IN_FLIGHT)
        self._locals_begun = 0
        self._locals_open = asyncio.Event()
        self._locals_open.set()
        self._children = asyncio.Semaphore(_CHILDREN_IN_FLIGHT)

    # --- time, events, plans -----------------------------------------------------------------------------------------

    def now(self) -> int:
        return workflow.time_ns() // 1_000_000

    def emit(self, event: RunEvent) -> None:
        # When Temporal drops this workflow from its memory it cancels every task, and the interpreter would tell of
        # cancelled steps. Asking for chance is the check that such a workflow does not survive.
        workflow.random()
        self._told += 1
        self._tell(self._context.run_id, event)

    async def flush(self) -> None:
        """Wait until everything told so far is stored."""
        if not self._told:
            return
        told, self._told = self._told, 0
        await workflow.execute_local_activity(
            FLUSH,
            self._context.run_id,
            start_to_close_timeout=_FLUSH_TIME,
            retry_policy=_UNTIL_STORED,
            summary=f"{told} events",
        )

    def plan(self, plan_hash: str) -> Plan:
        try:
            return self._read_plan(plan_hash)
        except EngineError:
            raise
        except FlowError as missing:
            raise EngineError("The plan of this run is not in the store.", plan_hash=plan_hash) from missing

    async def breathe(self) -> None:
        self._breaths += 1
        if self._breaths % _BREATHS_PER_TASK:
            await self.flush()
        else:
            await workflow.sleep(0.001, summary="Checkpoint")

    def hand_over_due(self) -> bool:
        if self._hand_over_events is None:
            return False
        info = workflow.info()
        if self._hand_over_events and info.get_current_history_length() >= self._hand_over_events:
            return True
        return info.is_continue_as_new_suggested()

    # --- steps ---

    async def call(self, request: CallRequest) -> CallResult:
        order = CallOrder(request, self._limits.inline_value_bytes, self._limits.value_bytes).to_wire()
        limit = timedelta(milliseconds=request.timeout_ms or request.call.timeout_ms) + _GRACE
        summary = _summary(request)
        if request.call.tier == "local":
            return read_call_result(await self._local(request.call.activity, order, limit, summary))
        async with self._activities:
            try:
                result: Any = await workflow.execute_activity(
                    request.call.activity,
                    order,
                    start_to_close_timeout=limit,
                    heartbeat_timeout=min(_HEARTBEAT, timedelta(milliseconds=request.call.heartbeat_ms)),
                    retry_policy=_AFTER_A_CRASH,
                    summary=summary,
                )
            except ActivityError as error:
                raise _finding(error) from error
        return read_call_result(result)

    async def evaluate(self, request: EvaluateRequest) -> Json:
        order = EvaluateOrder(request, self._limits).to_wire()
        result: Json = await self._local(EVALUATE, order, _EVALUATE_TIME, attributes.summary(request.title))
        return result

    async def _local(self, name: str, order: Wire, limit: timedelta, summary: str) -> Any:
        """Run a local activity. Its result is durable once the workflow task ends, which is made to happen in time."""
        async with self._locals:
            await self._locals_open.wait()
            self._locals_begun += 1
            try:
                result = await workflow.execute_local_activity(
                    name, order, start_to_close_timeout=limit, retry_policy=_AFTER_A_CRASH, summary=summary
                )
            except (ActivityError, ApplicationError) as error:
                # Of a local activity Temporal hands on the error itself, and wraps only timeouts and cancellations.
                raise _finding(error) from error
        if self._locals_begun >= _LOCALS_PER_TASK and self._locals_open.is_set():
            await self._end_task()
        return result

    async def _end_task(self) -> None:
        """Let the workflow task end: no local activity begins, those under way finish, a timer starts the next one."""
        self._locals_begun = 0
        self._locals_open.clear()
        try:
            await workflow.sleep(0.001, summary="Checkpoint")
        except asyncio.CancelledError:
            self._locals_open.set()
            raise
        self._locals_open.set()

    async def sleep(self, seconds: float) -> None:
        await workflow.sleep(seconds)

    async def wait(self, wait: OpenWait) -> Json:
        self.emit(wait_opened(wait, self.now(), workflow.info().workflow_id))
        self._answers.open(wait)
        try:
            self._show_waits()
            answer = await self._answers.take(wait)
        except asyncio.CancelledError:
            self._answers.close(wait)
            self._show_waits()
            raise
        self._answers.close(wait)
        self._show_waits()
        self.emit(wait_answered(wait, answer, self.now()))
        return answer

    def _show_waits(self) -> None:
        """Let an operator see whether the run waits, and where."""
        titles = self._answers.open_titles
        shown = titles[0] if titles else ""
        if shown != self._shown:
            self._shown = shown
            workflow.upsert_search_attributes(attributes.waiting(shown) if shown else attributes.running())
        workflow.set_current_details("".join(f"- waits for an answer to “{title}”\n" for title in titles))

    # --- histories of their own ---

    async def subflow(self, request: SubflowRequest) -> SubflowResult:
        order = RunOrder(
            plan_hash=request.plan_hash,
            inputs=request.inputs,
            context=request.context,
            limits=self._limits,
            kind=self._kind,
            title=request.title,
            hand_over_events=self._hand_over_events or 0,
            targets=request.targets,
        )
        path = request.context.prefix.removeprefix(self._context.prefix).removesuffix("/")
        result = await self._child(RUN_CANVAS, order.to_wire(), path, request.context, request.title, kind="subflow")
        return read_subflow_result(result)

    async def slice(self, request: SliceRequest) -> SliceResult:
        order = SliceOrder(request, self._limits, self._kind).to_wire()
        last = request.start + len(request.items) - 1
        title = f"{request.title} [{request.start}–{last}]"
        if not request.fused:
            path = f"{request.path.removeprefix(self._context.prefix)}[{request.start}-{last}]"
            return read_slice_result(await self._child(RUN_SLICE, order, path, request.context, title, kind="slice"))
        async with self._activities:
            try:
                result: Any = await workflow.execute_activity(
                    WALK_SLICE,
                    order,
                    start_to_close_timeout=_SLICE_TIME,
                    heartbeat_timeout=_HEARTBEAT,
                    retry_policy=_AFTER_A_CRASH,
                    summary=attributes.summary(title),
                )
            except ActivityError as error:
                raise _finding(error) from error
        return read_slice_result(result)

    async def _child(self, name: str, order: Any, path: str, context: RunContext, title: str, *, kind: str) -> Any:
        info = workflow.info()
        async with self._children:
            try:
                return await workflow.execute_child_workflow(
                    name,
                    order,
                    id=_child_id(info.workflow_id, path),
                    # A child that outlives its parent would go on spending for nobody.
                    parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                    task_timeout=info.task_timeout,
                    search_attributes=attributes.at_start(context, kind),
                    static_summary=attributes.summary(title),
                )
            except ChildWorkflowError as error:
                raise _finding(error) from error


def _finding(error: ActivityError | ApplicationError | ChildWorkflowError) -> BaseException:
    """The step's error; or the cancellation, which Temporal hands back as an error of what was cancelled."""
    task = asyncio.current_task()
    if is_cancelled_exception(error) and task is not None and task.cancelling():
        return asyncio.CancelledError()
    return to_step_error(error)


def _summary(request: CallRequest) -> str:
    place = "" if request.path == request.node else f" · {request.path}"
    return attributes.summary(f"{request.node_type} · {request.title}{place}")


def _child_id(parent: str, path: str) -> str:
    """The parent's id and the place in it. SQL visibility keeps 255 characters of an id, so a long one is hashed."""
    whole = f"{parent}/{path}"
    if len(whole) <= _LONGEST_ID:
        return whole
    run = "/".join(parent.split("/")[:3])
    return f"{run}/~{hashlib.sha256(whole.encode()).hexdigest()[:32]}"
