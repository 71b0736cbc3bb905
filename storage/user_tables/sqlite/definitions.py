"""Definitions of tables, and what they mean in SQLite: two STRICT tables each, whose columns are named by numbers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from engine.errors import Conflict, LimitExceeded, NotFound
from storage.clock import now_ms
from storage.ids import new_id, parse_id, read_id
from storage.paging import cursor_id, page_size
from storage.ports.tables import (
    ROW_CHANNEL,
    ROW_CREATED,
    ROW_ID,
    ROW_USER,
    FieldType,
    TableField,
    TablePage,
    TableSettings,
    UserTable,
)
from storage.user_tables.definition import checked, folded, numbered
from storage.user_tables.guard.statement import PHYSICAL
from storage.user_tables.limits import MOST_TABLES
from storage.user_tables.sqlite.file import Session
from storage.user_tables.values import Kept, converted

_COLUMNS: Final = "id, space_id, name, description, access, fields, revision, created, updated"
_STORED: Final[Mapping[FieldType, str]] = MappingProxyType(
    {"text": "TEXT", "integer": "INTEGER", "number": "REAL", "boolean": "INTEGER", "time": "TEXT"}
)
_SYSTEM_TYPES: Final[Mapping[str, FieldType]] = MappingProxyType(
    {ROW_ID: "integer", ROW_USER: "text", ROW_CHANNEL: "text", ROW_CREATED: "time"}
)
_LONG_SECONDS: Final = 60.0
"""How long changing a table may take: every row may be written anew."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as authors know it, and as it is called in the file."""

    name: str
    physical: str
    type: FieldType


def columns_of(table: UserTable) -> list[Column]:
    """All columns, in the order in which they are shown."""
    rest = [Column(name, PHYSICAL[name], kind) for name, kind in _SYSTEM_TYPES.items()]
    return [rest[0], *(Column(one.name, _physical(one), one.type) for one in table.fields), *rest[1:]]


def physical_name(table_id: str, *, draft: bool) -> str:
    """What the table with these data is called in the file."""
    return f"t_{int(table_id)}_{'draft' if draft else 'online'}"


def create(session: Session, space_id: str, settings: TableSettings) -> UserTable:
    """See the port."""
    settings = checked(settings)
    (count,) = session.connection.execute("SELECT COUNT(*) FROM definition").fetchone()
    if count >= MOST_TABLES:
        raise LimitExceeded(f"An organisation has up to {MOST_TABLES} tables.", limit=MOST_TABLES)
    fields = numbered(settings.fields, (), 1)
    now, id_ = now_ms(), new_id()
    table = UserTable(
        str(id_), space_id, settings.name, settings.description, settings.access, fields, 1, now, now
    )  # fmt: skip
    row = (id_, parse_id(space_id, "space"), table.name, folded(table.name), table.description, table.access)
    try:
        session.connection.execute(
            "INSERT INTO definition VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
            (*row, _written(fields), len(fields) + 1, now, now),
        )
    except sqlite3.IntegrityError:
        raise _taken(table.name) from None
    for draft in (True, False):
        name = physical_name(table.id, draft=draft)
        columns = ", ".join(f"{_physical(one)} {_STORED[one.type]}" for one in fields)
        session.connection.execute(
            f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, channel TEXT NOT NULL,"
            f" created TEXT NOT NULL, {columns}) STRICT"
        )
        session.connection.execute(f"CREATE INDEX {name}_owner ON {name} (owner)")
    return table


def get(session: Session, space_id: str, ref: str) -> UserTable:
    """See the port."""
    id_ = read_id(ref)
    which, value = ("folded = ?", folded(ref)) if id_ is None else ("id = ?", id_)
    space = parse_id(space_id, "space")
    found = session.connection.execute(
        f"SELECT {_COLUMNS} FROM definition WHERE space_id = ? AND {which}",  # noqa: S608 (fixed words)
        (space, value),
    ).fetchone()
    if found is None:
        raise NotFound(f"There is no database {ref[:100]}.", database=ref[:100])
    return _table(found)


def page(session: Session, space_id: str, search: str, cursor: str | None, limit: int) -> TablePage:
    """See the port."""
    before = cursor_id(cursor)
    found = session.connection.execute(
        f"SELECT {_COLUMNS} FROM definition WHERE space_id = ? AND id < ? AND INSTR(folded, ?)"  # noqa: S608
        " ORDER BY id DESC LIMIT ?",
        (parse_id(space_id, "space"), 2**63 - 1 if before is None else before, folded(search), page_size(limit) + 1),
    ).fetchall()
    items = [_table(row) for row in found[:limit]]
    return TablePage(items, items[-1].id if len(found) > limit else None)


