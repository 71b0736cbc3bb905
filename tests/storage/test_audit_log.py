"""A page of the audit log costs what it shows, however much was done before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from storage.audit import Actor, Deed, record
from storage.audit_log import AuditRepository, Wanted
from storage.database import Database, Rows
from storage.sqlite.writer import driver_of
from storage.stores import open_stores

T = TypeVar("T")
MANY = 3_000


class Counted:
    """A database that counts, in hundreds, the instructions that its queries take."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.hundreds = 0

    async def read(self, query: Callable[[Connection], T]) -> T:
        def counted(connection: Connection) -> T:
            driver = driver_of(connection)
            driver.set_progress_handler(self._tick, 100)
            try:
                return query(connection)
            finally:
                driver.set_progress_handler(None, 0)

        return await self._database.read(counted)

    async def write(self, job: Callable[[Connection], T]) -> T:
        return await self._database.write(job)

    async def insert(self, rows: Rows) -> None:
        await self._database.insert(rows)

    def _tick(self) -> int:
        self.hundreds += 1
        return 0


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted((0, 7)),
        Wanted((0, 7), target_kind="workflow"),
        Wanted((0, 7), target_kind="workflow", target_id="17"),
        Wanted((0, 7), account_id=5),
    ],
    ids=["everything", "a kind", "one thing", "somebody"],
)
async def test_a_page_of_a_long_log_reads_hardly_more_than_itself(tmp_path: Path, wanted: Wanted) -> None:
    with open_stores(tmp_path) as stores:

        def job(connection: Connection) -> None:
            for number in range(MANY):
                target = str(17 if number % 100 == 0 else number + MANY)
                deed = Deed("workflow.create", "workflow", target, "流程", org_id=7)
                record(connection, Actor(org_id=7, account_id=5), deed)

        await stores.database.write(job)
        database = Counted(stores.database)
        page = await AuditRepository(database).page(wanted, limit=20)
    assert len(page.items) == 20
    assert all(event.target_kind == "workflow" for event in page.items)
    assert database.hundreds < 100
