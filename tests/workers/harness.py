"""A worker and a client on the shared server, with stores in memory: draw a canvas, run it, read what was told."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from temporalio.api.common.v1 import WorkflowExecution as Execution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import WorkflowExecution, WorkflowExecutionStatus

from engine.canvas import Canvas
from engine.compile import Callee
from engine.events import EventType, RunEvent
from engine.limits import DEFAULT_LIMITS, Limits
from engine.plan import plan_hash
from engine.runtime import ToolUse
from engine.values import Json
from nodes.context import FilePart, HttpReply, Models, NodeContext
from nodes.library import Library
from nodes.surface import ActivityNode
from storage.conversations import SqlConversations
from storage.ports import DataKeys
from tests.engine.draw import compiled
from tests.engine.library import LIBRARY
from tests.nodes.example_tables import ExampleTables
from tests.nodes.kept_knowledge import KeptKnowledge
from tests.nodes.kept_plugins import KeptPlugins
from tests.storage.memory_database import MemoryDatabase
from tests.workers.memory_stores import MemoryBlobs, MemoryLog, MemoryPlans, MemoryVariables
from workers.client import RunsClient, RunStart
from workers.connection import Connection, TemporalOptions, connect, ensure_search_attributes
from workers.converter import read_json
from workers.embedded import EmbeddedTemporal
from workers.models.source import CallSite
from workers.sandbox import NoSandbox
from workers.worker import RunsWorker, WorkerOptions, WorkerParts, build_worker

PATIENCE: Final = 180.0
"""With what comes in a moment, unless it never comes."""

Handler = Callable[[dict[str, Any], NodeContext], Awaitable[Mapping[str, Json]]]


class Anything(BaseModel):
    """Inputs of any names."""

    model_config = ConfigDict(extra="allow")


async def echo(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    return inputs


class NoHttp:
    """There is no way out of these tests."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Sequence[tuple[str, str]] = (),
        params: Sequence[tuple[str, str]] = (),
        content: bytes | None = None,
        timeout_seconds: float = 60.0,
        max_bytes: int | None = None,
    ) -> HttpReply:
        raise AssertionError("no test here calls out")

    def multipart(self, parts: Sequence[tuple[str, str] | FilePart]) -> tuple[str, bytes]:
        raise AssertionError("no test here calls out")


class NoModels:
    """Nor does any ask a model."""

    def at(self, site: CallSite) -> Models:
        return self

    async def chat(self, name: str) -> Any:
        raise AssertionError("no test here asks a model")

    async def takes(self, name: str) -> frozenset[str]:
        return frozenset()

    async def embedder(self, name: str) -> Any:
        raise AssertionError("no test here asks a model")

    async def reranker(self, name: str) -> Any:
        raise AssertionError("no test here asks a model")


