"""User tables: rows that authors keep in tables of their own making, and what may be asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, Protocol

from engine.errors import InvalidInput
from engine.values import Json

FieldType = Literal["text", "integer", "number", "boolean", "time"]
Access = Literal["limited", "read_only", "unlimited"]
Logic = Literal["and", "or"]

ROW_ID: Final = "id"
ROW_USER: Final = "uuid"
ROW_CHANNEL: Final = "sys_platform"
ROW_CREATED: Final = "bstudio_create_time"
SYSTEM_COLUMNS: Final = (ROW_ID, ROW_USER, ROW_CHANNEL, ROW_CREATED)
"""What every row has besides its fields: under these names in SQL, in conditions and in results."""


@dataclass(frozen=True, slots=True)
class TableField:
    """A field. Its `number` is given once, and stays when the field is renamed; 0: it is new."""

    name: str
    type: FieldType = "text"
    description: str = ""
    required: bool = False
    number: int = 0


@dataclass(frozen=True, slots=True)
class TableSettings:
    """All that can be said of a table.

    `limited`: a run sees and changes the rows of its own user alone. `read_only`: it sees all and changes none.
    `unlimited`: it sees and changes all.
    """

    name: str
    fields: tuple[TableField, ...]
    description: str = ""
    access: Access = "limited"


@dataclass(frozen=True, slots=True)
class UserTable:
    """A table as it is defined. Its test data (the draft) and its online data lie apart."""

    id: str
    space_id: str
    name: str
    description: str
    access: Access
    fields: tuple[TableField, ...]
    revision: int
    created: int
    """UTC milliseconds."""
    updated: int


@dataclass(frozen=True, slots=True)
class TableUse:
    """Which data of which table, and on whose behalf. `table` is its id or its name.

    `manage` is for those who look after the table: the access mode binds them not, and they see the rows of all users.
    """

    org_id: str
    space_id: str
    table: str
    draft: bool = False
    user: str = ""
    channel: str = ""
    manage: bool = False


class Operator(StrEnum):
    """How a condition compares a column with a value."""

    EQUAL = "EQUAL"
    NOT_EQUAL = "NOT_EQUAL"
    GREATER_THAN = "GREATER_THAN"
    LESS_THAN = "LESS_THAN"
    GREATER_EQUAL = "GREATER_EQUAL"
    LESS_EQUAL = "LESS_EQUAL"
    IN = "IN"
    NOT_IN = "NOT_IN"
    IS_NULL = "IS_NULL"
    IS_NOT_NULL = "IS_NOT_NULL"
    LIKE = "LIKE"
    """The text of the column holds the value; `%` and `_` in it stand for any characters."""
    NOT_LIKE = "NOT_LIKE"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `right` is a list for IN and NOT_IN, and nothing for IS_NULL and IS_NOT_NULL."""

    left: str
    operator: Operator
    right: Json = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are meant: without conditions, all."""

    conditions: tuple[Condition, ...] = ()
    logic: Logic = "and"


@dataclass(frozen=True, slots=True)
class Order:
    """By what rows are ordered."""

    name: str
    ascending: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. Without `columns` all; `distinct` drops rows that are the same in the columns asked for."""

    where: Filter = Filter()
    columns: tuple[str, ...] = ()
    distinct: bool = False
    order: tuple[Order, ...] = ()
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A value within a text of SQL. Between quotes it is bound, elsewhere it becomes part of the text."""

    text: str
    bare: str | None = None
    """How it reads outside of quotes, where that is not the same."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows, by the names of their columns, and how many rows were changed, or found.

    `truncated`: there were more rows than may be read at once.
    """

    rows: list[dict[str, Json]] = field(default_factory=list[dict[str, Json]])
    count: int = 0
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class TablePage:
    """Some tables, the newest first, and the cursor of the page behind them."""

    items: list[UserTable]
    next: str | None


class SqlRefused(InvalidInput):
    """The guard does not let this statement through; the sentence says what to write instead, where it can."""

    code = "sql_refused"


class UserTables(Protocol):
    """The tables of organisations, and what is in them.

    A write with a `key` that was used before changes nothing, and gives what it gave then: whoever does not know
    whether a write arrived does it again.
    """

    async def create(self, org_id: str, space_id: str, settings: TableSettings) -> UserTable:
        """Make a table. Raises `InvalidInput`, or `Conflict` when its name is taken."""
        ...

    async def get(self, org_id: str, space_id: str, table: str) -> UserTable:
        """A table by its id or its name. Raises `NotFound`."""
        ...

    async def page(
        self, org_id: str, space_id: str, *, search: str = "", cursor: str | None = None, limit: int = 50
    ) -> TablePage:
        """The tables of a space, the newest first."""
        ...

    async def alter(
        self, org_id: str, space_id: str, table: str, settings: TableSettings, *, revision: int
    ) -> UserTable:
        """Make it what the settings say, with what is in it. A field is known by its number, or else by its name.

        Raises `Conflict` when `revision` is no longer the stored one, or values do not fit the new type of their field.
        """
        ...

    async def delete(self, org_id: str, space_id: str, table: str) -> None:
        """Take it away, with all that is in it. Raises `NotFound`."""

    async def insert(self, use: TableUse, rows: Sequence[Mapping[str, Json]], *, key: str = "") -> Found:
        """Add rows, all or none; gives them as they are then. Raises `InvalidInput` (the fact `row` says which)."""
        ...

    async def update(self, use: TableUse, values: Mapping[str, Json], where: Filter, *, key: str = "") -> Found:
        """Change the rows that are meant; only their `count` comes back."""
        ...

    async def remove(self, use: TableUse, where: Filter, *, key: str = "") -> Found:
        """Take the rows away that are meant; only their `count` comes back."""
        ...

    async def query(self, use: TableUse, query: Query) -> Found:
        """Read rows."""
        ...

    async def execute(self, use: TableUse, sql: Sequence[str | Slot], *, key: str = "") -> Found:
        """Carry out one statement of SQL (MySQL's), within what the guard allows. Raises `SqlRefused`."""
        ...
