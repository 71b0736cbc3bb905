"""Reads a Coze document from text, bytes or parsed JSON, and mends what our canvases cannot hold."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from engine.diagnostics import Diagnostic
from engine.errors import InvalidCanvas
from engine.inspection import INTEGERS, MAX_PARTS, Inspection, too_large
from engine.interchange.coze.notes import Notes
from engine.limits import Limits
from engine.shape import Flaw, dotted
from engine.strict_json import Parsed

_WRAPPERS: Final = ("schema", "schema_json", "workflow", "data")
"""Where an answer of Coze's API, or a file made of one, has the canvas."""
_MOST_WRAPPERS: Final = 4
_SHALLOW: Final = 12
_HALF: Final = re.compile("[\ud800-\udfff]")
_MENDED: Final = frozenset({"duplicate_key", "not_unicode", "number_too_large", "not_finite"})


@dataclass(frozen=True, slots=True)
class Document:
    """The canvas as Coze has it, the bytes it was written in, and how deep it is nested."""

    canvas: Mapping[str, Any]
    size: int
    depth: int


def read_document(document: object, notes: Notes, limits: Limits) -> Document:
    """The canvas in a document. Raises `InvalidCanvas` when there is none."""
    found = document
    size = depth = 0
    for _ in range(_MOST_WRAPPERS):
        if isinstance(found, bytes | bytearray | str) or found is document:
            found, size, depth = _parsed(found, notes, limits)
        if not isinstance(found, dict):
            if isinstance(found, str):
                continue
            break
        if _has(found, "nodes"):
            break
        inner = next((one for name in _WRAPPERS if isinstance(one := _value(found, name), str | dict)), None)
        if inner is None:
            break
        found = inner
    if not isinstance(found, dict):
        raise refused(Flaw("not_a_canvas", "A Coze canvas is an object with nodes and edges; this is none."))
    if not _has(found, "nodes") and not _has(found, "edges"):
        raise refused(Flaw("not_a_canvas", "A Coze canvas has nodes and edges; this object has neither."))
    return Document(found, size, depth)


def refused(flaw: Flaw) -> InvalidCanvas:
    """The error for a document that cannot be imported."""
    finding = Diagnostic(flaw.code, flaw.message, field=dotted(flaw.path), facts=flaw.facts)
    return InvalidCanvas(f"The document cannot be imported: {flaw.message}", diagnostics=[finding.to_json()])


class InnerJson:
    """Reads JSON texts within a document. `deep` says that one of them may be deeper than a canvas has room for."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.deep = False

    def read(self, text: str) -> Any:
        """The value of the text, fit for a canvas. Raises `ValueError` with a sentence."""
        parsed = Parsed(text, self._limits)
        if parsed.flaw is not None:
            raise ValueError(parsed.flaw.message)
        self.deep = self.deep or parsed.depth > _SHALLOW
        return _mended(parsed.document) if parsed.odd else parsed.document


def _parsed(document: object, notes: Notes, limits: Limits) -> tuple[object, int, int]:
    """The value of a JSON text, its bytes, and its depth. A value that is parsed already goes the same way."""
    text = _text(document, limits)
    if text is None:
        # Not JSON: what keeps it from being that is told; if nothing does, it is at least no canvas.
        return _inspected(document, Inspection(document, limits), notes), 0, limits.canvas_depth
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if size > limits.canvas_bytes:
        raise refused(too_large(limits))
    parsed = Parsed(text.removeprefix("\ufeff"), limits)
    if parsed.flaw is not None:
        raise refused(parsed.flaw)
    value = parsed.document
    # A closer look costs more than all else: it is taken where something may be wrong, or there is very much.
    if not isinstance(value, str) and (parsed.odd or text.count(",") + text.count(":") > MAX_PARTS):
        value = _inspected(value, Inspection(value, limits, parsed.doubled, literals=parsed.odd), notes)
    return value, size, parsed.depth


def _text(document: object, limits: Limits) -> str | None:
    """The text of a document; None for a value that JSON has no words for."""
    match document:
        case str():
            return document if len(document) <= limits.canvas_bytes else _too_long(limits)
        case bytes() | bytearray():
            if len(document) > limits.canvas_bytes:
                return _too_long(limits)
            try:
                return bytes(document).decode("utf-8")
            except UnicodeDecodeError as error:
                message = f"The document is not UTF-8: its byte {error.start} fits no character."
                raise refused(Flaw("not_utf8", message, facts={"position": error.start})) from error
        case _:
            try:
                return json.dumps(document, ensure_ascii=False, allow_nan=False)
            except (TypeError, ValueError, RecursionError):
                return None


def _too_long(limits: Limits) -> NoReturn:
    raise refused(too_large(limits))


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
