"""Statements that passed the guard, carried out where SQLite itself lets nothing else through."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from math import floor, isfinite
from typing import Final

from engine.errors import InvalidInput, LimitExceeded
from storage.ports.tables import Found, SqlRefused
from storage.user_tables.definition import folded
from storage.user_tables.guard.statement import Guarded
from storage.user_tables.sqlite.definitions import Column
from storage.user_tables.sqlite.file import LONGEST_PATTERN
from storage.user_tables.sqlite.rows import Rows, read_rows
from storage.user_tables.values import Kept, keep

_LONGEST_TOLD: Final = 300


def select(those: Rows, allowed: Guarded) -> Found:
    """The rows that a query gives."""
    session = those.session
    with session.watched(), told(), session.confined(those.name, writes=False):
        cursor = session.connection.execute(allowed.sql, allowed.values)
        # A column that is called like one of the table is shown like it.
        known = {folded(one.name): one for one in those.columns}
        columns: list[Column | None] = [known.get(folded(str(named[0]))) for named in cursor.description]
        return read_rows(cursor, columns, session, allowed.limit)


def change(those: Rows, allowed: Guarded) -> int | list[int]:
    """The ids of the rows that were inserted, or the number of those that were changed."""
    session = those.session
    fields = {one.name: one for one in those.table.fields}

    def kept(name: str, value: Kept) -> Kept:
        one = fields[name]
        if one.type == "integer" and isinstance(value, float) and isfinite(value):
            # What was computed is rounded, as MySQL does it.
            value = floor(value + 0.5)
        made = keep(value, one.type, name=name, longest=session.limits.text_bytes)
        if made is None and one.required:
            raise InvalidInput(f"Every row needs a value for {name}.", field=name)
        return made

    with session.watched(), told(), session.confined(those.name, writes=True), session.keeping(kept):
        count = session.connection.execute(allowed.sql, allowed.values).rowcount
    return [*allowed.ids] if allowed.kind == "insert" else count


@contextmanager
def told() -> Generator[None]:
    """What SQLite says of a statement, in words for its author."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        message = str(error)[:_LONGEST_TOLD]
        match error.sqlite_errorcode & 0xFF:
            case sqlite3.SQLITE_ERROR if message.startswith("no such column: "):
                name = message.removeprefix("no such column: ").replace("`", "")
                raise SqlRefused(f"There is no column {name} here.", column=name) from error
            case sqlite3.SQLITE_ERROR if message.startswith("LIKE"):
                raise InvalidInput(
                    f"What LIKE looks for has at most {LONGEST_PATTERN} bytes.", limit=LONGEST_PATTERN
                ) from error
            case sqlite3.SQLITE_ERROR:
                raise SqlRefused(f"The SQL cannot be carried out: {message}.") from error
            case sqlite3.SQLITE_AUTH:
                raise SqlRefused("The SQL asks for something that is not for authors.") from error
            case sqlite3.SQLITE_TOOBIG:
                raise LimitExceeded("The statement puts together a text that is too long.") from error
            case sqlite3.SQLITE_CONSTRAINT | sqlite3.SQLITE_MISMATCH:
                raise InvalidInput(f"A value does not fit its field: {message}.") from error
            case _:
                # Its time is over, or the file cannot be used: others say so.
                raise
