"""Organisations, their spaces, and the tokens that open them."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlmodel import Field

from engine.values import Json
from storage.tables.columns import KEY_LENGTH, NAME_LENGTH, Id, Millis, Row, Word, id_column, json_column

OrganisationKind = Literal["group", "company", "branch"]
SpaceKind = Literal["personal", "team"]
TokenKind = Literal["instance", "personal", "oauth", "guest"]


class Organisation(Row, table=True):
    """Who owns things. Organisations stand in trees: a group, its companies, their branches."""

    __tablename__ = "organisation"
    __table_args__ = (Index("ix_organisation_parent", "parent_id"),)

    id: int = id_column()
    key: str = Field(sa_type=Word(KEY_LENGTH), unique=True)
    name: str = Field(sa_type=String(NAME_LENGTH))
    created: int = Field(sa_type=Millis)
    parent_id: int | None = Field(default=None, sa_type=Id)
    kind: str = Field(default="company", sa_type=Word(16), sa_column_kwargs={"server_default": "company"})
    position: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Where it stands among its siblings."""
    updated: int | None = Field(default=None, sa_type=Millis)
    deleted_at: int | None = Field(default=None, sa_type=Millis)


class Space(Row, table=True):
    """Where people of an organisation work together."""

    __tablename__ = "space"
    __table_args__ = (UniqueConstraint("org_id", "key", name="uq_space_key"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id, foreign_key="organisation.id")
    key: str = Field(sa_type=Word(KEY_LENGTH))
    name: str = Field(sa_type=String(NAME_LENGTH))
    created: int = Field(sa_type=Millis)
    kind: str = Field(default="team", sa_type=Word(16), sa_column_kwargs={"server_default": "team"})
    description: str = Field(default="", sa_type=String(2_000), sa_column_kwargs={"server_default": text("''")})
    icon: str = Field(default="", sa_type=String(500), sa_column_kwargs={"server_default": text("''")})
    created_by: int = Field(default=0, sa_type=Id, sa_column_kwargs={"server_default": "0"})
    """The account that made it; 0 when nobody did."""
    updated: int | None = Field(default=None, sa_type=Millis)
    deleted_at: int | None = Field(default=None, sa_type=Millis)


class AccessToken(Row, table=True):
    """A token for programs. Only its hash is kept; the token itself is shown once.

    `space_id` is where it is at home. Of the kind `instance` is the one made at the first start, which lies in the data
    folder: whoever has it has the database too, and it opens everything.
    """

    __tablename__ = "access_token"
    __table_args__ = (
        UniqueConstraint("hash"),
        Index("ix_access_token_account", "account_id"),
        Index("ix_access_token_app", "app_id"),
        Index("ix_access_token_issuer", "issuer_id"),
        Index("ix_access_token_expires", "expires"),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id, foreign_key="organisation.id")
    space_id: int = Field(sa_type=Id, foreign_key="space.id")
    name: str = Field(sa_type=String(NAME_LENGTH))
    hash: str = Field(sa_type=Word(64))
    created: int = Field(sa_type=Millis)
    last_used: int | None = Field(default=None, sa_type=Millis)
    kind: str = Field(default="instance", sa_type=Word(16), sa_column_kwargs={"server_default": "instance"})
    account_id: int = Field(default=0, sa_type=Id, sa_column_kwargs={"server_default": "0"})
    """On whose behalf; 0 for nobody's."""
    app_id: int = Field(default=0, sa_type=Id, sa_column_kwargs={"server_default": "0"})
    """The OAuth application that got it; 0 for none."""
    expires: int | None = Field(default=None, sa_type=Millis)
    last_ip: str = Field(default="", sa_type=Word(64), sa_column_kwargs={"server_default": text("''")})
    scopes: Json = json_column()
    """What it may at most: permissions, `workflow.*`, or `*`. Nothing stands for `*`."""
    spaces: Json = json_column()
    """The ids of the spaces it opens, as texts. Nothing stands for all that its account may enter."""
    guest: Json = json_column()
    """For whom a guest's token is (`user`), and which workflows it may run (`workflows`). Of an OAuth token: which of
    the application's users it is kept to (`user`)."""
    prefix: str = Field(default="", sa_type=Word(48), sa_column_kwargs={"server_default": text("''")})
    """How it begins, so that people know it again."""
    issuer_id: int = Field(default=0, sa_type=Id, sa_column_kwargs={"server_default": "0"})
    """Of a guest's token: the token or session that admitted him. Of an OAuth token: the key that signed for it."""
    requests_per_minute: int | None = None
    """Instead of the setting; nothing stands for the setting, 0 for no bound."""
    runs_per_minute: int | None = None
