"""Definitions of databases from files: as JSON, or made of a CSV whose columns say what they hold."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Final

from cli.complaint import CommandFailed
from storage.ports.tables import FieldType
from storage.user_tables.definition import fitting_name
from storage.user_tables.values import keep

_GUESSES: Final[tuple[FieldType, ...]] = ("integer", "number", "time", "boolean")
_LOOKED_AT: Final = 1_000
"""Rows that are looked at to find out what a column holds."""
_LONGEST: Final = 64 * 1024 * 1024


def read_definition(file: Path) -> dict[str, Any]:
    """What `POST /databases` takes: `name`, `fields` and the rest. Raises `CommandFailed`."""
    try:
        found = json.loads(read_text(file))
    except ValueError as error:
        raise CommandFailed(f"{file} is no JSON: {error}.") from error
    if not isinstance(found, dict):
        raise CommandFailed(f"{file} holds no object with the name and the fields of a database.")
    return found


def definition_of_csv(file: Path, name: str) -> dict[str, Any]:
    """A database whose fields are the columns of a CSV. Raises `CommandFailed`."""
    text = read_text(file).removeprefix("\ufeff")
    first = text.partition("\n")[0]
    sign = next((one for one in (",", ";", "\t") if one in first), ",")
    csv.field_size_limit(_LONGEST)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
        headings = next(reader, [])
        rows = [cells for cells, _ in zip(reader, range(_LOOKED_AT), strict=False)]
    except csv.Error as error:
        raise CommandFailed(f"{file} cannot be read as CSV: {error}.") from error
    names = [fitting_name(one) for one in headings]
    if not names or not all(names):
        raise CommandFailed(f"The first line of {file} does not name every column.")
    columns = [[row[place] for row in rows if place < len(row) and row[place].strip()] for place in range(len(names))]
    fields = [{"name": one, "type": _guess(cells)} for one, cells in zip(names, columns, strict=True)]
    return {"name": name or fitting_name(file.stem) or "imported", "fields": fields}


def read_text(file: Path) -> str:
    """The text of a file in UTF-8. Raises `CommandFailed`."""
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{file} is not UTF-8: save it as UTF-8 first.") from error


def _guess(cells: list[str]) -> FieldType:
    """The first type that all of them fit; a column without any is text."""
    if not cells or any(one != "0" and one.lstrip("-").startswith("0") and one.lstrip("-").isdigit() for one in cells):
        # 007 is no number but a name.
        return "text"
    return next((kind for kind in _GUESSES if all(_fits(one, kind) for one in cells)), "text")


def _fits(cell: str, kind: FieldType) -> bool:
    from engine.errors import InvalidInput

    try:
        return keep(cell, kind, name="", longest=_LONGEST) is not None
    except InvalidInput:
        return False
