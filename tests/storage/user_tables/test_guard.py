"""The guard: hostile statements do nothing, and those that authors write do what they say."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import FlowError, InvalidInput, LimitExceeded
from engine.values import Json
from storage.ports.tables import Found, Slot, SqlRefused, TableField, TableSettings, TableUse, UserTable
from storage.user_tables.limits import DEFAULT_LIMITS, TableLimits
from storage.user_tables.sqlite.definitions import physical_name
from storage.user_tables.sqlite.file import Session, TableFile
from storage.user_tables.sqlite.tables import SqliteUserTables
from tests.storage.user_tables.attacks import CONFINED, CONFINED_CHANGES, REFUSED

NOTES = TableSettings(
    "notes",
    (
        TableField("title", "text", required=True),
        TableField("body", "text"),
        TableField("score", "integer"),
        TableField("done", "boolean"),
    ),
)
SECRETS: list[dict[str, Json]] = [{"title": f"secret {n}", "body": "secret", "score": n} for n in range(3)]


class Desk:
    """The table `notes`, with the rows of another user and one's own."""

    def __init__(self, tables: SqliteUserTables, table: UserTable, file: Path) -> None:
        self.tables = tables
        self.table = table
        self.file = file
        self.mine = TableUse("1", "2", table.id, user="me", channel="web")
        self.other = TableUse("1", "2", table.id, user="other", channel="web")

    async def sql(self, *parts: str | Slot) -> Found:
        return await self.tables.execute(self.mine, parts)

    def dump(self) -> list[str]:
        with closing(sqlite3.connect(self.file)) as connection:
            return [line for line in connection.iterdump() if "applied" not in line]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    tables = SqliteUserTables(tmp_path / "tables")
    table = await tables.create("1", "2", NOTES)
    made = Desk(tables, table, tmp_path / "tables" / "1.sqlite")
    await tables.insert(made.other, SECRETS)
    await tables.insert(made.mine, [{"title": "a plan", "body": "去北京", "score": 3, "done": True}])
    await tables.insert(made.mine, [{"title": "a list", "body": "茶, 米", "score": 1, "done": False}])
    yield made
    tables.close()


@pytest.mark.parametrize("statement", [one for those in REFUSED.values() for one in those], ids=lambda one: one[:70])
async def test_a_hostile_statement_is_refused(desk: Desk, statement: str) -> None:
    before = desk.dump()
    with pytest.raises((SqlRefused, InvalidInput)) as refusal:
        await desk.sql(statement)
    assert refusal.value.message.endswith((".", ".”")), refusal.value.message
    assert desk.dump() == before


def test_there_are_many_hostile_statements() -> None:
    assert sum(map(len, REFUSED.values())) + len(CONFINED) + len(CONFINED_CHANGES) >= 200


@pytest.mark.parametrize("statement", CONFINED)
async def test_a_query_shows_nothing_of_other_users(desk: Desk, statement: str) -> None:
    found = await desk.sql(statement)
    assert "secret" not in str([row.values() for row in found.rows])
    assert "other" not in str([row.values() for row in found.rows])


@pytest.mark.parametrize("statement", CONFINED_CHANGES)
async def test_a_change_leaves_rows_of_other_users_alone(desk: Desk, statement: str) -> None:
    await desk.sql(statement)
    found = await desk.tables.execute(desk.other, ["SELECT title, body, score FROM notes ORDER BY score"])
    assert found.rows == SECRETS


async def test_a_read_only_table_is_only_read(desk: Desk) -> None:
    settings = TableSettings("notes", desk.table.fields, access="read_only")
    await desk.tables.alter("1", "2", desk.table.id, settings, revision=1)
    assert (await desk.sql("SELECT COUNT(*) AS n FROM notes")).rows == [{"n": 5}]
    for statement in (
        "INSERT INTO notes (title) VALUES ('x')",
        "UPDATE notes SET score = 1 WHERE id > 0",
        "DELETE FROM notes WHERE id > 0",
    ):
        with pytest.raises(SqlRefused, match="read-only"):
            await desk.sql(statement)


@pytest.mark.parametrize(
    "value",
    [
        "' OR '1'='1",
        "x'; DROP TABLE notes; --",
        "\\' OR 1=1 -- ",
        '" OR ""="',
        "`",
        "\\",
        "{{title}}",
        ":owner",
        "%",
        "/*",
    ],
)
async def test_a_value_in_quotes_is_only_a_value(desk: Desk, value: str) -> None:
    statements: list[list[str | Slot]] = [
        ["SELECT * FROM notes WHERE title = '", Slot(value), "'"],
        ['SELECT * FROM notes WHERE title = "', Slot(value), '"'],
        ["SELECT * FROM notes WHERE title = `", Slot(value), "`"],
        ["SELECT * FROM notes WHERE title = 'before ", Slot(value), " after'"],
    ]
    for statement in statements:
        assert (await desk.sql(*statement)).rows == []
    made = await desk.sql("INSERT INTO notes (title, body) VALUES ('", Slot(value), "', 'x", Slot(value), "y')")
    assert (made.rows[0]["title"], made.rows[0]["body"]) == (value, f"x{value}y")


