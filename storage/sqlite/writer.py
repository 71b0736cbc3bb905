"""The one writer of this process: jobs of every thread and loop, committed together."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from storage.database import Into, Rows
from storage.errors import StorageUnavailable
from storage.sqlite.connections import BUSY_SECONDS, connect, create_sqlite_engine
from storage.sqlite.insertion import insert_rows

T = TypeVar("T")

_GROUP: Final = 128
"""Jobs in one transaction at most: a commit must not keep another process waiting for long."""

_NOT_NOW: Final = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}
)


@dataclass(slots=True)
class _Task:
    """A job or rows to insert, where the outcome is awaited, and the outcome."""

    future: Future[Any] | asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop | None
    job: Callable[[Connection], Any] | None = None
    rows: Rows | None = None
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs jobs one after another on a thread of its own; those that wait at the same time share a transaction.

    A job is a function of a connection. It runs in a savepoint: when it fails, what it did is undone, its caller gets
    the error, and its neighbours do not notice. Outcomes are told after the commit: what has returned survives the
    death of the process. Jobs run in the order in which they were given.
    """

    def __init__(self, file: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self._engine = create_sqlite_engine(file, busy_seconds)
        self._connection = connect(self._engine)
        self._driver = driver_of(self._connection)
        self._queue: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        # Guards `_closed` against a job that slips in behind the end mark and would wait forever.
        self._gate = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="storage-write", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[Connection], T]) -> Future[T]:
        """Run a job soon; from any thread. It can no longer be cancelled."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        self._put(_Task(future, None, job=job))
        return future

    async def run(self, job: Callable[[Connection], T]) -> T:
        """Run a job and wait until it is committed. Cancelling the wait does not stop the job."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._put(_Task(future, loop, job=job))
        return await future

    async def insert(self, rows: Rows) -> None:
        """Insert rows, all or none, and wait until they are committed.

        The fast lane: the rows of neighbours go in with one statement per table. Every statement lets go of the
        interpreter's lock and has to win it back from a busy event loop, so that few statements are what counts.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._put(_Task(future, loop, rows=rows))
        await future

    def close(self) -> None:
        """Finish what was given, then stop. What is given later is refused."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._connection.close()
        self._engine.dispose()

    def _put(self, task: _Task) -> None:
        with self._gate:
            if self._closed:
                raise StorageUnavailable("The store is being closed and takes no more writes.")
            self._queue.put(task)

    # --- on the writer's thread ---------------------------------------------------------------------------------------

    def _work(self) -> None:
        while group := self._next_group():
            self._commit(group)
            _tell(group)

    def _next_group(self) -> list[_Task]:
        """Whatever waits, at least one; nothing when it is time to stop."""
        group: list[_Task] = []
        task = self._queue.get()
        while task is not None:
            group.append(task)
            if len(group) == _GROUP or self._queue.empty():
                return group
            task = self._queue.get()
        if group:
            # The end mark came behind them: leave it for the next time.
            self._queue.put(None)
        return group

    def _commit(self, group: list[_Task]) -> None:
        try:
            self._driver.execute("BEGIN IMMEDIATE")
            for is_rows, tasks in groupby(group, lambda task: task.rows is not None):
                if is_rows:
                    self._insert([*tasks])
                else:
                    for task in tasks:
                        self._attempt(task, task.job)
            self._driver.execute("COMMIT")
        # Broad, because nobody is above us on this thread: whatever it was, those who wait must hear of it.
        except BaseException as error:  # noqa: BLE001
            if self._driver.in_transaction:
                self._driver.execute("ROLLBACK")
            for task in group:
                task.error = _meaning(error)

    def _attempt(self, task: _Task, job: Callable[[Connection], Any] | None) -> None:
        """Run a job for a task, in a savepoint."""
        self._driver.execute("SAVEPOINT job")
        task.error = None
        try:
            task.result = job(self._connection) if job is not None else None
        # Broad, because the job is somebody else's: they get the error, whatever it is.
        except BaseException as error:
            if not self._driver.in_transaction:
                # The disk is full or broken: SQLite has undone the whole transaction.
                raise StorageUnavailable(f"The database gave up the transaction: {error}.") from error
            task.error = _meaning(error)
            self._driver.execute("ROLLBACK TO job")
        self._driver.execute("RELEASE job")

    def _insert(self, tasks: list[_Task]) -> None:
        """The rows of all at once; when that does not work, one by one, to find out whose fault it is."""
        together: defaultdict[Into, list[tuple[Any, ...]]] = defaultdict(list)
        for task in tasks:
            for into, rows in (task.rows or {}).items():
                together[into].extend(rows)
        trial = _Task(Future(), None)
        self._attempt(trial, partial(self._insert_rows, together))
        if trial.error is not None:
            for task in tasks:
                self._attempt(task, partial(self._insert_rows, task.rows or {}))

    def _insert_rows(self, rows: Rows, _: Connection) -> None:
        insert_rows(self._driver, rows)


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The driver's connection below one of SQLAlchemy: for the few statements whose number per second counts."""
    driver: sqlite3.Connection | None = connection.connection.driver_connection
    if driver is None:
        raise StorageUnavailable("The connection to the database is closed.")
    return driver


def _meaning(error: BaseException) -> BaseException:
    """What the caller should hear: a full disk, or a database that is held by others, is nobody's mistake."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    if getattr(origin, "sqlite_errorcode", 0) & 0xFF in _NOT_NOW:
        unavailable = StorageUnavailable(f"The database does not take this now: {origin}.")
        unavailable.__cause__ = error
        return unavailable
    return error


def _tell(group: list[_Task]) -> None:
    """Hand out what became of the jobs: each event loop is woken once, however many wait on it."""
    loops: defaultdict[asyncio.AbstractEventLoop, list[_Task]] = defaultdict(list)
    for task in group:
        if task.loop is None:
            _settle([task])
        else:
            loops[task.loop].append(task)
    for loop, tasks in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, tasks)
        except RuntimeError:
            # The loop is closed: nobody waits there any more.
            continue


def _settle(tasks: list[_Task]) -> None:
    for task in tasks:
        if task.future.done():
            # The wait was cancelled.
            continue
        if task.error is not None:
            task.future.set_exception(task.error)
        else:
            task.future.set_result(task.result)
