"""Runs one node: loads its inputs, keeps its time, makes its output fit to travel, and names its errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from engine.converse import DELIVERIES
from engine.conversion import convert, convert_inputs
from engine.declared import declare
from engine.errors import FlowError
from engine.evaluate import find_step
from engine.perform import READ_VARIABLES
from engine.plan import Plan
from engine.runtime import CallRequest, CallResult, RunContext, StepError, ToolsCalled, ToolUse
from engine.values import Json, has_refs
from nodes.context import Http, Models
from nodes.library import Library
from nodes.sandbox import Sandbox
from nodes.variables import Holder, read_variables
from storage.ports import Variables, VariableScope
from storage.ports.conversations import Conversations
from storage.ports.files import OwnFiles
from storage.ports.knowledge import Knowledge
from storage.ports.plugins import Plugins
from storage.ports.tables import UserTables
from workers.big_values import BigValues
from workers.event_writer import EventWriter
from workers.http import HttpWithFiles
from workers.models.source import CallSite, ModelSource
from workers.streaming import Pieces

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_LONGEST_MESSAGE: Final = 2_000
SCOPES: Final[tuple[VariableScope, ...]] = ("user", "app")


@dataclass
class _Context:
    """`nodes.context.NodeContext` for one attempt."""

    run: RunContext
    path: str
    attempt: int
    idempotency_key: str
    settings: Mapping[str, Json]
    output_schema: Mapping[str, Json] | None
    http: Http
    models: Models
    sandbox: Sandbox
    variables: Variables
    conversations: Conversations
    knowledge: Knowledge
    plugins: Plugins
    tables: UserTables
    pieces: Pieces
    usage: dict[str, int] = field(default_factory=dict[str, int])
    warnings: list[str] = field(default_factory=list[str])
    logs: list[str] = field(default_factory=list[str])
    port: str | None = None
    question: str | None = None
    turns: Sequence[Json] = ()
    tools: ToolsCalled | None = None
    details: dict[str, Json] = field(default_factory=dict[str, Json])

    async def emit(self, text: str) -> None:
        await self.pieces.add(text)

    async def think(self, text: str) -> bool:
        return await self.pieces.think(text)

    def spend(self, **usage: int) -> None:
        for name, amount in usage.items():
            self.usage[name] = self.usage.get(name, 0) + amount

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def log(self, *lines: str) -> None:
        self.logs += lines

    def note(self, name: str, value: Json) -> None:
        self.details[name] = value

    def leave_by(self, port: str) -> None:
        self.port = port

    def call_tools(self, said: Json, calls: Sequence[ToolUse], *, told: bool = False) -> None:
        self.tools = ToolsCalled(said, tuple(calls), told)

    def ask(self, question: str) -> None:
        self.question = question


class NodeRunner:
    """What an activity and a slice walked in place have in common."""

    def __init__(
        self,
        library: Library,
        *,
        http: Http,
        models: ModelSource,
        sandbox: Sandbox,
        variables: Variables,
        conversations: Conversations,
        knowledge: Knowledge,
        plugins: Plugins,
        tables: UserTables,
        files: OwnFiles | None = None,
        values: BigValues,
        plans: Callable[[str], Plan],
        writer: EventWriter,
    ) -> None:
        self._library = library
        self._http = http
        self._models = models
        self._sandbox = sandbox
        self._variables = variables
        self._conversations = conversations
        self._knowledge = knowledge
        self._plugins = plugins
        self._tables = tables
        self._files = files
        self._values = values
        self._plans = plans
        self._writer = writer

    async def run(self, request: CallRequest, *, delivery: int, inline: int, largest: int) -> CallResult:
        """Run the node once. Whatever goes wrong is raised as a `StepError`; a cancellation passes through."""
        pieces = Pieces(request, delivery, self._writer)
        pieces.begin()
        try:
            org_id = request.context.org_id
            inputs = await self._load(request)
            context = self._context(request, pieces, delivery)
            context.turns = await self._values.load(org_id, list(request.conversation))
            output = await self._within(request, inputs, context)
            if request.output_schema is not None:
                # A value that leaves by reference cannot be converted any more, so all are, here.
                fitting, complaints = convert(output, dict(request.output_schema))
                output = fitting if isinstance(fitting, dict) else output
                context.warnings += complaints
            told = context.tools is not None or await pieces.settle(
                output.get(request.call.streams or ""), output.get(request.call.thinks or "")
            )
            if request.call.activity == READ_VARIABLES.activity:
                # A scope stays an object: each of its variables may be large.
                offloaded: dict[str, Any] = {
                    scope: await self._values.offload(org_id, values, inline=inline, largest=largest)
                    for scope, values in output.items()
                }
            else:
                offloaded = await self._values.offload(org_id, output, inline=inline, largest=largest)
            return CallResult(
                output=offloaded,
                usage=context.usage,
                warnings=tuple(context.warnings),
                logs=tuple(context.logs),
                port=context.port,
                question=context.question,
                tools=context.tools,
                forwarded=pieces.forwarded,
                void=not told,
                details=context.details,
            )
        except StepError:
            raise
        except FlowError as error:
            raise StepError.of(error) from error
        finally:
            await pieces.end()

    async def _load(self, request: CallRequest) -> dict[str, Any]:
        """The inputs at hand. What came by reference could not be converted before: its type is known only now."""
        inputs: dict[str, Any] = dict(request.inputs)
        if not has_refs(inputs):
            return inputs
        inputs = await self._values.load(request.context.org_id, inputs)
        step = find_step(self._plans(request.context.plan_hash).graph, request.node)
        if step is None:
            return inputs
        declare(step, inputs)
        return inputs if step.input_schema is None else convert_inputs(inputs, step.input_schema)

    async def _within(self, request: CallRequest, inputs: dict[str, Any], context: _Context) -> dict[str, Any]:
        limit = request.timeout_ms or request.call.timeout_ms
        clock = asyncio.timeout(limit / 1000)
        try:
            async with clock:
                return await self._do(request, inputs, context)
        except FlowError:
            raise
        except Exception as error:
            if isinstance(error, TimeoutError) and clock.expired():
                raise StepError(
                    "node_timeout", f"The node did not finish within {limit} ms.", timeout_ms=limit
                ) from error
            # A node type may be anybody's code: what it did not foresee is its failure, told without its insides.
            _log.exception(
                "node crashed", node_type=request.node_type, path=request.path, run_id=request.context.run_id
            )
            raise StepError("node_crashed", f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE]) from error

    async def _do(self, request: CallRequest, inputs: dict[str, Any], context: _Context) -> dict[str, Any]:
        name = request.call.activity
        if name == READ_VARIABLES.activity:
            return await self._read_variables(inputs, context)
        if (node := self._library.activities.get(name)) is None:
            raise StepError("activity_missing", f"This worker has no node type {name}: is its package installed?")
        return await node.run(inputs, context)

    async def _read_variables(self, names: Mapping[str, list[str]], context: _Context) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for scope in SCOPES:
            found[scope], said = await read_variables(
                self._variables, Holder.of(context.run), scope, names.get(scope, [])
            )
            context.warnings += said
        return found

    def _context(self, request: CallRequest, pieces: Pieces, delivery: int) -> _Context:
        voice = delivery + request.turn * DELIVERIES
        site = CallSite(request.context, request.node, request.path, request.attempt, voice)
        return _Context(
            run=request.context,
            path=request.path,
            attempt=request.attempt,
            idempotency_key=request.idempotency_key,
            settings=request.call.settings,
            output_schema=request.output_schema,
            http=self._http if self._files is None else HttpWithFiles(self._http, self._files, request.context.org_id),
            models=self._models.at(site),
            sandbox=self._sandbox,
            variables=self._variables,
            conversations=self._conversations,
            knowledge=self._knowledge,
            plugins=self._plugins,
            tables=self._tables,
            pieces=pieces,
        )
