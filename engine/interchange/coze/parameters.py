"""Lists of named parameters: the inputs of a node, with the types that they declare."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.canvas import JsonSchema
from engine.findings import short
from engine.interchange.coze.fields import Fields, text_of
from engine.interchange.coze.reader import Expr, Reader
from engine.interchange.coze.values import block_input

KNOWN = ("name", "input", "id", "required", "description", "type", "readOnly")


@dataclass
class Parameters:
    """Inputs by name with their types, and what they were called there."""

    inputs: dict[str, Expr] = field(default_factory=dict[str, Expr])
    types: dict[str, JsonSchema] = field(default_factory=dict[str, JsonSchema])
    names: dict[str, str] = field(default_factory=dict[str, str])
    """Names there → names here."""


def named_values(reader: Reader, holder: Fields, name: str) -> dict[str, tuple[Expr, JsonSchema]]:
    """A list of parameters as expressions and types by name."""
    made: dict[str, tuple[Expr, JsonSchema]] = {}
    for one in reader.objects(holder, name):
        called = text_of(one.get("name"))
        if not called:
            reader.error("nameless", "A parameter without a name is left out.", one.path)
            continue
        if called in made:
            reader.warning("declared_twice", f'"{short(called)}" stands twice; the last one counts.', one.path)
        made[called] = block_input(reader, one.get("input"), one.at("input"))
        reader.unknown(one, KNOWN)
    return made


def parameters(
    reader: Reader, own: frozenset[str] = frozenset(), *, holder: Fields | None = None, zeros: bool = True
) -> Parameters:
    """The author's inputs. One that is called like an input of the node type itself gets another name.

    Without `zeros` an input that is absent or null stays so.
    """
    made = Parameters()
    found = named_values(reader, reader.inputs if holder is None else holder, "inputParameters")
    for name, (expression, schema) in found.items():
        called = name
        number = 2
        while called in own or (called != name and called in found):
            called = f"{name}_{number}"
            number += 1
        if called != name:
            message = f'The input "{name}" is called "{called}" now: the node type has one of that name.'
            reader.warning("renamed_input", message, "data.inputs.inputParameters", name=name, now=called)
        made.names[name] = called
        made.inputs[called] = expression
        if schema:
            made.types[called] = schema if zeros else {**schema, "default": None}
    return made


def fixed(
    reader: Reader, known: dict[str, str], *, zeros: bool = True, holder: Fields | None = None
) -> tuple[dict[str, Expr], dict[str, JsonSchema]]:
    """The inputs of a node that knows its own, by our names; others are reported and left out."""
    inputs: dict[str, Expr] = {}
    types: dict[str, JsonSchema] = {}
    found = named_values(reader, reader.inputs if holder is None else holder, "inputParameters")
    for name, (expression, schema) in found.items():
        if name not in known:
            message = f'The node takes no input "{short(name)}"; it is left out.'
            reader.warning("unused_input", message, "data.inputs.inputParameters")
            continue
        inputs[known[name]] = expression
        if schema:
            types[known[name]] = schema if zeros else {**schema, "default": None}
    return inputs, types


def literal_of(expression: Expr) -> object:
    """The value of a literal; None for anything else."""
    return expression.get("value")


def settings_of(reader: Reader, holder: Fields, name: str) -> dict[str, object]:
    """A list of parameters that are all literals, as name → value. A key may stand in any case."""
    made: dict[str, object] = {}
    for one in reader.objects(holder, name):
        called = text_of(one.get("name"))
        value = one.inner("input").inner("value")
        made[called] = value.get("content")
        if called and value.get("type") not in ("literal", None):
            message = f'"{short(called)}" is set by a reference; only a literal can stand here, and it is left out.'
            reader.not_kept(one.path, message)
            made[called] = None
    return made
