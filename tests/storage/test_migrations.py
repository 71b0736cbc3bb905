"""A database is made, upgraded and recognised, whatever happens on the way."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, event, inspect

import storage.migrations
from engine.errors import Conflict, InvalidInput
from storage.migrations import HEAD, migrate
from storage.sqlite.connections import create_sqlite_engine, sqlite_url
from storage.tables import Organisation
from tests.storage.processes import Other, migrate_twice

METADATA = Organisation.metadata
SINCE_0002 = {
    "model", "model_call", "organisation_key", "secret", "throttle_lease", "throttle_use", "wrapping_key",
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "数据" / "a.sqlite"


@contextmanager
def connected(file: Path) -> Iterator[Any]:
    engine = create_sqlite_engine(file)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def execute(file: Path, *statements: str) -> list[Any]:
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        return [row for statement in statements for row in connection.execute(statement).fetchall()]


def shape(file: Path) -> dict[str, Any]:
    """Everything the database says of its tables, without the order of their constraints."""
    with connected(file) as connection:
        looking = inspect(connection)
        return {
            table: {
                "columns": [{**column, "type": str(column["type"])} for column in looking.get_columns(table)],
                "primary key": looking.get_pk_constraint(table),
                "unique": sorted(looking.get_unique_constraints(table), key=str),
                "foreign": sorted(looking.get_foreign_keys(table), key=str),
                "indexes": execute(
                    file, f"SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = '{table}' ORDER BY name"
                ),
                "rowid": "WITHOUT ROWID"
                not in str(execute(file, f"SELECT sql FROM sqlite_master WHERE name = '{table}'")),
            }
            for table in looking.get_table_names()
        }


@pytest.fixture
def walked(tmp_path: Path) -> Path:
    """A database that went through every revision, because it was not empty."""
    file = tmp_path / "walked.sqlite"
    execute(file, "CREATE TABLE somebody_elses (id INTEGER)")
    migrate(sqlite_url(file))
    execute(file, "DROP TABLE somebody_elses")
    return file


def test_a_new_database_has_the_shape_that_the_revisions_lead_to(file: Path, walked: Path) -> None:
    migrate(sqlite_url(file))
    assert shape(file) == shape(walked)
    assert execute(file, "SELECT * FROM alembic_version") == execute(walked, "SELECT * FROM alembic_version")


def test_the_revisions_lead_to_what_the_tables_say(walked: Path) -> None:
    with connected(walked) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_the_head_named_in_the_code_is_the_newest_revision() -> None:
    folder = Path(storage.migrations.__file__).parent
    assert ScriptDirectory(str(folder)).get_current_head() == HEAD


def test_a_current_database_is_recognised_although_somebody_is_writing_to_it(file: Path) -> None:
    migrate(sqlite_url(file))
    with closing(sqlite3.connect(file, isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        migrate(sqlite_url(file))
        somebody.execute("ROLLBACK")


def test_neither_a_new_nor_a_current_database_needs_alembic(file: Path) -> None:
    with Other(migrate_twice, file) as other:
        assert other.rest() == [False]
    assert execute(file, "SELECT * FROM alembic_version") == [(HEAD,)]


def test_a_migration_that_breaks_off_anywhere_can_be_run_again(tmp_path: Path, walked: Path) -> None:
    for number in range(0, len(METADATA.tables) + 1, 4):
        file = tmp_path / f"{number}.sqlite"
        execute(file, "CREATE TABLE somebody_elses (id INTEGER)")
        with pytest.raises(PowerFailure), breaking_off(after=number):
            migrate(sqlite_url(file))
        migrate(sqlite_url(file))
        execute(file, "DROP TABLE somebody_elses")
        assert shape(file) == shape(walked)


def test_a_migration_goes_on_where_a_database_without_transactions_for_ddl_was_left(file: Path, walked: Path) -> None:
    file.parent.mkdir()
    with connected(file) as connection:
        half = [METADATA.tables[name] for name in ("organisation", "space", "run")]
        METADATA.create_all(connection, half)
        connection.exec_driver_sql("DROP INDEX ix_run_workflow")
        connection.commit()
    migrate(sqlite_url(file))
    assert shape(file) == shape(walked)


def test_a_database_of_the_first_version_is_upgraded_with_what_is_in_it(file: Path, walked: Path) -> None:
    file.parent.mkdir()
    with connected(file) as connection:
        METADATA.create_all(connection, [table for table in METADATA.sorted_tables if table.name not in SINCE_0002])
        connection.commit()
    execute(
        file,
        "CREATE TABLE alembic_version"
        " (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
        "INSERT INTO alembic_version VALUES ('0001')",
        "INSERT INTO organisation (id, key, name, created) VALUES (7, 'default', '组织', 1)",
    )
    migrate(sqlite_url(file))
    assert shape(file) == shape(walked)
    assert execute(file, "SELECT name FROM organisation") == [("组织",)]
    assert execute(file, "SELECT * FROM alembic_version") == [(HEAD,)]


def test_processes_that_start_together_find_one_database(file: Path) -> None:
    with ThreadPoolExecutor(4) as several:
        for started in [several.submit(migrate, sqlite_url(file)) for _ in range(4)]:
            started.result()
    assert execute(file, "SELECT * FROM alembic_version") == [(HEAD,)]


def test_a_database_of_a_newer_version_is_left_alone(file: Path) -> None:
    migrate(sqlite_url(file))
    execute(file, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Conflict, match="newer"):
        migrate(sqlite_url(file))
    assert execute(file, "SELECT * FROM alembic_version") == [("9999",)]


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_a_database_that_is_no_file_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        migrate(url)


class PowerFailure(Exception):
    """What ends a migration in these tests."""


@contextmanager
def breaking_off(*, after: int) -> Iterator[None]:
    """Fail once that many tables have been made."""
    made = 0

    def before(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        nonlocal made
        if statement.lstrip().startswith("CREATE TABLE"):
            if made == after:
                raise PowerFailure
            made += 1

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", before)