@pytest.mark.parametrize(
    "value",
    ["1; DROP TABLE notes", "1 UNION SELECT name FROM definition", "(SELECT COUNT(*) FROM sqlite_master)", "SLEEP(9)"],
)
async def test_a_value_outside_of_quotes_passes_the_guard_like_all_text(desk: Desk, value: str) -> None:
    with pytest.raises(SqlRefused):
        await desk.sql("SELECT title FROM notes WHERE score = ", Slot(value))


async def test_a_value_outside_of_quotes_widens_nothing_beyond_ones_own_rows(desk: Desk) -> None:
    found = await desk.sql("SELECT title FROM notes WHERE score = ", Slot("9 OR 1 = 1"), " ORDER BY id")
    assert found.rows == [{"title": "a plan"}, {"title": "a list"}]


async def test_a_value_that_moves_quotes_is_refused(desk: Desk) -> None:
    with pytest.raises(SqlRefused):
        await desk.sql("SELECT ", Slot("'"), " FROM notes WHERE title = '", Slot(" OR 1=1 -- "), "'")


async def test_a_statement_that_takes_too_long_is_broken_off(tmp_path: Path) -> None:
    tables = SqliteUserTables(tmp_path, TableLimits(seconds=0.2))
    table = await tables.create("1", "2", NOTES)
    use = TableUse("1", "2", table.id)
    for _ in range(2):
        await tables.insert(use, [{"title": str(n), "score": n} for n in range(1_000)])
    slow = "SELECT COUNT(*) FROM notes a JOIN notes b ON a.id <> b.id JOIN notes c ON c.id <> b.id"
    with pytest.raises(LimitExceeded, match=r"0\.2 seconds"):
        await tables.execute(use, [slow])
    assert (await tables.execute(use, ["SELECT COUNT(*) AS n FROM notes"])).rows == [{"n": 2_000}]
    tables.close()


async def test_more_rows_than_may_be_read_are_cut_and_told(desk: Desk) -> None:
    for _ in range(2):
        await desk.tables.insert(desk.mine, [{"title": str(n)} for n in range(600)])
    for limit in ("", " LIMIT 5000", " LIMIT 1001"):
        found = await desk.sql(f"SELECT id FROM notes{limit}")
        assert (len(found.rows), found.count, found.truncated) == (1_000, 1_000, True)
    found = await desk.sql("SELECT id FROM notes LIMIT 1000")
    assert (len(found.rows), found.truncated) == (1_000, False)


async def test_results_that_are_too_large_are_refused(tmp_path: Path) -> None:
    tables = SqliteUserTables(tmp_path, TableLimits(result_bytes=10_000))
    table = await tables.create("1", "2", NOTES)
    use = TableUse("1", "2", table.id)
    await tables.insert(use, [{"title": "x" * 4_000} for _ in range(3)])
    with pytest.raises(LimitExceeded, match="10000 bytes"):
        await tables.execute(use, ["SELECT * FROM notes"])
    tables.close()


async def test_sqlite_itself_lets_nothing_else_through(desk: Desk) -> None:
    """The second guard alone, were the first to fail."""
    file = TableFile(desk.file, DEFAULT_LIMITS)
    name = physical_name(desk.table.id, draft=False)
    statements = [
        "SELECT * FROM definition",
        "SELECT COUNT(*) FROM definition",
        "SELECT * FROM sqlite_master",
        f"DELETE FROM {name}_",
        f"DROP TABLE {name}",
        "PRAGMA table_info(definition)",
        "ATTACH DATABASE ':memory:' AS x",
        "CREATE TABLE x (a)",
        "SELECT load_extension('x')",
        "SELECT hex(randomblob(3))",
        "SELECT * FROM pragma_table_info('definition')",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c LIMIT 3",
        "INSERT INTO applied VALUES ('a', 1, 'b')",
        "UPDATE definition SET name = 'x'",
        "VACUUM",
    ]

    def attempt(session: Session) -> None:
        for statement in statements:
            with session.confined(name, writes=True), pytest.raises(sqlite3.DatabaseError):
                session.connection.execute(statement).fetchall()
        with session.confined(name, writes=False), pytest.raises(sqlite3.DatabaseError):
            session.connection.execute(f"DELETE FROM {name} WHERE id = 1")
        with session.confined(name, writes=False):
            assert session.connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone() == (5,)

    await file.write(attempt)
    file.close()


@pytest.mark.parametrize(
    "statement", ["SELECT nope FROM notes", "SELECT n.nope FROM notes n", "SELECT x.title FROM notes"]
)
async def test_an_unknown_column_is_named(desk: Desk, statement: str) -> None:
    with pytest.raises(FlowError, match=r"no column .*(nope|x\.title)"):
        await desk.sql(statement)


async def test_a_statement_that_cannot_be_read_is_told_with_its_place(desk: Desk) -> None:
    with pytest.raises(SqlRefused, match=r"near “.*” \(line 1, column \d+\)"):
        await desk.sql("SELECT title FRM notes WHERE WHERE")
