"""Expressions, written anew node by node: a kind of node that is not written here cannot be used."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from storage.user_tables.guard.functions import shifted, write_function
from storage.user_tables.guard.writing import LONGEST_WRITTEN, Binds, Kind, Piece, only, refuse, word

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Expression

_LARGEST: Final = 2**63 - 1
_NUMBER: Final = re.compile(r"[0-9]{1,40}(?:\.[0-9]{0,40})?(?:[eE][+-]?[0-9]{1,3})?|\.[0-9]{1,40}")
_COMPARISONS: Final[Mapping[str, str]] = {"EQ": "=", "NEQ": "<>", "GT": ">", "GTE": ">=", "LT": "<", "LTE": "<="}
_TYPES: Final[Mapping[str, tuple[str, Kind]]] = {
    "BIGINT": ("CAST({} AS INTEGER)", "number"),
    "UBIGINT": ("CAST({} AS INTEGER)", "number"),
    "INT": ("CAST({} AS INTEGER)", "number"),
    "DECIMAL": ("CAST({} AS REAL)", "number"),
    "DOUBLE": ("CAST({} AS REAL)", "number"),
    "FLOAT": ("CAST({} AS REAL)", "number"),
    "CHAR": ("CAST({} AS TEXT)", "text"),
    "VARCHAR": ("CAST({} AS TEXT)", "text"),
    "TEXT": ("CAST({} AS TEXT)", "text"),
    "DATE": ("ms_date({})", "text"),
    "DATETIME": ("ms_moment({})", "text"),
    "TIMESTAMP": ("ms_moment({})", "text"),
    "TIMESTAMPTZ": ("ms_moment({})", "text"),
    "TIME": ("ms_time({})", "text"),
}


class Expressions:
    """Writes expressions. How columns are named, and whether there may be sub-queries, depends on where they stand."""

    def __init__(
        self,
        binds: Binds,
        column: Callable[[Expression], str],
        query: Callable[[Expression], str] | None = None,
    ) -> None:
        self._binds = binds
        self._column = column
        self._query = query
        self._size = 0

    @property
    def aggregates(self) -> bool:
        """Whether many rows may be made one: only in what reads."""
        return self._query is not None

    def bind(self, value: str) -> str:
        """Bind a text; gives what stands for it."""
        return self._binds.add(value)

    def order(self, nodes: list[Expression]) -> str:
        """What stands behind ORDER BY."""
        made: list[str] = []
        for one in nodes:
            if type(one).__name__ != "Ordered":
                refuse("ORDER BY takes columns and expressions.")
            only(one, "this", "desc", "nulls_first")
            made.append(f"{self.write(one.this).sql}{' DESC' if one.args.get('desc') else ''}")
        return ", ".join(made)

    def write(self, node: Expression) -> Piece:
        """The expression as SQLite reads it. Raises `SqlRefused`."""
        piece = self._written(node)
        # Repeated pieces grow with every level.
        self._size += len(piece.sql)
        if self._size > LONGEST_WRITTEN * 16 or len(piece.sql) > LONGEST_WRITTEN:
            refuse("The SQL is too long.")
        return piece

    def _written(self, node: Any) -> Piece:
        kind = type(node).__name__
        if kind in _COMPARISONS:
            only(node, "this", "expression")
            left, right = self.write(node.this), self.write(node.expression)
            return self._joined(*self._comparable(left, right), _COMPARISONS[kind])
        match kind:
            case "And" | "Or":
                return self._chain(node, kind)
            case "Column":
                only(node, "this", "table")
                return Piece(self._column(node), "column")
            case "Literal":
                return self._literal(str(node.this), node.is_string)
            case "Placeholder":
                text = self._binds.slots.get(node.name)
                if text is None:
                    refuse("The SQL holds a parameter that is not given a value.")
                return Piece(self._binds.add(text), "text", fixed=True, bound=text)
            case "Boolean":
                return Piece("1" if node.this else "0", "number", fixed=True)
            case "Null":
                return Piece("NULL", fixed=True)
            case "Paren":
                only(node, "this")
                inner = self.write(node.this)
                return Piece(f"({inner.sql})", inner.kind, inner.fixed, inner.bound)
            case "Not":
                return self._around("(NOT {})", node)
            case "Neg":
                return self._around("(- {})", node)
            case "Is":
                return self._is(node)
            case "NullSafeEQ":
                only(node, "this", "expression")
                return self._joined(self.write(node.this), self.write(node.expression), "IS")
            case "In":
                return self._in(node)
            case "Between":
                return self._between(node)
            case "Like" | "Escape":
                return self._like(node)
            case "Add" | "Sub":
                return self._sum(node)
            case "Mul":
                only(node, "this", "expression")
                return self._joined(self.write(node.this), self.write(node.expression), "*")
            case "Div":
                only(node, "this", "expression", "typed", "safe")
                return self._quotient(node, "({} / {})")
            case "IntDiv":
                only(node, "this", "expression")
                return self._quotient(node, "CAST(({} / {}) AS INTEGER)")
            case "Cast":
                return self._cast(node)
            case "Exists":
                only(node, "this")
                return Piece(f"EXISTS ({self._sub_query(node.this)})", "number")
            case "Subquery":
                only(node, "this")
                return Piece(f"({self._sub_query(node.this)})", "column")
            case _:
                if (called := write_function(self, node)) is not None:
                    return called
                refuse(f"{word(node)} is not taken in SQL here.")

    # --- kinds of nodes -----------------------------------------------------------------------------------------------

    def _literal(self, text: str, is_string: bool) -> Piece:
        if is_string:
            return Piece(self._binds.add(text), "text", fixed=True, bound=text)
        if _NUMBER.fullmatch(text) is None:
            refuse(f"{text[:40]} is no number that is taken here.")
        if text.isdecimal():
            if int(text) > _LARGEST:
                refuse(f"The number {text} has more than 64 bits.")
            return Piece(str(int(text)), "number", fixed=True)
        number = float(text)
        if number == float("inf"):
            refuse(f"The number {text[:40]} is too large.")
        return Piece(repr(number), "number", fixed=True)

    def _chain(self, node: Any, kind: str) -> Piece:
        """A chain of AND or OR, which may be long, and is as deep in the tree as it is long."""
        parts: list[Any] = []
        while type(node).__name__ == kind:
            only(node, "this", "expression")
            parts.append(node.expression)
            node = node.this
        pieces = [self.write(one) for one in (node, *reversed(parts))]
        return Piece(f"({f' {kind.upper()} '.join(one.sql for one in pieces)})", "number", _fixed(*pieces))

    def _around(self, form: str, node: Any) -> Piece:
        only(node, "this")
        inner = self.write(node.this)
        return Piece(form.format(inner.sql), "number", inner.fixed)

    def _joined(self, left: Piece, right: Piece, sign: str) -> Piece:
        return Piece(f"({left.sql} {sign} {right.sql})", "number", _fixed(left, right))

    def _comparable(self, left: Piece, right: Piece) -> tuple[Piece, Piece]:
        """Both sides such that a number and a text compare as they do in MySQL: as numbers."""
        if left.kind == "number" and right.kind == "text":
            return left, _as_number(right)
        if left.kind == "text" and right.kind == "number":
            return _as_number(left), right
        return left, right

    def _is(self, node: Any) -> Piece:
        only(node, "this", "expression")
        left, what = self.write(node.this), node.expression
        match type(what).__name__:
            case "Null":
                return Piece(f"({left.sql} IS NULL)", "number", left.fixed)
            case "Boolean":
                return Piece(f"({left.sql} IS {'TRUE' if what.this else 'FALSE'})", "number", left.fixed)
            case _:
                refuse("IS is followed by NULL, NOT NULL, TRUE or FALSE.")

    def _in(self, node: Any) -> Piece:
        only(node, "this", "expressions", "query")
        left = self.write(node.this)
        if (query := node.args.get("query")) is not None:
            inner = query.this if type(query).__name__ == "Subquery" else query
            if type(query).__name__ == "Subquery":
                only(query, "this")
            return Piece(f"({left.sql} IN ({self._sub_query(inner)}))", "number")
        pieces = [self._comparable(left, self.write(one))[1] for one in node.expressions]
        return Piece(f"({left.sql} IN ({', '.join(one.sql for one in pieces)}))", "number", _fixed(left, *pieces))

    def _between(self, node: Any) -> Piece:
        only(node, "this", "low", "high")
        left = self.write(node.this)
        low, high = (self._comparable(left, self.write(node.args[one]))[1] for one in ("low", "high"))
        return Piece(f"({left.sql} BETWEEN {low.sql} AND {high.sql})", "number", _fixed(left, low, high))

    def _like(self, node: Any) -> Piece:
        escape = "\\"
        if type(node).__name__ == "Escape":
            only(node, "this", "expression")
            given = node.expression
            if type(given).__name__ != "Literal" or not given.is_string or len(str(given.this)) != 1:
                refuse("ESCAPE takes one character.")
            escape, node = str(given.this), node.this
            if type(node).__name__ != "Like":
                refuse("ESCAPE belongs to LIKE.")
        only(node, "this", "expression", "negate")
        left, right = self.write(node.this), self.write(node.expression)
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        text = f"({left.sql} {word} {right.sql} ESCAPE {self._binds.add(escape)})"
        return Piece(text, "number", _fixed(left, right))

    def _sum(self, node: Any) -> Piece:
        only(node, "this", "expression")
        sign = "+" if type(node).__name__ == "Add" else "-"
        for moment, interval in ((node.this, node.expression), (node.expression, node.this)):
            if type(interval).__name__ == "Interval":
                if sign == "-" and interval is node.this:
                    refuse("Nothing can be taken away from an interval.")
                return shifted(self, self.write(moment), "" if sign == "+" else "-", interval)
        return self._joined(self.write(node.this), self.write(node.expression), sign)

    def _quotient(self, node: Any, form: str) -> Piece:
        left, right = self.write(node.this), self.write(node.expression)
        # SQLite divides whole numbers into whole ones.
        return Piece(form.format(f"CAST({left.sql} AS REAL)", right.sql), "number", _fixed(left, right))

    def _cast(self, node: Any) -> Piece:
        only(node, "this", "to")
        to = node.args["to"]
        # The length that CHAR(3) or DECIMAL(10, 2) names is nothing that SQLite keeps to.
        only(to, "this", "expressions")
        name = str(getattr(to.this, "name", to.this))
        if name not in _TYPES:
            refuse(f"A value cannot be made a {name[:40]} here.")
        form, kind = _TYPES[name]
        inner = self.write(node.this)
        return Piece(form.format(inner.sql), kind, inner.fixed)

    def _sub_query(self, node: Any) -> str:
        if self._query is None:
            refuse("A statement that writes has no sub-query: look up in a query before what it shall change.")
        return self._query(node)


def _as_number(piece: Piece) -> Piece:
    return Piece(f"CAST({piece.sql} AS NUMERIC)", "number", piece.fixed)


def _fixed(*pieces: Piece) -> bool:
    return all(one.fixed for one in pieces)
