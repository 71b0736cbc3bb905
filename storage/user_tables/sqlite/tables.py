"""User tables in SQLite files, one for each organisation."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from engine.errors import Conflict, InvalidInput, NotFound
from engine.values import Json
from storage.clock import now_ms
from storage.ids import parse_id
from storage.ports.tables import (
    Filter,
    Found,
    Query,
    Slot,
    TablePage,
    TableSettings,
    TableUse,
    UserTable,
)
from storage.user_tables.guard.statement import Bounds, guard
from storage.user_tables.limits import DEFAULT_LIMITS, TableLimits
from storage.user_tables.sqlite import definitions
from storage.user_tables.sqlite.file import Session, TableFile
from storage.user_tables.sqlite.rows import Rows
from storage.user_tables.sqlite.statements import change, select, told
from storage.user_tables.values import moment_text

_MOST_OPEN: Final = 32
"""Files that stay open; the one that was not used for longest gives way."""
_LONGEST_KEY: Final = 2_000
_DAY_MS: Final = 24 * 60 * 60 * 1000
_HOUR_MS: Final = 60 * 60 * 1000


class SqliteUserTables:
    """Implements `storage.ports.tables.UserTables`. Several processes may use the same folder."""

    def __init__(
        self, folder: Path, limits: TableLimits = DEFAULT_LIMITS, *, clock: Callable[[], int] = now_ms
    ) -> None:
        self._folder = folder
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._files: OrderedDict[int, TableFile] = OrderedDict()

    def close(self) -> None:
        """Finish what was given, and let go of the files."""
        with self._lock:
            files = [*self._files.values()]
            self._files.clear()
        for file in files:
            file.close()

    # --- definitions --------------------------------------------------------------------------------------------------

    async def create(self, org_id: str, space_id: str, settings: TableSettings) -> UserTable:
        """See the port."""
        parse_id(space_id, "space")
        return await self._file(org_id).write(lambda session: definitions.create(session, space_id, settings))

    async def get(self, org_id: str, space_id: str, table: str) -> UserTable:
        """See the port."""
        return await self._known(org_id, table).read(lambda session: definitions.get(session, space_id, table))

    async def page(
        self, org_id: str, space_id: str, *, search: str = "", cursor: str | None = None, limit: int = 50
    ) -> TablePage:
        """See the port."""
        if not self._path(org_id).exists():
            return TablePage([], None)
        return await self._file(org_id).read(lambda session: definitions.page(session, space_id, search, cursor, limit))

    async def alter(
        self, org_id: str, space_id: str, table: str, settings: TableSettings, *, revision: int
    ) -> UserTable:
        """See the port."""
        return await self._known(org_id, table).write(
            lambda session: definitions.alter(session, space_id, table, settings, revision)
        )

    async def delete(self, org_id: str, space_id: str, table: str) -> None:
        """See the port."""
        await self._known(org_id, table).write(lambda session: definitions.delete(session, space_id, table))

    # --- rows ---------------------------------------------------------------------------------------------------------

    async def insert(self, use: TableUse, rows: Sequence[Mapping[str, Json]], *, key: str = "") -> Found:
        """See the port."""

        def work(those: Rows) -> list[int]:
            with those.session.watched():
                return those.insert(rows)

        return await self._write(use, key, work)

    async def update(self, use: TableUse, values: Mapping[str, Json], where: Filter, *, key: str = "") -> Found:
        """See the port."""

        def work(those: Rows) -> int:
            with those.session.watched(), told():
                return those.update(values, where)

        return await self._write(use, key, work)

    async def remove(self, use: TableUse, where: Filter, *, key: str = "") -> Found:
        """See the port."""

        def work(those: Rows) -> int:
            with those.session.watched(), told():
                return those.remove(where)

        return await self._write(use, key, work)

    async def query(self, use: TableUse, query: Query) -> Found:
        """See the port."""

        def work(session: Session) -> Found:
            with session.watched(), told():
                return self._rows(session, use).query(query)

        return await self._known(use.org_id, use.table).read(work)

    async def execute(self, use: TableUse, sql: Sequence[str | Slot], *, key: str = "") -> Found:
        """See the port."""

        def look(session: Session) -> Found | None:
            those = self._rows(session, use)
            allowed = guard(sql, self._bounds(those), self._now())
            return select(those, allowed) if allowed.kind == "select" else None

        def write(those: Rows) -> int | list[int]:
            allowed = guard(sql, self._bounds(those), self._now())
            return change(those, allowed)

        file = self._known(use.org_id, use.table)
        if (found := await file.read(look)) is not None:
            return found
        return await self._write(use, key, write)

    # --- within -------------------------------------------------------------------------------------------------------

    async def _write(self, use: TableUse, key: str, work: Callable[[Rows], int | list[int]]) -> Found:
        """Do a write once, and give what it gave then: the rows with the ids that it gives, or their number."""

        def once(session: Session) -> Found:
            those = self._rows(session, use)
            if those.table.access == "read_only" and not use.manage:
                raise Conflict(
                    f"The database {those.table.name} is read-only for runs: its access is read_only.",
                    database=those.table.id,
                )
            done = self._done(session, key)
            if done is None:
                done = work(those)
                self._remember(session, key, done)
            return Found(count=done) if isinstance(done, int) else those.with_ids(done)

        return await self._known(use.org_id, use.table).write(once)

    def _rows(self, session: Session, use: TableUse) -> Rows:
        return Rows(session, definitions.get(session, use.space_id, use.table), use)

    def _bounds(self, those: Rows) -> Bounds:
        table, use = those.table, those.use
        return Bounds(
            table=table.name,
            physical=those.name,
            columns={one.name: those.column(one.name).physical for one in table.fields},
            required=frozenset(one.name for one in table.fields if one.required),
            owner=those.owner,
            user=use.user,
            channel=use.channel,
            writes=table.access != "read_only" or use.manage,
        )

    def _done(self, session: Session, key: str) -> int | list[int] | None:
        """What a write with this key gave."""
        if len(key) > _LONGEST_KEY:
            raise InvalidInput(f"A key of a write has up to {_LONGEST_KEY} characters.", field="key")
        if not key:
            return None
        found = session.connection.execute("SELECT result FROM applied WHERE key = ?", (key,)).fetchone()
        if found is None:
            return None
        result: int | list[int] = json.loads(found[0])
        return result

    def _remember(self, session: Session, key: str, result: int | list[int]) -> None:
        if not key:
            return
        now = self._clock()
        session.connection.execute("INSERT INTO applied VALUES (?, ?, ?)", (key, now, json.dumps(result)))
        # By the hour: what is old is in nobody's way.
        if now - session.swept > _HOUR_MS:
            session.swept = now
            old = now - self._limits.key_days * _DAY_MS
            session.connection.execute("DELETE FROM applied WHERE at < ?", (old,))

    def _now(self) -> str:
        return moment_text(self._clock())

    def _path(self, org_id: str) -> Path:
        return self._folder / f"{parse_id(org_id, 'organisation')}.sqlite"

    def _known(self, org_id: str, table: str) -> TableFile:
        """The file in which the table may be: whoever only asks makes none."""
        if not self._path(org_id).exists():
            raise NotFound(f"There is no database {table[:100]}.", database=table[:100])
        return self._file(org_id)

    def _file(self, org_id: str) -> TableFile:
        path, number = self._path(org_id), parse_id(org_id, "organisation")
        with self._lock:
            file = self._files.pop(number, None)
            if file is None:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                file = TableFile(path, self._limits)
            self._files[number] = file
            if len(self._files) > _MOST_OPEN:
                _, idle = self._files.popitem(last=False)
                # Its last statements may take seconds, and nobody here waits for them.
                threading.Thread(target=idle.close, name="tables-close", daemon=True).start()
        return file
