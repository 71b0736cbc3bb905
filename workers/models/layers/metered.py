"""Every call that goes out is written down with what it cost, also one that fails or is given up."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Literal

from nodes.chat import INPUT, TOTAL, ChatDelta, ChatModel, ChatRequest
from nodes.ranking import Embedder, Embeddings, Ranked, Reranker
from storage.ports import BEGUN
from workers.models.accounts import Account, Used
from workers.models.layers.streaming import streaming
from workers.models.layers.tally import Tally, estimate


class Metered:
    """Implements `ChatModel`."""

    def __init__(self, inner: ChatModel, account: Account) -> None:
        self._inner = inner
        self._account = account

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """See `ChatModel`. The call is in the ledger before the answer's end is known to the node."""
        tally = Tally(request)
        async with self._account.call(tally.used) as call, streaming(self._inner, request) as deltas:
            async for delta in deltas:
                tally.hear(delta)
                call.whole = bool(delta.finish_reason)
                yield delta


class MeteredEmbedder:
    """Implements `Embedder`."""

    def __init__(self, inner: Embedder, account: Account) -> None:
        self._inner = inner
        self._account = account

    @property
    def dimensions(self) -> int | None:
        """See `Embedder`."""
        return self._inner.dimensions

    async def embed(self, texts: Sequence[str], *, purpose: Literal["document", "query"] = "document") -> Embeddings:
        """See `Embedder`."""
        made = Embeddings(())

        def used(outcome: str) -> Used:
            return Used(made.usage) if made.usage else _estimated(outcome, texts)

        async with self._account.call(used):
            made = await self._inner.embed(texts, purpose=purpose)
        return made


class MeteredReranker:
    """Implements `Reranker`. Servers tell no usage for this, so it is always estimated."""

    def __init__(self, inner: Reranker, account: Account) -> None:
        self._inner = inner
        self._account = account

    async def rerank(self, query: str, documents: Sequence[str], *, top: int | None = None) -> tuple[Ranked, ...]:
        """See `Reranker`."""
        async with self._account.call(lambda outcome: _estimated(outcome, (query, *documents))):
            return await self._inner.rerank(query, documents, top=top)


def _estimated(outcome: str, texts: Sequence[str]) -> Used:
    if outcome not in ("ok", "cancelled", BEGUN):
        return Used()
    given = estimate(texts)
    return Used({INPUT: given, TOTAL: given}, estimated=True)
