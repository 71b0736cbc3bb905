"""The answer of a task as bytes: plain JSON, or a failure that says what cannot be handed on."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, Final

from workers.coderunner.engine import TaskFailed

ANSWER_BYTES: Final = 1_000_000
DEPTH: Final = 100


def encode(value: Any, largest: int = ANSWER_BYTES) -> bytes:
    """The value as JSON. Only exact built-in types: a subclass could answer differently each time it is asked."""
    check(value)
    try:
        found = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:  # an integer of more digits than are written out
        raise TaskFailed("output", f"The result cannot be written down: {error}.") from None
    if len(found) > largest:
        raise TaskFailed("output", f"The result is larger than {largest:,} bytes.")
    return found


def check(value: Any, depth: int = 0) -> None:
    """Raise `TaskFailed` unless the value is of exact JSON types, finite, and not too deep."""
    kind = type(value)
    if kind is int or kind is bool or value is None:
        return
    if kind is str:
        if not _is_text(value):
            raise TaskFailed("output", "The result holds text that is no Unicode (half of a surrogate pair).")
        return
    if kind is float:
        if not isfinite(value):
            raise TaskFailed("output", "The result holds a number that JSON does not know (infinite, or not a number).")
        return
    if depth >= DEPTH:
        raise TaskFailed("output", f"The result is nested deeper than {DEPTH} levels, or holds itself.")
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise TaskFailed("output", f"The result holds an object with a key that is no text: {_name(key)}.")
            check(key, depth)
            check(item, depth + 1)
    elif kind is list:
        for item in value:
            check(item, depth + 1)
    else:
        raise TaskFailed("output", f"The result holds a value that JSON does not know: {_name(value)}.")


def _name(value: Any) -> str:
    return str(type.__getattribute__(type(value), "__name__"))[:100]


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