@dataclass
class World:
    """What the steps of a test do, by node id: `work` nodes without a handler hand their inputs on."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    async def work(self, inputs: Anything, ctx: NodeContext) -> Mapping[str, Json]:
        self.calls.append(ctx.path)
        handler = self.handlers.get(ctx.path.rpartition("/")[2], echo)
        return await handler(dict(inputs.model_extra or {}), ctx)

    async def think(self, inputs: Anything, ctx: NodeContext) -> Mapping[str, Json]:
        """A model that calls what its `script` says, round by round, and then says what the tools have answered."""
        given: Any = inputs.model_extra
        number = len(ctx.turns)
        self.calls.append(f"{ctx.path}#{number}")
        turns: Any = ctx.turns
        if number < len(given["script"]):
            script = enumerate(given["script"][number])
            uses = [ToolUse(f"{number}.{place}", f"tool{tool}", tool, args) for place, (tool, args) in script]
            ctx.call_tools({"turn": number}, uses)
            return {}
        told = [one.get("output", one.get("error", one.get("text"))) for turn in turns for one in turn["answers"]]
        await ctx.emit("Done.")
        return {"text": "Done.", "told": told}

    def library(self) -> Library:
        activities = {
            name: ActivityNode(type=LIBRARY[name], inputs=Anything, function=self.work)
            for name in ("work", "strict_work")
        }
        activities["think"] = ActivityNode(type=LIBRARY["talk"], inputs=Anything, function=self.think)
        return Library(types=LIBRARY, activities=activities)


@dataclass
class Bench:
    """Everything a test holds in its hands."""

    connection: Connection
    client: RunsClient
    world: World
    blobs: MemoryBlobs
    log: MemoryLog
    plans: MemoryPlans
    variables: MemoryVariables
    worker: RunsWorker
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def publish(self, drawn: Canvas, *callees: Callee) -> str:
        """Compile a canvas and store its plan, and those it calls."""
        known = {one.workflow_id: one for one in callees}
        plan, digest = compiled(drawn, lambda workflow, version: known.get(workflow))
        for one in (plan, *(callee.plan for callee in callees)):
            data = one.to_bytes()
            await self.plans.put(plan_hash(data), data)
        return digest

    async def start(
        self, drawn: Canvas, inputs: Mapping[str, Json] | None = None, *callees: Callee, **data: Any
    ) -> RunStart:
        """Start a run of a canvas."""
        digest = await self.publish(drawn, *callees)
        start = RunStart(
            run_id=uuid4().hex,
            org_id=data.pop("org_id", "org"),
            space_id="space",
            workflow_id="flow",
            version="v1.0.0",
            plan_hash=digest,
            inputs=inputs or {},
            user_id="user",
            title=data.pop("title", "A test"),
            **data,
        )
        await self.client.start(start)
        return start

    async def run(self, drawn: Canvas, inputs: Mapping[str, Json] | None = None, *callees: Callee) -> RunEvent:
        """Run a canvas to its end; gives the event that ends it."""
        return await self.ended(await self.start(drawn, inputs, *callees))

    async def ended(self, start: RunStart, *, seconds: float = PATIENCE) -> RunEvent:
        """The event that ends the run, once the workflow is closed too."""
        async with asyncio.timeout(seconds):
            last = None
            async for stored in self.log.follow(start.run_id):
                last = stored.event
            assert last is not None
            await until(lambda: self._closed(start.executor))
            return last

    async def _closed(self, executor: str) -> bool:
        return (await self.client.describe(executor)).status != "running"

    async def waits(self, start: RunStart) -> None:
        """Returns when an operator sees that the run waits: the task that asked has then been accepted."""

        async def seen() -> bool:
            return bool((await self.attributes(start.executor))["AppState"] == "waiting")

        await until(seen)

    async def told(
        self, start: RunStart, kind: EventType, path: str | None = None, *, seconds: float = PATIENCE
    ) -> RunEvent:
        """The first event of a kind (and place), as soon as it is told."""
        async with asyncio.timeout(seconds):
            async for stored in self.log.follow(start.run_id):
                if stored.event.type is kind and path in (None, stored.event.path):
                    return stored.event
        raise AssertionError(f"the run ended without {kind} at {path}")

    async def asked(self, start: RunStart, wait_id: str, *, seconds: float = PATIENCE) -> RunEvent:
        """The event that opens a wait, as soon as it is told."""
        async with asyncio.timeout(seconds):
            async for stored in self.log.follow(start.run_id):
                if stored.event.type is EventType.WAIT_OPENED and stored.event.data["wait_id"] == wait_id:
                    return stored.event
        raise AssertionError(f"the run ended without asking {wait_id}")

    def events(self, start: RunStart) -> list[RunEvent]:
        return [stored.event for stored in self.log.events.get(start.run_id, [])]

    async def attributes(self, executor: str) -> dict[str, Any]:
        """Our search attributes of a workflow."""
        found = await self.connection.client.get_workflow_handle(executor).describe()
        pairs = found.typed_search_attributes.search_attributes
        return {pair.key.name: pair.value for pair in pairs if pair.key.name.startswith("App")}

    async def summaries(self, executor: str) -> list[str]:
        """The summaries of its activities, as the Temporal UI shows them."""
        scheduled = [
            event
            for event in await self.history(executor)
            if event.HasField("activity_task_scheduled_event_attributes")
        ]
        return [json.loads(event.user_metadata.summary.data) for event in scheduled]

    async def client_output(self, ended: RunEvent) -> Any:
        """The run's output, its references loaded."""
        return await self.connection.values.load("org", read_json(json.dumps(ended.data["output"]).encode()))

    async def histories(self, executor: str) -> int:
        """How many histories the workflow has had."""
        return len(await closed_histories(self.connection, f'WorkflowId = "{executor}"'))

    async def history_bytes(self, executor: str) -> int:
        return sum(event.ByteSize() for event in await self.history(executor))

    async def history(self, executor: str) -> list[Any]:
        """The events of a workflow's latest history."""
        request = GetWorkflowExecutionHistoryRequest(
            namespace="default", execution=Execution(workflow_id=executor), maximum_page_size=10_000
        )
        found = await self.connection.client.workflow_service.get_workflow_execution_history(request)
        return list(found.history.events)


async def until(holds: Callable[[], Awaitable[bool]], *, seconds: float = PATIENCE) -> None:
    """Ask again and again, of what cannot tell by itself, until it holds."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110  (what is asked lies behind a server)
            await asyncio.sleep(0.01)


async def closed_histories(connection: Connection, query: str) -> list[WorkflowExecution]:
    """What visibility finds, once it is all closed and seen to be."""
    found: list[WorkflowExecution] = []

    async def closed() -> bool:
        found[:] = [one async for one in connection.client.list_workflows(query)]
        return bool(found) and all(one.status is not WorkflowExecutionStatus.RUNNING for one in found)

    await until(closed)
    return found


@asynccontextmanager
async def bench(
    server: EmbeddedTemporal,
    *,
    limits: Limits = DEFAULT_LIMITS,
    hand_over_events: int = 0,
    options: WorkerOptions | None = None,
    world: World | None = None,
    longest_run: float = 3_600,
    idle: bool = False,
    keys: DataKeys | None = None,
    task_queue: str = "",
) -> AsyncIterator[Bench]:
    """A worker with a task queue of its own; an `idle` one is for the test to start. With `keys` it encrypts."""
    blobs, log, plans, variables = MemoryBlobs(), MemoryLog(), MemoryPlans(), MemoryVariables()
    there = world or World()
    connection = await connect(
        TemporalOptions(address=server.address, task_queue=task_queue or uuid4().hex),
        blobs,
        keys,
    )
    await ensure_search_attributes(connection)
    parts = WorkerParts(
        events=log,
        plans=plans,
        variables=variables,
        conversations=SqlConversations(MemoryDatabase()),
        knowledge=KeptKnowledge(),
        plugins=KeptPlugins(),
        tables=ExampleTables(),
        http=NoHttp(),
        models=NoModels(),
        sandbox=NoSandbox(),
        library=there.library(),
    )
    client = RunsClient(
        connection,
        limits=limits,
        longest_run=timedelta(seconds=longest_run),
        eager=not idle,
        hand_over_events=hand_over_events,
    )
    worker = build_worker(connection, parts, options or WorkerOptions())
    made = Bench(connection, client, there, blobs, log, plans, variables, worker)
    async with nullcontext() if idle else worker:
        yield made
