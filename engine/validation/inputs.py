"""Rules about a node's inputs: known names, nothing required left out, literals that fit."""

from __future__ import annotations

import re
from typing import Final

from engine.canvas import JsonSchema, ListOf, Literally, ObjectOf
from engine.conversion import convert
from engine.errors import FlowError
from engine.findings import listed, short
from engine.node_type import Role
from engine.schema import as_schema, properties_of, required_of
from engine.validation.expressions import parts_of
from engine.validation.outline import SET_VARIABLE, Level, Placed, ask
from engine.validation.references import References
from engine.validation.report import Report
from engine.values import Json

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_inputs(placed: Placed, level: Level, references: References, report: Report) -> None:
    """Check every input of a node, and every expression in its settings."""
    node, schema = placed.node, placed.input_schema
    known = properties_of(schema)
    for name, expression in node.data.inputs.items():
        field = f"data.inputs.{short(name)}"
        _check_name(name, field, placed, known, report)
        wanted = as_schema(known.get(name))
        for part, at, inner in parts_of(expression, field, wanted):
            match part:
                case Literally(value=value):
                    check_literal(value, inner, placed, at, report)
                case ObjectOf():
                    _check_made("object", inner, placed, at, report)
                case ListOf():
                    _check_made("array", inner, placed, at, report)
                case _:
                    references.check_part(part, at, placed, level, inner)
        if node.type == SET_VARIABLE and level.in_loop:
            references.check_variable(name, field, placed, level)
    _check_required(placed, schema, known, report)
    _check_settings(placed, level, references, report)


def check_literal(value: Json, schema: JsonSchema, placed: Placed, field: str, report: Report) -> None:
    """A value that stands in the canvas converts to the type wanted, and is one of the values allowed."""
    if (
        problem := misfit(value, schema, field.removeprefix("data.inputs."), any_case=not placed.is_a(Role.END))
    ) is not None:
        code = "not_allowed" if "enum" in schema else "wrong_type"
        report.error(code, problem, placed.node, field, type=schema.get("type"))


def misfit(value: Json, schema: JsonSchema, name: str, *, any_case: bool = False) -> str | None:
    """A sentence about what keeps a value from being converted to a type; None when nothing does."""
    try:
        _, problems = convert(value, schema, path=name, any_case=any_case)
    except FlowError as error:
        return error.message
    return problems[0] if problems else None


def _check_name(name: str, field: str, placed: Placed, known: JsonSchema, report: Report) -> None:
    if placed.kind is None or (name in known and not placed.is_a(Role.END)):
        return
    if placed.face is not None:
        message = f'The workflow has no input "{short(name)}"; it has {listed(known)}.'
        report.warning("unknown_input", message, placed.node, field, known=[*known])
    elif name not in known and placed.input_schema.get("additionalProperties", True) is False:
        hint = report.hint(name, known)
        message = f'The node type "{placed.node.type}" has no input "{short(name)}"{hint}'
        report.error("unknown_input", message, placed.node, field, known=[*known])
    elif not _NAME.fullmatch(name):
        message = f'"{short(name)}" cannot name an input: a letter or an underscore, then letters, digits, underscores.'
        report.error("invalid_input_name", message, placed.node, field)


def _check_made(made: str, schema: JsonSchema, placed: Placed, field: str, report: Report) -> None:
    wanted = schema.get("type")
    if isinstance(wanted, str) and wanted not in (made, "string"):
        message = f'"{field.rpartition(".")[2]}" must be of the type {wanted}, not {made}.'
        report.error("wrong_type", message, placed.node, field, type=wanted)


def _check_required(placed: Placed, schema: JsonSchema, known: JsonSchema, report: Report) -> None:
    if placed.is_a(Role.START):
        return
    whose = "the workflow it calls" if placed.face is not None else f'the node type "{placed.node.type}"'
    for name in required_of(schema):
        if name not in placed.node.data.inputs and as_schema(known.get(name)).get("default") is None:
            message = f'The input "{short(name)}" is missing; {whose} requires it.'
            report.error("missing_input", message, placed.node, f"data.inputs.{short(name)}", input=name)


def _check_settings(placed: Placed, level: Level, references: References, report: Report) -> None:
    kind, settings = placed.kind, placed.settings
    if kind is None or settings is None or kind.expressions is None:
        return
    expressions = kind.expressions
    for field, expression in ask(report, placed.node, kind, lambda: [(f, e) for f, e in expressions(settings)]) or ():
        references.check(expression, f"data.settings.{field}", placed, level)
