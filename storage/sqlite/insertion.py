"""Inserting many rows with few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from storage.database import Into, Rows

_SIZES: Final = tuple(1 << power for power in range(7, -1, -1))
"""Rows per statement: a few fixed sizes, so that SQLite finds each of them prepared."""


def insert_rows(driver: sqlite3.Connection, rows: Rows) -> None:
    """Insert the rows. Raises SQLAlchemy's `IntegrityError`, which says the same for every database."""
    for into, those in rows.items():
        done = 0
        for size in _SIZES:
            while len(those) - done >= size:
                _insert(driver, _statement(into, size), those[done : done + size])
                done += size


def _insert(driver: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    try:
        driver.execute(statement, [*chain.from_iterable(rows)])
    except sqlite3.IntegrityError as error:
        raise IntegrityError(statement[:200], None, error) from error


@lru_cache(maxsize=256)
def _statement(into: Into, size: int) -> str:
    names = ", ".join(f'"{name}"' for name in into.columns)
    row = f"({', '.join('?' * len(into.columns))})"
    word = "INSERT OR REPLACE" if into.replace else "INSERT"
    # The names are those of our own tables; values are bound.
    return f'{word} INTO "{into.table}" ({names}) VALUES {", ".join([row] * size)}'
