"""The relational port over the one writer and the readers of this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from storage.database import Rows
from storage.sqlite.reader import Reader
from storage.sqlite.writer import Writer

T = TypeVar("T")


class SqliteDatabase:
    """Implements `storage.database.Database`."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader

    async def read(self, query: Callable[[Connection], T]) -> T:
        """See the port."""
        return await self._reader.run(query)

    async def write(self, job: Callable[[Connection], T]) -> T:
        """See the port."""
        return await self._writer.run(job)

    async def insert(self, rows: Rows) -> None:
        """See the port."""
        await self._writer.insert(rows)
