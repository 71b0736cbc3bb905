"""Which JSON Schemas a provider can hold an answer to, word for word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SCALARS: Final = frozenset({"string", "integer", "number", "boolean", "null"})
_DEEPEST: Final = 50


def holdable(schema: object, depth: int = 0) -> bool:
    """Whether every object in it names its fields, and every value its type.

    Where an answer is held to a schema strictly, an object that names no fields could only be empty, and a list of
    anything could hold nothing.
    """
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return False
    deeper = depth + 1
    if not all(holdable(one, deeper) for one in _mapping(schema.get("$defs")).values()):
        return False
    if "$ref" in schema:
        return isinstance(schema["$ref"], str)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return isinstance(schema[word], list) and all(holdable(one, deeper) for one in schema[word])
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return all(_plain(one) for one in schema["enum"])
    if "const" in schema:
        return _plain(schema["const"])
    match schema.get("type"):
        case "object":
            fields = _mapping(schema.get("properties"))
            return (
                bool(fields)
                and not schema.get("additionalProperties")
                and all(holdable(one, deeper) for one in fields.values())
            )
        case "array":
            return holdable(schema.get("items"), deeper)
        case kind:
            return isinstance(kind, str) and kind in _SCALARS


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
