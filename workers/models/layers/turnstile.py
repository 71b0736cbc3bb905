"""Waiting for one's turn at a model that may not be asked too often, or by too many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal
from uuid import uuid4

import structlog

from engine.errors import FlowError
from nodes.chat import OUTPUT, TOTAL, ChatDelta, ChatModel, ChatRequest, ModelUnavailable
from nodes.ranking import Embedder, Embeddings, Ranked, Reranker
from storage.ports import Quota, Throttle
from workers.models.layers.streaming import streaming
from workers.models.layers.tally import Tally, estimate

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_LEASE: Final = 60.0
_RENEWED: Final = 20.0
_SHORTEST: Final = 0.05


@dataclass
class Turn:
    """A place that is held, and how much was used there."""

    tokens: int = 0


class Turnstile:
    """The way to one model, through the throttle that all processes share."""

    def __init__(self, throttle: Throttle, name: str, quota: Quota, *, model: str, longest: float) -> None:
        """`name` is what the throttle calls it, `model` what people do; `longest` is how long one waits, in seconds."""
        self._throttle = throttle
        self._name = name
        self._quota = quota
        self._model = model
        self._longest = longest

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[Turn]:
        """Wait for a place and hold it. Raises `ModelUnavailable`, reason `rate_limited`, when that takes too long."""
        lease = uuid4().hex
        held = Turn()
        renewing: asyncio.Task[None] | None = None
        try:
            await self._enter(lease)
            renewing = asyncio.create_task(self._renew(lease))
            yield held
        finally:
            if renewing is not None:
                renewing.cancel()
            # Also when it was cancelled while it asked: the place may have been taken.
            await asyncio.wait({asyncio.create_task(self._leave(lease, held))})

    async def _enter(self, lease: str) -> None:
        deadline = time.monotonic() + self._longest
        while wait := await self._throttle.enter(self._name, self._quota, lease=lease, seconds=_LEASE):
            wait = max(wait, _SHORTEST)
            if time.monotonic() + wait > deadline:
                raise ModelUnavailable(
                    f"The model {self._model} is used as much as its limits here allow; there was no place for it"
                    f" within {self._longest:g} seconds.",
                    reason="rate_limited",
                    model=self._model,
                    retry_after=round(wait, 3),
                )
            await asyncio.sleep(wait)

    async def _renew(self, lease: str) -> None:
        while True:
            await asyncio.sleep(_RENEWED)
            await self._trying(self._throttle.enter(self._name, self._quota, lease=lease, seconds=_LEASE))

    async def _leave(self, lease: str, held: Turn) -> None:
        await self._trying(self._throttle.leave(self._name, lease=lease, tokens=held.tokens))

    async def _trying(self, work: Awaitable[object]) -> None:
        try:
            await work
        except FlowError as error:
            # The answer is worth more than the place, whose lease ends by itself.
            _log.warning("throttle not told", model=self._model, reason=error.message)


class Throttled:
    """Implements `ChatModel`."""

    def __init__(self, inner: ChatModel, turnstile: Turnstile) -> None:
        self._inner = inner
        self._turnstile = turnstile

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """See `ChatModel`."""
        tally = Tally(request)
        async with self._turnstile.turn() as turn:
            try:
                async with streaming(self._inner, request) as deltas:
                    async for delta in deltas:
                        tally.hear(delta)
                        yield delta
            finally:
                used = tally.used("cancelled").tokens
                turn.tokens = used.get(TOTAL, used.get(OUTPUT, 0))


class ThrottledEmbedder:
    """Implements `Embedder`."""

    def __init__(self, inner: Embedder, turnstile: Turnstile) -> None:
        self._inner = inner
        self._turnstile = turnstile

    @property
    def dimensions(self) -> int | None:
        """See `Embedder`."""
        return self._inner.dimensions

    async def embed(self, texts: Sequence[str], *, purpose: Literal["document", "query"] = "document") -> Embeddings:
        """See `Embedder`."""
        async with self._turnstile.turn() as turn:
            made = await self._inner.embed(texts, purpose=purpose)
            turn.tokens = made.usage.get(TOTAL, 0) or estimate(texts)
            return made


class ThrottledReranker:
    """Implements `Reranker`."""

    def __init__(self, inner: Reranker, turnstile: Turnstile) -> None:
        self._inner = inner
        self._turnstile = turnstile

    async def rerank(self, query: str, documents: Sequence[str], *, top: int | None = None) -> tuple[Ranked, ...]:
        """See `Reranker`."""
        async with self._turnstile.turn() as turn:
            turn.tokens = estimate((query, *documents))
            return await self._inner.rerank(query, documents, top=top)
