"""Whether a canvas sets variables to what they are defined to be, as far as a canvas tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from engine.canvas import Canvas, Expression, JsonSchema, ListOf, Literally, Node, ObjectOf, Reference, Template
from engine.conversion import convert
from engine.diagnostics import Diagnostic
from engine.node_type import NodeLibrary
from engine.schema import as_schema, items_of, properties_of
from engine.values import Json
from storage.ports.variables import VariableDefinition, VariableScope

Definitions = Mapping[VariableScope, Mapping[str, VariableDefinition]]

_ASSIGN = "assign_variables"
_FITTING = {("integer", "number")}
"""Types of which every value is one of the other too."""


def check_assignments(canvas: Canvas, library: NodeLibrary, defined: Definitions) -> list[Diagnostic]:
    """An error for every variable that is set to a value of another type; what is not known passes."""
    nodes = {node.id: node for node in _every(canvas.nodes)}
    return [
        finding
        for node in nodes.values()
        if node.type == _ASSIGN
        for finding in _check(node, _Types(nodes, library, defined), defined)
    ]


def sets_variables(canvas: Canvas) -> bool:
    """Whether any node sets variables."""
    return any(node.type == _ASSIGN for node in _every(canvas.nodes))


def _check(node: Node, types: _Types, defined: Definitions) -> Iterator[Diagnostic]:
    scopes, names = as_schema(node.data.settings.get("scopes")), as_schema(node.data.settings.get("names"))
    for name, expression in node.data.inputs.items():
        scope = _scope(scopes.get(name))
        if scope is None:
            continue
        variable = names.get(name, name)
        definition = defined.get(scope, {}).get(variable) if isinstance(variable, str) else None
        if definition is None or not definition.enabled:
            continue
        declared: JsonSchema = node.data.types.get(name, {})
        problem = _problem(expression, declared or types.of(expression), dict(definition.type))
        if problem:
            yield Diagnostic(
                code="variable_type_mismatch",
                message=f"The variable {definition.name} {problem}.",
                node=node.id,
                field=f"data.inputs.{name}",
                facts={"variable": definition.name, "scope": scope, "type": dict(definition.type)},
            )


def _problem(expression: Expression, given: JsonSchema, wanted: JsonSchema) -> str:
    """What is wrong with a value, as the end of a sentence; empty when nothing is, or nothing can be said."""
    if isinstance(expression, Literally):
        _, said = convert(expression.value, wanted)
        return f"is of the type {wanted.get('type')}, which the value is not" if said else ""
    kind, expected = given.get("type"), wanted.get("type")
    if not isinstance(kind, str) or not isinstance(expected, str):
        return ""
    if not _fits(kind, expected):
        return f"is of the type {expected}, and the value of the type {kind}"
    element, item = items_of(given).get("type"), items_of(wanted).get("type")
    if expected == "array" and isinstance(element, str) and isinstance(item, str) and not _fits(element, item):
        return f"is a list of the type {item}, and the value a list of the type {element}"
    return ""


def _scope(word: Json) -> VariableScope | None:
    match word:
        case "user" | "app":
            return word
        case _:
            return None


def _fits(kind: str, expected: str) -> bool:
    return kind == expected or (kind, expected) in _FITTING


class _Types:
    """The types of expressions, as far as a canvas tells; an empty schema where it does not."""

    def __init__(self, nodes: Mapping[str, Node], library: NodeLibrary, defined: Definitions) -> None:
        self._nodes = nodes
        self._library = library
        self._defined = defined

    def of(self, expression: Expression) -> JsonSchema:
        """The type of an expression."""
        match expression:
            case Literally():
                return {}
            case Template():
                return {"type": "string"}
            case ObjectOf():
                return {"type": "object"}
            case ListOf():
                return {"type": "array"}
            case Reference(ref=ref):
                return self._of_reference(ref)

    def _of_reference(self, ref: list[str | int]) -> JsonSchema:
        root, path = str(ref[0]), ref[1:]
        if (scope := _scope(root)) is not None and path:
            definition = self._defined.get(scope, {}).get(str(path[0]))
            return {} if definition is None else _within(dict(definition.type), path[1:])
        node = self._nodes.get(root)
        if node is None:
            return {}
        kind = self._library.get(node.type)
        return _within(node.data.outputs or (kind.outputs if kind is not None else None) or {}, path)


def _within(schema: JsonSchema, path: Iterable[str | int]) -> JsonSchema:
    for key in path:
        if isinstance(key, str) and schema.get("type") == "array":
            # The first element is meant.
            schema = items_of(schema)
        inner: Json = items_of(schema) if isinstance(key, int) else properties_of(schema).get(key)
        schema = as_schema(inner)
    return schema


def _every(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _every(node.blocks)
