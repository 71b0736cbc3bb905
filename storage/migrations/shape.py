"""Making or upgrading a database, by one process at a time, so that being cut off anywhere does no harm.

On SQLite all revisions run in one transaction. Elsewhere a DDL statement commits at once: there each one looks first
whether it is done already (`storage.migrations.guards`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from engine.errors import Conflict
from storage.sqlite.connections import connect, create_sqlite_engine, database_file

HEAD: Final = "0013"
"""The newest revision in `versions/`: known here so that a start on a current database need not import Alembic."""


def migrate(database_url: str) -> None:
    """Make or upgrade the database. Several processes may do so at once: those that come second find it done."""
    file = database_file(database_url)
    if _revision(file) == HEAD:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with _locked(file):
        revision = _revision(file)
        if revision == HEAD:
            return
        with _transaction(file) as connection:
            if revision is None and _is_empty(connection):
                _create(connection)
            else:
                _upgrade(connection, revision)


def _revision(file: Path) -> str | None:
    """The revision of a database; None when it has none."""
    if not file.exists():
        return None
    with closing(sqlite3.connect(file)) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        found = known and connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found[0]) if found else None


def _is_empty(connection: Connection) -> bool:
    return connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first() is None


def _create(connection: Connection) -> None:
    """The newest shape at once, without a walk through the revisions; a test keeps the two equal."""
    # Imported here: a start on a current database has no use for it.
    import storage.tables as tables

    tables.Organisation.metadata.create_all(connection)
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version"
        " (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (HEAD,))


def _upgrade(connection: Connection, revision: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise Conflict(
            "The database was made by a newer version of Mainspring: this one does not know its shape.",
            revision=revision,
            newest=HEAD,
        )
    command.upgrade(config, "head")


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold the lock beside the database. It ends with its holder, however that dies."""
    descriptor = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _transaction(file: Path) -> Iterator[Connection]:
    engine = create_sqlite_engine(file)
    connection = connect(engine)
    try:
        # Changing a table means copying it, and a table that others refer to cannot be dropped while they are watched.
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.exec_driver_sql("COMMIT")
    finally:
        # Undoes what was not committed.
        connection.close()
        engine.dispose()
