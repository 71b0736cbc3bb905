"""Trees that people keep: organisations, and the departments of one. Nothing may stand below itself, in any number of
steps, whoever moves what at the same moment.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, select
from sqlmodel import col

from engine.errors import Conflict, InvalidInput
from storage.callers import descendants
from storage.tables import AccessEpoch

LONGEST_NAME: Final = 100
LONGEST_TITLE: Final = 100


def hold_trees(connection: Connection) -> None:
    """Let nobody else change a tree, or the people in it, until this transaction has ended.

    Two moves that are fine one by one make a circle together: the second has to see the first. SQLite has one writer
    anyway, elsewhere everybody waits for this row.
    """
    connection.execute(select(col(AccessEpoch.value)).with_for_update()).close()


def chain(parents: Mapping[int, int | None], one: int) -> list[int]:
    """Something and all above it, the topmost last."""
    found: list[int] = []
    step: int | None = one
    while step and step not in found:
        found.append(step)
        step = parents.get(step)
    return found


def check_move(parents: Mapping[int, int | None], moved: int, parent: int | None, *, deepest: int) -> None:
    """Whether something may stand below `parent` (nothing: at the top). Raises `Conflict`."""
    if not parent:
        return
    above = chain(parents, parent)
    if moved in above:
        raise Conflict("Nothing can be moved below itself.", field="parent_id", parent_id=str(parent))
    check_depth(len(above) + height(parents, moved), deepest)


def check_depth(levels: int, deepest: int) -> None:
    """Raises `Conflict` when a tree would have too many levels."""
    if levels > deepest:
        raise Conflict(f"The tree would be {levels} levels deep; {deepest} are allowed.", field="parent_id")


def height(parents: Mapping[int, int | None], one: int) -> int:
    """The levels of what stands below something, and its own."""
    below = descendants(parents, [one])
    return max(len(chain({each: parents[each] if each != one else None for each in below}, each)) for each in below)


def check_order(children: Collection[int], wanted: Sequence[int], what: str) -> None:
    """Whether an order names every child once. Raises `InvalidInput`."""
    if len(wanted) != len(children) or {*wanted} != {*children}:
        raise InvalidInput(
            f"The order has to name each of the {len(children)} {what} that stand there, once.",
            field="order",
            there=[str(one) for one in children],
        )


def checked_title(text: str, field: str = "name") -> str:
    """A name of 1 to 100 characters, without blanks around it. Raises `InvalidInput`."""
    text = text.strip()
    if not 1 <= len(text) <= LONGEST_NAME:
        raise InvalidInput(f"A name has 1 to {LONGEST_NAME} characters.", field=field)
    return text
