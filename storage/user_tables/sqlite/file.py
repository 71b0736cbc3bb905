"""The file that holds the tables of one organisation, and the threads that work on it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from engine.errors import FlowError, InvalidInput, LimitExceeded
from storage.errors import StorageUnavailable
from storage.user_tables.limits import TableLimits
from storage.user_tables.sqlite.functions import add_functions
from storage.user_tables.values import Kept

T = TypeVar("T")
Work = Callable[["Session"], T]
Keep = Callable[[str, Kept], Kept]

_BUSY_SECONDS: Final = 5.0
_READERS: Final = 2
_STEP: Final = 50
"""Instructions of SQLite between two looks at the clock: a row or a few."""
_PAGE: Final = 4096
_LARGEST_VALUE: Final = 64 * 1024 * 1024
"""A row with all its texts, or what a statement puts together, in bytes."""
LONGEST_PATTERN: Final = 500
"""Of LIKE, in bytes: what it takes is the product of this and the length of a text, and no clock looks in between."""
_VERSION: Final = 1

_SET_UP: Final = """
CREATE TABLE IF NOT EXISTS definition (
    id INTEGER PRIMARY KEY,
    space_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    description TEXT NOT NULL,
    access TEXT NOT NULL,
    fields TEXT NOT NULL,
    next_number INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    UNIQUE (space_id, folded)
) STRICT;
CREATE TABLE IF NOT EXISTS applied (
    key TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    result TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS applied_at ON applied (at);
"""

# What the reading and writing of rows may ask of SQLite. Everything else is refused when it is prepared: other tables,
# PRAGMA, ATTACH, DDL, transactions, recursion, and functions that are not in the list.
_FUNCTIONS: Final = frozenset(
    {
        "abs", "avg", "coalesce", "count", "group_concat", "ifnull", "length", "like", "lower", "max", "min", "nullif",
        "round", "substr", "sum", "upper",
    }
)  # fmt: skip
_WRITES: Final = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})


class Session:
    """A connection at work: for one query, or within one transaction."""

    def __init__(self, connection: sqlite3.Connection, limits: TableLimits) -> None:
        self.connection = connection
        self.limits = limits
        self.swept = 0
        """When old keys were last forgotten, in UTC milliseconds."""
        self._keep: Keep | None = None
        self._refusal: FlowError | None = None
        connection.create_function("ms_keep", 2, self._kept)

    def _kept(self, name: str, value: Kept) -> Kept:
        try:
            return value if self._keep is None else self._keep(name, value)
        except FlowError as error:
            # SQLite tells only that a function failed.
            self._refusal = error
            raise

    @contextmanager
    def keeping(self, keep: Keep) -> Generator[None]:
        """Within this, what statements write is made to fit its field by `keep`, whose errors come through."""
        self._keep, self._refusal = keep, None
        try:
            yield
        except sqlite3.OperationalError as error:
            if self._refusal is not None:
                raise self._refusal from error
            raise
        finally:
            self._keep = None

    @contextmanager
    def watched(self, seconds: float | None = None) -> Generator[None]:
        """Within this, a statement that takes longer than it may is broken off. Raises `LimitExceeded`."""
        seconds = self.limits.seconds if seconds is None else seconds
        deadline = time.monotonic() + seconds
        self.connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEP)
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise LimitExceeded(
                    f"The statement was broken off: it takes longer than {seconds:g} seconds.",
                    limit=seconds,
                    setting="MAINSPRING_TABLE_SECONDS",
                ) from error
            raise
        finally:
            self.connection.set_progress_handler(None, 0)

    @contextmanager
    def confined(self, physical: str, *, writes: bool) -> Generator[None]:
        """Within this, SQLite itself prepares nothing but statements on this one table."""

        def allowed(action: int, first: str | None, second: str | None, *_: str | None) -> int:
            if action == sqlite3.SQLITE_SELECT:
                return sqlite3.SQLITE_OK
            if action == sqlite3.SQLITE_READ and _is_readable(physical, first, second):
                return sqlite3.SQLITE_OK
            if action == sqlite3.SQLITE_FUNCTION and second is not None:
                known = second.lower() in _FUNCTIONS or second.startswith("ms_")
                return sqlite3.SQLITE_OK if known else sqlite3.SQLITE_DENY
            if action in _WRITES and writes and first == physical:
                return sqlite3.SQLITE_OK
            return sqlite3.SQLITE_DENY

        self.connection.set_authorizer(allowed)
        try:
            yield
        finally:
            self.connection.set_authorizer(None)


def _is_readable(physical: str, table: str | None, column: str | None) -> bool:
    # What WITH names is no table, and is only asked for where no column of it is.
    return table == physical or (column == "" and table is not None and table.startswith("part"))


class TableFile:
    """One file: a thread that writes, two that read beside it, each with a connection of its own, made when needed."""

    def __init__(self, file: Path, limits: TableLimits) -> None:
        self.file = file
        self._limits = limits
        self._own = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._writer = ThreadPoolExecutor(1, "tables-write")
        self._readers = ThreadPoolExecutor(_READERS, "tables-read")

    async def read(self, work: Work[T]) -> T:
        """Do what only reads, and sees one state of the data."""
        return await asyncio.wrap_future(self._submit(self._readers, lambda: self._read(work)))

    async def write(self, work: Work[T]) -> T:
        """Do what writes, in a transaction. Once it has begun it is carried through, whoever gives up waiting."""
        return await asyncio.wrap_future(self._submit(self._writer, lambda: self._write(work)))

    def close(self) -> None:
        """Finish what was given, and let go of the file."""
        self._writer.shutdown()
        self._readers.shutdown()
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    def _submit(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> Future[T]:
        try:
            return pool.submit(work)
        except RuntimeError as error:
            raise StorageUnavailable("The store has been closed.") from error

    # --- on the threads -----------------------------------------------------------------------------------------------

    def _read(self, work: Work[T]) -> T:
        session = self._session(writes=False)
        with _meaning(self._limits):
            session.connection.execute("BEGIN")
            try:
                return work(session)
            finally:
                session.connection.execute("ROLLBACK")

    def _write(self, work: Work[T]) -> T:
        session = self._session(writes=True)
        connection = session.connection
        with _meaning(self._limits):
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(session)
                connection.execute("COMMIT")
            # Broad, because whatever it was, nothing of it may stay.
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

    def _session(self, *, writes: bool) -> Session:
        session: Session | None = getattr(self._own, "session", None)
        if session is None:
            with _meaning(self._limits):
                connection = self._connect(writes=writes)
            self._opened.append(connection)
            session = self._own.session = Session(connection, self._limits)
        return session

    def _connect(self, *, writes: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA temp_store = FILE")
        connection.execute("PRAGMA cache_size = -4000")
        connection.execute(f"PRAGMA max_page_count = {max(64, self._limits.organisation_bytes // _PAGE)}")
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, LONGEST_PATTERN)
        connection.setlimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1)
        connection.setlimit(sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0)
        add_functions(connection)
        # A reader too: it may come between the first sight of a file and what is put into it.
        self._prepare(connection)
        if not writes:
            connection.execute("PRAGMA query_only = ON")
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SET_UP} PRAGMA user_version = {_VERSION}; COMMIT;")
        elif version > _VERSION:
            raise StorageUnavailable("The tables were written by a newer version of Mainspring.")


@contextmanager
def _meaning(limits: TableLimits) -> Generator[None]:
    """Errors of SQLite that are nobody's mistake, in words."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise InvalidInput("A text has half a character in it, which no table keeps.") from error
    except sqlite3.OperationalError as error:
        match error.sqlite_errorcode & 0xFF:
            case sqlite3.SQLITE_FULL:
                raise LimitExceeded(
                    f"The tables of the organisation are full: they have {limits.organisation_bytes} bytes, or the disk"
                    " has no room.",
                    limit=limits.organisation_bytes,
                    setting="MAINSPRING_TABLE_ORGANISATION_BYTES",
                ) from error
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED | sqlite3.SQLITE_IOERR | sqlite3.SQLITE_READONLY:
                raise StorageUnavailable(f"The tables cannot be used now: {error}.") from error
            case _:
                raise
