"""JSON as text, the way it is kept in columns: exact, in the order of its keys, and quick."""

from __future__ import annotations

import json
from typing import Any

import orjson


def dump(value: Any) -> str:
    """The text of a JSON value."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Integers beyond 64 bits, half surrogate pairs, deep nesting. The blank in front tells `load` the way back.
        return " " + json.dumps(value)


def load(text: str) -> Any:
    """The value of a text that `dump` made."""
    return json.loads(text) if text.startswith(" ") else orjson.loads(text)


def dump_or_none(value: Any) -> str | None:
    """The text, or None for null: a column of SQL holds nothing then."""
    return None if value is None else dump(value)


def load_or_none(text: str | None) -> Any:
    """The value, or None for an empty column."""
    return None if text is None else load(text)
