"""Conversations, what was said in them, and the names that applications give to theirs.

No foreign keys: an application is a word of the space's own, and a message may belong to a run that is stored later.
"""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from engine.values import Json
from storage.tables.columns import (
    CHANNEL_LENGTH,
    KEY_LENGTH,
    Id,
    LongText,
    Millis,
    Row,
    Word,
    id_column,
    json_column,
)

HASH_LENGTH = 64


class ConversationRow(Row, table=True):
    """A conversation of an application with one of its users. Without a name, `name` is null: many may have none."""

    __tablename__ = "conversation"
    __table_args__ = (
        # By a hash: the words together are longer than an index of MySQL may be.
        UniqueConstraint("space_id", "place", name="uq_conversation_place"),
        Index("ix_conversation_space", "space_id", "id"),
        Index("ix_conversation_party", "space_id", "party", "id"),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    app_id: str = Field(sa_type=Word(KEY_LENGTH))
    user_id: str = Field(sa_type=Word(KEY_LENGTH))
    channel: str = Field(sa_type=Word(CHANNEL_LENGTH))
    draft: int = 0
    kind: str = Field(sa_type=Word(8))
    name: str | None = Field(default=None, sa_type=Word(KEY_LENGTH))
    party: str = Field(sa_type=Word(HASH_LENGTH))
    """A hash of application, user, channel and environment."""
    place: str | None = Field(default=None, sa_type=Word(HASH_LENGTH))
    """A hash of the party, the kind and the name; null without a name."""
    section_id: int = Field(sa_type=Id)
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    meta: Json = json_column()
    """What its owner noted beside it: texts by their names."""


class ConversationTemplate(Row, table=True):
    """The name of a conversation that every user of an application has, or will have."""

    __tablename__ = "conversation_template"
    __table_args__ = (UniqueConstraint("space_id", "app_id", "name", name="uq_conversation_template_name"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    app_id: str = Field(sa_type=Word(KEY_LENGTH))
    name: str = Field(sa_type=Word(KEY_LENGTH))
    created: int = Field(sa_type=Millis)


class ConversationMessage(Row, table=True):
    """What one side said. `key` is unique where one is given: it is said once, however often it is told."""

    __tablename__ = "conversation_message"
    __table_args__ = (
        UniqueConstraint("conversation_id", "key", name="uq_conversation_message_key"),
        Index("ix_conversation_message_order", "conversation_id", "id"),
        Index("ix_conversation_message_round", "conversation_id", "section_id", "round_id", "id"),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    conversation_id: int = Field(sa_type=Id)
    section_id: int = Field(sa_type=Id)
    round_id: int = Field(sa_type=Id)
    run_id: int = Field(default=0, sa_type=Id)
    key: str | None = Field(default=None, sa_type=Word(HASH_LENGTH))
    role: str = Field(sa_type=Word(16))
    content_type: str = Field(sa_type=Word(16))
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    content: str = Field(sa_type=LongText)
    meta: Json = json_column()


class MessageFeedback(Row, table=True):
    """What somebody thinks of a message."""

    __tablename__ = "message_feedback"
    __table_args__ = (Index("ix_message_feedback_conversation", "conversation_id"),)

    message_id: int = id_column()
    person: str = Field(primary_key=True, sa_type=Word(KEY_LENGTH))
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    conversation_id: int = Field(sa_type=Id)
    kind: str = Field(sa_type=Word(8))
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    comment: str = Field(sa_type=LongText)
    reasons: Json = json_column()


class ConversationWrite(Row, table=True):
    """What became of a write that a node may make twice."""

    __tablename__ = "conversation_write"
    __table_args__ = (Index("ix_conversation_write_made", "made"),)

    space_id: int = id_column()
    key: str = Field(primary_key=True, sa_type=Word(HASH_LENGTH))
    made: int = Field(sa_type=Millis)
    outcome: Json = json_column()
