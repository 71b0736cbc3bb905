"""Expressions taken apart: every part of one, with its field and the type that is wanted there."""

from __future__ import annotations

from collections.abc import Iterator

from engine.canvas import Expression, JsonSchema, ListOf, ObjectOf
from engine.findings import short
from engine.references import Path, split_template
from engine.schema import as_schema, items_of, properties_of


def parts_of(expression: Expression, field: str, schema: JsonSchema) -> Iterator[tuple[Expression, str, JsonSchema]]:
    """The expression and all within it, in order."""
    if not isinstance(expression, ObjectOf | ListOf):
        yield expression, field, schema
        return
    stack: list[tuple[Expression, str, JsonSchema]] = [(expression, field, schema)]
    while stack:
        part, at, wanted = stack.pop()
        yield part, at, wanted
        if isinstance(part, ObjectOf):
            types = properties_of(wanted)
            members = part.object.items()
            inner = [(one, f"{at}.object.{short(name)}", as_schema(types.get(name))) for name, one in members]
            stack.extend(reversed(inner))
        elif isinstance(part, ListOf):
            inner = [(one, f"{at}.list.{index}", items_of(wanted)) for index, one in enumerate(part.list)]
            stack.extend(reversed(inner))


def placeholders(template: str, limit_bytes: int) -> tuple[list[tuple[Path, str]], list[str]]:
    """The placeholders of a template, and what looks like one and is none. Raises `LimitExceeded`."""
    good: list[tuple[Path, str]] = []
    bad: list[str] = []
    for part in split_template(template, limit_bytes=limit_bytes):
        if isinstance(part, str):
            bad.extend(_look_alikes(part))
        else:
            good.append(part)
    return good, bad


def _look_alikes(text: str) -> Iterator[str]:
    at = 0
    while (opening := text.find("{{", at)) >= 0:
        closing = text.find("}", opening + 2)
        at = len(text) if closing < 0 else closing + 1
        yield short(text[opening : closing + 2] if closing >= 0 else text[opening:])
