"""The world of a run: models that answer by a script, and sites that are what the case says; both remember."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from engine.values import Json
from nodes.chat import ChatDelta, ChatRequest, FinishReason, MediaPart, ModelFailed, ModelUnavailable, ToolCall
from nodes.context import FilePart, HttpReply, Models, NodeContext
from nodes.library import Library, Runnable
from tests.interchange.cases import Case, Reply, Run, Site
from workers.models.source import CallSite

RUN: Final[ContextVar[str]] = ContextVar("RUN")
"""Which run the node works for that is calling out: the way out is one for all of them."""


@dataclass(frozen=True)
class Sent:
    """A request that went out."""

    method: str
    url: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str


@dataclass
class World:
    """What a run finds, used up as it goes, and what it did with it."""

    models: dict[str, list[Reply]]
    sites: list[Site]
    takes: dict[str, frozenset[str]] = field(default_factory=dict)
    pause: float = 0
    """Seconds between two pieces of a model."""
    asked: list[tuple[str, ChatRequest]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)

    @classmethod
    def of(cls, case: Case, run: Run, *, pause: float = 0) -> World:
        """The world that the case gives to a run."""
        models = case.world.models if run.models is None else run.models
        sites = case.world.http if run.http is None else run.http
        replies = {
            name: [Reply(text=one) if isinstance(one, str) else one for one in given] for name, given in models.items()
        }
        takes = {name: frozenset(kinds) for name, kinds in case.world.takes.items()}
        return cls(replies, list(sites), takes, pause)

    def reply(self, model: str, request: ChatRequest) -> Reply:
        """The next reply of a model that fits."""
        self.asked.append((model, request))
        known = self.models.get(model)
        if known is None:
            raise ModelFailed(f"There is no model {model}.", reason="not_found", model=model)
        told = "\n".join(message.text for message in request.messages)
        for place, one in enumerate(known):
            if one.when in told:
                return one if one.again else known.pop(place)
        raise ModelFailed(f"The script of {model} has no answer left.", reason="bad_request", model=model)

    def site(self, sent: Sent) -> Site:
        """What stands where a request goes."""
        self.sent.append(sent)
        for place, one in enumerate(self.sites):
            if one.url == sent.url and one.method in ("", sent.method) and one.when in sent.body:
                return one if one.again else self.sites.pop(place)
        raise ModelFailed(f"Nothing stands at {sent.method} {sent.url}.", reason="connection", model="http")


class Worlds:
    """The worlds of all runs: models and the way out as the workers want them."""

    def __init__(self) -> None:
        self._known: MutableMapping[str, World] = {}

    def add(self, run_id: str, world: World) -> None:
        self._known[run_id] = world

    def of(self, run_id: str) -> World:
        return self._known[run_id]

    def at(self, site: CallSite) -> Models:
        return _Models(self._known[site.run.run_id])

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
        **more: Any,
    ) -> HttpReply:
        parts = urlsplit(url)
        bare = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
        query = dict(parse_qsl(parts.query, keep_blank_values=True)) | dict(params)
        given = {name.lower(): value for name, value in headers}
        sent = Sent(method, bare, query, given, (content or b"").decode("utf-8", "replace"))
        site = self._known[RUN.get()].site(sent)
        if site.delay:
            await asyncio.sleep(site.delay)
        if site.fail:
            raise ModelUnavailable(site.fail, reason="connection", model="http")
        kind = {"content-type": "text/plain"} | {name.lower(): value for name, value in site.headers.items()}
        return HttpReply(site.status, tuple(kind.items()), site.body.encode(), url)

    def multipart(self, parts: Sequence[tuple[str, str] | FilePart]) -> tuple[str, bytes]:
        lines = [
            f"{part.name}={part.filename}:{part.content.decode('utf-8', 'replace')}"
            if isinstance(part, FilePart)
            else f"{part[0]}={part[1]}"
            for part in parts
        ]
        return "multipart/form-data; boundary=parts", "\n".join(lines).encode()


@dataclass(frozen=True)
class _Models:
    """Implements `nodes.context.Models`."""

    world: World

    async def chat(self, name: str) -> Any:
        return _Chat(self.world, name)

    async def takes(self, name: str) -> frozenset[str]:
        return self.world.takes.get(name, frozenset({"images", "audio", "video"}))

    async def embedder(self, name: str) -> Any:
        raise ModelFailed("There is no embedder here.", reason="not_found", model=name)

    async def reranker(self, name: str) -> Any:
        raise ModelFailed("There is no reranker here.", reason="not_found", model=name)


@dataclass(frozen=True)
class _Chat:
    """Implements `nodes.chat.ChatModel`."""

    world: World
    name: str

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        reply = self.world.reply(self.name, request)
        if reply.fail:
            raise ModelFailed(reply.fail, reason="auth", model=self.name)
        if reply.unavailable:
            raise ModelUnavailable(reply.unavailable, reason="overloaded", model=self.name)
        if reply.reasoning:
            yield ChatDelta(reasoning=reply.reasoning)
        for piece in reply.pieces or ([reply.text] if reply.text else []):
            yield ChatDelta(text=piece)
            # Others get a word in between two pieces, as they would.
            await asyncio.sleep(self.world.pause)
        calls = tuple(
            ToolCall(f"call_{len(self.world.asked)}_{place}", one.name, one.arguments)
            for place, one in enumerate(reply.tool_calls)
        )
        reason: FinishReason = "tool_calls" if calls else "stop"
        yield ChatDelta(tool_calls=calls, usage=reply.usage, finish_reason=reason)


def media_of(request: ChatRequest) -> list[list[str]]:
    """What each message of a request holds besides text: `kind url`."""
    return [
        [f"{part.kind} {part.url}" for part in message.content if isinstance(part, MediaPart)]
        if not isinstance(message.content, str)
        else []
        for message in request.messages
    ]


@dataclass(frozen=True)
class _KnowingItsRun:
    """A node type that says which run it works for before it works."""

    inner: Runnable

    async def run(self, inputs: Mapping[str, Json], ctx: NodeContext) -> dict[str, Json]:
        token = RUN.set(ctx.run.run_id)
        try:
            return await self.inner.run(inputs, ctx)
        finally:
            RUN.reset(token)


def knowing_their_run(library: Library) -> Library:
    """The node types, each saying which run it works for: what goes out finds the world of that run."""
    activities: Any = {name: _KnowingItsRun(node) for name, node in library.activities.items()}
    return replace(library, activities=activities)
