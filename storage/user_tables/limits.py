"""How large tables and what is read of them may become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST_FIELDS: Final = 100
MOST_TABLES: Final = 1_000
"""Tables of one organisation."""
MOST_ROWS: Final = 1_000
"""Rows that one insert adds, or one query gives."""
LONGEST_NAME: Final = 64
LONGEST_DESCRIPTION: Final = 2_000


@dataclass(frozen=True, slots=True)
class TableLimits:
    """What an operator can choose; the settings have the same names with the prefix MAINSPRING_TABLE_."""

    text_bytes: int = 1024 * 1024
    """The longest text in a field."""
    result_bytes: int = 8 * 1024 * 1024
    """The most that is read at once."""
    seconds: float = 5.0
    """The longest that a statement may take."""
    organisation_bytes: int = 1024 * 1024 * 1024
    """The most that the tables of an organisation may take on the disk."""
    key_days: int = 60
    """How long it is remembered that a write was done."""


DEFAULT_LIMITS: Final = TableLimits()
