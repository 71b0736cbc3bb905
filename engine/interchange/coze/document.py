"""Reads a Coze document from text, bytes or parsed JSON, and mends what our canvases cannot hold."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from engine.diagnostics import Diagnostic
from engine.errors import InvalidCanvas
from engine.inspection import INTEGERS, Inspection, too_large
from engine.interchange.coze.notes import Notes
from engine.limits import Limits
from engine.shape import Flaw, dotted
from engine.strict_json import Parsed

_WRAPPERS: Final = ("schema", "schema_json", "workflow", "data")
"""Where an answer of Coze's API, or a file made of one, has the canvas."""
_MOST_WRAPPERS: Final = 4
_HALF: Final = re.compile("[\ud800-\udfff]")
_MENDED: Final = frozenset({"duplicate_key", "not_unicode", "number_too_large", "not_finite"})


def read_document(document: object, notes: Notes, limits: Limits) -> Mapping[str, Any]:
    """The canvas as Coze has it. Raises `InvalidCanvas` when the document is none."""
    found = document
    for _ in range(_MOST_WRAPPERS):
        if isinstance(found, bytes | bytearray | str):
            found = _parsed(bytes(found) if isinstance(found, bytearray) else found, notes, limits)
        elif found is document:
            found = _inspected(found, Inspection(found, limits), notes)
        if not isinstance(found, Mapping) or _has(found, "nodes"):
            break
        inner = next(
            (_value(found, name) for name in _WRAPPERS if isinstance(_value(found, name), str | Mapping)), None
        )
        if inner is None:
            break
        found = inner
    if not isinstance(found, Mapping):
        raise refused(Flaw("not_a_canvas", "A Coze canvas is an object with nodes and edges; this is none."))
    if not _has(found, "nodes") and not _has(found, "edges"):
        raise refused(Flaw("not_a_canvas", "A Coze canvas has nodes and edges; this object has neither."))
    return found


def refused(flaw: Flaw) -> InvalidCanvas:
    """The error for a document that cannot be imported."""
    finding = Diagnostic(flaw.code, flaw.message, field=dotted(flaw.path), facts=flaw.facts)
    return InvalidCanvas(f"The document cannot be imported: {flaw.message}", diagnostics=[finding.to_json()])


def read_inner(text: str, limits: Limits) -> Any:
    """The JSON value of a text within a document, fit for a canvas. Raises `ValueError` with a sentence."""
    parsed = Parsed(text, limits)
    if parsed.flaw is not None:
        raise ValueError(parsed.flaw.message)
    return _mended(parsed.document) if parsed.odd else parsed.document


def _parsed(data: bytes | str, notes: Notes, limits: Limits) -> object:
    size = len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode("utf-8", "surrogatepass"))
    if size > limits.canvas_bytes:
        raise refused(too_large(limits))
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        message = f"The document is not UTF-8: its byte {error.start} fits no character."
        raise refused(Flaw("not_utf8", message, facts={"position": error.start})) from error
    parsed = Parsed(text.removeprefix("\ufeff"), limits)
    if parsed.flaw is not None:
        raise refused(parsed.flaw)
    if isinstance(parsed.document, str):
        return parsed.document
    return _inspected(parsed.document, Inspection(parsed.document, limits, parsed.doubled, literals=parsed.odd), notes)


def _inspected(document: object, inspection: Inspection, notes: Notes) -> object:
    if not inspection.whole:
        raise refused(inspection.found[-1])
    if not inspection.found:
        return document
    for flaw in inspection.found:
        if flaw.code not in _MENDED:
            raise refused(flaw)
        message = f"{flaw.message} {_MENDING[flaw.code]}"
        notes.include(Diagnostic(flaw.code, message, field=dotted(flaw.path), severity="warning", facts=flaw.facts))
    return _mended(document)


_MENDING: Final[Mapping[str, str]] = {
    "duplicate_key": "The last one is taken.",
    "not_unicode": "The sign for an unreadable character stands in for it.",
    "number_too_large": "It is null now.",
    "not_finite": "It is null now.",
}


def _mended(value: Any) -> Any:
    """The value without what a canvas cannot hold. It is known not to be deep."""
    match value:
        case str():
            return value if value.isascii() else _HALF.sub("\ufffd", value)
        case bool():
            return value
        case int():
            return value if value in INTEGERS else None
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {_mended(key): _mended(one) for key, one in value.items()}
        case list():
            return [_mended(one) for one in value]
        case _:
            return value


def _has(value: Mapping[str, Any], name: str) -> bool:
    return isinstance(_value(value, name), list)


def _value(value: Mapping[str, Any], name: str) -> Any:
    if name in value:
        return value[name]
    return next((one for key, one in value.items() if str(key).lower() == name), None)
