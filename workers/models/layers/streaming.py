"""Asking the model within: its answer is closed in time, whatever becomes of the reader."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from nodes.chat import ChatDelta, ChatModel, ChatRequest


@asynccontextmanager
async def streaming(model: ChatModel, request: ChatRequest) -> AsyncGenerator[AsyncIterator[ChatDelta]]:
    """The answer's pieces. Leaving ends the call at the provider, also when the reader leaves in the middle."""
    deltas = model.stream(request)
    try:
        yield deltas
    finally:
        if isinstance(deltas, AsyncGenerator):
            await deltas.aclose()
