"""What routes about knowledge take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field, StringConstraints

from api.parameters import Body, Id, Millis
from storage.knowledge.chunking import LARGEST, MOST_OVERLAP, SMALLEST
from storage.ports.knowledge import DocumentState

BaseId = Annotated[str, Path(max_length=30, description="The id of a knowledge base.")]
DocumentId = Annotated[str, Path(max_length=30, description="The id of a document.")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Title = Annotated[str, StringConstraints(max_length=300, strip_whitespace=True)]
Description = Annotated[str, StringConstraints(max_length=5_000, strip_whitespace=True)]


class BaseIn(Body):
    """A knowledge base to be made."""

    name: Name
    description: Description = Field("", description="What is in it: models choose among bases by this.")


class BaseChange(Body):
    """What is to be different; what is absent stays."""

    name: Name | None = None
    description: Description | None = None


class BaseOut(BaseModel):
    """A knowledge base."""

    id: Id
    name: str
    description: str
    created: Millis
    updated: Millis


class BasePage(BaseModel):
    """Some knowledge bases, the newest first."""

    items: list[BaseOut]
    next_cursor: str | None


class ChunkingIn(Body):
    """How a text is cut into chunks."""

    separator: str = Field("\n", min_length=1, max_length=100, description="Where a chunk may end.")
    size: int = Field(800, ge=SMALLEST, le=LARGEST, description="Characters of a chunk at most.")
    overlap: float = Field(0.1, ge=0, le=MOST_OVERLAP, description="The share that repeats the chunk before.")


class DocumentIn(Body):
    """A document to be added: its text, or the URL of a file."""

    name: Title = Field("", description="Of a file, its ending says of which kind it is.")
    text: str | None = None
    url: Annotated[str, StringConstraints(max_length=4_000, strip_whitespace=True)] | None = None
    chunking: ChunkingIn = ChunkingIn()


class DocumentOut(BaseModel):
    """A document."""

    id: Id
    base_id: Id
    name: str
    url: str
    kind: str = Field(description="What it was read as: pdf, docx, xlsx, html, md, csv, txt or json.")
    size: int = Field(description="Bytes.")
    state: DocumentState = Field(description="Only one that is ready is found.")
    failure: str = Field(description="Why it could not be read.")
    chunks: int
    characters: int
    created: Millis
    updated: Millis


class DocumentPage(BaseModel):
    """Some documents, the newest first."""

    items: list[DocumentOut]
    next_cursor: str | None


class ChunkOut(BaseModel):
    """A piece of a document's text."""

    number: int
    text: str


class ChunkPage(BaseModel):
    """Some chunks, in their order."""

    items: list[ChunkOut]
    next_cursor: str | None


class SearchIn(Body):
    """What is looked for."""

    query: Annotated[str, StringConstraints(min_length=1, max_length=5_000, strip_whitespace=True)]
    search: Literal["semantic", "fulltext", "hybrid"] = "fulltext"
    top_k: int = Field(3, ge=1, le=100)
    min_score: float = Field(0.0, ge=0, le=1)


class SliceOut(BaseModel):
    """A chunk that was found."""

    document_id: Id
    document_name: str
    text: str
    score: float = Field(description="Between 0 and 1.")


class Slices(BaseModel):
    """What was found, the best first."""

    items: list[SliceOut]
    warnings: list[str] = Field(description="What was not done as it was asked for.")
