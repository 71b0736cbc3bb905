"""Edges and the ports they leave by, under our names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.findings import short
from engine.interchange.coze.fields import Fields, text_of
from engine.interchange.coze.notes import Notes
from engine.interchange.coze.places import Place, Places

ERROR: Final = "error"
_PLAIN: Final = frozenset(
    {
        "",
        "loop-output",
        "batch-output",
        "loop-function-inline-output",
        "batch-function-inline-output",
        "loop-function-inline-input",
        "batch-function-inline-input",
    }
)
_ROOTS: Final = frozenset({"1", "2"})
_FIRST_BRANCH: Final[Mapping[str, str]] = {"true": "true", "false": "otherwise"}
_KNOWN: Final = ("targetPortID", "id", "data", "meta", "type", "selected")


class Lines:
    """The edges of one level of the document."""

    def __init__(self, raw: object, path: str, owner: Place | None, notes: Notes) -> None:
        self.owner = owner
        self._notes = notes
        self.found: list[tuple[str, str, str, str]] = []
        name = owner.id if owner is not None else ""
        if raw is not None and not isinstance(raw, list):
            notes.error("wrong_shape", "Edges are a list; these are none.", name, path)
            return
        for number, one in enumerate(raw or ()):
            fields = Fields(one, f"{path}.{number}")
            source, target = text_of(fields.get("sourceNodeID")), text_of(fields.get("targetNodeID"))
            if not source or not target:
                message = "An edge leads from a node to a node; one end is missing, and the edge is left out."
                notes.error("wrong_shape", message, name, fields.path)
                continue
            port = fields.get("sourcePortID")
            self.found.append((source, target, port if isinstance(port, str) else "", fields.path))
            fields.skip(_KNOWN)
            for key in fields.rest():
                message = f'Nothing is known of the key "{short(key)}"; it is left out.'
                notes.warning("unknown_key", message, name, fields.at(short(key)))

    def find_isolated(self, places: Places) -> None:
        """Mark the nodes of this level that no edge leads to."""
        reached = {target for _, target, _, _ in self.found}
        for place in self.owner.children if self.owner is not None else places.top:
            place.isolated = place.source not in reached and place.type not in _ROOTS

    def made(self, places: Places, kinds: Mapping[str, Ports]) -> list[dict[str, str]]:
        """The edges as our canvas has them."""
        made: list[dict[str, str]] = []
        for source, target, port, _ in self.found:
            start, end = places.by_source.get(source), places.by_source.get(target)
            edge = {
                "sourceNodeID": start.id if start is not None else source,
                "targetNodeID": end.id if end is not None else target,
            }
            if start is not None and start is not self.owner and port not in _PLAIN:
                named = kinds[start.id].named(port)
                if named is None:
                    named = port
                    message = f'"{short(port)}" is no port of this node.'
                    self._notes.error("unknown_port", message, start.id, f"port {short(port)}")
                if named:
                    edge["sourcePortID"] = named
            made.append(edge)
        return made


class Ports:
    """How the ports of one node are called here."""

    def __init__(self, kind: str, type: str, data: Mapping[str, Any], *, branches: bool) -> None:
        self._kind, self._type, self._data, self._branches = kind, type, data, branches

    def named(self, port: str) -> str | None:
        """The name here, empty for the plain way out; None where the document can mean nothing by it."""
        if self._type == "unavailable":
            return self._kept(port)
        if port == "branch_error":
            return ERROR
        number = port.removeprefix("branch_")
        is_branch = port.startswith("branch_") and number.isascii() and number.isdecimal() and len(number) < 6
        match self._type:
            case "condition":
                if port.startswith("true_") and port[5:].isascii() and port[5:].isdecimal() and len(port) < 10:
                    return f"true_{int(port[5:])}" if int(port[5:]) else "true"
                return _FIRST_BRANCH.get(port)
            case "intent":
                return "other" if port == "default" else f"intent_{int(number)}" if is_branch else None
            case "question" if self._data.get("dynamic"):
                return "other" if port == "default" else "option" if is_branch and not int(number) else None
            case "question" if self._data.get("options"):
                return "other" if port == "default" else f"option_{int(number)}" if is_branch else None
            case _:
                return "" if port == "default" else None

    def _kept(self, port: str) -> str:
        if port == "branch_error" and self._branches:
            return ERROR
        return "" if port == "default" and self._branches and self._kind not in ("8", "18", "22") else port


def ports_by_source(levels: list[Lines]) -> dict[str, tuple[str, ...]]:
    """The named ports by which edges leave each node."""
    found: dict[str, dict[str, None]] = {}
    for level in levels:
        own = level.owner.source if level.owner is not None else None
        for source, _, port, _ in level.found:
            if source != own and port not in _PLAIN:
                found.setdefault(source, {})[port] = None
    return {source: tuple(ports) for source, ports in found.items()}
