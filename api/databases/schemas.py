"""What routes about databases take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, Field, JsonValue, StringConstraints

from api.parameters import Body, Id, Millis
from api.told import Told
from storage.ports.tables import Access, FieldType, UserTable

DatabaseRef = Annotated[
    str, Path(max_length=100, description="The id of a database, or its name.", examples=["customers"])
]
RowId = Annotated[str, Path(max_length=30, description="The id of a row.", examples=["382948991334506751"])]
Draft = Annotated[bool, Query(description="The test data, on which test runs work, instead of the online data.")]
User = Annotated[str | None, Query(max_length=200, description="Only rows of this user.")]

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(max_length=2_000)]
Key = Annotated[str, StringConstraints(max_length=200)]
Values = dict[str, JsonValue]

NAME: Any = Field(description="Begins with a letter; up to 64 letters, digits and underscores.", examples=["customers"])
ACCESS: Any = Field(
    "limited",
    description="What runs may: `limited` sees and changes the rows of its own user, `read_only` sees all and changes"
    " none, `unlimited` sees and changes all.",
)
DRAFT: Any = Field(False, description="The test data instead of the online data.")
OWNER: Any = Field("", max_length=200, description="The user to whom the rows belong.")


class FieldIn(Body):
    """A field."""

    name: Name = NAME
    type: FieldType = "text"
    description: Text = ""
    required: bool = Field(False, description="Every row needs a value.")


class FieldChange(FieldIn):
    """A field as it is to be."""

    number: int = Field(0, ge=0, description="Which field it was; 0: the one of this name, or a new one.")


class FieldOut(BaseModel):
    """A field as it is."""

    number: int = Field(description="Given once; it stays when the field is renamed.")
    name: str
    type: FieldType
    description: str
    required: bool


class DatabaseIn(Body):
    """A database to be made."""

    name: Name = NAME
    description: Text = ""
    access: Access = ACCESS
    fields: Annotated[list[FieldIn], Field(min_length=1, max_length=100)]


class DatabaseChange(Body):
    """What is to be different; what is absent stays."""

    revision: int = Field(description="The revision you opened. When the database has changed since, nothing is saved.")
    name: Name | None = None
    description: Text | None = None
    access: Access | None = None
    fields: Annotated[list[FieldChange], Field(min_length=1, max_length=100)] | None = Field(
        None, description="All fields; one that is left out is taken away with its values."
    )


class DatabaseOut(BaseModel):
    """A database."""

    id: Id
    name: str
    description: str
    access: Access
    fields: list[FieldOut]
    revision: int = Field(description="Grows with every change.")
    created: Millis
    updated: Millis


class DatabasePage(BaseModel):
    """Some databases, the newest first."""

    items: list[DatabaseOut]
    next_cursor: str | None


class RowsIn(Body):
    """Rows to be added, all or none."""

    rows: Annotated[list[Values], Field(min_length=1, max_length=1_000)]
    draft: bool = DRAFT
    user: str = OWNER


class RowChange(Body):
    """New values of a row; fields that are not named keep theirs."""

    values: Annotated[Values, Field(min_length=1)]
    draft: bool = DRAFT


class RowsOut(BaseModel):
    """Rows: beside their fields `id`, `uuid` (their user), `sys_platform` (a channel) and `bstudio_create_time`."""

    items: list[Values]


class RowPage(RowsOut):
    """Some rows, the newest first."""

    next_cursor: str | None


class SheetIn(Body):
    """A file of rows."""

    format: Literal["csv", "json"]
    text: str = Field(description="CSV whose first line names the fields, or a JSON list of objects.")
    draft: bool = DRAFT
    user: str = OWNER
    skip_bad_rows: bool = Field(False, description="Add the rows that fit; otherwise all or none.")
    key: Key = Field("", description="A word for this import: done again under the same, it adds nothing twice.")


class RowError(BaseModel):
    """Why a row was not added."""

    row: int = Field(description="Counted from 1, without the line of headings.")
    field: str
    message: Told


class SheetOut(BaseModel):
    """What became of a file of rows."""

    added: int
    skipped: int
    errors: list[RowError] = Field(description="What was wrong with the rows that were skipped; the first hundred.")


def shown(table: UserTable) -> DatabaseOut:
    """The database as it is shown."""
    return DatabaseOut(
        id=table.id,
        name=table.name,
        description=table.description,
        access=table.access,
        fields=[FieldOut.model_validate(one, from_attributes=True) for one in table.fields],
        revision=table.revision,
        created=table.created,
        updated=table.updated,
    )
