"""Rows of tables in SQLite: conditions as SQL, and what is read made JSON again."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from engine.errors import InvalidInput, LimitExceeded
from engine.templates import to_text
from engine.values import Json
from storage.clock import now_ms
from storage.ids import new_id
from storage.ports.tables import ROW_ID, SYSTEM_COLUMNS, Condition, Filter, Found, Operator, Query, TableUse, UserTable
from storage.user_tables.definition import ALIASES, folded
from storage.user_tables.limits import MOST_ROWS
from storage.user_tables.sqlite.definitions import Column, columns_of, physical_name
from storage.user_tables.sqlite.file import Session
from storage.user_tables.values import Kept, keep, moment_text, shown

_SIGNS: Final[Mapping[Operator, str]] = {
    Operator.EQUAL: "=",
    Operator.NOT_EQUAL: "<>",
    Operator.GREATER_THAN: ">",
    Operator.LESS_THAN: "<",
    Operator.GREATER_EQUAL: ">=",
    Operator.LESS_EQUAL: "<=",
}
_MOST_CONDITIONS: Final = 100
_MOST_CHOICES: Final = 5_000


@dataclass
class Rows:
    """The rows of one table, with those data and for that user that the use speaks of."""

    session: Session
    table: UserTable
    use: TableUse
    values: list[Kept] = field(default_factory=list[Kept])

    def __post_init__(self) -> None:
        self.name = physical_name(self.table.id, draft=self.use.draft)
        self._columns = {folded(one.name): one for one in columns_of(self.table)}

    @property
    def columns(self) -> list[Column]:
        """All columns, in the order in which they are shown."""
        return [*self._columns.values()]

    @property
    def owner(self) -> str | None:
        """Whose rows there are; None: those of all."""
        return self.use.user if self.table.access == "limited" and not self.use.manage else None

    def insert(self, rows: Sequence[Mapping[str, Json]]) -> list[int]:
        """Add rows; gives their ids."""
        if not 1 <= len(rows) <= MOST_ROWS:
            raise InvalidInput(f"1 to {MOST_ROWS} rows are added at once.", field="rows", limit=MOST_ROWS)
        now, made, ids = moment_text(now_ms()), [], []
        for place, row in enumerate(rows):
            try:
                kept = self._kept(row)
                for one in self.table.fields:
                    if one.required and kept.get(one.name) is None:
                        raise InvalidInput(f"Every row needs a value for {one.name}.", field=one.name)
            except InvalidInput as error:
                raise InvalidInput(error.message, **{**error.facts, "row": place}) from error
            ids.append(new_id())
            made.append((ids[-1], self.use.user, self.use.channel, now, *(kept.get(f.name) for f in self.table.fields)))
        columns = [
            "id",
            "owner",
            "channel",
            "created",
            *(self._columns[folded(f.name)].physical for f in self.table.fields),
        ]
        sql = f"INSERT INTO {self.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
        self.session.connection.executemany(sql, made)
        return ids

    def update(self, values: Mapping[str, Json], where: Filter) -> int:
        """Change rows; gives how many."""
        kept = self._kept(values)
        if not kept:
            raise InvalidInput("There is no value to set.", field="values")
        for one in self.table.fields:
            if one.required and one.name in kept and kept[one.name] is None:
                raise InvalidInput(f"Every row needs a value for {one.name}.", field=one.name)
        changes = ", ".join(f"{self._columns[folded(name)].physical} = ?" for name in kept)
        self.values = [*kept.values()]
        sql = f"UPDATE {self.name} SET {changes} WHERE {self._meant(where)}"  # noqa: S608
        return self.session.connection.execute(sql, self.values).rowcount

    def remove(self, where: Filter) -> int:
        """Take rows away; gives how many."""
        sql = f"DELETE FROM {self.name} WHERE {self._meant(where)}"  # noqa: S608
        return self.session.connection.execute(sql, self.values).rowcount

    def query(self, query: Query) -> Found:
        """Read rows."""
        if not 1 <= query.limit <= MOST_ROWS:
            raise InvalidInput(
                f"A query gives 1 to {MOST_ROWS} rows.", field="limit", given=query.limit, limit=MOST_ROWS
            )
        wanted = [self.column(one) for one in query.columns] or [*self._columns.values()]
        order = [f"{self.column(one.name).physical}{'' if one.ascending else ' DESC'}" for one in query.order]
        if not order and not query.distinct:
            order = ["id"]
        by = f" ORDER BY {', '.join(order)}" if order else ""
        names = ", ".join(one.physical for one in wanted)
        sql = (
            f"SELECT {'DISTINCT ' if query.distinct else ''}{names} FROM {self.name}"  # noqa: S608
            f" WHERE {self._meant(query.where)}{by} LIMIT {int(query.limit)} OFFSET {max(0, int(query.offset))}"
        )
        return read_rows(self.session.connection.execute(sql, self.values), wanted, self.session, query.limit)

    def with_ids(self, ids: Sequence[int]) -> Found:
        """The rows with these ids, as far as they are still there."""
        names = ", ".join(one.physical for one in self._columns.values())
        marks = ", ".join("?" * len(ids))
        sql = f"SELECT {names} FROM {self.name} WHERE id IN ({marks}) ORDER BY id"  # noqa: S608
        cursor = self.session.connection.execute(sql, ids)
        # What was written stays written, however much of it may be read at once.
        found = read_rows(cursor, self.columns, self.session, len(ids), cut=True)
        return Found(found.rows, len(ids), found.truncated)

    def column(self, name: str) -> Column:
        """The column of this name. Raises `InvalidInput`."""
        key = folded(name)
        if (found := self._columns.get(ALIASES.get(key, key))) is None:
            known = ", ".join(one.name for one in self._columns.values())
            raise InvalidInput(
                f"The table {self.table.name} has no column {name[:64]}; it has: {known[:600]}.", field=name[:64]
            )
        return found

    def _kept(self, values: Mapping[str, Json]) -> dict[str, Kept]:
        kept: dict[str, Kept] = {}
        for name, value in values.items():
            column = self.column(name)
            if column.name in SYSTEM_COLUMNS:
                raise InvalidInput(f"{column.name} is set by itself and cannot be written.", field=name)
            if column.name in kept:
                raise InvalidInput(f"There are two values for {column.name}.", field=name)
            kept[column.name] = keep(value, column.type, name=column.name, longest=self.session.limits.text_bytes)
        return kept

    def _meant(self, where: Filter) -> str:
        """The rows that are meant, of those that there are for this user."""
        if len(where.conditions) > _MOST_CONDITIONS:
            raise InvalidInput(f"There are up to {_MOST_CONDITIONS} conditions.", field="where", limit=_MOST_CONDITIONS)
        parts: list[str] = []
        if self.owner is not None:
            parts.append("owner = ?")
            self.values.append(self.owner)
        if conditions := [self._condition(one) for one in where.conditions]:
            parts.append(f"({f' {where.logic.upper()} '.join(conditions)})")
        return " AND ".join(parts) or "TRUE"

    def _condition(self, condition: Condition) -> str:
        column, operator, right = self.column(condition.left), condition.operator, condition.right
        name = column.physical
        match operator:
            case Operator.IS_NULL | Operator.IS_NOT_NULL:
                return f"{name} IS {'NOT ' if operator is Operator.IS_NOT_NULL else ''}NULL"
            case Operator.IN | Operator.NOT_IN:
                if not isinstance(right, list):
                    raise InvalidInput(f"{operator} takes a list.", field=condition.left)
                if len(right) > _MOST_CHOICES:
                    raise InvalidInput(
                        f"{operator} takes up to {_MOST_CHOICES} values.", field=condition.left, limit=_MOST_CHOICES
                    )
                choices = [kept for one in right if (kept := self._right(column, one)) is not None]
                self.values += choices
                marks = ", ".join("?" * len(choices))
                return f"{name} {'NOT ' if operator is Operator.NOT_IN else ''}IN ({marks})"
            case Operator.LIKE | Operator.NOT_LIKE:
                if right is None:
                    return "FALSE"
                self.values.append(f"%{to_text(right)}%")
                return f"CAST({name} AS TEXT) {'NOT ' if operator is Operator.NOT_LIKE else ''}LIKE ?"
            case _:
                if (kept := self._right(column, right)) is None:
                    # Nothing is equal to null, nor differs from it.
                    return "FALSE"
                self.values.append(kept)
                return f"{name} {_SIGNS[operator]} ?"

    def _right(self, column: Column, value: Json) -> Kept:
        return keep(value, column.type, name=column.name, longest=self.session.limits.text_bytes)


def read_rows(
    cursor: sqlite3.Cursor, columns: Sequence[Column | None], session: Session, most: int, *, cut: bool = False
) -> Found:
    """The rows that a cursor gives, no more than `most`; None: a column that is none of the table's.

    Raises `LimitExceeded` when they are too large, unless they may be `cut`.
    """
    names = [
        column.name if column is not None else str(told[0])
        for column, told in zip(columns, cursor.description, strict=True)
    ]
    found, size = Found(), 0
    rows: list[dict[str, Json]] = found.rows
    for row in cursor:
        if len(rows) == most:
            return Found(rows, len(rows), truncated=True)
        made = {name: _json(value, column) for name, value, column in zip(names, row, columns, strict=True)}
        size += sum(len(value) if isinstance(value, str) else 8 for value in made.values())
        if size > session.limits.result_bytes:
            if cut:
                return Found(rows, len(rows), truncated=True)
            raise LimitExceeded(
                f"The rows are larger than {session.limits.result_bytes} bytes together, which is the limit.",
                limit=session.limits.result_bytes,
                setting="MAINSPRING_TABLE_RESULT_BYTES",
            )
        rows.append(made)
    return Found(rows, len(rows))


def _json(value: Any, column: Column | None) -> Json:
    if isinstance(value, float) and not isfinite(value):
        return None
    if column is None or not isinstance(value, str | int | float):
        return None if isinstance(value, bytes) else value
    if column.name == ROW_ID:
        # Many a reader of JSON rounds numbers of 63 bits.
        return str(value)
    return shown(value, column.type)
