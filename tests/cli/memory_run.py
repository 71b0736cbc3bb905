"""Runs a canvas file in memory with the real node types: what `mainspring run` does, without any server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cli.canvas_check import compile_files
from cli.canvas_files import family
from engine.events import EventType
from engine.interpret import RunResult, interpret
from engine.memory import InMemoryRuntime
from engine.runtime import CallRequest, CallResult, RunContext
from engine.values import Json
from nodes.context import FilePart, HttpReply
from nodes.library import Library, load_library
from tests.nodes.context import NodeWorld

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass
class Shop:
    """Takes every call, and says what was called; it remembers the keys that calls carried."""

    called: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

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
        what = url.rpartition("/")[2]
        self.called.append(what)
        self.keys += [value for name, value in headers if name == "Idempotency-Key"]
        return HttpReply(200, (("content-type", "text/plain"),), f"{what} {len(self.called)}".encode(), url)

    def multipart(self, parts: Sequence[tuple[str, str] | FilePart]) -> tuple[str, bytes]:
        raise AssertionError("no example sends a form")


@dataclass
class MemoryRun:
    """One run, and the world it runs in."""

    library: Library = field(default_factory=load_library)
    shop: Shop = field(default_factory=Shop)
    messages: list[str] = field(default_factory=list)

    async def go(
        self, path: Path, inputs: Mapping[str, Json] | None = None, answers: Mapping[str, Json] | None = None
    ) -> RunResult:
        """Walk the canvas in a file to its end, and answer its questions."""
        files = family(path)
        known = compile_files(files, self.library.types)
        plans = {callee.plan_hash: callee.plan for callee in known.values()}
        handlers = dict.fromkeys(self.library.activities, self.call)
        runtime = InMemoryRuntime(handlers, plans)
        own = known[path.stem]
        context = RunContext("1", "1", "1", path.stem, "draft", own.plan_hash, started_at=1)
        run = asyncio.ensure_future(interpret(own.plan, inputs or {}, runtime, context))
        for wait_id, answer in (answers or {}).items():
            while wait_id not in runtime.waits:
                assert not run.done(), f"the run ended before it asked {wait_id}"
                await asyncio.sleep(0)
            runtime.answer(wait_id, answer)
        result = await run
        done = (event for event in runtime.events if event.type is EventType.MESSAGE_COMPLETED)
        self.messages = [str(event.data["text"]) for event in done]
        return result

    async def call(self, request: CallRequest) -> CallResult:
        """Run an activity as a worker does, for one attempt."""
        world = NodeWorld(
            settings=request.call.settings,
            output_schema=request.output_schema,
            http=self.shop,
            path=request.path,
            attempt=request.attempt,
            idempotency_key=request.idempotency_key,
            turns=request.conversation,
        )
        output = await self.library.activities[request.call.activity].run(dict(request.inputs), world)
        told = (world.spent, tuple(world.warned), tuple(world.logged))
        return CallResult(output, *told, world.left_by, tools=world.tools)
