"""Filling: what stands where a declared value is absent: its default, the zero of its type, or null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from engine.canvas import JsonSchema
from engine.errors import NodeFailed
from engine.json_text import MAX_DEPTH, read_structure, too_deep
from engine.schema import as_schema, items_of, properties_of, required_of, zero_of
from engine.values import MISSING, Json, Missing, Value


def fill_defaults(value: object, schema: JsonSchema) -> object:
    """The value with the declared defaults where it is absent or null; and where a text, a list or an object is empty.

    A text with a `format` (a time, a file) may be empty. Lists and objects are filled inside too, also while they are
    still JSON text.
    """
    if not _declares_default(schema):
        return value
    made = _defaulted(cast("Value", value), schema, 0)
    return None if made is MISSING else made


def _declares_default(schema: JsonSchema, depth: int = 0) -> bool:
    if depth > MAX_DEPTH:
        raise too_deep()
    parts = (*map(as_schema, properties_of(schema).values()), items_of(schema))
    return "default" in schema or any(_declares_default(part, depth + 1) for part in parts if part)


def _defaulted(value: Value | Missing, schema: JsonSchema, depth: int) -> Value | Missing:
    if depth > MAX_DEPTH:
        raise too_deep()
    kind, default = schema.get("type"), schema.get("default")
    if default is not None and (value is MISSING or value is None or _may_give_way(value, schema)):
        value = default
    if isinstance(value, str):
        value = read_structure(value, kind)
    if isinstance(value, dict):
        made = value
        for name, member in properties_of(schema).items():
            found = value.get(name, MISSING)
            filled = _defaulted(found, as_schema(member), depth + 1)
            if filled is not found:
                made = dict(value) if made is value else made
                made[name] = cast("Json", filled)
        return made
    if isinstance(value, list) and _declares_default(items := items_of(schema)):
        return cast("Value", [_defaulted(item, items, depth + 1) for item in value])
    return value


def _may_give_way(value: Value, schema: JsonSchema) -> bool:
    """Whether a value is so empty that the default takes its place."""
    match schema.get("type"):
        case "string":
            return value == "" and "format" not in schema
        case "array":
            return value == []
        case "object":
            return value == {}
        case _:
            return False


def zero_fill(inputs: Mapping[str, object], schema: JsonSchema) -> dict[str, object]:
    """Inputs with the zero of its type for every declared one that is absent or null, and for null items of lists.

    An absent object has its declared members as null; in an object that is there, absent members become null.
    """
    filled = dict(inputs)
    for name, member in properties_of(schema).items():
        declared = as_schema(member)
        value = filled.get(name)
        if value is not None:
            filled[name] = _filled(cast("Value", value), declared, True, 0)
        else:
            filled[name] = _nothing(declared, 0) if declared.get("type") == "object" else zero_of(declared)
    return filled


def null_fill(outputs: Mapping[str, object], schema: JsonSchema, *, refuse_missing: bool = False) -> dict[str, object]:
    """Outputs with null for every declared one that is absent, also inside objects; an absent object has null members.

    With `refuse_missing` the absence of a required one is a `NodeFailed` instead.
    """
    if refuse_missing:
        for name in required_of(schema):
            if name not in outputs:
                raise NodeFailed(f"The output {name} is required, but the node did not give it.", field=name)
    filled = dict(outputs)
    for name, member in properties_of(schema).items():
        declared = as_schema(member)
        if name not in filled:
            filled[name] = _nothing(declared, 0)
        else:
            filled[name] = _filled(cast("Value", filled[name]), declared, False, 0)
    return filled


def _nothing(schema: JsonSchema, depth: int) -> Json:
    """What stands for an absent member: null, or an object whose declared members are null."""
    if depth > MAX_DEPTH:
        raise too_deep()
    properties = properties_of(schema)
    if schema.get("type") != "object" or not properties:
        return None
    return {name: _nothing(as_schema(member), depth + 1) for name, member in properties.items()}


def _filled(value: Value, schema: JsonSchema, zeros: bool, depth: int) -> Value:
    """What is there, with its absent members filled; the value itself when there are none."""
    if depth > MAX_DEPTH:
        raise too_deep()
    if isinstance(value, dict):
        return _filled_members(value, schema, zeros, depth)
    if isinstance(value, list):
        items = items_of(schema)
        if items.get("type") in ("object", "array") or (zeros and None in value):
            return _filled_items(value, items, zeros, depth)
    return value


def _filled_members(value: dict[str, Json], schema: JsonSchema, zeros: bool, depth: int) -> Value:
    made = value
    for name, member in properties_of(schema).items():
        declared = as_schema(member)
        if name in value:
            filled = _filled(value[name], declared, zeros, depth + 1)
            if filled is value[name]:
                continue
        else:
            filled = _nothing(declared, depth + 1)
        made = dict(value) if made is value else made
        made[name] = cast("Json", filled)
    return made


def _filled_items(value: list[Json], items: JsonSchema, zeros: bool, depth: int) -> Value:
    zero = zero_of(items) if zeros else None
    made = value
    for number, item in enumerate(value):
        filled = zero if item is None else _filled(item, items, zeros, depth + 1)
        if filled is not item:
            made = list(value) if made is value else made
            made[number] = cast("Json", filled)
    return made
