"""Knowledge bases, their documents, and the chunks that these were cut into."""

from __future__ import annotations

from sqlalchemy import Index, String, UniqueConstraint
from sqlmodel import Field

from storage.tables.columns import (
    KEY_LENGTH,
    NAME_LENGTH,
    TITLE_LENGTH,
    Id,
    LongText,
    Millis,
    Row,
    Word,
    id_column,
)


class KnowledgeBaseRow(Row, table=True):
    """A collection of documents."""

    __tablename__ = "knowledge_base"
    __table_args__ = (Index("ix_knowledge_base_space", "org_id", "space_id"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    name: str = Field(sa_type=String(NAME_LENGTH))
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    description: str = Field(sa_type=LongText)


class KnowledgeDocumentRow(Row, table=True):
    """A document. `key` is what the same document would come again under."""

    __tablename__ = "knowledge_document"
    __table_args__ = (UniqueConstraint("base_id", "key", name="uq_knowledge_document_key"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    base_id: int = Field(sa_type=Id, foreign_key="knowledge_base.id")
    key: str = Field(sa_type=Word(KEY_LENGTH))
    name: str = Field(sa_type=String(TITLE_LENGTH))
    kind: str = Field(sa_type=Word(16))
    size: int = Field(sa_type=Millis)
    state: str = Field(sa_type=Word(16))
    chunks: int
    characters: int = Field(sa_type=Millis)
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    url: str = Field(sa_type=LongText)
    failure: str = Field(sa_type=LongText)


class KnowledgeChunkRow(Row, table=True):
    """A piece of a document's text, by its place."""

    __tablename__ = "knowledge_chunk"

    document_id: int = id_column()
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    text: str = Field(sa_type=LongText)
