"""What writing a statement anew shares: the values it binds, how names are quoted, and how refusals read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

from storage.ports.tables import SqlRefused

if TYPE_CHECKING:
    from sqlglot.expressions import Expr as Expression

LONGEST_WRITTEN: Final = 256 * 1024

Kind = Literal["text", "number", "column", "other"]
Scalar = str | int | float | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of SQL, and what it gives: SQLite compares a number with a text only where a column is on one side."""

    sql: str
    kind: Kind = "other"
    fixed: bool = False
    """It names no column: the same for every row."""
    bound: str | None = None
    """The text that is bound here, where that is all."""


@dataclass
class Binds:
    """Every text of a statement is bound; none stands in the SQL."""

    slots: Mapping[str, str]
    """What the placeholders of the statement stand for."""
    values: dict[str, Scalar] = field(default_factory=dict[str, Scalar])

    def add(self, value: Scalar) -> str:
        """Bind a value; gives what stands for it."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def quoted(name: str) -> str:
    """A name in quotes. Backticks: between double quotes SQLite takes an unknown name for a text."""
    return f"`{name.replace('`', '``')}`"


def refuse(sentence: str, **facts: Any) -> NoReturn:
    """The statement goes no further."""
    raise SqlRefused(sentence, **facts)


def only(node: Expression, *known: str) -> None:
    """Refuse a node that says more than we know of its kind."""
    for name, value in node.args.items():
        if name not in known and value not in (None, False, []):
            refuse(f"SQL with {word(node)} … {name.strip('_').upper().replace('_', ' ')} is not taken here.")


def word(node: Expression) -> str:
    """What a node is called when it is refused."""
    from sqlglot import exp

    if isinstance(node, exp.Anonymous):
        return f"{str(node.this)[:40].upper()}()"
    if isinstance(node, exp.Func):
        return f"{node.sql_name()[:40]}()"
    return type(node).__name__.upper()[:40]
