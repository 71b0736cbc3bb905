"""The types of a loop's variables, as what they begin with tells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from engine.canvas import Canvas, Expression, JsonSchema, ListOf, Literally, Node, ObjectOf, Reference, Template
from engine.node_type import NodeLibrary
from engine.schema import as_schema, items_of, properties_of
from engine.values import Json

_TYPES: Final = ("string", "integer", "number", "boolean", "object", "array")


class VariableTypes:
    """Finds them in a canvas. A variable that begins with null, or with what nobody declares, may become anything."""

    def __init__(self, canvas: Canvas, library: NodeLibrary) -> None:
        self._nodes = {node.id: node for node in _every(canvas.nodes)}
        self._library = library

    def of(self, loop: Node) -> dict[str, JsonSchema]:
        """The types by variable, those that the author declares first; without those that are unknown."""
        declared = properties_of(as_schema(loop.data.types.get("variables")))
        match loop.data.inputs.get("variables"):
            case ObjectOf(object=members):
                found = {name: self._type_of(member) for name, member in members.items()}
            case Literally(value=value) if isinstance(value, dict):
                found = {name: _type_of_value(member) for name, member in value.items()}
            case _:
                found = {}
        told: dict[str, JsonSchema] = {name: {"type": kind} for name, kind in found.items() if kind is not None}
        return told | {name: schema for name in found if (schema := as_schema(declared.get(name)))}

    def _type_of(self, expression: Expression) -> str | None:
        match expression:
            case Literally(value=value):
                return _type_of_value(value)
            case Template():
                return "string"
            case ObjectOf():
                return "object"
            case ListOf():
                return "array"
            case Reference(ref=ref):
                return self._type_of_output(ref)

    def _type_of_output(self, ref: list[str | int]) -> str | None:
        node = self._nodes.get(str(ref[0]))
        if node is None:
            return None
        kind = self._library.get(node.type)
        schema = node.data.outputs or (kind.outputs if kind is not None else None) or {}
        for key in ref[1:]:
            schema = items_of(schema) if isinstance(key, int) else as_schema(properties_of(schema).get(key))
        found = schema.get("type")
        return found if isinstance(found, str) and found in _TYPES else None


def _type_of_value(value: Json) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "boolean"
        case int() | float():
            # A sum that begins with 0 may well become 0.5, and a whole number stays whole.
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"


def _every(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _every(node.blocks)
