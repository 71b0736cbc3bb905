"""What is asked of an index of texts: put chunks in, take documents out, find what resembles a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that holds some of a query. The score is between 0 and 1, and means the same in every base."""

    base_id: int
    document_id: int
    number: int
    score: float


class FullText(Protocol):
    """An index over the chunks of documents. It is made of what is kept elsewhere, and can be made again.

    It knows ids alone: whoever asks has seen to it that the bases are theirs.
    """

    async def put(self, base_id: int, document_id: int, chunks: Sequence[str]) -> None:
        """Make a document's chunks findable, in place of those it had; chunk `n` is known by its place in the list."""

    async def remove(self, base_id: int, document_id: int) -> None:
        """Forget a document; one that is not there is fine."""

    async def drop(self, base_id: int) -> None:
        """Forget a base; one that is not there is fine."""

    async def holds(self, base_id: int) -> bool:
        """Whether anything was ever put into this base: otherwise the index was lost, or is of another place."""
        ...

    async def search(self, bases: Sequence[int], query: str, *, limit: int) -> list[Hit]:
        """The best chunks, the best first, those of one score by their ids and places; those without any word of the
        query are none. A query is text: no sign in it is an operator.
        """
        ...
