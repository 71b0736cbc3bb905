"""What is asked of the store of knowledge: bases of documents, cut into chunks that can be searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

Search = Literal["semantic", "fulltext", "hybrid"]
DocumentState = Literal["processing", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """A collection of documents, of one space."""

    base_id: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Chunking:
    """How a text is cut: at the separator, pieces put together again as long as they fit into `size` characters.

    A piece that alone is longer is cut, at the end of a sentence or a word where there is one. `overlap` is the share
    of `size` that a chunk repeats of the one before.
    """

    separator: str = "\n"
    size: int = 800
    overlap: float = 0.1


USUAL_CHUNKING: Final = Chunking()


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to be kept: the text that was read out of it, and where it came from."""

    name: str
    text: str
    url: str = ""
    kind: str = "txt"
    """What it was read as: pdf, docx, xlsx, html, md, csv, txt or json."""
    size: int = 0
    """Bytes of the file; 0 means those of the text."""


@dataclass(frozen=True, slots=True)
class KnowledgeDocument:
    """A document as it is kept. Only one whose state is `ready` is ever found."""

    document_id: str
    base_id: str
    name: str
    url: str
    kind: str
    size: int
    state: DocumentState
    failure: str
    """Why it failed, in words; empty unless it did."""
    chunks: int
    characters: int
    created: int
    """UTC milliseconds."""
    updated: int


@dataclass(frozen=True, slots=True)
class Slice:
    """A chunk that answers a query. The score is between 0 and 1, larger is better."""

    document_id: str
    document_name: str
    base_id: str
    text: str
    score: float


class Knowledge(Protocol):
    """The knowledge bases of spaces. What belongs to another space is not found."""

    @property
    def searches(self) -> frozenset[Search]:
        """The ways of searching that this store knows. Another is answered by full text: tell whoever asked."""
        ...

    async def bases(self, org_id: str, space_id: str, base_ids: Sequence[str]) -> list[KnowledgeBase]:
        """These bases, in this order. Raises `NotFound` for the first that is not there."""
        ...

    async def retrieve(
        self,
        org_id: str,
        space_id: str,
        bases: Sequence[str],
        query: str,
        *,
        search: Search = "fulltext",
        top_k: int = 3,
        min_score: float = 0.0,
    ) -> list[Slice]:
        """The best chunks of these bases, the best first; those of the same score in an order that stays.

        A query is text and nothing else: no sign in it is an operator. Raises `NotFound` for a base that is not there.
        """
        ...

    async def write(
        self,
        org_id: str,
        space_id: str,
        base_id: str,
        document: NewDocument,
        *,
        chunking: Chunking = USUAL_CHUNKING,
        key: str,
    ) -> KnowledgeDocument:
        """Cut a text, keep its chunks, and make them searchable; the document is `ready` when this returns.

        The same `key` again in the same base is the same document, whatever became of the first attempt. Raises
        `NotFound` for the base, and `InvalidInput` for a text without content and for a chunking that cannot be.
        """
        ...

    async def delete(self, org_id: str, space_id: str, base_id: str, document_id: str, *, key: str = "") -> bool:
        """Remove a document and all that was made of it; False when this base has none of that id.

        The same `key` again gives what the first time gave.
        """
        ...
