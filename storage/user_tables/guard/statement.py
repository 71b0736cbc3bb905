"""Statements, written anew: on the one table there is, with the rows of the one who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from storage.ids import new_id
from storage.ports.tables import ROW_CHANNEL, ROW_CREATED, ROW_ID, ROW_USER, SYSTEM_COLUMNS, Slot
from storage.user_tables.definition import ALIASES, folded
from storage.user_tables.guard.expressions import Expressions
from storage.user_tables.guard.queries import Queries, Source
from storage.user_tables.guard.reading import read_statement
from storage.user_tables.guard.writing import Binds, Scalar, only, quoted, refuse
from storage.user_tables.limits import MOST_ROWS


@dataclass(frozen=True, slots=True)
class Bounds:
    """The table that a statement may speak of, and which of its rows.

    `columns`: the physical column of each field, by the field's name. `owner` None: the rows of all; what is inserted
    belongs to `user` either way.
    """

    table: str
    physical: str
    columns: Mapping[str, str]
    required: frozenset[str] = frozenset()
    owner: str | None = None
    user: str = ""
    channel: str = ""
    writes: bool = True
    new_id: Callable[[], int] = new_id


@dataclass(frozen=True, slots=True)
class Guarded:
    """What may run. `ids` are those of the rows that it inserts.

    What is written passes `ms_keep`, which makes it fit its field, or refuses.
    """

    kind: Literal["select", "insert", "update", "delete"]
    sql: str
    values: Mapping[str, Scalar]
    ids: tuple[int, ...] = ()
    limit: int = MOST_ROWS
    """More rows than these are not handed out; a query asks for one more, to tell that there are."""


PHYSICAL: Final[Mapping[str, str]] = {
    ROW_ID: "id", ROW_USER: "owner", ROW_CHANNEL: "channel", ROW_CREATED: "created",
}  # fmt: skip
"""The physical names of the columns that every row has."""


def guard(parts: Sequence[str | Slot], bounds: Bounds, now: str) -> Guarded:
    """The statement as it may run. Raises `SqlRefused`."""
    statement = read_statement(parts)
    binds = Binds(statement.bound)
    binds.values["now"] = now
    if bounds.owner is not None:
        binds.values["owner"] = bounds.owner
    kind = type(statement.tree).__name__
    try:
        match kind:
            case "Select" | "Union" | "Except" | "Intersect" | "Subquery":
                return _read(statement.tree, bounds, binds)
            case "Insert" | "Update" | "Delete" if not bounds.writes:
                refuse("The table is read-only: a run may only SELECT from it.")
            case "Insert":
                return _insert(statement.tree, bounds, binds)
            case "Update":
                return _update(statement.tree, bounds, binds)
            case "Delete":
                return _delete(statement.tree, bounds, binds)
            case _:
                refuse("A statement is one SELECT, INSERT, UPDATE or DELETE on the table of the node.")
    except RecursionError:
        refuse("The SQL is nested too deeply.")


def _read(tree: Any, bounds: Bounds, binds: Binds) -> Guarded:
    shown = {ROW_ID: "id", **bounds.columns, **{one: PHYSICAL[one] for one in SYSTEM_COLUMNS if one != ROW_ID}}
    columns = ", ".join(f"{quoted(physical)} AS {quoted(name)}" for name, physical in shown.items())
    mine = "" if bounds.owner is None else " WHERE owner = :owner"
    source = Source(bounds.table, f"SELECT {columns} FROM {quoted(bounds.physical)}{mine}")  # noqa: S608
    queries = Queries(binds, source)
    sql, limit = queries.whole(tree, MOST_ROWS)
    return Guarded("select", sql, binds.values, limit=limit)


def _insert(tree: Any, bounds: Bounds, binds: Binds) -> Guarded:
    only(tree, "this", "expression")
    target, values = tree.this, tree.expression
    if type(target).__name__ != "Schema":
        refuse("INSERT names the columns that it fills: INSERT INTO table (a, b) VALUES (1, 2).")
    only(target, "this", "expressions")
    _check_table(target.this, bounds)
    if type(values).__name__ != "Values":
        refuse("INSERT takes rows of values: INSERT INTO table (a, b) VALUES (1, 2).")
    only(values, "expressions")
    if len(values.expressions) > MOST_ROWS:
        refuse(f"INSERT takes up to {MOST_ROWS} rows at once.")
    names = [_written_field(str(one.this), bounds) for one in target.expressions]
    if len({*names}) < len(names):
        refuse("INSERT names a column twice.")
    if missing := [one for one in bounds.columns if one in bounds.required and one not in names]:
        refuse(f"Every row needs a value for {', '.join(missing)}.")
    writer = Expressions(binds, _no_column)
    binds.values |= {"owner": bounds.user, "channel": bounds.channel}
    rows: list[str] = []
    ids: list[int] = []
    for row in values.expressions:
        if type(row).__name__ != "Tuple" or len(row.expressions) != len(names):
            refuse(f"Each row of the INSERT needs {len(names)} values, one for each column.")
        ids.append(bounds.new_id())
        given = [_kept(name, one, writer) for name, one in zip(names, row.expressions, strict=True)]
        rows.append(f"({', '.join([str(ids[-1]), ':owner', ':channel', ':now', *given])})")
    columns = ", ".join(["id", "owner", "channel", "created", *(quoted(bounds.columns[one]) for one in names)])
    sql = f"INSERT INTO {quoted(bounds.physical)} ({columns}) VALUES {', '.join(rows)}"  # noqa: S608
    return Guarded("insert", sql, binds.values, tuple(ids))


def _update(tree: Any, bounds: Bounds, binds: Binds) -> Guarded:
    only(tree, "this", "expressions", "where", "order", "limit")
    writer = Expressions(binds, _flat(tree.this, bounds))
    changes: list[str] = []
    names: list[str] = []
    for one in tree.expressions:
        if type(one).__name__ != "EQ" or type(one.this).__name__ != "Column":
            refuse("UPDATE sets columns: SET a = 1, b = 2.")
        only(one, "this", "expression")
        only(one.this, "this", "table")
        name = _written_field(one.this.name, bounds)
        if name in names:
            refuse(f"UPDATE sets {name} twice.")
        names.append(name)
        changes.append(f"{quoted(bounds.columns[name])} = {_kept(name, one.expression, writer)}")
    rows = _rows(tree, bounds, writer)
    sql = f"UPDATE {quoted(bounds.physical)} SET {', '.join(changes)} WHERE {rows}"  # noqa: S608
    return Guarded("update", sql, binds.values)


def _delete(tree: Any, bounds: Bounds, binds: Binds) -> Guarded:
    only(tree, "this", "where", "order", "limit")
    writer = Expressions(binds, _flat(tree.this, bounds))
    sql = f"DELETE FROM {quoted(bounds.physical)} WHERE {_rows(tree, bounds, writer)}"  # noqa: S608
    return Guarded("delete", sql, binds.values)


def _kept(name: str, value: Any, writer: Expressions) -> str:
    """What is written into a field."""
    return f"ms_keep({writer.bind(name)}, {writer.write(value).sql})"


def _rows(tree: Any, bounds: Bounds, writer: Expressions) -> str:
    """Which rows a change is for: those that it names, of those that are the writer's to change."""
    where = tree.args.get("where")
    if where is None:
        refuse("UPDATE and DELETE need a WHERE that says which rows are meant.")
    only(where, "this")
    if not _compares(where.this, writer):
        refuse("The WHERE of UPDATE and DELETE compares a column with a value.")
    condition = writer.write(where.this).sql
    mine = condition if bounds.owner is None else f"owner = :owner AND ({condition})"
    order, limit = tree.args.get("order"), tree.args.get("limit")
    if limit is None:
        # Without a limit all of them are meant, in whatever order.
        return mine
    only(limit, "expression")
    count = writer.write(limit.expression)
    if type(limit.expression).__name__ != "Literal" or not count.sql.isdecimal():
        refuse("The LIMIT of UPDATE and DELETE is a number.")
    by = ""
    if order is not None:
        only(order, "expressions")
        by = f" ORDER BY {writer.order(order.expressions)}"
    return f"id IN (SELECT id FROM {quoted(bounds.physical)} WHERE {mine}{by} LIMIT {count.sql})"  # noqa: S608


