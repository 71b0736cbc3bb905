"""What repositories ask of the relational store: run a query, run a job that writes, insert rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


@dataclass(frozen=True)
class Into:
    """A table, and the columns that the tuples of new rows fill. `replace`: a row that is there gives way."""

    table: str
    columns: tuple[str, ...]
    replace: bool = False


Rows = Mapping[Into, Sequence[tuple[Any, ...]]]
"""New rows of some tables, which belong together. Values are as the driver takes them: JSON is already text."""


class Database(Protocol):
    """Queries and jobs are plain functions of a connection; where and when they run is the adapter's to decide.

    They neither commit nor roll back, and hand out nothing that still needs the connection.
    """

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query."""

    async def write(self, job: Callable[[Connection], T]) -> T:
        """Run a job in a transaction of its own, as far as the job can tell. Returns once it is committed."""

    async def insert(self, rows: Rows) -> None:
        """Insert rows, all or none, much faster than a job could. Raises `IntegrityError` of SQLAlchemy like one."""
