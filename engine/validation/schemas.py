"""Rules about declared outputs: a type in the part of JSON Schema that canvases use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from engine.canvas import JsonSchema
from engine.findings import did_you_mean, listed, short
from engine.shape import kind_of
from engine.validation.inputs import misfit
from engine.validation.outline import Placed
from engine.validation.report import Report
from engine.values import Json

TYPES: Final = ("string", "integer", "number", "boolean", "object", "array")
KEYWORDS: Final = frozenset(
    {
        "type",
        "properties",
        "required",
        "items",
        "additionalProperties",
        "default",
        "enum",
        "format",
        "title",
        "description",
    }
)


def check_declared(placed: Placed, report: Report) -> None:
    """Check the outputs that a node declares."""
    schema = placed.node.data.outputs
    if schema is None:
        return
    if schema.get("type") != "object":
        message = 'Outputs are declared as an object: {"type": "object", "properties": {…}}.'
        report.error("invalid_schema", message, placed.node, "data.outputs.type")
        return
    for inner, field in _all_of(schema, "data.outputs", placed, report):
        _check_schema(inner, field, placed, report)


def _all_of(schema: JsonSchema, field: str, placed: Placed, report: Report) -> Iterator[tuple[JsonSchema, str]]:
    """The schema and those within it."""
    stack: list[tuple[Json, str]] = [(schema, field)]
    while stack:
        here, at = stack.pop()
        if not isinstance(here, dict):
            message = f"A type is an object with a type word, not {kind_of(here)}."
            report.error("invalid_schema", message, placed.node, at)
            continue
        yield here, at
        inner: list[tuple[Json, str]] = []
        if isinstance(properties := here.get("properties"), dict):
            inner += [(one, f"{at}.properties.{short(name)}") for name, one in properties.items()]
        if "items" in here:
            inner.append((here["items"], f"{at}.items"))
        if isinstance(members := here.get("additionalProperties"), dict):
            inner.append((members, f"{at}.additionalProperties"))
        stack.extend(reversed(inner))


def _check_schema(schema: JsonSchema, field: str, placed: Placed, report: Report) -> None:
    node = placed.node

    def wrong(message: str, key: str, code: str = "invalid_schema") -> None:
        report.error(code, message, node, f"{field}.{key}")

    for keyword in schema:
        if keyword not in KEYWORDS:
            message = f'The keyword "{short(keyword)}" is not part of the types of a canvas and does nothing.'
            report.warning("unsupported_keyword", message, node, f"{field}.{short(keyword)}", keyword=short(keyword))
    word = schema.get("type")
    if isinstance(word, str) and word not in TYPES:
        hint = did_you_mean(word, TYPES) if len(word) < 40 else "."
        wrong(f'There is no type "{short(word)}"; there are {", ".join(TYPES)}{hint}', "type", "unknown_type")
    elif "type" in schema and not isinstance(word, str):
        wrong(f"A type is one word of {', '.join(TYPES)}, not {kind_of(word)}.", "type", "unknown_type")
    properties = schema.get("properties", {})
    if not isinstance(properties, dict):
        wrong(f'"properties" is an object of types, not {kind_of(properties)}.', "properties")
    _check_required(schema.get("required", []), properties, wrong)
    if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
        wrong('"enum" is a list of at least one value.', "enum")
    if not isinstance(schema.get("additionalProperties", True), bool | dict):
        wrong('"additionalProperties" is true, false or a type.', "additionalProperties")
    default = schema.get("default")
    if default is not None and (problem := misfit(default, schema, "default")) is not None:
        wrong(problem, "default", "default_type")


def _check_required(required: Json, properties: Json, wrong: Callable[[str, str], None]) -> None:
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        wrong('"required" is a list of names.', "required")
        return
    known = properties if isinstance(properties, dict) else {}
    missing = [str(name) for name in required if name not in known]
    if missing:
        wrong(f'"required" names {listed(missing)}, which is not among the properties.', "required")
