"""The application with a worker and a real Temporal behind it, over the same stores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from engine.errors import NodeFailed
from engine.limits import DEFAULT_LIMITS, Limits
from nodes.conversation.history import history
from nodes.library import Library, built_in_library
from nodes.surface import ActivityNode, Category, NodeContext, activity_node
from storage.stores import open_stores
from tests.api.serving import Serving, serve
from tests.workers.harness import NoHttp, NoModels
from workers.client import RunsClient
from workers.connection import TemporalOptions, connect, ensure_search_attributes
from workers.embedded import EmbeddedTemporal
from workers.models.source import ModelSource
from workers.sandbox import NoSandbox
from workers.worker import WorkerParts, build_worker


class WorkInputs(BaseModel):
    text: str
    size: int = 0


class RecallInputs(BaseModel):
    rounds: int


class WorkOutput(BaseModel):
    output: str


@dataclass
class Work:
    """What the node `work` does: tells two pieces, waits to be let go if the text says so, fails if it says so."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    began: asyncio.Event = field(default_factory=asyncio.Event)

    def library(self) -> Library:
        built_in = built_in_library()

        @activity_node("work", title="Work", category=Category.TOOLS, streams="output")
        async def work(inputs: WorkInputs, ctx: NodeContext) -> WorkOutput:
            """Work for a test."""
            await ctx.emit("one ")
            self.began.set()
            if inputs.text == "hold":
                await self.go.wait()
            if inputs.text == "fail":
                raise NodeFailed("It does not work.")
            await ctx.emit("two")
            ctx.spend(input_tokens=3, output_tokens=5)
            return WorkOutput(output=inputs.text + "x" * inputs.size)

        made: dict[str, ActivityNode[Any]] = {"work": work, "recall": recall}
        types = {name: one.type for name, one in made.items()}
        return replace(built_in, types={**built_in.types, **types}, activities={**built_in.activities, **made})


@activity_node("recall", title="Recall", category=Category.CONVERSATION)
async def recall(inputs: RecallInputs, ctx: NodeContext) -> WorkOutput:
    """Say what a model would see of the conversation."""
    said = await history(ctx, inputs.rounds)
    return WorkOutput(output=" / ".join(f"{one.role}: {one.text}" for one in said))


@dataclass
class Durable:
    """What a test holds: the application, and what its steps do."""

    serving: Serving
    work: Work
    queue: str = ""
    """Of the worker: another one that takes it goes on with what this one left."""


@asynccontextmanager
async def durable(
    server: EmbeddedTemporal,
    folder: Path,
    *,
    limits: Limits = DEFAULT_LIMITS,
    models: ModelSource | None = None,
    queue: str = "",
    **parts: Any,
) -> AsyncIterator[Durable]:
    """Serve, and work on what is served."""
    there = Work()
    library = there.library()
    with open_stores(folder) as stores:
        options = TemporalOptions(
            address=server.address, task_queue=queue or uuid4().hex, largest_payload=limits.inline_value_bytes
        )
        connection = await connect(options, stores.blobs)
        await ensure_search_attributes(connection)
        client = RunsClient(connection, limits=limits, eager=True)
        worker = build_worker(
            connection,
            WorkerParts(
                events=stores.events,
                plans=stores.plans,
                variables=stores.variables,
                conversations=stores.conversations,
                knowledge=stores.knowledge,
                plugins=stores.plugin_tools,
                tables=stores.tables,
                http=NoHttp(),
                models=models or NoModels(),
                sandbox=NoSandbox(),
                library=library,
            ),
        )
        async with (
            worker,
            serve(folder, stores=stores, library=library, runs=client, limits=limits, **parts) as serving,
        ):
            yield Durable(serving, there, options.task_queue)


@asynccontextmanager
async def unreachable(folder: Path) -> AsyncIterator[Serving]:
    """Serve while nobody is where Temporal should be."""
    with open_stores(folder) as stores:
        connection = await connect(TemporalOptions(address="127.0.0.1:1"), stores.blobs, lazy=True)
        async with serve(folder, stores=stores, library=Work().library(), runs=RunsClient(connection)) as serving:
            yield serving
