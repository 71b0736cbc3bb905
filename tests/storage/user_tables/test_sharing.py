"""The files of user tables: shared by processes, one for each organisation, and forgetful of old keys."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.errors import NotFound
from storage.errors import StorageUnavailable
from storage.ports.tables import Query, TableField, TableSettings, TableUse
from storage.user_tables.limits import TableLimits
from storage.user_tables.sqlite.tables import SqliteUserTables
from tests.storage.people import PEOPLE, names, use

DAY = 24 * 60 * 60 * 1000


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[SqliteUserTables, SqliteUserTables]]:
    """Two that work on one folder, as two processes do."""
    first, second = SqliteUserTables(tmp_path), SqliteUserTables(tmp_path)
    yield first, second
    first.close()
    second.close()


async def test_what_one_does_the_other_sees(two: tuple[SqliteUserTables, SqliteUserTables]) -> None:
    first, second = two
    table = await first.create("7", "8", PEOPLE)
    await second.insert(use(table), [{"姓名": "Ada"}])
    assert await names(first, use(table)) == ["Ada"]
    fields = (TableField("who", number=1),)
    await first.alter("7", "8", table.id, TableSettings("人员", fields), revision=1)
    assert (await second.query(use(table), Query(columns=("who",)))).rows == [{"who": "Ada"}]
    await first.delete("7", "8", table.id)
    with pytest.raises(NotFound):
        await second.query(use(table), Query())


async def test_a_key_is_used_once_whoever_comes_first(two: tuple[SqliteUserTables, SqliteUserTables]) -> None:
    table = await two[0].create("7", "8", PEOPLE)
    writes = [one.insert(use(table), [{"姓名": "Ada"}], key=f"k{n}") for n in range(20) for one in two]
    found = await asyncio.gather(*writes)
    assert len(await names(two[0], use(table))) == 20
    assert len({str(one.rows[0]["id"]) for one in found}) == 20


async def test_organisations_have_a_file_each_and_who_only_asks_makes_none(tmp_path: Path) -> None:
    tables = SqliteUserTables(tmp_path / "tables")
    with pytest.raises(NotFound):
        await tables.get("9", "8", "人员")
    assert not (tmp_path / "tables").exists()
    made = [await tables.create(str(number), "8", PEOPLE) for number in range(1, 41)]
    # More than stay open: the first was closed meanwhile.
    for number in (1, 40, 2):
        table = made[number - 1]
        await tables.insert(TableUse(str(number), "8", table.id), [{"姓名": str(number)}])
        assert await names(tables, TableUse(str(number), "8", table.id)) == [str(number)]
    assert len([*(tmp_path / "tables").glob("*.sqlite")]) == 40
    tables.close()


async def test_a_file_that_a_later_version_has_written_is_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "1.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    tables = SqliteUserTables(tmp_path)
    with pytest.raises(StorageUnavailable, match="newer version"):
        await tables.page("1", "8")
    tables.close()


async def test_old_keys_are_forgotten(tmp_path: Path) -> None:
    now = [1_800_000_000_000]
    tables = SqliteUserTables(tmp_path, TableLimits(key_days=10), clock=lambda: now[0])
    table = await tables.create("7", "8", PEOPLE)
    await tables.insert(use(table), [{"姓名": "one"}], key="first")
    now[0] += 9 * DAY
    await tables.insert(use(table), [{"姓名": "two"}], key="second")
    await tables.insert(use(table), [{"姓名": "again"}], key="first")
    now[0] += 2 * DAY
    await tables.insert(use(table), [{"姓名": "three"}], key="third")
    await tables.insert(use(table), [{"姓名": "again"}], key="second")
    await tables.insert(use(table), [{"姓名": "first anew"}], key="first")
    assert await names(tables, use(table)) == ["one", "two", "three", "first anew"]
    tables.close()