def alter(session: Session, space_id: str, ref: str, settings: TableSettings, revision: int) -> UserTable:
    """See the port."""
    settings = checked(settings)
    old = get(session, space_id, ref)
    if old.revision != revision:
        raise Conflict("The table has changed since you opened it.", revision=old.revision)
    connection = session.connection
    (first,) = connection.execute("SELECT next_number FROM definition WHERE id = ?", (int(old.id),)).fetchone()
    fields = numbered(settings.fields, old.fields, first)
    following = max(first, *(one.number + 1 for one in fields))
    with session.watched(_LONG_SECONDS):
        for draft in (True, False):
            _reshape(connection, physical_name(old.id, draft=draft), old.fields, fields)
    new = replace(
        old,
        name=settings.name,
        description=settings.description,
        access=settings.access,
        fields=fields,
        revision=revision + 1,
        updated=now_ms(),
    )
    try:
        connection.execute(
            "UPDATE definition SET name = ?, folded = ?, description = ?, access = ?, fields = ?, next_number = ?,"
            " revision = ?, updated = ? WHERE id = ?",
            (
                *(new.name, folded(new.name), new.description, new.access, _written(fields), following),
                *(new.revision, new.updated, int(new.id)),
            ),
        )
    except sqlite3.IntegrityError:
        raise _taken(new.name) from None
    return new


def delete(session: Session, space_id: str, ref: str) -> None:
    """See the port."""
    table = get(session, space_id, ref)
    for draft in (True, False):
        session.connection.execute(f"DROP TABLE {physical_name(table.id, draft=draft)}")
    session.connection.execute("DELETE FROM definition WHERE id = ?", (int(table.id),))


def _reshape(
    connection: sqlite3.Connection, name: str, old: tuple[TableField, ...], new: tuple[TableField, ...]
) -> None:
    """Make the table have the new fields, with what is in those that stay."""
    before = {one.number: one for one in old}
    after = {one.number for one in new}
    for one in new:
        known = before.get(one.number)
        if known is None:
            connection.execute(f"ALTER TABLE {name} ADD COLUMN {_physical(one)} {_STORED[one.type]}")
        elif known.type != one.type:
            _retype(connection, name, known, one)
    for one in old:
        if one.number not in after:
            connection.execute(f"ALTER TABLE {name} DROP COLUMN {_physical(one)}")


def _retype(connection: sqlite3.Connection, name: str, old: TableField, new: TableField) -> None:
    """Give a column another type. Raises `Conflict` when a value does not fit."""

    def fitting(value: Kept) -> Kept:
        return converted(value, old.type, new.type)

    connection.create_function("ms_fitting", 1, fitting, deterministic=True)
    column = _physical(old)
    (bad,) = connection.execute(
        f"SELECT COUNT(*) FROM {name} WHERE {column} IS NOT NULL AND {column} <> '' AND ms_fitting({column}) IS NULL"  # noqa: S608
    ).fetchone()
    if bad:
        raise Conflict(
            f"{bad} values of the field {old.name} cannot be made {new.type}; change or remove them first.",
            field=old.name,
            values=bad,
            draft=name.endswith("draft"),
        )
    connection.execute(f"ALTER TABLE {name} ADD COLUMN {column}_new {_STORED[new.type]}")
    connection.execute(f"UPDATE {name} SET {column}_new = ms_fitting({column})")  # noqa: S608
    connection.execute(f"ALTER TABLE {name} DROP COLUMN {column}")
    connection.execute(f"ALTER TABLE {name} RENAME COLUMN {column}_new TO {column}")


def _physical(field: TableField) -> str:
    return f"f_{int(field.number)}"


def _written(fields: tuple[TableField, ...]) -> str:
    return json.dumps([asdict(one) for one in fields], ensure_ascii=False)


def _table(row: tuple[Any, ...]) -> UserTable:
    id_, space_id, name, description, access, fields, revision, created, updated = row
    made = tuple(TableField(**one) for one in json.loads(fields))
    return UserTable(str(id_), str(space_id), name, description, access, made, revision, created, updated)


def _taken(name: str) -> Conflict:
    return Conflict(f"Another table of this space is called {name}.", field="name", name=name)
