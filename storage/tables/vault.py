"""What is kept encrypted, and the keys for it, each under a key that comes from outside.

Nonces and what they belong to stand side by side. No foreign keys: organisation 0 is the instance itself.
"""

from __future__ import annotations

from sqlalchemy import Index, String, UniqueConstraint
from sqlmodel import Field

from storage.tables.columns import Id, LongBytes, Millis, Row, Word, id_column

KEK_ID_LENGTH = 63
KIND_LENGTH = 32


class WrappingKey(Row, table=True):
    """A key from outside that something here is wrapped with. `check_value` tells it from another of the same id."""

    __tablename__ = "wrapping_key"

    id: str = Field(primary_key=True, sa_type=Word(KEK_ID_LENGTH))
    check_value: str = Field(sa_type=Word(64))
    created: int = Field(sa_type=Millis)


class OrganisationKey(Row, table=True):
    """A key that an organisation's payloads are encrypted with; the one with the highest generation is current."""

    __tablename__ = "organisation_key"
    __table_args__ = (UniqueConstraint("org_id", "generation", name="uq_organisation_key_generation"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    generation: int
    kek_id: str = Field(sa_type=Word(KEK_ID_LENGTH))
    created: int = Field(sa_type=Millis)
    wrap_nonce: bytes = Field(sa_type=LongBytes)
    wrapped: bytes = Field(sa_type=LongBytes)


class Secret(Row, table=True):
    """A text under a key of its own, which is wrapped. `last4` is what may be shown of it."""

    __tablename__ = "secret"
    __table_args__ = (Index("ix_secret_org", "org_id", "kind"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    kind: str = Field(sa_type=Word(KIND_LENGTH))
    last4: str = Field(sa_type=String(4))
    kek_id: str = Field(sa_type=Word(KEK_ID_LENGTH))
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    wrap_nonce: bytes = Field(sa_type=LongBytes)
    wrapped: bytes = Field(sa_type=LongBytes)
    nonce: bytes = Field(sa_type=LongBytes)
    data: bytes = Field(sa_type=LongBytes)
