"""A relational store in memory: every table, nothing on the disk, no thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, StaticPool, create_engine, insert
from sqlalchemy.engine import Engine

from storage.database import Rows
from storage.tables import Organisation

T = TypeVar("T")


class MemoryDatabase:
    """Implements `storage.database.Database`; made at its first use."""

    def __init__(self) -> None:
        self._made: Engine | None = None

    async def read(self, query: Callable[[Connection], T]) -> T:
        with self._engine().connect() as connection:
            return query(connection)

    async def write(self, job: Callable[[Connection], T]) -> T:
        with self._engine().begin() as connection:
            return job(connection)

    async def insert(self, rows: Rows) -> None:
        with self._engine().begin() as connection:
            for into, those in rows.items():
                table = Organisation.metadata.tables[into.table]
                connection.execute(insert(table), [dict(zip(into.columns, row, strict=True)) for row in those])

    def _engine(self) -> Engine:
        if self._made is None:
            self._made = create_engine("sqlite://", poolclass=StaticPool)
            Organisation.metadata.create_all(self._made)
        return self._made
