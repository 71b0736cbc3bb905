"""Nodes that are kept though they do nothing here: comments, and what cannot run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from engine.interchange.coze.parameters import parameters
from engine.interchange.coze.reader import SOURCE, Made, Reader, number_of

_LONGEST_NOTE: Final = 100_000
_MOST_PORTS: Final = 100
_NAMES: Final[Mapping[str, str]] = {
    "11": "variable",
    "14": "image flow",
    "16": "image generation",
    "17": "image reference",
    "23": "drawing board",
    "24": "scene variables",
    "25": "scene chat",
    "41": "database insert (old)",
    "1000": "an internal test",
}


def unknown(reader: Reader) -> Made:
    """A node of a type that there is no counterpart for."""
    kind = reader.place.type
    name = f" ({_NAMES[kind]})" if kind in _NAMES else ""
    reason = f"Nodes of the type {kind or 'that is not named'}{name} of Coze cannot run here."
    message = f"{reason} The node keeps its place, and fails when a run reaches it."
    reader.warning("unknown_node_type", message, "type", type=kind)
    return unavailable(reader, reason)


def unavailable(reader: Reader, reason: str) -> Made:
    """The node as it is, with its inputs, outputs and lines."""
    found = parameters(reader, zeros=False)
    # What was not looked at is kept as a whole.
    reader.inputs.skip([key for key, _ in reader.inputs.items()])
    reader.data.skip([key for key, _ in reader.data.items()])
    ports = [*reader.around.ports.get(reader.place.source, ())]
    if len(ports) > _MOST_PORTS:
        reader.error("too_many_ports", f"The node has more than {_MOST_PORTS} ports; the others are gone.", "type")
    settings: dict[str, Any] = {
        "reason": reason,
        "source": SOURCE,
        "original": _copy(reader.place.raw),
        "ports": ports[:_MOST_PORTS],
    }
    return Made("unavailable", found.inputs, found.types, settings, reader.declared)


def comment(reader: Reader) -> Made:
    """Comment (31): its text, and the note as it was."""
    note = reader.inputs.get("note")
    reader.inputs.skip(("schemaType",))
    settings: dict[str, Any] = {}
    if isinstance(note, str) and note:
        settings["original"] = note
        try:
            settings["text"] = _plain(reader.around.inner.read(note))[:_LONGEST_NOTE]
        except ValueError:
            settings["text"] = note[:_LONGEST_NOTE]
    size = reader.data.inner("size")
    sides = {name: number_of(size.get(name)) for name in ("width", "height")}
    known = {name: float(side) for name, side in sides.items() if side is not None}
    return Made("comment", settings=settings | ({"size": known} if known else {}))


def _plain(note: Any) -> str:
    """The text of a rich one: a line for each block."""
    if isinstance(note, str):
        return note
    blocks = note if isinstance(note, list) else [note]
    return "\n".join("".join(_leaves(block)) for block in blocks)


def _leaves(block: Any) -> list[str]:
    if isinstance(block, dict):
        text = block.get("text")
        if isinstance(text, str):
            return [text]
        children = block.get("children")
        if isinstance(children, list):
            return [leaf for child in children for leaf in _leaves(child)]
    return []


def _copy(raw: Mapping[str, Any]) -> Any:
    """The node as plain JSON: what is kept is nobody else's any more."""
    return json.loads(json.dumps(raw))
