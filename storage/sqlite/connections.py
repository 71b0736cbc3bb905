"""Connections to the SQLite file, tuned for one writer and many readers."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, make_url
from sqlalchemy.pool import NullPool

from engine.errors import InvalidInput

BUSY_SECONDS: Final = 5.0
"""How long we wait for another process that is writing."""

# WAL with synchronous=NORMAL: a commit survives the death of our process; only the loss of power may take the last.
_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -16000",
    "PRAGMA temp_store = MEMORY",
)


def sqlite_url(path: Path) -> str:
    """The URL of a database file."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def database_file(url: str) -> Path:
    """The file of a database URL. Raises `InvalidInput` when it is not SQLite in a file."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        raise InvalidInput(
            "The database URL must name an SQLite file: sqlite:////folder/name.sqlite.",
            field="database_url",
            given=parsed.render_as_string(),
        )
    return Path(str(parsed.database))


def connect_raw(file: Path, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A tuned connection of the driver, in autocommit: who writes says BEGIN and COMMIT."""
    connection = sqlite3.connect(
        file, timeout=busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


def create_sqlite_engine(file: Path, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """An engine whose every connection is new: the writer and the readers keep theirs."""
    return create_engine("sqlite://", creator=lambda: connect_raw(file, busy_seconds), poolclass=NullPool)


def connect(engine: Engine, *, read_only: bool = False) -> Connection:
    """A connection to keep. Its transactions are those of the SQL it is given; SQLAlchemy adds none."""
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    if read_only:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    return connection
