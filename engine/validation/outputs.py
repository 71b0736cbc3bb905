"""What is known of a node's output: which keys it has, of which types, and whether a path can lead into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from engine.canvas import JsonSchema
from engine.node_type import Role
from engine.schema import as_schema, items_of, properties_of
from engine.validation.outline import Placed
from engine.values import Json

ANYTHING: Final[JsonSchema] = {}
_HANDLED: Final[Mapping[str, Json]] = {
    "isSuccess": {"type": "boolean"},
    "errorBody": {"type": "object", "properties": {"errorMessage": {"type": "string"}, "errorCode": {}}},
}
"""What an output gains when failures are handled."""
_NEVER: Final[Mapping[str, frozenset[str]]] = {
    "integer": frozenset({"boolean", "object", "array"}),
    "number": frozenset({"boolean", "object", "array"}),
    "boolean": frozenset({"integer", "number", "object", "array"}),
    "object": frozenset({"boolean", "integer", "number", "array"}),
    "array": frozenset({"boolean", "integer", "number", "object"}),
}
"""Per type those that never convert to it. A text may hold any of them, and any of them may become a text."""


@dataclass(frozen=True, slots=True)
class Known:
    """The keys of an output with their types; `open` when there may be others."""

    properties: Mapping[str, Json]
    open: bool


@dataclass(frozen=True, slots=True)
class DeadEnd:
    """Where a path leads nowhere: the position of the segment, and why."""

    position: int
    reason: str


def known_outputs(placed: Placed) -> Known:
    """The output of a node, as its declaration, the workflow it calls and its type tell it together."""
    node, kind = placed.node, placed.kind
    told = [kind.outputs if kind else None, placed.face.outputs if placed.face else None, node.data.outputs]
    schemas = [schema for schema in told if schema is not None]
    properties: dict[str, Json] = {}
    for schema in schemas:
        properties.update(properties_of(schema))
    is_open = kind is None or not schemas or any(_is_open(schema) for schema in schemas)
    if placed.is_a(Role.COMPOSITE):
        results = node.data.results.items()
        properties.update(
            {name: ANYTHING if result.ref[0] == "loop" else {"type": "array"} for name, result in results}
        )
        is_open = False
    if node.data.on_error.policy != "fail":
        properties.update(_HANDLED)
    return Known(properties, is_open)


def resolve(schema: JsonSchema, path: Sequence[str | int]) -> JsonSchema | DeadEnd:
    """The type at the end of a path into a value of this type. An unknown type leads anywhere."""
    for position, part in enumerate(path):
        while schema.get("type") == "array" and isinstance(part, str) and not part.isdecimal():
            # A key on a list means the same key of its first element.
            schema = items_of(schema)
        match schema.get("type"):
            case "array":
                schema = items_of(schema)
            case "object":
                properties = properties_of(schema)
                if str(part) not in properties and not _is_open(schema):
                    return DeadEnd(position, f'the object there has no "{part}"')
                schema = as_schema(properties.get(str(part)))
            case "string" | "integer" | "number" | "boolean" as scalar:
                return DeadEnd(position, f'the {scalar} there has no "{part}"')
            case _:
                return ANYTHING
    return schema


def never_fits(source: JsonSchema, target: JsonSchema) -> bool:
    """Whether no value of the one type converts to the other."""
    have, want = source.get("type"), target.get("type")
    return isinstance(have, str) and isinstance(want, str) and have in _NEVER.get(want, ())


def _is_open(schema: JsonSchema) -> bool:
    """Whether an object of this type may have keys that it does not name. One that names none is free."""
    return schema.get("additionalProperties", not properties_of(schema)) is not False
