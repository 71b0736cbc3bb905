"""Variables that outlive a run."""

from __future__ import annotations

from sqlmodel import Field

from engine.values import Json
from storage.tables.columns import KEY_LENGTH, Millis, Row, Word, id_column, json_column


class Variable(Row, table=True):
    """A user's or an app's variable. Null is a value."""

    __tablename__ = "variable"

    org_id: int = id_column()
    space_id: int = id_column()
    scope: str = Field(primary_key=True, sa_type=Word(8))
    owner: str = Field(primary_key=True, sa_type=Word(KEY_LENGTH))
    name: str = Field(primary_key=True, sa_type=Word(KEY_LENGTH))
    updated: int = Field(sa_type=Millis)
    value: Json = json_column()
