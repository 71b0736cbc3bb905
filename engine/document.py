"""Reads a canvas from bytes, text or parsed JSON, and says everything that keeps it from being one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from engine.canvas import Canvas, Edge, Node, NodeData, OnError
from engine.diagnostics import Diagnostic
from engine.findings import ENOUGH, capped
from engine.inspection import Inspection, too_large
from engine.limits import DEFAULT_LIMITS, Limits
from engine.shape import Flaw, dotted, flaws, follow
from engine.strict_json import Parsed

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
    """The canvas, or everything wrong with the shape of its document. What it means is for `engine.validation`."""
    if isinstance(data, Mapping):
        document: object = dict(data)
        return _canvas(document, Inspection(document, limits))
    text = _text(data, limits)
    if isinstance(text, Flaw):
        return None, [_diagnostic(None, text)]
    parsed = Parsed(text, limits)
    if parsed.flaw is not None:
        return None, [_diagnostic(None, parsed.flaw)]
    return _canvas(parsed.document, Inspection(parsed.document, limits, parsed.doubled, literals=parsed.odd))


def _canvas(document: object, inspection: Inspection) -> tuple[Canvas | None, list[Diagnostic]]:
    found = [_diagnostic(document, flaw) for flaw in inspection.found]
    if not inspection.whole:
        return None, found[-1:]
    try:
        canvas = Canvas.model_validate(document)
    except ValidationError as error:
        found += [_diagnostic(document, flaw) for flaw in flaws(error, document, _FIELDS)]
        return None, capped(found, unseen=error.error_count() > ENOUGH)
    return (None, capped(found, unseen=len(found) >= ENOUGH)) if found else (canvas, [])


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
