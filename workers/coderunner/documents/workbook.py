"""Excel: the cells of every sheet, with the values that were last computed."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Final

from workers.coderunner.documents.extract import Cell, Extract, refused
from workers.coderunner.documents.package import Package, open_package
from workers.coderunner.documents.sheet import Meanings, read_cells


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
    from openpyxl.reader.excel import ExcelReader
    from openpyxl.styles.stylesheet import apply_stylesheet
    from openpyxl.utils.datetime import from_excel

_GAP: Final = 1_000
"""Empty rows in a row that are kept; a single cell may stand in row one million."""
_MAIN: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"


def read_workbook(data: bytes, extract: Extract) -> None:
    """Read the sheets in their order; each is a table, and its name a line of the text."""
    package = open_package(data)
    if not package.parts.get(_MAIN):
        raise refused("The name says .xlsx, but it is no Excel workbook.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # What it would do by itself, but for the sheets, whose cells it would go through just to learn how many.
        reader = ExcelReader(BytesIO(data), read_only=True, data_only=True, keep_links=False)
        reader.read_manifest()
        reader.read_strings()
        reader.read_workbook()
        apply_stylesheet(reader.archive, reader.wb)
        sheets = [(sheet.name, link.target) for sheet, link in reader.parser.find_sheets() if _has_cells(link)]
    extract.count_pages(max(1, len(sheets)))
    meanings = _meanings(reader)
    for name, part in sheets:
        if part in reader.valid_files:
            extract.write(f"{name}\n")
            _read(package, part, meanings, extract)
            extract.write("\n")


def _has_cells(link: Any) -> bool:
    return str(link.Type).endswith("/worksheet")


def _meanings(reader: Any) -> Meanings:
    epoch = reader.wb.epoch
    return Meanings(
        texts=reader.shared_strings,
        dates=frozenset(reader.wb._date_formats),
        spans=frozenset(reader.wb._timedelta_formats),
        moment=lambda number, is_span: from_excel(number, epoch, timedelta=is_span),
    )


def _read(package: Package, part: str, meanings: Meanings, extract: Extract) -> None:
    last = 0

    def row(number: int, cells: list[Cell]) -> None:
        nonlocal last
        for _ in range(min(number - last - 1, _GAP)):
            extract.row(())
        last = number
        extract.row(cells)

    extract.begin_table()
    read_cells(package.read(part), meanings, row)
