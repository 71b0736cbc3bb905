"""Conversations and what was said in them, what variables are, and on whose behalf a run runs."""

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, UniqueConstraint

from storage.migrations.guards import add_column, create_index, create_table
from storage.tables.columns import Id, JsonText, LongText, Millis, Word

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create them."""
    create_table(
        "conversation",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("app_id", Word(191), nullable=False),
        Column("user_id", Word(191), nullable=False),
        Column("channel", Word(64), nullable=False),
        Column("draft", Integer(), nullable=False),
        Column("kind", Word(8), nullable=False),
        Column("name", Word(191)),
        Column("party", Word(64), nullable=False),
        Column("place", Word(64)),
        Column("section_id", Id, nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        PrimaryKeyConstraint("id", name="pk_conversation"),
        UniqueConstraint("space_id", "place", name="uq_conversation_place"),
    )
    create_index("ix_conversation_space", "conversation", ["space_id", "id"])
    create_index("ix_conversation_party", "conversation", ["space_id", "party", "id"])
    create_table(
        "conversation_template",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("app_id", Word(191), nullable=False),
        Column("name", Word(191), nullable=False),
        Column("created", Millis, nullable=False),
        PrimaryKeyConstraint("id", name="pk_conversation_template"),
        UniqueConstraint("space_id", "app_id", "name", name="uq_conversation_template_name"),
    )
    create_table(
        "conversation_message",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("conversation_id", Id, nullable=False),
        Column("section_id", Id, nullable=False),
        Column("round_id", Id, nullable=False),
        Column("run_id", Id, nullable=False),
        Column("key", Word(64)),
        Column("role", Word(16), nullable=False),
        Column("content_type", Word(16), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("content", LongText(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_conversation_message"),
        UniqueConstraint("conversation_id", "key", name="uq_conversation_message_key"),
    )
    create_index("ix_conversation_message_order", "conversation_message", ["conversation_id", "id"])
    create_index(
        "ix_conversation_message_round", "conversation_message", ["conversation_id", "section_id", "round_id", "id"]
    )
    create_table(
        "conversation_write",
        Column("space_id", Id, nullable=False, autoincrement=False),
        Column("key", Word(64), nullable=False),
        Column("made", Millis, nullable=False),
        Column("outcome", JsonText()),
        PrimaryKeyConstraint("space_id", "key", name="pk_conversation_write"),
    )
    create_index("ix_conversation_write_made", "conversation_write", ["made"])
    create_table(
        "variable_definition",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("app_id", Word(191), nullable=False),
        Column("scope", Word(8), nullable=False),
        Column("name", Word(64), nullable=False),
        Column("enabled", Integer(), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("description", LongText(), nullable=False),
        Column("type", JsonText(), nullable=False),
        Column("initial", JsonText()),
        PrimaryKeyConstraint("id", name="pk_variable_definition"),
        UniqueConstraint("space_id", "app_id", "scope", "name", name="uq_variable_definition_name"),
    )
    create_index("ix_variable_definition_space", "variable_definition", ["space_id", "id"])
    add_column("run", Column("user_id", Word(191)))
    add_column("run", Column("app_id", Word(191)))
    add_column("run", Column("channel", Word(64)))
    add_column("run", Column("conversation_id", Id))
