"""The worker: everything that carries out runs, put together in one process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from types import TracebackType
from typing import Self

from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from engine.errors import EngineError
from nodes.context import Http
from nodes.library import Library
from nodes.sandbox import Sandbox
from storage.ports import EventLog, Plans, Variables
from storage.ports.conversations import Conversations
from storage.ports.files import OwnFiles
from storage.ports.knowledge import Knowledge
from storage.ports.plugins import Plugins
from storage.ports.tables import UserTables
from workers.activities import Activities
from workers.connection import Connection
from workers.event_writer import EventWriter
from workers.interceptor import ProcessInterceptor
from workers.models.source import ModelSource
from workers.node_runner import NodeRunner
from workers.plan_cache import PlanCache
from workers.workflows.runs import RunCanvas, RunSlice

# A workflow whose worker died waits this long for it, before another may take it.
_STICKY: timedelta = timedelta(seconds=2)
# How often an activity asks whether it was cancelled, at the most.
_HEARTBEATS: timedelta = timedelta(milliseconds=500)


@dataclass(frozen=True)
class WorkerParts:
    """What the worker works with: the stores, the ways out, and the node types."""

    events: EventLog
    plans: Plans
    variables: Variables
    conversations: Conversations
    knowledge: Knowledge
    plugins: Plugins
    tables: UserTables
    http: Http
    models: ModelSource
    sandbox: Sandbox
    library: Library
    files: OwnFiles | None = None


@dataclass(frozen=True)
class WorkerOptions:
    """How much a worker takes on at once, and how long it may take to stop."""

    activities: int = 100
    local_activities: int = 100
    workflow_tasks: int = 100
    cached_workflows: int = 1_000
    stop_seconds: float = 5.0


class RunsWorker:
    """Made by `build_worker`; runs within `async with`, or until `run` ends.

    A process that ends after a worker should leave by `os._exit` once its logs are flushed: the interpreter's own end
    may abort in Temporal's native threads, and then tells a wrong exit status.
    """

    def __init__(self, worker: Worker, writer: EventWriter) -> None:
        self._worker = worker
        self.writer = writer

    async def run(self) -> None:
        """Work until `stop` is called. Raises what ends the worker for good."""
        try:
            await self._worker.run()
        finally:
            await self.writer.close()

    async def stop(self) -> None:
        """Take nothing new, let activities finish for a moment, and store what was told."""
        await self._worker.shutdown()

    async def __aenter__(self) -> Self:
        await self._worker.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._worker.__aexit__(kind, error, trace)
        finally:
            await self.writer.close()


def build_worker(connection: Connection, parts: WorkerParts, options: WorkerOptions = WorkerOptions()) -> RunsWorker:
    """Put a worker together, on the running event loop. It starts when it is entered or run."""
    writer = EventWriter(parts.events)
    plans = PlanCache(parts.plans)
    runner = NodeRunner(
        parts.library,
        http=parts.http,
        models=parts.models,
        sandbox=parts.sandbox,
        variables=parts.variables,
        conversations=parts.conversations,
        knowledge=parts.knowledge,
        plugins=parts.plugins,
        tables=parts.tables,
        files=parts.files,
        values=connection.values,
        plans=plans,
        writer=writer,
    )
    activities = Activities(
        tuple(parts.library.activities), runner=runner, plans=plans, values=connection.values, writer=writer
    )
    worker = Worker(
        connection.client,
        task_queue=connection.options.task_queue,
        # The default is a hash over the source of every module of the process, which takes longer than all else here.
        build_id=f"mainspring-{version('mainspring')}",
        workflows=[RunCanvas, RunSlice],
        activities=activities.all(),
        interceptors=[ProcessInterceptor(plans, writer.tell)],
        workflow_runner=UnsandboxedWorkflowRunner(),
        workflow_failure_exception_types=[EngineError],
        max_cached_workflows=options.cached_workflows,
        max_concurrent_workflow_tasks=options.workflow_tasks,
        max_concurrent_activities=options.activities,
        max_concurrent_local_activities=options.local_activities,
        max_eager_activity_reservations_per_workflow_task=16,
        sticky_queue_schedule_to_start_timeout=_STICKY,
        max_heartbeat_throttle_interval=_HEARTBEATS,
        default_heartbeat_throttle_interval=_HEARTBEATS,
        graceful_shutdown_timeout=timedelta(seconds=options.stop_seconds),
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    )
    return RunsWorker(worker, writer)
