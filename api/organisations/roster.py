"""People from a table in CSV: read whole, and every line that does not fit is told before anybody is taken in."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from api.errors import InvalidRequest
from engine.errors import FlowError
from engine.values import Json
from storage.people.employees import NewEmployee, checked_values
from storage.people.places import Place, ranked
from storage.stores import Stores

_MOST: Final = 5_000
_MOST_ERRORS: Final = 200
_OF_PEOPLE: Final = ("name", "number", "email", "mobile", "en_name", "nickname")
_HEADINGS: Final = frozenset({*_OF_PEOPLE, "departments", "job_title"})
_BEYOND: Final = " "
"""The heading of what stands beyond the last column; none can be that."""
_UNIQUE: Final = ("number", "email", "mobile")


async def read_roster(stores: Stores, org_id: int, text: str) -> list[NewEmployee]:
    """Everybody of the table. Raises `InvalidRequest`, which lists what is wrong by line and column."""
    departments = stores.departments(org_id)
    known = {"/".join(names): one for one, names in (await departments.chains()).items()}
    known |= {one.code: one.id for one in await departments.all() if one.code is not None}
    # Beside the loop: a table may have thousands of lines.
    people, errors = await asyncio.to_thread(_read, text, known)
    for word in _UNIQUE:
        lines = {person.values[word]: line for line, person in people if person.values.get(word)}
        for value in sorted(await stores.employees(org_id).taken(word, lines)):
            errors.append(_error(lines[value], word, "conflict", f"Another employee of the organisation has {value}."))
    if errors:
        raise InvalidRequest(
            f"{len(errors)} things in the table do not fit; nobody was taken in.", errors=[*errors[:_MOST_ERRORS]]
        )
    return [person for _, person in people]


def _read(text: str, known: Mapping[str, int]) -> tuple[list[tuple[int, NewEmployee]], list[Json]]:
    people: list[tuple[int, NewEmployee]] = []
    errors: list[Json] = []
    first: dict[tuple[str, str], int] = {}
    for line, row in _rows(text):
        try:
            if _BEYOND in row:
                raise InvalidRequest("The line has more cells than there are columns: quote what has a comma in it.")
            values = checked_values({word: row.get(word) or "" for word in _OF_PEOPLE})
            places = ranked([*_places(row, known)])
        except FlowError as error:
            errors.append(_error(line, str(error.facts.get("field", "")), error.code, error.message))
            continue
        for word in _UNIQUE:
            value = values[word]
            if value is not None and (before := first.setdefault((word, value), line)) != line:
                errors.append(_error(line, word, "conflict", f"Line {before} has the same."))
        people.append((line, NewEmployee(values, places)))
    if not people and not errors:
        errors.append(_error(1, "", "missing", "The table has nobody in it."))
    return people, errors


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True, restkey=_BEYOND)
    try:
        headings = [one.strip() for one in reader.fieldnames or ()]
        if {"name", "departments"} - {*headings} or {*headings} - _HEADINGS or len({*headings}) < len(headings):
            known = ", ".join(sorted(_HEADINGS))
            raise InvalidRequest(
                f"The first line names the columns: name and departments, and of {known} what is wanted.",
                errors=[_error(1, "", "invalid_input", "These are not the columns.")],
            )
        reader.fieldnames = headings
        for count, row in enumerate(reader):
            if count == _MOST:
                raise InvalidRequest(
                    f"A table has {_MOST} lines at most.",
                    errors=[_error(reader.line_num, "", "limit_exceeded", "From here on it is too long.")],
                )
            yield reader.line_num, {word: value or "" for word, value in row.items()}
    except csv.Error as error:
        found = _error(reader.line_num, "", "invalid_input", f"This is no CSV: {error}.")
        raise InvalidRequest("The table cannot be read.", errors=[found]) from error


def _places(row: Mapping[str, str], known: Mapping[str, int]) -> Iterator[Place]:
    for place, text in enumerate((row.get("departments") or "").split(";")):
        if not (name := text.strip()):
            continue
        if name not in known:
            raise InvalidRequest(f"There is no department {name[:200]}.", field="departments")
        yield Place(known[name], (row.get("job_title") or "").strip(), primary=place == 0)


def _error(line: int, field: str, code: str, message: str) -> dict[str, Any]:
    return {"field": f"line {line}{'.' if field else ''}{field}", "code": code, "message": message}
