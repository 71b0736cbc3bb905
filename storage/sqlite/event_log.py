"""The event log in SQLite, with the records of runs kept up to date in the same transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection

from engine.errors import NotFound
from engine.events import RUN_ENDS, EventType, RunEvent, StoredEvent
from storage.ids import parse_id, read_id
from storage.projection import is_record
from storage.records import INTO_EVENTS, event_body, event_key, stored_event
from storage.sqlite.insertion import insert_rows
from storage.sqlite.projected import project
from storage.sqlite.reader import Reader
from storage.sqlite.watch import Watch
from storage.sqlite.writer import Writer, driver_of

_PAGE: Final = 500
_SETTLING: Final = RUN_ENDS | {EventType.WAIT_OPENED}

Written = tuple[str, str, RunEvent]
"""Key, body, and what they were made from."""


class SqliteEventLog:
    """Implements `storage.ports.EventLog`."""

    def __init__(self, writer: Writer, reader: Reader, watch: Watch) -> None:
        self._writer = writer
        self._reader = reader
        self._watch = watch

    async def append(self, run_id: str, events: Sequence[RunEvent]) -> list[StoredEvent]:
        """See the port. Raises `NotFound` when there is no such run."""
        number = parse_id(run_id, "run")
        written = [(event_key(event), event_body(event), event) for event in events]
        stored = await self._writer.run(partial(_append, number, written))
        if stored:
            self._watch.tell(number, stored)
        return stored

    async def read(self, run_id: str, *, after: int = 0, limit: int = 1_000) -> list[StoredEvent]:
        """See the port."""
        if (number := read_id(run_id)) is None:
            return []
        return await self._reader.run(partial(_read, number, after, limit))

    async def follow(self, run_id: str, *, after: int = 0) -> AsyncIterator[StoredEvent]:
        """See the port. Raises `NotFound` when there is no such run."""
        number = parse_id(run_id, "run")
        with self._watch.listen(number) as listener:
            while True:
                listener.attend()
                listener.seen = after
                ended, events = await self._reader.run(partial(_read_on, number, after))
                for stored in events:
                    yield stored
                    after = stored.seq
                    if stored.event.type in RUN_ENDS:
                        return
                if not events:
                    if ended:
                        # Asked for what comes after the end.
                        return
                    await listener.wait()

    async def settle(self, run_id: str, *, waits: bool = True) -> None:
        """See the port. Raises `NotFound` when there is no such run."""
        number = parse_id(run_id, "run")
        with self._watch.listen(number, _SETTLING if waits else RUN_ENDS) as listener:
            while True:
                listener.attend()
                ended, waiting, listener.seen = await self._reader.run(partial(_standing, number))
                if ended or (waits and waiting):
                    return
                await listener.wait()


def _append(run_id: int, written: Sequence[Written], connection: Connection) -> list[StoredEvent]:
    """Store what is new, and bring the records up to date."""
    driver = driver_of(connection)
    if _has_ended(driver, run_id):
        return []
    known = _known_keys(driver, run_id, [key for key, _, _ in written])
    (newest,) = driver.execute("SELECT COALESCE(MAX(seq), 0) FROM run_event WHERE run_id = ?", (run_id,)).fetchone()
    stored: list[StoredEvent] = []
    rows: list[tuple[int, int, str, str]] = []
    for key, body, event in written:
        if key in known:
            continue
        known.add(key)
        newest += 1
        stored.append(StoredEvent(newest, event))
        rows.append((run_id, newest, key, body))
        if event.type in RUN_ENDS:
            break
    insert_rows(driver, {INTO_EVENTS: rows})
    if any(is_record(entry.event) for entry in stored):
        project(driver, run_id, stored)
    return stored


def _has_ended(driver: sqlite3.Connection, run_id: int) -> bool:
    found = driver.execute("SELECT finished FROM run WHERE id = ?", (run_id,)).fetchone()
    if found is None:
        raise NotFound("There is no such run.", run_id=str(run_id))
    return found[0] is not None


def _known_keys(driver: sqlite3.Connection, run_id: int, keys: Sequence[str]) -> set[str]:
    found = driver.execute(
        "SELECT key FROM run_event WHERE run_id = ? AND key IN (SELECT value FROM json_each(?))",
        (run_id, json.dumps(keys)),
    )
    return {key for (key,) in found.fetchall()}


def _read(run_id: int, after: int, limit: int, connection: Connection) -> list[StoredEvent]:
    found = driver_of(connection).execute(
        "SELECT seq, body FROM run_event WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?", (run_id, after, limit)
    )
    return [stored_event(seq, body) for seq, body in found.fetchall()]


def _read_on(run_id: int, after: int, connection: Connection) -> tuple[bool, list[StoredEvent]]:
    """Whether the run has ended, and what there is to read. In this order: the end may come in between."""
    ended = _has_ended(driver_of(connection), run_id)
    return ended, _read(run_id, after, _PAGE, connection)


def _standing(run_id: int, connection: Connection) -> tuple[bool, bool, int]:
    """Whether the run has ended, whether it waits, and the offset at which that was looked up."""
    newest = "SELECT COALESCE(MAX(seq), 0) FROM run_event WHERE run_id = id"
    row = (
        driver_of(connection)
        .execute(f"SELECT finished IS NOT NULL, state = 'waiting', ({newest}) FROM run WHERE id = ?", (run_id,))  # noqa: S608
        .fetchone()
    )
    if row is None:
        raise NotFound("There is no such run.", run_id=str(run_id))
    return bool(row[0]), bool(row[1]), row[2]
