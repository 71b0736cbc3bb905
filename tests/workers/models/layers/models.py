"""Chat models for tests of what stands around them: they say what they are told, and remember what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from nodes.chat import ChatDelta, ChatMessage, ChatModel, ChatRequest, Part

HELLO = (ChatDelta(text="你好, "), ChatDelta(text="world"), ChatDelta(finish_reason="stop"))


@dataclass
class Speaker:
    """Says its pieces; an error among them is raised, an event is waited for."""

    pieces: Sequence[ChatDelta | Exception | asyncio.Event] = HELLO
    asked: list[ChatRequest] = field(default_factory=list)
    closed: int = 0

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        self.asked.append(request)
        try:
            for piece in self.pieces:
                match piece:
                    case Exception():
                        raise piece
                    case asyncio.Event():
                        await piece.wait()
                    case ChatDelta():
                        yield piece
        finally:
            self.closed += 1


def question(*content: str | Part, **more: object) -> ChatRequest:
    """A question of a user."""
    said = content[0] if len(content) == 1 and isinstance(content[0], str) else content
    return ChatRequest((ChatMessage("user", said),), **more)  # type: ignore[arg-type]


async def answer(model: ChatModel, request: ChatRequest) -> str:
    """All of a model's text."""
    return "".join([delta.text async for delta in model.stream(request)])
