"""Hearing a model out: its pieces told as they come, and in the end all that it said."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from engine.values import Json
from nodes.chat import ChatRequest, ToolCall
from nodes.context import NodeContext


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, whole."""

    text: str
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    state: Mapping[str, Json] = field(default_factory=dict)
    told: bool = False
    """Pieces of it were told."""

    def said(self, passages: str = "") -> dict[str, Json]:
        """What the next turn is told of this one."""
        calls: list[Json] = [
            {"id": call.id, "name": call.name, "arguments": dict(call.arguments)} for call in self.calls
        ]
        return {
            "text": self.text,
            "reasoning": self.reasoning,
            "state": dict(self.state),
            "calls": calls,
            "passages": passages,
        }


async def hear(name: str, request: ChatRequest, ctx: NodeContext, *, streams: bool) -> Heard:
    """Ask a model once, and tell the pieces as they come."""
    model = await ctx.models.chat(name)
    deltas = model.stream(request)
    text: list[str] = []
    reasoning: list[str] = []
    calls: tuple[ToolCall, ...] = ()
    state: Mapping[str, Json] = {}
    told = False
    try:
        async for delta in deltas:
            if delta.reasoning:
                reasoning.append(delta.reasoning)
                told = (streams and await ctx.think(delta.reasoning)) or told
            if delta.text:
                text.append(delta.text)
                if streams:
                    told = True
                    await ctx.emit(delta.text)
            calls += delta.tool_calls
            state = delta.provider_state or state
            if delta.usage:
                ctx.spend(**delta.usage)
            if delta.finish_reason == "length":
                ctx.warn("The answer broke off at the greatest length allowed.")
            elif delta.finish_reason == "content_filter":
                ctx.warn("The model's provider withheld the answer, or the rest of it.")
    finally:
        if isinstance(deltas, AsyncGenerator):
            await deltas.aclose()
    return Heard("".join(text), "".join(reasoning), calls, state, told=told)
