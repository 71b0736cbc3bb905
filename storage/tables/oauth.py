"""Applications that ask for tokens themselves: what they are, and the keys by which they are known."""

from __future__ import annotations

from sqlalchemy import Index, String, UniqueConstraint
from sqlmodel import Field

from engine.values import Json
from storage.tables.columns import NAME_LENGTH, Id, LongText, Millis, Row, Word, id_column, json_column


class OAuthApp(Row, table=True):
    """A program that acts on behalf of an account, with tokens for which it signs."""

    __tablename__ = "oauth_app"
    __table_args__ = (
        UniqueConstraint("client_id", name="uq_oauth_app_client"),
        Index("ix_oauth_app_org", "org_id", "id"),
        Index("ix_oauth_app_account", "account_id"),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    client_id: str = Field(sa_type=Word(64))
    """How it calls itself: the `iss` of what it signs."""
    name: str = Field(sa_type=String(NAME_LENGTH))
    account_id: int = Field(sa_type=Id)
    """On whose behalf."""
    space_id: int = Field(sa_type=Id)
    """Where its tokens are at home."""
    disabled: int = 0
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    created_by: int = Field(default=0, sa_type=Id)
    last_used: int | None = Field(default=None, sa_type=Millis)
    scopes: list[Json] = json_column()
    spaces: list[Json] = json_column()


class OAuthKey(Row, table=True):
    """A public key of an application: what is signed with its other half comes from it."""

    __tablename__ = "oauth_key"
    __table_args__ = (UniqueConstraint("app_id", "kid", name="uq_oauth_key_kid"),)

    id: int = id_column()
    app_id: int = Field(sa_type=Id)
    kid: str = Field(sa_type=Word(64))
    """The fingerprint: the SHA-256 of the key, in base64 for addresses."""
    name: str = Field(default="", sa_type=String(NAME_LENGTH))
    pem: str = Field(sa_type=LongText)
    created: int = Field(sa_type=Millis)
    created_by: int = Field(default=0, sa_type=Id)
    last_used: int | None = Field(default=None, sa_type=Millis)


class OAuthUse(Row, table=True):
    """Something signed that was shown already, and is refused the second time; kept as long as it would be valid."""

    __tablename__ = "oauth_use"
    __table_args__ = (Index("ix_oauth_use_expires", "expires"),)

    hash: str = Field(primary_key=True, sa_type=Word(64))
    """Of the application and the `jti`."""
    expires: int = Field(sa_type=Millis)
