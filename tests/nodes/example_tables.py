"""User tables for nodes under test: real ones in a temporary folder, each world with its own, made when it is asked."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from uuid import uuid4

from engine.errors import Conflict
from engine.values import Json
from storage.ports.tables import Filter, Found, Query, Slot, TableField, TableSettings, TableUse, UserTable
from storage.user_tables.sqlite.tables import SqliteUserTables

CUSTOMERS = TableSettings(
    "customers",
    (
        TableField("name", "text", required=True),
        TableField("city", "text"),
        TableField("orders", "integer"),
        TableField("vip", "boolean"),
    ),
    access="unlimited",
)
ROWS: list[dict[str, Json]] = [
    {"name": "李雷", "city": "北京", "orders": 3, "vip": True},
    {"name": "Hanako", "city": "京都", "orders": 1, "vip": False},
]


@cache
def _root() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mainspring-tables-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class ExampleTables(SqliteUserTables):
    """Whatever space asks finds the table `customers` with two rows, of which the test data have none."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self._there: set[tuple[str, str]] = set()

    async def insert(self, use: TableUse, rows: Sequence[Mapping[str, Json]], *, key: str = "") -> Found:
        await self._prepare(use)
        return await super().insert(use, rows, key=key)

    async def update(self, use: TableUse, values: Mapping[str, Json], where: Filter, *, key: str = "") -> Found:
        await self._prepare(use)
        return await super().update(use, values, where, key=key)

    async def remove(self, use: TableUse, where: Filter, *, key: str = "") -> Found:
        await self._prepare(use)
        return await super().remove(use, where, key=key)

    async def query(self, use: TableUse, query: Query) -> Found:
        await self._prepare(use)
        return await super().query(use, query)

    async def execute(self, use: TableUse, sql: Sequence[str | Slot], *, key: str = "") -> Found:
        await self._prepare(use)
        return await super().execute(use, sql, key=key)

    async def make(self, use: TableUse, settings: TableSettings) -> UserTable:
        """A further table."""
        await self._prepare(use)
        return await self.create(use.org_id, use.space_id, settings)

    async def _prepare(self, use: TableUse) -> None:
        if not self._there:
            self._folder = _root() / uuid4().hex
            atexit.register(self.close)
        place = (use.org_id, use.space_id)
        if place in self._there:
            return
        self._there.add(place)
        try:
            table = await self.create(use.org_id, use.space_id, CUSTOMERS)
        except Conflict:
            return
        seed = TableUse(use.org_id, use.space_id, table.id, user="seed", manage=True)
        await super().insert(seed, ROWS)
