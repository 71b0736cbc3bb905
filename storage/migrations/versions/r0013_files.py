"""Files of spaces, what people note beside conversations and messages, and what they think of them."""

from sqlalchemy import Column, Integer, PrimaryKeyConstraint

from storage.migrations.guards import add_column, create_index, create_table
from storage.tables.columns import Id, JsonText, LongText, Millis, Word

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Create the tables, and add the columns."""
    create_table(
        "stored_file",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("account_id", Id, nullable=False),
        Column("person", Word(191), nullable=False),
        Column("state", Word(16), nullable=False),
        Column("size", Id, nullable=False),
        Column("name", Word(255), nullable=False),
        Column("extension", Word(16), nullable=False),
        Column("mime_type", Word(128), nullable=False),
        Column("sha256", Word(64), nullable=False),
        Column("width", Integer(), nullable=False),
        Column("height", Integer(), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        PrimaryKeyConstraint("id", name="pk_stored_file"),
    )
    create_index("ix_stored_file_space", "stored_file", ["space_id", "id"])
    create_index("ix_stored_file_state", "stored_file", ["state", "updated"])
    create_table(
        "file_space",
        Column("space_id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("bytes", Id, nullable=False),
        PrimaryKeyConstraint("space_id", name="pk_file_space"),
    )
    create_table(
        "message_feedback",
        Column("message_id", Id, nullable=False, autoincrement=False),
        Column("person", Word(191), nullable=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("conversation_id", Id, nullable=False),
        Column("kind", Word(8), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("comment", LongText(), nullable=False),
        Column("reasons", JsonText()),
        PrimaryKeyConstraint("message_id", "person", name="pk_message_feedback"),
    )
    create_index("ix_message_feedback_conversation", "message_feedback", ["conversation_id"])
    add_column("conversation", Column("meta", JsonText()))
    add_column("conversation_message", Column("meta", JsonText()))
