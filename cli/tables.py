"""Tables on the terminal: as wide as it is; in a pipe as wide as they need, so that no line breaks."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_STYLES: Final = {
    "succeeded": "green",
    "failed": "red",
    "waiting": "yellow",
    "running": "cyan",
    "queued": "cyan",
    "cancelled": "yellow",
    "skipped": "dim",
}
_WIDE: Final = 400


def new_table(*headings: str) -> Table:
    """A table without lines; its last column takes the room that is left, and breaks first."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    *first, last = headings
    for heading in first:
        table.add_column(heading, no_wrap=True)
    table.add_column(last, overflow="fold", ratio=1 if sys.stdout.isatty() else None)
    return table


def print_table(table: Table) -> None:
    """Print it on standard output. What it holds is shown as it is, also what looks like markup."""
    Console(width=None if sys.stdout.isatty() else _WIDE, markup=False, highlight=False, emoji=False).print(table)


def state_text(state: str) -> Text:
    """A state in its colour."""
    return Text(state, style=_STYLES.get(state, ""))


def moment(milliseconds: int) -> str:
    """A moment in the time of this machine."""
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
