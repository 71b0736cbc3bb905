"""Variables that outlive a run, and what they are."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from engine.values import Json
from storage.tables.columns import KEY_LENGTH, Id, JsonText, LongText, Millis, Row, Word, id_column, json_column

VARIABLE_LENGTH = 64
"""Of a name that is defined: four bytes a letter, it must fit into an index beside the application's."""


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


class VariableDefinitionRow(Row, table=True):
    """What a variable is: its type, and what it is while nobody has set it. `app_id` is empty for what a space has."""

    __tablename__ = "variable_definition"
    __table_args__ = (
        UniqueConstraint("space_id", "app_id", "scope", "name", name="uq_variable_definition_name"),
        Index("ix_variable_definition_space", "space_id", "id"),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    app_id: str = Field(sa_type=Word(KEY_LENGTH))
    scope: str = Field(sa_type=Word(8))
    name: str = Field(sa_type=Word(VARIABLE_LENGTH))
    enabled: int = 1
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    description: str = Field(default="", sa_type=LongText)
    type: dict[str, Json] = Field(sa_type=JsonText, nullable=False)
    initial: Json = json_column()
