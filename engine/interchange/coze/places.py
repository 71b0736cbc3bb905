"""Where the nodes of a document stand, what they are called here, and what a reference to them means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.canvas import NODE_ID_PATTERN, SCOPES
from engine.findings import short
from engine.interchange.coze.fields import Fields, text_of
from engine.interchange.coze.notes import Notes

COMPOSITES: Final = frozenset({"21", "28"})
LOOP: Final = "21"
QUESTION: Final = "18"
_GOOD_ID: Final = re.compile(NODE_ID_PATTERN)
_BAD_CHARACTER: Final = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_ID: Final = 64
_RENAMED_OUTPUTS: Final[Mapping[str, Mapping[str, str]]] = {
    QUESTION: {"USER_RESPONSE": "answer", "optionId": "option_id", "optionContent": "option_content"},
}
"""Outputs that are called otherwise here, by the type of their node."""


@dataclass(eq=False)
class Place:
    """A node of the document: its id there and here, and for a composite what its children may read of it."""

    source: str
    id: str
    type: str
    raw: Mapping[str, Any]
    path: str
    owner: Place | None = None
    arrays: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    isolated: bool = False
    """Whether no edge leads to it, so that nothing ever reads it: nothing that is wrong with it is an error."""
    children: list[Place] = field(default_factory=list["Place"])

    @property
    def outputs(self) -> Mapping[str, str]:
        """Outputs that are called otherwise here."""
        return _RENAMED_OUTPUTS.get(self.type, {})


class Places:
    """All nodes of a document. Of two with one id the last is meant, as in Coze; the other keeps to itself."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self.top: list[Place] = []
        self.by_source: dict[str, Place] = {}
        self.ids: set[str] = set()
        self._next: dict[str, int] = {}

    def read(self, nodes: object) -> None:
        """Find a place for every node."""
        self.top = self._level(nodes, "nodes", None)

    @property
    def composites(self) -> list[Place]:
        """Those that have a body."""
        return [place for place in self.top if place.type in COMPOSITES]

    def _level(self, nodes: object, path: str, owner: Place | None) -> list[Place]:
        made: list[Place] = []
        if not isinstance(nodes, list):
            if nodes is not None:
                name = owner.source if owner is not None else ""
                self._notes.error("wrong_shape", "Nodes are a list; these are none.", name, path)
            return made
        for number, raw in enumerate(nodes):
            at = f"{path}.{number}"
            if not isinstance(raw, dict):
                self._notes.error("wrong_shape", "A node is an object; this is none and is left out.", field=at)
                continue
            made.append(self._place(raw, at, owner))
        return made

    def _place(self, raw: Mapping[str, Any], path: str, owner: Place | None) -> Place:
        fields = Fields(raw, path)
        source, kind = text_of(fields.get("id")), text_of(fields.get("type"))
        earlier = self.by_source.get(source)
        place = Place(source, self.free_id(source), kind, raw, path, owner)
        if earlier is not None:
            message = f'The id "{short(source)}" stands twice; the last one is meant, the first is "{place.id}" now.'
            self._notes.error("duplicate_id", message, source, path)
            # The last one is meant wherever the id is named, so it has the id.
            earlier.id, place.id = place.id, earlier.id
        elif place.id != source:
            message = f'The id "{short(source)}" cannot stand here; the node is called "{place.id}" now.'
            self._notes.warning("renamed_node", message, place.id, path, source=short(source))
        self.by_source[source] = place
        if kind in COMPOSITES:
            self._open(place, fields)
        return place

    def _open(self, place: Place, fields: Fields) -> None:
        inputs = fields.inner("data").inner("inputs")
        place.arrays = names_of_arrays(inputs.get("inputParameters"))
        if place.type == LOOP:
            place.variables = frozenset(_names(inputs.get("variableParameters")))
        if place.owner is None:
            place.children = self._level(fields.get("blocks"), f"{place.path}.blocks", place)

    def free_id(self, source: str) -> str:
        """An id that is like this one and that no other node has."""
        name = source
        if not _GOOD_ID.match(name) or name in SCOPES or name.endswith("\n"):
            name = _BAD_CHARACTER.sub("_", name)[: _LONGEST_ID - 8] or "node"
            name = f"{name}_" if name in SCOPES else name
        base = name[: _LONGEST_ID - 8]
        while name in self.ids:
            self._next[base] = number = self._next.get(base, 1) + 1
            name = f"{base}_{number}"
        self.ids.add(name)
        return name


def names_of_arrays(parameters: object) -> frozenset[str]:
    """The names of those parameters that are lists: what a composite walks over."""
    made = []
    for one in parameters if isinstance(parameters, list) else ():
        fields = Fields(one, "")
        if fields.inner("input").get("type") in ("list", "array"):
            made.append(text_of(fields.get("name")))
    return frozenset(made)


def _names(parameters: object) -> list[str]:
    return [text_of(Fields(one, "").get("name")) for one in parameters] if isinstance(parameters, list) else []
