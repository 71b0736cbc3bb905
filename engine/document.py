"""Reads a canvas from bytes, text or parsed JSON, and says everything that keeps it from being one."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate
from typing import Final

from pydantic import ValidationError

from engine.canvas import Canvas, Edge, Node, NodeData, OnError
from engine.diagnostics import Diagnostic
from engine.findings import capped
from engine.inspection import Inspection, too_deep, too_large
from engine.limits import DEFAULT_LIMITS, Limits
from engine.shape import Flaw, dotted, flaws, follow

_BESIDE_BRACKETS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[^"\[\]{}]++', re.DOTALL)
_DEEPER: Final = {"[": 1, "{": 1, "]": -1, "}": -1}
_FIELDS: Final = sorted(
    {
        field.alias or name
        for model in (Canvas, Node, NodeData, OnError, Edge)
        for name, field in model.model_fields.items()
    }
)


def read_canvas(
    data: bytes | str | Mapping[str, object], limits: Limits = DEFAULT_LIMITS
) -> tuple[Canvas | None, list[Diagnostic]]:
    """The canvas, or everything wrong with the shape of its document. What it means is for `engine.validate`."""
    doubled: list[tuple[object, list[str]]] = []
    document: object
    if isinstance(data, Mapping):
        document = dict(data)
    else:
        text = _text(data, limits)
        document = _parsed(text, limits, doubled) if isinstance(text, str) else text
    if isinstance(document, Flaw):
        return None, [_diagnostic(None, document)]
    inspection = Inspection(document, limits, doubled)
    found = [_diagnostic(document, flaw) for flaw in inspection.found]
    if not inspection.whole:
        return None, found[-1:]
    try:
        canvas = Canvas.model_validate(document)
    except ValidationError as error:
        found += [_diagnostic(document, flaw) for flaw in flaws(error, document, _FIELDS)]
        return None, capped(found)
    return (None, capped(found)) if found else (canvas, [])


def _text(data: bytes | str, limits: Limits) -> str | Flaw:
    size = len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "surrogatepass"))
    if size > limits.canvas_bytes:
        return too_large(limits)
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        message = f"The document is not UTF-8: its byte {error.start} fits no character."
        return Flaw("not_utf8", message, facts={"position": error.start})
    return text.removeprefix("\ufeff")


def _parsed(text: str, limits: Limits, doubled: list[tuple[object, list[str]]]) -> object | Flaw:
    if not text.strip():
        return Flaw("not_json", "The document is empty.", facts={"line": 1, "column": 1})
    # Counted before it is parsed: the parser descends once per bracket.
    if _depth(text) > limits.canvas_depth:
        return too_deep(limits)

    def gather(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            doubled.append((made, [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]))
        return made

    try:
        document: object = json.loads(text, object_pairs_hook=gather)
    except json.JSONDecodeError as error:
        message = f"The document is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        return Flaw("not_json", message, facts={"line": error.lineno, "column": error.colno})
    except ValueError:
        # Python refuses to read a number of thousands of digits, and does not say where it stands.
        return Flaw("number_too_large", "The document holds a number with thousands of digits.")
    return document


def _depth(text: str) -> int:
    """How deep the brackets go, those within strings apart."""
    brackets = _BESIDE_BRACKETS.sub("", text)
    return max(accumulate(map(_DEEPER.__getitem__, brackets)), default=0)


def _diagnostic(document: object, flaw: Flaw) -> Diagnostic:
    """The finding with its node, when the path leads through one that has an id."""
    node, path, here, rest = "", flaw.path, document, flaw.path
    while len(rest) >= 2 and rest[0] in ("nodes", "blocks"):
        here, rest = follow(here, rest[:2]), rest[2:]
        name = here.get("id") if isinstance(here, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= 64:
            break
        node, path = name, rest
    return Diagnostic(flaw.code, flaw.message, node, dotted(path), facts=flaw.facts)
