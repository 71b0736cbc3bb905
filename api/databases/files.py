"""Rows from files and to files: CSV and JSON in, CSV out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from engine.errors import InvalidInput
from engine.templates import to_text
from engine.values import Json
from storage.ports.tables import SYSTEM_COLUMNS, UserTable
from storage.user_tables.definition import ALIASES, fitting_name, folded
from storage.user_tables.values import keep

MOST_ROWS: Final = 100_000
_MOST_ERRORS: Final = 100
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


@dataclass
class Sheet:
    """The rows of a file that fit, and what is wrong with the others."""

    rows: list[dict[str, Json]] = field(default_factory=list[dict[str, Json]])
    errors: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    bad: int = 0


def read_sheet(table: UserTable, form: str, text: str, *, longest: int) -> Sheet:
    """The rows of a file. Raises `InvalidInput` when it is none."""
    rows = _from_csv(table, text) if form == "csv" else _from_json(text)
    sheet = Sheet()
    known = {folded(one.name): one for one in table.fields}
    for number, row in enumerate(rows, 1):
        if number > MOST_ROWS:
            raise InvalidInput(f"A file of rows has up to {MOST_ROWS} rows.", field="text", limit=MOST_ROWS)
        told = len(sheet.errors)
        made: dict[str, Json] = {}
        for name, value in row.items():
            one = known.get(folded(name))
            if one is None:
                if folded(name) not in {*SYSTEM_COLUMNS, *ALIASES}:
                    sheet.errors.append(_error(number, name, f"The database has no field {name[:64]}."))
                continue
            made[one.name] = value
            try:
                keep(value, one.type, name=one.name, longest=longest)
            except InvalidInput as error:
                sheet.errors.append(_error(number, one.name, error.message))
        sheet.errors += [
            _error(number, one.name, f"Every row needs a value for {one.name}.")
            for one in table.fields
            if one.required and _is_nothing(made.get(one.name), one.type)
        ]
        if len(sheet.errors) > told:
            sheet.bad += 1
            del sheet.errors[_MOST_ERRORS:]
        else:
            sheet.rows.append(made)
    return sheet


def _is_nothing(value: Json, kind: str) -> bool:
    return value is None or (kind != "text" and isinstance(value, str) and not value.strip())


def _error(row: int, name: str, message: str) -> dict[str, Any]:
    return {"row": row, "field": name[:64], "message": message, "code": "invalid_input"}


def _from_csv(table: UserTable, text: str) -> Iterator[dict[str, Json]]:
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    # What Excel writes depends on the country it is in.
    sign = next((one for one in (",", ";", "\t") if one in first), ",")
    csv.field_size_limit(64 * 1024 * 1024)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
    try:
        headings = [fitting_name(one) for one in next(reader, [])]
        if not headings or not all(headings):
            raise InvalidInput("The first line of the CSV names the fields, one in each column.", field="text")
        if twice := [one for one in headings if [*map(folded, headings)].count(folded(one)) > 1]:
            raise InvalidInput(f"The first line names {twice[0]} twice.", field="text")
        known = {*map(folded, (*(one.name for one in table.fields), *SYSTEM_COLUMNS, *ALIASES))}
        if strange := [one for one in headings if folded(one) not in known]:
            raise InvalidInput(f"The database has no field {strange[0]}.", field="text", column=strange[0])
        texts = {folded(one.name) for one in table.fields if one.type == "text" and not one.required}
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) > len(headings):
                raise InvalidInput(
                    f"Line {reader.line_num} has {len(cells)} cells, but there are {len(headings)} headings.",
                    field="text",
                    line=reader.line_num,
                )
            row: dict[str, Json] = {}
            for name, cell in zip(headings, cells, strict=False):
                # CSV knows no null; an empty cell is one, as far as a field can do without.
                row[name] = None if cell == "" and folded(name) in texts else _without_mark(cell)
            yield row
    except csv.Error as error:
        raise InvalidInput(f"The CSV cannot be read: {error} (line {reader.line_num}).", field="text") from error


def _from_json(text: str) -> Iterator[dict[str, Json]]:
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"The JSON cannot be read: {error}.", field="text") from error
    if not isinstance(rows, list):
        raise InvalidInput("The JSON is a list of objects, one for each row.", field="text")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise InvalidInput(f"Row {number} is no object.", field="text", row=number)
        yield row


def csv_lines(table: UserTable, rows: Iterable[Sequence[Json]], *, headings: bool) -> str:
    """The rows as lines of CSV. No cell begins a formula: a spreadsheet would carry it out."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    if headings:
        writer.writerow([one.name for one in table.fields] + [*SYSTEM_COLUMNS])
    kinds = [one.type for one in table.fields] + ["text"] * len(SYSTEM_COLUMNS)
    for row in rows:
        writer.writerow([_cell(value, kind) for value, kind in zip(row, kinds, strict=True)])
    return written.getvalue()


def _cell(value: Json, kind: str) -> str:
    text = to_text(value)
    # A text that looks marked is marked once more, so that what comes back is what it was.
    return f"'{text}" if kind == "text" and text.lstrip("'").startswith(_FORMULAS) else text


def _without_mark(cell: str) -> str:
    """The text of a cell that was marked to be no formula."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULAS) else cell
