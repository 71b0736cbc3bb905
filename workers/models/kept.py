"""Adapters that are kept between calls, and let go of once another has taken their place and nobody uses them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Generic, Literal, Protocol, TypeVar

from nodes.chat import ChatDelta, ChatRequest
from nodes.ranking import Embeddings, Ranked
from workers.models.adapters import ChatAdapter, EmbeddingAdapter, RerankAdapter
from workers.models.layers.streaming import streaming


class _Closing(Protocol):
    async def aclose(self) -> None: ...


A = TypeVar("A", bound=_Closing)


class Kept(Generic[A]):
    """One adapter. Whoever was handed it may use it also after it was let go of: it is then made once more."""

    def __init__(self, make: Callable[[], A]) -> None:
        self._make = make
        self._adapter: A | None = None
        self._users = 0
        self._wanted = True

    @asynccontextmanager
    async def use(self) -> AsyncGenerator[A]:
        """The adapter, for the time of one call."""
        if self._adapter is None:
            self._adapter = self._make()
        self._users += 1
        try:
            yield self._adapter
        finally:
            self._users -= 1
            await self._close_if_idle()

    async def let_go(self) -> None:
        """Close it as soon as nobody uses it."""
        self._wanted = False
        await self._close_if_idle()

    async def _close_if_idle(self) -> None:
        if not self._wanted and self._users == 0 and self._adapter is not None:
            adapter, self._adapter = self._adapter, None
            await adapter.aclose()


class KeptChat:
    """Implements `ChatModel`."""

    def __init__(self, kept: Kept[ChatAdapter]) -> None:
        self._kept = kept

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """See `ChatModel`."""
        async with self._kept.use() as adapter, streaming(adapter, request) as deltas:
            async for delta in deltas:
                yield delta


class KeptEmbedder:
    """Implements `Embedder`."""

    def __init__(self, kept: Kept[EmbeddingAdapter], dimensions: int | None) -> None:
        self._kept = kept
        self._dimensions = dimensions

    @property
    def dimensions(self) -> int | None:
        """See `Embedder`."""
        return self._dimensions

    async def embed(self, texts: Sequence[str], *, purpose: Literal["document", "query"] = "document") -> Embeddings:
        """See `Embedder`."""
        async with self._kept.use() as adapter:
            made = await adapter.embed(texts, purpose=purpose)
            self._dimensions = adapter.dimensions
            return made


class KeptReranker:
    """Implements `Reranker`."""

    def __init__(self, kept: Kept[RerankAdapter]) -> None:
        self._kept = kept

    async def rerank(self, query: str, documents: Sequence[str], *, top: int | None = None) -> tuple[Ranked, ...]:
        """See `Reranker`."""
        async with self._kept.use() as adapter:
            return await adapter.rerank(query, documents, top=top)
