"""What compares texts by their meaning: models that turn texts into vectors, and models that rank texts by a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector for each text, in their order, all as long as `Embedder.dimensions` says."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Mapping[str, int] = field(default_factory=dict)


class Embedder(Protocol):
    """A model that turns texts into vectors. Raises `ModelFailed` and `ModelUnavailable`."""

    @property
    def dimensions(self) -> int | None:
        """How long a vector is; None before the first answer where nobody has said it."""
        ...

    async def embed(self, texts: Sequence[str], *, purpose: Literal["document", "query"] = "document") -> Embeddings:
        """The vectors; any number of texts, sent in batches as large as the server takes."""
        ...


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document's place in the list that was given, and how well it fits: greater is better, whatever the scale."""

    index: int
    score: float


class Reranker(Protocol):
    """A model that ranks texts by how well they answer a query. Raises `ModelFailed` and `ModelUnavailable`."""

    async def rerank(self, query: str, documents: Sequence[str], *, top: int | None = None) -> tuple[Ranked, ...]:
        """The best first; all of them unless `top` says how many."""
        ...
