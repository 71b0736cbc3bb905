"""The models behind a server of OpenAI's protocol on loopback, asked as the registry would ask them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from nodes.chat import ChatDelta, ChatMessage, ChatOptions, ChatRequest, ToolCall
from tests.fakes.openai_server import OpenAIServer, openai_server
from tests.workers.egress.loopback import calling
from workers.egress import EgressClient
from workers.models.adapters import ChatAdapter, chat_adapter
from workers.models.provider import ModelConnection

KEY = "sk-canary-0123456789"
PROMPT = "你好, dear world"


class Door:
    """Makes models of one server, and keeps them."""

    def __init__(self, server: OpenAIServer, egress: EgressClient, **connection: Any) -> None:
        self.server, self.egress = server, egress
        given: dict[str, Any] = {"base_url": server.base_url, "api_key": KEY} | connection
        given = {"first_token_seconds": 20, "gap_seconds": 20} | given
        self.connection = ModelConnection(given.pop("provider", "openai_compatible"), "echo", **given)
        self._made: dict[str, ChatAdapter] = {}

    def other(self, **connection: Any) -> Door:
        """The same server by another connection."""
        door = Door(self.server, self.egress)
        door.connection = replace(self.connection, **connection)
        return door

    def model(self, name: str) -> ChatAdapter:
        """The model of this name, whose habits are remembered."""
        if name not in self._made:
            self._made[name] = chat_adapter(replace(self.connection, vendor_model=name), self.egress)
        return self._made[name]

    async def ask(self, model: str, request: ChatRequest) -> list[ChatDelta]:
        """All pieces of an answer."""
        return [delta async for delta in self.model(model).stream(request)]

    @property
    def body(self) -> dict[str, Any]:
        """What was asked last."""
        body: dict[str, Any] = self.server.asked[-1].body
        return body

    async def aclose(self) -> None:
        """Let go of the clients."""
        for model in self._made.values():
            await model.aclose()


@asynccontextmanager
async def open_door(**connection: Any) -> AsyncIterator[Door]:
    """A server, and a connection to it."""
    async with openai_server() as server, calling(server.place) as egress:
        door = Door(server, egress, **connection)
        yield door
        await door.aclose()


def saying(prompt: str = PROMPT, *, system: str = "", **more: Any) -> ChatRequest:
    """A question of one message; wishes and fields of the request by their names."""
    wishes = {name: more.pop(name) for name in list(more) if name in ChatOptions.__dataclass_fields__}
    first = (ChatMessage("system", system),) if system else ()
    return ChatRequest((*first, ChatMessage("user", prompt)), ChatOptions(**wishes), **more)


def text(deltas: Sequence[ChatDelta]) -> str:
    """The text of the pieces."""
    return "".join(delta.text for delta in deltas)


def reasoning(deltas: Sequence[ChatDelta]) -> str:
    """The reasoning in the pieces."""
    return "".join(delta.reasoning for delta in deltas)


def calls(deltas: Sequence[ChatDelta]) -> list[ToolCall]:
    """The calls in the pieces."""
    return [call for delta in deltas for call in delta.tool_calls]
