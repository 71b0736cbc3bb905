"""Lists in pages: the newest first, each page beginning where the one before ended, whatever was added meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection, Select
from sqlmodel import Session

from engine.errors import InvalidInput
from storage.ids import read_id

T = TypeVar("T")

LARGEST_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and the cursor of the page behind them; None when there is none."""

    items: list[T]
    next: str | None


def cursor_id(cursor: str | None) -> int | None:
    """The id behind which the page begins."""
    if cursor is None or cursor == "":
        return None
    if (number := read_id(cursor)) is None:
        raise InvalidInput("The cursor is not one that a page of this list gave out.", field="cursor")
    return number


def page_size(limit: int) -> int:
    """The number of items a page shall hold, within reason."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidInput(f"A page holds 1 to {LARGEST_PAGE} items.", field="limit", given=limit)
    return limit


def columns_of(row: type[Any], wanted: type[Any]) -> list[Any]:
    """The columns of a table that the fields of a dataclass name: what is not shown is not read."""
    return [getattr(row, field.name) for field in fields(wanted)]


def fetch(connection: Connection, statement: Select[T], **values: Any) -> list[T]:
    """Rows of one table as objects, which no longer need the connection."""
    with Session(connection) as session:
        return [*session.scalars(statement, values)]
