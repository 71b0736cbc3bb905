"""The models behind a server on loopback that speaks a vendor's own protocol, asked as the registry would ask them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Literal

from nodes.chat import ChatDelta, ChatMessage, ChatOptions, ChatRequest, MediaPart, TextPart, ToolCall, ToolSpec
from tests.fakes.anthropic_server import anthropic_server
from tests.fakes.gemini_server import gemini_server
from tests.fakes.talk import FakeServer
from tests.workers.egress.loopback import calling
from workers.egress import EgressClient
from workers.models.adapters import ChatAdapter, chat_adapter
from workers.models.provider import ModelConnection

KEY = "AIza-canary-0123456789"
PROMPT = "你好, dear world"
PNG = b"\x89PNG\r\n\x1a\n picture"
WEATHER = ToolSpec(
    "weather",
    "Tells the weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
TIME = ToolSpec("time", "Tells the time.")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["score"],
}
FREE: dict[str, Any] = {"type": "object", "properties": {"anything": {"type": "object"}}}
CONVERSATION = (
    ChatMessage("system", "Be kind."),
    ChatMessage("user", (TextPart("What is this?"), MediaPart("image", PNG), TextPart(""))),
    ChatMessage(
        "assistant", "I look.", tool_calls=(ToolCall("c1", "weather", {"city": "北京"}), ToolCall("c2", "time", {}))
    ),
    ChatMessage("tool", "晴", tool_call_id="c1"),
    ChatMessage("tool", "noon", tool_call_id="c2"),
    ChatMessage("user", "And now?"),
)

Vendor = Literal["anthropic", "gemini"]


class Door:
    """Makes models of one server, and keeps them."""

    def __init__(self, vendor: Vendor, server: FakeServer, egress: EgressClient, **connection: Any) -> None:
        self.server, self.egress = server, egress
        given: dict[str, Any] = {"base_url": server.base_url, "api_key": KEY}
        given |= {"first_token_seconds": 20, "gap_seconds": 20} | connection
        self.connection = ModelConnection(vendor, "echo", **given)
        self._made: dict[str, ChatAdapter] = {}

    def model(self, name: str) -> ChatAdapter:
        """The model of this name, whose habits are remembered."""
        if name not in self._made:
            self._made[name] = chat_adapter(replace(self.connection, vendor_model=name), self.egress)
        return self._made[name]

    async def ask(self, model: str, request: ChatRequest | None = None) -> list[ChatDelta]:
        """All pieces of an answer."""
        return [delta async for delta in self.model(model).stream(request or saying())]

    @property
    def body(self) -> Any:
        """What was asked last."""
        return self.server.asked[-1].body

    async def aclose(self) -> None:
        """Let go of the clients."""
        for model in self._made.values():
            await model.aclose()


@asynccontextmanager
async def open_door(vendor: Vendor, **connection: Any) -> AsyncIterator[Door]:
    """A server, and a connection to it."""
    running: AbstractAsyncContextManager[FakeServer] = anthropic_server() if vendor == "anthropic" else gemini_server()
    async with running as server, calling(server.place) as egress:
        door = Door(vendor, server, egress, **connection)
        yield door
        await door.aclose()


def saying(*messages: ChatMessage | str, **more: Any) -> ChatRequest:
    """A question; wishes and fields of the request by their names."""
    wishes = {name: more.pop(name) for name in list(more) if name in ChatOptions.__dataclass_fields__}
    given = [ChatMessage("user", one) if isinstance(one, str) else one for one in messages or (PROMPT,)]
    return ChatRequest(tuple(given), ChatOptions(**wishes), **more)


def text(deltas: Sequence[ChatDelta]) -> str:
    """The text of the pieces."""
    return "".join(delta.text for delta in deltas)


def reasoning(deltas: Sequence[ChatDelta]) -> str:
    """The reasoning in the pieces."""
    return "".join(delta.reasoning for delta in deltas)


def calls(deltas: Sequence[ChatDelta]) -> list[ToolCall]:
    """The calls in the pieces."""
    return [call for delta in deltas for call in delta.tool_calls]


def as_said(deltas: Sequence[ChatDelta]) -> ChatMessage:
    """The answer as it goes into the conversation."""
    return ChatMessage(
        "assistant",
        text(deltas),
        tool_calls=tuple(calls(deltas)),
        reasoning=reasoning(deltas),
        provider_state=deltas[-1].provider_state,
    )
