"""Queries, written anew: every place where they name the table, they get the rows that are theirs to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from storage.user_tables.definition import ALIASES, folded
from storage.user_tables.guard.expressions import Expressions
from storage.user_tables.guard.writing import Binds, only, quoted, refuse

MOST_SOURCES: Final = 5
"""How often a statement may name the table, or a part of itself."""
_SETS: Final[Mapping[str, str]] = {"Union": "UNION", "Except": "EXCEPT", "Intersect": "INTERSECT"}
_HIDDEN: Final = frozenset({"rowid", "oid", "_rowid_"})
"""What SQLite calls columns that nobody has made."""
_LARGEST_OFFSET: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """The table by the name that authors know, and the query that stands in its place."""

    name: str
    sql: str


class Queries:
    """Writes the queries of one statement."""

    def __init__(self, binds: Binds, source: Source) -> None:
        self._binds = binds
        self._source = source
        self._expressions = Expressions(binds, self._column, self.nested)
        self._named: dict[str, str] = {}
        """What WITH has given a name to, and what it is called here: nobody meets a table of the database by chance."""
        self._sources = 0
        self._parts = 0

    def whole(self, tree: Any, most: int) -> tuple[str, int]:
        """The whole statement, and how many rows it hands out: what it says, but no more than `most`.

        It asks for one row more where it was cut, so that one sees that there are more.
        """
        while type(tree).__name__ == "Subquery":
            only(tree, "this")
            tree = tree.this
        with self._with(tree) as before:
            body = self._body(tree)
            limit = self._count(tree.args.get("limit"), "LIMIT")
            offset = self._count(tree.args.get("offset"), "OFFSET", "expression", "expressions")
        asked = most + 1 if limit is None or limit > most else limit
        behind = f" OFFSET {offset}" if offset else ""
        return f"{before}{body} LIMIT {asked}{behind}", min(asked, most)

    def nested(self, tree: Any) -> str:
        """A query within another."""
        if type(tree).__name__ == "Subquery":
            only(tree, "this")
            return self.nested(tree.this)
        with self._with(tree) as before:
            body = self._body(tree)
            limit = self._count(tree.args.get("limit"), "LIMIT")
            offset = self._count(tree.args.get("offset"), "OFFSET", "expression", "expressions")
        end = "" if limit is None else f" LIMIT {limit}{f' OFFSET {offset}' if offset else ''}"
        return f"{before}{body}{end}"

    # --- parts --------------------------------------------------------------------------------------------------------

    @contextmanager
    def _with(self, tree: Any) -> Iterator[str]:
        """What WITH names, for as long as the query that it belongs to is written."""
        given = tree.args.get("with_")
        outer = dict(self._named)
        made: list[str] = []
        if given is not None:
            only(given, "expressions")
            for one in given.expressions:
                only(one, "this", "alias")
                only(one.args["alias"], "this", "columns")
                name = str(one.alias)
                if folded(name) == folded(self._source.name) or folded(name) in self._named:
                    refuse(f"WITH cannot give the name {name[:64]}: something is called so already.")
                self._parts += 1
                columns = [quoted(str(column.name)) for column in one.args["alias"].args.get("columns") or ()]
                called = f"part{self._parts}"
                head = f"{called}({', '.join(columns)})" if columns else called
                made.append(f"{head} AS ({self.nested(one.this)})")
                self._named[folded(name)] = called
        yield f"WITH {', '.join(made)} " if made else ""
        self._named = outer

    def _body(self, tree: Any) -> str:
        """Everything but WITH and LIMIT."""
        kind = type(tree).__name__
        if kind in _SETS:
            only(tree, "this", "expression", "distinct", "with_", "order", "limit", "offset")
            if not tree.args.get("distinct") and kind != "Union":
                refuse(f"{_SETS[kind]} ALL is not taken here.")
            word = _SETS[kind] if tree.args.get("distinct") else "UNION ALL"
            # SQLite reads a chain from the left, so that a chain on the right is a query of its own.
            left, right = self._side(tree.this, chain=True), self._side(tree.expression, chain=False)
            return f"{left} {word} {right}{self._order(tree)}"
        if kind != "Select":
            refuse("A query is a SELECT, or several joined by UNION, INTERSECT or EXCEPT.")
        only(
            tree, "expressions", "distinct", "from_", "joins", "where", "group", "having", "order", "limit", "offset",
            "with_",
        )  # fmt: skip
        distinct = ""
        if (given := tree.args.get("distinct")) is not None:
            only(given)
            distinct = "DISTINCT "
        words = [f"SELECT {distinct}{', '.join(self._column_list(tree))}"]
        if (source := tree.args.get("from_")) is not None:
            only(source, "this")
            words.append(f"FROM {self._from(source.this)}")
            words += [self._join(one) for one in tree.args.get("joins") or ()]
        elif tree.args.get("joins"):
            refuse("A JOIN needs a FROM.")
        if (where := tree.args.get("where")) is not None:
            only(where, "this")
            words.append(f"WHERE {self._expressions.write(where.this).sql}")
        if (group := tree.args.get("group")) is not None:
            only(group, "expressions")
            words.append(f"GROUP BY {', '.join(self._expressions.write(one).sql for one in group.expressions)}")
        if (having := tree.args.get("having")) is not None:
            only(having, "this")
            words.append(f"HAVING {self._expressions.write(having.this).sql}")
        return f"{' '.join(words)}{self._order(tree)}"

    def _side(self, tree: Any, *, chain: bool) -> str:
        """One side of a UNION. SQLite takes none in brackets, so that a query of its own stands there."""
        plain = type(tree).__name__ == "Select" or (chain and type(tree).__name__ in _SETS)
        if plain and not any(tree.args.get(one) for one in ("order", "limit", "offset", "with_")):
            return self._body(tree)
        return f"SELECT * FROM ({self.nested(tree)})"  # noqa: S608 (written anew from what is known)

    def _order(self, tree: Any) -> str:
        if (order := tree.args.get("order")) is None:
            return ""
        only(order, "expressions")
        return f" ORDER BY {self._expressions.order(order.expressions)}"

    def _column_list(self, tree: Any) -> Iterator[str]:
        """What stands behind SELECT, each under the name by which it comes out."""
        for one in tree.expressions:
            kind = type(one).__name__
            if kind == "Star":
                only(one)
                yield "*"
            elif kind == "Column" and type(one.this).__name__ == "Star":
                only(one, "this", "table")
                only(one.this)
                yield f"{quoted(one.table)}.*"
            elif kind == "Alias":
                only(one, "this", "alias")
                yield f"{self._expressions.write(one.this).sql} AS {quoted(one.alias)}"
            else:
                name = _canonical(one.name) if kind == "Column" else one.sql(dialect="mysql", comments=False)[:200]
                yield f"{self._expressions.write(one).sql} AS {quoted(name)}"

    def _from(self, node: Any) -> str:
        """A source of rows: the table, what WITH named, or a query."""
        self._sources += 1
        if self._sources > MOST_SOURCES:
            refuse(f"A statement names tables and queries up to {MOST_SOURCES} times.")
        alias = node.args.get("alias")
        if alias is not None:
            only(alias, "this")
        match type(node).__name__:
            case "Table":
                only(node, "this", "alias")
                if type(node.this).__name__ != "Identifier":
                    refuse("Rows come from the table of the node, not from a function.")
                name = folded(node.name)
                called = quoted(node.name if alias is None else alias.name)
                if name == folded(self._source.name):
                    return f"({self._source.sql}) AS {called}"
                if name in self._named:
                    return f"{self._named[name]} AS {called}"
                refuse(f"There is no table {node.name[:64]} here; the node is bound to {self._source.name}.")
            case "Subquery":
                only(node, "this", "alias")
                if alias is None:
                    refuse("A query in FROM needs a name: FROM (SELECT …) AS name.")
                return f"({self.nested(node.this)}) AS {quoted(alias.name)}"
            case _:
                refuse("Rows come from the table of the node, or from a query of it.")

    def _join(self, node: Any) -> str:
        only(node, "this", "on", "side", "kind")
        side, kind = str(node.args.get("side") or "").upper(), str(node.args.get("kind") or "").upper()
        if side not in ("", "LEFT") or kind not in ("", "INNER", "OUTER"):
            refuse("A join is an INNER JOIN or a LEFT JOIN.")
        if (on := node.args.get("on")) is None:
            refuse("A join says ON which columns: every row with every other is too many.")
        word = "LEFT JOIN" if side else "JOIN"
        return f"{word} {self._from(node.this)} ON {self._expressions.write(on).sql}"

    def _count(self, node: Any, word: str, *known: str) -> int | None:
        """The number behind LIMIT or OFFSET."""
        if node is None:
            return None
        only(node, *(known or ("expression",)))
        given = node.expression
        kind = type(given).__name__
        text = self._binds.slots.get(given.name, "") if kind == "Placeholder" else str(getattr(given, "this", ""))
        if kind not in ("Literal", "Placeholder") or not (text.isascii() and text.isdecimal()) or len(text) > 12:
            refuse(f"{word} is followed by a number.")
        return min(int(text), _LARGEST_OFFSET)

    def _column(self, node: Any) -> str:
        """A column by the name that authors know: SQLite finds it in the queries around, and nowhere else."""
        if type(node.this).__name__ != "Identifier":
            refuse("A star stands for all columns, and is none.")
        name = quoted(_canonical(node.name))
        return f"{quoted(node.table)}.{name}" if node.table else name


def _canonical(name: str) -> str:
    if folded(name) in _HIDDEN:
        refuse(f"There is no column {name} here; every row has an id.")
    return ALIASES.get(folded(name), name)
