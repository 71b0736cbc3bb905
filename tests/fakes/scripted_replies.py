"""Chat models whose replies a test writes down, in order, for each node that asks.

    replies = ScriptedReplies({"ask": ["First.", {"calls": [{"name": "search", "arguments": {"q": "x"}}]}, "Last."]})
    Walk(drawn, models=replies)          # in memory: `tests.nodes.drawing`
    WorkerParts(…, models=replies, …)    # on a Temporal worker of this process

A node is named by its id, at any depth; a whole path (`each[1]/ask`) names one place of it and goes first. Every call
takes the next reply, a second attempt too; one too many is refused with a sentence. A reply is a text, or an object
with any of: `text` · `reasoning` · `pieces` (the text as it streams) · `calls` (each with a `name` and `arguments`) ·
`usage` · `finish` (`length`, `content_filter`) · `fail` (a sentence: refused for good) · `unavailable` (a sentence:
trying again may help). `asked` holds each request with the path that it came from.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.values import Json
from nodes.chat import ChatDelta, ChatModel, ChatRequest, ModelFailed, ModelUnavailable, ToolCall
from workers.models.source import CallSite

_MEDIA: Final = frozenset({"images", "audio", "video", "files"})

Reply = str | Mapping[str, Any]


@dataclass
class ScriptedReplies:
    """Implements `workers.models.source.ModelSource`."""

    replies: Mapping[str, Sequence[Reply]]
    takes: frozenset[str] = _MEDIA
    asked: list[tuple[str, ChatRequest]] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)

    def at(self, site: CallSite) -> SpeakingNode:
        """The models as a node at this place sees them: all are one."""
        return SpeakingNode(self, site.node, site.path)

    def requests(self, node: str) -> list[ChatRequest]:
        """What a node asked, in order."""
        return [request for path, request in self.asked if path == node or path.rpartition("/")[2] == node]

    def next(self, node: str, path: str) -> Mapping[str, Any]:
        """The next reply for this place."""
        key = path if path in self.replies else node
        number = self.taken.get(key, 0)
        self.taken[key] = number + 1
        script = self.replies.get(key, ())
        if number >= len(script):
            sentence = f"The script has no reply number {number + 1} for {path}."
            raise ModelFailed(sentence, reason="bad_request", model="scripted")
        reply = script[number]
        return {"text": reply} if isinstance(reply, str) else reply


@dataclass(frozen=True)
class SpeakingNode:
    """Implements `nodes.context.Models`, and is every model of it."""

    source: ScriptedReplies
    node: str
    path: str

    async def chat(self, name: str) -> ChatModel:
        return self

    async def takes(self, name: str) -> frozenset[str]:
        return self.source.takes

    async def embedder(self, name: str) -> Any:
        raise AssertionError("nothing here asks for vectors")

    async def reranker(self, name: str) -> Any:
        raise AssertionError("nothing here asks for a ranking")

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        self.source.asked.append((self.path, request))
        reply = self.source.next(self.node, self.path)
        if "fail" in reply:
            raise ModelFailed(str(reply["fail"]), reason="auth", model="scripted")
        if "unavailable" in reply:
            raise ModelUnavailable(str(reply["unavailable"]), reason="overloaded", model="scripted", retry_after=0)
        if reply.get("reasoning"):
            yield ChatDelta(reasoning=reply["reasoning"])
        for piece in reply.get("pieces") or [reply.get("text", "")]:
            if piece:
                yield ChatDelta(text=piece)
        said: Sequence[Mapping[str, Any]] = reply.get("calls", ())
        begun = sum(len(message.tool_calls) for message in request.messages)
        calls = tuple(
            ToolCall(str(call.get("id") or f"call_{begun + number}"), call["name"], call.get("arguments", {}))
            for number, call in enumerate(said, 1)
        )
        usage: Mapping[str, int] = reply.get("usage", {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15})
        state: Mapping[str, Json] = reply.get("state", {})
        finish: Any = reply.get("finish") or ("tool_calls" if calls else "stop")
        yield ChatDelta(tool_calls=calls, usage=usage, finish_reason=finish, provider_state=state)
