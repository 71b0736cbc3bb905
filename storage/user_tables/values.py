"""The values of fields: what fits which type, how it is kept, and how it comes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isfinite
from types import MappingProxyType
from typing import Final

from engine.errors import FlowError, InvalidInput
from engine.templates import to_text
from engine.values import Json
from storage.ports.tables import FieldType

Kept = str | int | float | None
"""A value as the database holds it: a boolean as 0 or 1, a time as text in UTC, which sorts as times do."""

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DATE: Final = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})(.*)")
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_TRUE: Final = frozenset({"1", "t", "true", "yes", "y", "是"})
_FALSE: Final = frozenset({"0", "f", "false", "no", "n", "否"})
_SECONDS_END: Final = 100_000_000_000
"""A number above is milliseconds: as seconds it would be the year 5138."""
_EXPECTED: Final[Mapping[FieldType, str]] = MappingProxyType(
    {
        "text": "a text",
        "integer": "a whole number of at most 64 bits",
        "number": "a number",
        "boolean": "true or false",
        "time": "a time such as 2026-11-22 18:30:00",
    }
)


def keep(value: Json, kind: FieldType, *, name: str, longest: int) -> Kept:
    """The value as it is kept in a field of this type. Raises `InvalidInput`.

    An empty text is no value for a field that holds no text: it becomes null.
    """
    if value is None or (kind != "text" and isinstance(value, str) and not value.strip()):
        return None
    kept = _KEEP[kind](value)
    if kept is None:
        raise InvalidInput(f"The field {name} takes {_EXPECTED[kind]}; {_came(value)} came.", field=name)
    if isinstance(kept, str):
        checked_text(kept, name=name, longest=longest)
    return kept


def checked_text(text: str, *, name: str, longest: int) -> str:
    """The text, if the database can hold it. Raises `InvalidInput`."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidInput(
            f"The text for {name} has half a character in it, which no table keeps.", field=name
        ) from None
    if "\0" in text:
        raise InvalidInput(f"The text for {name} has a null character in it, which no table keeps.", field=name)
    if size > longest:
        raise InvalidInput(
            f"The text for {name} has {size} bytes; a field takes {longest}.",
            field=name,
            limit=longest,
            setting="MAINSPRING_TABLE_TEXT_BYTES",
        )
    return text


def shown(value: Kept, kind: FieldType) -> Json:
    """The kept value as a JSON value."""
    if kind == "boolean" and isinstance(value, int):
        return value != 0
    if kind == "number" and isinstance(value, int):
        return float(value)
    return value


def converted(value: Kept, before: FieldType, after: FieldType) -> Kept:
    """The kept value of a field as it is kept after the field got another type; None when it does not fit."""
    try:
        return keep(shown(value, before), after, name="", longest=_HIGHEST)
    except FlowError:
        return None


def read_time(text: str) -> datetime:
    """The time that a text names. Raises `ValueError`."""
    if found := _DATE.fullmatch(text := text.strip()):
        year, month, day, rest = found.groups()
        text = f"{year}-{int(month):02}-{int(day):02}{rest}"
    return datetime.fromisoformat(text)


def time_text(value: datetime) -> str:
    """A time as it is kept."""
    moment = value.astimezone(UTC) if value.tzinfo is not None else value
    whole = moment.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")
    return f"{whole}.{moment.microsecond // 1000:03}" if moment.microsecond >= 1000 else whole


def moment_text(milliseconds: int) -> str:
    """A moment in UTC milliseconds as it is kept, to the second."""
    return time_text(datetime.fromtimestamp(milliseconds // 1000, UTC))


def _text(value: Json) -> Kept:
    return to_text(value)


def _integer(value: Json) -> Kept:
    number: int | None = None
    if isinstance(value, str):
        number = int(value) if _WHOLE.fullmatch(value := value.strip()) else None
    elif isinstance(value, float):
        number = int(value) if isfinite(value) and value == int(value) else None
    elif isinstance(value, int):
        number = int(value)
    return number if number is not None and _LOWEST <= number <= _HIGHEST else None


def _number(value: Json) -> Kept:
    try:
        if isinstance(value, str):
            number = float(value) if _DECIMAL.fullmatch(value := value.strip()) else None
        else:
            number = float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return None
    return number if number is not None and isfinite(number) else None


def _boolean(value: Json) -> Kept:
    if isinstance(value, str):
        word = value.strip().lower()
        return 1 if word in _TRUE else 0 if word in _FALSE else None
    return int(value) if value in (0, 1) and isinstance(value, int | float) else None


def _time(value: Json) -> Kept:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return time_text(datetime.fromtimestamp(value / 1000 if abs(value) >= _SECONDS_END else value, UTC))
        if isinstance(value, str):
            return time_text(read_time(value))
    except (ValueError, OverflowError, OSError):
        pass
    return None


_KEEP: Final[Mapping[FieldType, Callable[[Json], Kept]]] = MappingProxyType(
    {"text": _text, "integer": _integer, "number": _number, "boolean": _boolean, "time": _time}
)


def _came(value: Json) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'the text "{value[:40]}{"…" if len(value) > 40 else ""}"'
        case int() | float():
            return f"the number {str(value)[:40]}"
        case list():
            return "a list"
        case _:
            return "an object"
