"""What things are called in the systems they came from."""

from __future__ import annotations

from sqlmodel import Field

from storage.tables.columns import KEY_LENGTH, Millis, Row, Word, id_column

SOURCE_LENGTH = 32
KIND_LENGTH = 32


class ExternalId(Row, table=True):
    """A thing's id in another system, and its id or name here; each space has its own."""

    __tablename__ = "external_id"

    org_id: int = id_column()
    space_id: int = id_column()
    source: str = Field(primary_key=True, sa_type=Word(SOURCE_LENGTH))
    kind: str = Field(primary_key=True, sa_type=Word(KIND_LENGTH))
    external: str = Field(primary_key=True, sa_type=Word(KEY_LENGTH))
    ours: str = Field(sa_type=Word(KEY_LENGTH))
    updated: int = Field(sa_type=Millis)
