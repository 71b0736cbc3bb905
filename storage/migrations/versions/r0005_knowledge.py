"""Knowledge bases, their documents, and the chunks of these."""

from sqlalchemy import Column, ForeignKeyConstraint, Integer, PrimaryKeyConstraint, String, UniqueConstraint

from storage.migrations.guards import create_index, create_table
from storage.tables.columns import Id, LongText, Millis, Word

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create them."""
    create_table(
        "knowledge_base",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("name", String(200), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("description", LongText(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_knowledge_base"),
    )
    create_index("ix_knowledge_base_space", "knowledge_base", ["org_id", "space_id"])
    create_table(
        "knowledge_document",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("base_id", Id, nullable=False),
        Column("key", Word(191), nullable=False),
        Column("name", String(300), nullable=False),
        Column("kind", Word(16), nullable=False),
        Column("size", Millis, nullable=False),
        Column("state", Word(16), nullable=False),
        Column("chunks", Integer(), nullable=False),
        Column("characters", Millis, nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("url", LongText(), nullable=False),
        Column("failure", LongText(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_knowledge_document"),
        ForeignKeyConstraint(["base_id"], ["knowledge_base.id"], name="fk_knowledge_document_base_id"),
        UniqueConstraint("base_id", "key", name="uq_knowledge_document_key"),
    )
    create_table(
        "knowledge_chunk",
        Column("document_id", Id, nullable=False, autoincrement=False),
        Column("number", Integer(), nullable=False, autoincrement=False),
        Column("text", LongText(), nullable=False),
        PrimaryKeyConstraint("document_id", "number", name="pk_knowledge_chunk"),
    )
