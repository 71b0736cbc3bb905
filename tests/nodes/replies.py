"""A chat model whose replies a test writes down beforehand; it remembers what it was asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from nodes.chat import ChatDelta, ChatModel, ChatRequest
from workers.models.source import CallSite


@dataclass
class WrittenReplies:
    """Implements `nodes.context.Models`: every model is this one. An exception among the replies is raised."""

    replies: list[str | Exception]
    requests: list[ChatRequest] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """The names of the models, in the order of the calls."""

    async def chat(self, name: str) -> ChatModel:
        self.asked.append(name)
        return self

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        yield ChatDelta(text=reply)
        yield ChatDelta(usage={"input_tokens": 10, "output_tokens": 3, "total_tokens": 13}, finish_reason="stop")

    def at(self, site: CallSite) -> WrittenReplies:
        """For a worker: the same wherever it is asked."""
        return self

    async def takes(self, name: str) -> frozenset[str]:
        return frozenset()

    async def embedder(self, name: str) -> Any:
        raise AssertionError("no test here asks for vectors")

    async def reranker(self, name: str) -> Any:
        raise AssertionError("no test here asks for a ranking")

    def prompt(self, call: int = -1) -> str:
        """All that a call was told, as one text."""
        return "\n".join(message.text for message in self.requests[call].messages)
