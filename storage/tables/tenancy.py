"""Organisations, their spaces, and the tokens that open them."""

from __future__ import annotations

from sqlalchemy import String, UniqueConstraint
from sqlmodel import Field

from storage.tables.columns import KEY_LENGTH, NAME_LENGTH, Id, Millis, Row, Word, id_column


class Organisation(Row, table=True):
    """Who owns things."""

    __tablename__ = "organisation"

    id: int = id_column()
    key: str = Field(sa_type=Word(KEY_LENGTH), unique=True)
    name: str = Field(sa_type=String(NAME_LENGTH))
    created: int = Field(sa_type=Millis)


class Space(Row, table=True):
    """Where people of an organisation work together."""

    __tablename__ = "space"
    __table_args__ = (UniqueConstraint("org_id", "key", name="uq_space_key"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id, foreign_key="organisation.id")
    key: str = Field(sa_type=Word(KEY_LENGTH))
    name: str = Field(sa_type=String(NAME_LENGTH))
    created: int = Field(sa_type=Millis)


class AccessToken(Row, table=True):
    """A token for programs. Only its hash is kept; the token itself is shown once."""

    __tablename__ = "access_token"
    __table_args__ = (UniqueConstraint("hash"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id, foreign_key="organisation.id")
    space_id: int = Field(sa_type=Id, foreign_key="space.id")
    name: str = Field(sa_type=String(NAME_LENGTH))
    hash: str = Field(sa_type=Word(64))
    created: int = Field(sa_type=Millis)
    last_used: int | None = Field(default=None, sa_type=Millis)
