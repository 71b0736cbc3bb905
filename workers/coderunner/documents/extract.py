"""What is taken out of a file, up to its limits: text, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import isfinite
from typing import Any, Final

from workers.coderunner.engine import TaskFailed

Cell = str | int | float | bool | None

TEXT_BYTES: Final = 20_000_000
PAGES: Final = 2_000
ROWS: Final = 100_000
COLUMNS: Final = 1_000
CELLS: Final = 5_000_000

_LARGEST_NUMBER: Final = 2**63
_LINE_ENDS: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\ufeff\uffff]")


class Extract:
    """Collects what a reader finds. Raises `TaskFailed` for more than there may be."""

    def __init__(self) -> None:
        self.pages = 1
        self._pieces: list[str] = []
        self._tables: list[list[list[Cell]]] = []
        self._text_size = 0
        self._cell_size = 0
        self._rows = 0
        self._cells = 0

    def write(self, text: str) -> None:
        """Add to the text."""
        text = tidy(text)
        self._text_size += _size(text)
        if self._text_size > TEXT_BYTES:
            raise _too_much(f"{TEXT_BYTES // 1_000_000} MB of text")
        self._pieces.append(text)

    def count_pages(self, pages: int) -> None:
        """So many pages, or sheets, it has."""
        if pages > PAGES:
            raise _too_much(f"{PAGES:,} pages")
        self.pages = pages

    def begin_table(self) -> None:
        """The rows that follow are those of a new table."""
        self._tables.append([])

    def row(self, cells: Iterable[Cell], *, told: bool = True) -> None:
        """Add a row to the latest table; empty cells at its end go. Where it is `told` it is a line of the text too."""
        row = [_cell(cell) for cell in cells]
        while row and row[-1] in (None, ""):
            row.pop()
        if len(row) > COLUMNS:
            raise _too_much(f"{COLUMNS:,} columns")
        self._rows += 1
        self._cells += len(row)
        self._cell_size += sum(len(cell.encode()) for cell in row if isinstance(cell, str))
        if self._rows > ROWS:
            raise _too_much(f"{ROWS:,} rows")
        if self._cells > CELLS:
            raise _too_much(f"{CELLS:,} cells")
        if self._cell_size > TEXT_BYTES:
            raise _too_much(f"{TEXT_BYTES // 1_000_000} MB of text in tables")
        self._tables[-1].append(row)
        if told:
            self.write("\t".join(_in_line(cell) for cell in row) + "\n")

    def result(self, kind: str) -> dict[str, Any]:
        """Everything, in the form in which it is handed on."""
        tables = [table for table in self._tables if table]
        return {"text": "".join(self._pieces).strip("\n"), "tables": tables, "pages": self.pages, "kind": kind}


def tidy(text: str) -> str:
    """The text with one kind of line end, and without what is no text: control characters, halves of characters."""
    return _NO_TEXT.sub("", _LINE_ENDS.sub("\n", text))


def damaged(what: str) -> TaskFailed:
    """The finding that a file is not what it should be."""
    return TaskFailed("error", f"The file is damaged: {what}.")


def refused(sentence: str) -> TaskFailed:
    """The finding that a file is not read at all."""
    return TaskFailed("refused", sentence)


def _too_much(limit: str) -> TaskFailed:
    return refused(f"The file holds more than {limit}, which is the most that is read.")


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _cell(cell: Cell) -> Cell:
    """The cell as JSON holds it: numbers that it cannot hold are texts."""
    if isinstance(cell, str):
        return tidy(cell)
    if isinstance(cell, float) and not isfinite(cell):
        return str(cell)
    if isinstance(cell, int) and abs(cell) >= _LARGEST_NUMBER:
        return str(float(cell)) if abs(cell) < 10**300 else "out of range"
    return cell


def _in_line(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case str():
            return " ".join(cell.split())
        case _:
            return str(cell)
