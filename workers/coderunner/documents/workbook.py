"""Excel: the cells of every sheet, with the values that were last computed."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any, Final

from workers.coderunner.documents.extract import Cell, Extract, refused
from workers.coderunner.documents.package import open_package


@contextmanager
def _without_numpy() -> Generator[None]:
    """Openpyxl imports numpy where there is one, and has no use for it here: it would be half of the process."""
    absent = "numpy" not in sys.modules
    if absent:
        sys.modules["numpy"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            del sys.modules["numpy"]


with _without_numpy():
    from openpyxl import load_workbook

_GAP: Final = 1_000
"""Empty rows in a row that are kept; a single cell may stand in row one million."""
_LAST_ROW: Final = 1_048_576
_MAIN: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"


def read_workbook(data: bytes, extract: Extract) -> None:
    """Read the sheets in their order; each is a table, and its name a line of the text."""
    if not open_package(data).parts.get(_MAIN):
        raise refused("The name says .xlsx, but it is no Excel workbook.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = load_workbook(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheets = book.worksheets  # those with cells: charts are sheets of another kind
        extract.count_pages(max(1, len(sheets)))
        for sheet in sheets:
            extract.write(f"{sheet.title}\n")
            _read(sheet, extract)
            extract.write("\n")


def _read(sheet: Any, extract: Extract) -> None:
    # What a sheet says of its own size may be anything.
    sheet.reset_dimensions()
    extract.begin_table()
    empty = 0
    for values in sheet.iter_rows(values_only=True):
        if not any(value not in (None, "") for value in values):
            empty += 1
            if empty > _LAST_ROW:
                raise refused(f"The file is refused: it speaks of rows after row {_LAST_ROW:,}, the last there can be.")
            continue
        for _ in range(min(empty, _GAP)):
            extract.row(())
        empty = 0
        extract.row([_cell(value) for value in values])


def _cell(value: Any) -> Cell:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime() if value.time() == time():
            return value.date().isoformat()  # every date comes with a time, most with none of their own
        case datetime():
            return value.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case _:
            return str(value)
