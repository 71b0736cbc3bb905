"""JSON as text: written compactly with sorted keys, read with the place of a mistake, and never nested too deep."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from math import isfinite
from typing import Final, NoReturn, cast

from engine.errors import EngineError, InvalidInput, LimitExceeded, NodeFailed
from engine.values import Json

MAX_DEPTH: Final = 200
"""How deep lists and objects may be nested: deeper than any document in use, and far from the end of Python's stack."""

_TOO_LONG: Final = 10**4_000
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def check_depth(value: object, *, field: str = "") -> None:
    """Refuse a value that is nested too deep. It is looked at level by level, so that its depth does no harm here."""
    level = [container for container in (cast("Json", value),) if isinstance(container, (dict, list))]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, (dict, list))
        ]
    if level:
        raise too_deep(field)


def too_deep(field: str = "") -> LimitExceeded:
    """The finding that something is nested too deep."""
    return LimitExceeded(
        f"{field or 'The value'} is nested more than {MAX_DEPTH} levels deep, which is the limit.",
        limit=MAX_DEPTH,
        field=field,
    )


def write_json(value: object) -> str:
    """Compact JSON with sorted keys, 中文 as it is. An `EngineError` says that a part is by reference, not at hand."""
    try:
        text = _ENCODER.encode(value)
    except RecursionError as error:
        raise too_deep() from error
    except ValueError as error:
        raise _unwritable() from error
    if text.count("[") + text.count("{") > MAX_DEPTH:
        check_depth(value)
    return text


def read_json(text: str) -> Json:
    """The value of a JSON text. Raises `InvalidInput` with the facts `line` and `column`, or `LimitExceeded`."""
    try:
        value: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"The text is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).",
            line=error.lineno,
            column=error.colno,
        ) from error
    except ValueError as error:
        raise InvalidInput("The text is not JSON: it holds a number beyond all limits.") from error
    except RecursionError as error:
        raise too_deep() from error
    if text.count("[") + text.count("{") > MAX_DEPTH:
        check_depth(value)
    if _ESCAPED_SURROGATE.search(text):
        # Half a surrogate pair can be escaped in JSON but stored nowhere: it becomes the sign for "unreadable".
        value = _DECODER.decode(_LONE_SURROGATE.sub("\ufffd", _ENCODER.encode(value)))
    return value


def read_structure(value: Json, kind: object) -> Json:
    """The value, or what it says when it is the JSON text of an `object` or an `array` and that is the kind meant."""
    opening = {"object": "{", "array": "["}.get(kind) if isinstance(kind, str) else None
    if opening is None or not isinstance(value, str) or not value.lstrip(" \t\r\n").startswith(opening):
        return value
    try:
        return read_json(value)
    except InvalidInput:
        return value


def number_text(value: int | float) -> str:
    """A number in plain digits, without exponent; a whole one without a point."""
    writable = isfinite(value) if isinstance(value, float) else abs(value) < _TOO_LONG
    if not writable:
        raise _unwritable()
    text = repr(value)
    if "e" in text:
        return format(Decimal(text), "f")
    return text.removesuffix(".0")


def _unwritable() -> NodeFailed:
    return NodeFailed("There is a number that cannot be written: infinite, not a number, or of thousands of digits.")


def _by_reference(value: object) -> NoReturn:
    raise EngineError(f"A value of type {type(value).__name__} must be loaded before it is written as JSON.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(digits)
    return number


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False,
    sort_keys=True,
    separators=(",", ":"),
    allow_nan=False,
    check_circular=False,
    default=_by_reference,
)
_DECODER: Final = json.JSONDecoder(parse_float=_finite, parse_constant=_no_number)
