"""A Coze document in, a canvas of ours out, and everything that there is to say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from engine.canvas import Canvas
from engine.diagnostics import Diagnostic
from engine.document import read_canvas
from engine.errors import InvalidCanvas
from engine.interchange.coze.document import Document, InnerJson, read_document
from engine.interchange.coze.edges import Lines, ports_by_source
from engine.interchange.coze.fields import Fields
from engine.interchange.coze.notes import Notes
from engine.interchange.coze.places import Place, Places
from engine.interchange.coze.reader import SOURCE, Surroundings
from engine.interchange.coze.translate import Translation
from engine.interchange.external_ids import ExternalIds, Kind, Needed
from engine.limits import DEFAULT_LIMITS, Limits

NOTHING_KNOWN: Final = ExternalIds()
_ROOM: Final = 16
"""By how many levels something may come to stand deeper than it did."""
_EDITOR: Final = ("nodes", "edges", "versions", "id", "name")


@dataclass(frozen=True)
class Imported:
    """What came of a document. `canvas` is the document of ours, `model` the same, read.

    `used` are the ids of the source system that it needs, by kind, each with the nodes that need it; `unmapped` those
    of them that nothing here is known by.
    """

    canvas: dict[str, Any]
    model: Canvas
    diagnostics: tuple[Diagnostic, ...] = ()
    used: Mapping[Kind, Mapping[str, tuple[str, ...]]] = field(
        default_factory=dict[Kind, Mapping[str, tuple[str, ...]]]
    )
    unmapped: Mapping[Kind, Mapping[str, tuple[str, ...]]] = field(
        default_factory=dict[Kind, Mapping[str, tuple[str, ...]]]
    )


def import_canvas(
    document: str | bytes | Mapping[str, Any], ids: ExternalIds = NOTHING_KNOWN, *, limits: Limits = DEFAULT_LIMITS
) -> Imported:
    """Translate a canvas that Coze Studio or Coze Plus saved. What cannot be kept is a diagnostic.

    Raises `InvalidCanvas` for what is no such canvas at all, or is larger or deeper than a canvas may be.
    """
    notes = Notes()
    source = read_document(document, notes, limits)
    fields = Fields(source.canvas, "")
    places = Places(notes)
    places.read(fields.get("nodes"))
    top = Lines(fields.get("edges"), "edges", None, notes)
    bodies: dict[Place, Lines] = {
        place: Lines(Fields(place.raw, "").get("edges"), "edges", place, notes) for place in places.composites
    }
    needed = Needed()
    ports = ports_by_source([top, *bodies.values()])
    for level in (top, *bodies.values()):
        level.find_isolated(places)
    around = Surroundings(places, ids, needed, notes, limits, InnerJson(limits), ports)
    translation = Translation(around, bodies)
    nodes = [translation.node(place) for place in places.top]
    edges = top.made(places, translation.ports)
    fields.skip(_EDITOR)
    for key in fields.rest():
        notes.warning("unknown_key", f'Nothing is known of the key "{key[:100]}"; it is left out.', field=key[:100])
    canvas: dict[str, Any] = {"format": 1, "nodes": nodes, "edges": edges, "meta": {"imported_from": SOURCE}}
    model = _read(canvas, source, around)
    used = needed.by_kind()
    unmapped: dict[Kind, Mapping[str, tuple[str, ...]]] = {}
    for kind, those in used.items():
        if missing := {there: readers for there, readers in those.items() if ids.find(kind, there) is None}:
            unmapped[kind] = missing
    return Imported(canvas, model, notes.findings(), used, unmapped)


def _read(canvas: dict[str, Any], source: Document, around: Surroundings) -> Canvas:
    """The canvas as its model, so that nothing leaves here that could not be stored.

    Nothing in it is too deep or too large unless the source is nearly so, or holds deep JSON in its texts: only then it
    is gone through once more.
    """
    limits = around.limits
    if source.depth + _ROOM > limits.canvas_depth or source.size * 3 > limits.canvas_bytes or around.inner.deep:
        model, findings = read_canvas(canvas, limits)
    else:
        try:
            return Canvas.model_validate(canvas)
        except ValidationError:
            model, findings = read_canvas(canvas, limits)
    if model is None:
        raise InvalidCanvas(
            f"The document cannot be imported: {findings[0].message}",
            diagnostics=[one.to_json() for one in (*findings, *around.notes.findings())],
        )
    return model
