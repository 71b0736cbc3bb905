"""The subset of JSON Schema that canvases use, read without trust: what makes no sense says nothing."""

from __future__ import annotations

from typing import Final

from engine.canvas import JsonSchema
from engine.values import Json

_ANYTHING: Final[JsonSchema] = {}


def as_schema(part: Json) -> JsonSchema:
    """A part of a schema as a schema; that of any type when it is none."""
    return part if isinstance(part, dict) else _ANYTHING


def properties_of(schema: JsonSchema) -> dict[str, Json]:
    """The declared members by name; read each with `as_schema`."""
    return as_schema(schema.get("properties"))


def items_of(schema: JsonSchema) -> JsonSchema:
    """The type of a list's items."""
    return as_schema(schema.get("items"))


def others_of(schema: JsonSchema) -> JsonSchema:
    """The type of members that are not declared."""
    return as_schema(schema.get("additionalProperties"))


def required_of(schema: JsonSchema) -> list[str]:
    """The members that must be there."""
    names = schema.get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def zero_of(schema: JsonSchema) -> Json:
    """The zero of a type: an empty text, 0 or false; null for objects, lists and any type."""
    match schema.get("type"):
        case "string":
            return ""
        case "integer":
            return 0
        case "number":
            # Whole, as everybody else writes it in JSON.
            return 0
        case "boolean":
            return False
        case _:
            return None
