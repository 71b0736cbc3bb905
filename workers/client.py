"""What the API may ask of the workers: start a run, answer it, cancel it, and say what has become of it."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from engine.errors import Conflict, InvalidInput, NotFound
from engine.limits import DEFAULT_LIMITS, Limits
from engine.runtime import RunContext
from engine.values import Json
from workers.connection import Connection, RunsUnavailable, TemporalOptions, connect, ensure_search_attributes
from workers.encryption import PayloadUnreadable
from workers.payload_reader import PayloadReader
from workers.workflows import answers, attributes
from workers.workflows.messages import ANSWER, CANCEL_REASON, RUN_CANVAS, RunOrder

__all__ = [
    "Connection",
    "ExecutionState",
    "PayloadReader",
    "RunStart",
    "RunsClient",
    "RunsUnavailable",
    "TemporalOptions",
    "connect",
    "ensure_search_attributes",
    "executor_id",
]

# A workflow goes on elsewhere this long after its worker died; local activities are checkpointed as often.
_TASK_TIMEOUT: Final = timedelta(seconds=3)
_RPC_TIMEOUT: Final = timedelta(seconds=10)
_ANSWER_TIMEOUT: Final = timedelta(seconds=30)
# A wait is told before its workflow task is accepted. Should that be lost, an answer may come before it is open again.
_OPENING: Final = 10.0
_PAUSE: Final = 0.1
# The server takes 20,000 bytes.
_LONGEST_DETAILS: Final = 5_000

_MISSING = (RPCStatusCode.NOT_FOUND,)

Status = Literal["running", "succeeded", "failed", "cancelled", "terminated", "timed_out", "missing"]

_STATUS: Final[Mapping[WorkflowExecutionStatus | None, Status]] = {
    WorkflowExecutionStatus.COMPLETED: "succeeded",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.TERMINATED: "terminated",
    WorkflowExecutionStatus.TIMED_OUT: "timed_out",
}


@dataclass(frozen=True, slots=True)
class RunStart:
    """Everything that starts a run. Starting the same one twice starts one run, so it may be kept and told again.

    `kind` says how the run came about (`published`, `draft`, …); `title` and `details` (markdown) show in the Temporal
    UI, where the run is found by `workflow_key`, or else by the workflow's id.
    """

    run_id: str
    org_id: str
    space_id: str
    workflow_id: str
    version: str
    plan_hash: str
    inputs: Mapping[str, Json]
    user_id: str = ""
    started_at: int = 0
    kind: str = "published"
    title: str = ""
    details: str = ""
    workflow_key: str = ""
    app_id: str = ""
    conversation_id: str = ""
    chat: bool = False
    draft: bool = False
    channel: str = ""

    @property
    def executor(self) -> str:
        """The id of the workflow that carries out the run."""
        return executor_id(self.org_id, self.workflow_id, self.run_id)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> RunStart:
        names = {known.name for known in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in names})


@dataclass(frozen=True, slots=True)
class ExecutionState:
    """What Temporal says of a workflow. `missing`: it never was, or its retention is over."""

    status: Status
    closed_at: int | None = None


def executor_id(org_id: str, workflow_id: str, run_id: str) -> str:
    """The workflow id of a run."""
    return f"{org_id}/{workflow_id}/{run_id}"


class RunsClient:
    """Runs, from outside."""

    def __init__(
        self,
        connection: Connection,
        *,
        limits: Limits = DEFAULT_LIMITS,
        longest_run: timedelta = timedelta(days=30),
        eager: bool = False,
        hand_over_events: int = 0,
    ) -> None:
        """`eager`: a worker of this process shares the connection and may take a new run at once.

        `hand_over_events` is how long a history may grow before the run goes on in a new one; 0 leaves it to the
        server.
        """
        self._client = connection.client
        self._values = connection.values
        self._options = connection.options
        self._limits = limits
        self._longest_run = longest_run
        self._eager = eager
        self._hand_over_events = hand_over_events
        self.opening_seconds = _OPENING

    async def start(self, start: RunStart) -> str:
        """Start the run, unless it has been started already; gives its executor. Raises `RunsUnavailable`."""
        limits = self._limits
        inputs = await self._values.offload(
            start.org_id, start.inputs, inline=limits.inline_value_bytes, largest=limits.value_bytes
        )
        context = RunContext(
            run_id=start.run_id,
            org_id=start.org_id,
            space_id=start.space_id,
            workflow_id=start.workflow_id,
            version=start.version,
            plan_hash=start.plan_hash,
            user_id=start.user_id,
            started_at=start.started_at,
            app_id=start.app_id,
            conversation_id=start.conversation_id,
            chat=start.chat,
            draft=start.draft,
            channel=start.channel,
        )
        order = RunOrder(
            plan_hash=start.plan_hash,
            inputs=inputs,
            context=context,
            limits=limits,
            kind=start.kind,
            title=start.title,
            hand_over_events=self._hand_over_events,
        )
        try:
            await self._client.start_workflow(
                RUN_CANVAS,
                order.to_wire(),
                id=start.executor,
                task_queue=self._options.task_queue,
                execution_timeout=self._longest_run,
                task_timeout=_TASK_TIMEOUT,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                search_attributes=attributes.at_start(context, start.kind, start.workflow_key),
                static_summary=attributes.summary(start.title) or None,
                static_details=start.details[:_LONGEST_DETAILS] or None,
                request_eager_start=self._eager,
                rpc_timeout=_RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            pass
        except (RPCError, RuntimeError) as error:
            raise _unavailable(error) from error
        return start.executor

    async def cancel(self, executor: str, reason: str = "") -> None:
        """Ask the run to stop; it does within a moment. Raises `NotFound` when it is not running (any more)."""
        handle = self._client.get_workflow_handle(executor)
        try:
            if reason:
                # As a message, which is encrypted like all others: the reason of a cancellation is kept in clear.
                await handle.signal(CANCEL_REASON, reason, rpc_timeout=_RPC_TIMEOUT)
            await handle.cancel(rpc_timeout=_RPC_TIMEOUT)
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and error.status in _MISSING:
                raise NotFound("There is no such run under way.", executor=executor) from error
            raise _unavailable(error) from error

    async def answer(self, executor: str, wait_id: str, answer: Json, *, answer_id: str) -> None:
        """Answer a question, where its event says: `executor`. The same `answer_id` again changes nothing.

        Raises `InvalidInput` when the answer does not fit, `Conflict` when there is another already or the run has
        ended, and `NotFound` when nobody asks.
        """
        deadline = 0.0
        while (refusal := await self._give(executor, wait_id, answer, answer_id)) is not None:
            # Counted from the first refusal: until then it may have waited for a worker, which then is still on its
            # way through the history to the wait that was told.
            now = asyncio.get_running_loop().time()
            deadline = deadline or now + self.opening_seconds
            if now > deadline:
                raise refusal
            await asyncio.sleep(_PAUSE)

    async def _give(self, executor: str, wait_id: str, answer: Json, answer_id: str) -> NotFound | None:
        """Hand the answer over. Returns what to say if the wait, not open now, is not in a moment either."""
        try:
            await self._client.get_workflow_handle(executor).execute_update(
                ANSWER, args=[wait_id, answer], id=answer_id, rpc_timeout=_ANSWER_TIMEOUT
            )
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            # Its text as a whole begins with its type, which is nothing to read.
            sentence = cause.message if isinstance(cause, ApplicationError) else ""
            match cause.type if isinstance(cause, ApplicationError) else None:
                case answers.UNKNOWN_WAIT:
                    return NotFound(sentence, wait_id=wait_id)
                case answers.ALREADY_ANSWERED:
                    raise Conflict(sentence, wait_id=wait_id) from error
                case answers.BAD_ANSWER:
                    raise InvalidInput(sentence, field="answer", wait_id=wait_id) from error
                case _:
                    raise Conflict("The run has ended.", wait_id=wait_id) from error
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            raise RunsUnavailable("No worker has taken the answer yet.", executor=executor) from error
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and error.status in _MISSING:
                raise Conflict("The run has ended.", wait_id=wait_id) from error
            raise _unavailable(error) from error
        return None

    async def describe(self, executor: str) -> ExecutionState:
        """What Temporal knows of it. Raises `RunsUnavailable`."""
        try:
            found = await self._client.get_workflow_handle(executor).describe(rpc_timeout=_RPC_TIMEOUT)
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and error.status in _MISSING:
                return ExecutionState("missing")
            raise _unavailable(error) from error
        closed = found.close_time
        return ExecutionState(
            status=_STATUS.get(found.status, "running"),
            closed_at=None if closed is None else int(closed.timestamp() * 1000),
        )

    async def failure(self, executor: str) -> BaseException | None:
        """What a run that failed told Temporal of it, or why that cannot be read. Raises `RunsUnavailable`."""
        handle = self._client.get_workflow_handle(executor)
        try:
            await handle.result(rpc_timeout=_RPC_TIMEOUT)
        except WorkflowFailureError as failed:
            return failed.cause
        except PayloadUnreadable as unreadable:
            return unreadable
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and error.status in _MISSING:
                return None
            raise _unavailable(error) from error
        return None


def _unavailable(error: Exception) -> RunsUnavailable:
    return RunsUnavailable("Temporal cannot be reached.", reason=str(error))