def _compares(node: Any, writer: Expressions) -> bool:
    """Whether a column is compared with a value anywhere in the condition."""
    match type(node).__name__:
        case "And" | "Or":
            parts: list[Any] = []
            while type(node).__name__ in ("And", "Or"):
                parts.append(node.expression)
                node = node.this
            return any(_compares(one, writer) for one in (node, *parts))
        case "Paren" | "Not":
            return _compares(node.this, writer)
        case "Escape":
            return _compares(node.this, writer)
        case "EQ" | "NEQ" | "GT" | "GTE" | "LT" | "LTE" | "NullSafeEQ" | "Like":
            left, right = writer.write(node.this), writer.write(node.expression)
            return left.fixed != right.fixed
        case "Is":
            return not writer.write(node.this).fixed
        case "In":
            return not writer.write(node.this).fixed and node.args.get("query") is None
        case "Between":
            return not writer.write(node.this).fixed
        case _:
            return False


def _check_table(table: Any, bounds: Bounds) -> str:
    """The name by which the statement calls its table."""
    if type(table).__name__ != "Table" or type(table.this).__name__ != "Identifier":
        refuse(f"The statement is about the table {bounds.table}.")
    only(table, "this", "alias")
    if folded(table.name) != folded(bounds.table):
        refuse(f"There is no table {table.name[:64]} here; the node is bound to {bounds.table}.")
    alias = table.args.get("alias")
    if alias is None:
        return str(table.name)
    only(alias, "this")
    return str(alias.name)


def _flat(table: Any, bounds: Bounds) -> Callable[[Any], str]:
    """Names of columns in a statement that changes the table itself."""
    called = {folded(_check_table(table, bounds)), folded(bounds.table)}
    known = {folded(name): physical for name, physical in {**bounds.columns, **PHYSICAL}.items()}
    known |= {other: PHYSICAL[name] for other, name in ALIASES.items()}

    def column(node: Any) -> str:
        if type(node.this).__name__ != "Identifier" or (node.table and folded(node.table) not in called):
            refuse("A column is named by itself, or behind the name of its table.")
        if (physical := known.get(folded(node.name))) is None:
            refuse(_unknown(node.name, bounds), column=node.name[:64])
        return quoted(physical)

    return column


def _no_column(node: Any) -> str:
    refuse(f"A value of INSERT cannot be a column ({node.name[:64]}); texts stand between quotes.")


def _written_field(name: str, bounds: Bounds) -> str:
    """The field of this name, which may be set."""
    if folded(name) in {*SYSTEM_COLUMNS, *ALIASES}:
        refuse(f"{name} is set by itself and cannot be written.")
    for known in bounds.columns:
        if folded(known) == folded(name):
            return known
    refuse(_unknown(name, bounds), column=name[:64])


def _unknown(name: str, bounds: Bounds) -> str:
    known = ", ".join([*bounds.columns, *SYSTEM_COLUMNS])
    return f"The table {bounds.table} has no column {name[:64]}; it has: {known[:600]}."
