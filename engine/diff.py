"""What is different between two canvases: nodes, their fields, and edges; where boxes lie is told apart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.renaming import Renames, renamed_node
from engine.values import Json

ABSENT: Final = object()
"""The value of a field that is not there."""

_OWN: Final = "\x00own"
_DEEPEST: Final = 40
"""Levels below which two values are the same or not, without a word on where."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a node, or of the document; `before` or `after` is ABSENT where it is not there."""

    path: tuple[str | int, ...]
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class NodeOutline:
    """A node that is in one of the canvases alone. `container` is the composite it stands in, empty for none."""

    id: str
    type: str
    title: str
    container: str
    node: Mapping[str, Json]
    """As it is drawn; what stands in it is told by itself."""


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node that is in both, and what is different about it."""

    id: str
    type: str
    title: str
    container: str
    id_before: str
    container_before: str
    fields: tuple[FieldChange, ...]

    @property
    def renamed(self) -> bool:
        """Whether it had another id."""
        return self.id != self.id_before

    @property
    def moved(self) -> bool:
        """Whether it stood elsewhere: in another composite, or in none."""
        return self.container != self.container_before


@dataclass(frozen=True, slots=True, order=True)
class EdgeOutline:
    """A line; `port` is empty for the plain one."""

    container: str
    source: str
    port: str
    target: str


@dataclass(frozen=True, slots=True)
class CanvasDiff:
    """All differences. `repositioned` are nodes whose box lies elsewhere, which means nothing to a run."""

    added: tuple[NodeOutline, ...] = ()
    removed: tuple[NodeOutline, ...] = ()
    changed: tuple[NodeChange, ...] = ()
    edges_added: tuple[EdgeOutline, ...] = ()
    edges_removed: tuple[EdgeOutline, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    """Of the document itself."""
    repositioned: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether both mean the same, wherever the boxes lie."""
        return not (self.added or self.removed or self.changed or self.edges_added or self.edges_removed or self.fields)


@dataclass(slots=True)
class _Drawn:
    """A document taken apart. A node that has no place of its own, as its id stands twice, is part of the rest."""

    nodes: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    containers: dict[str, str] = field(default_factory=dict[str, str])
    edges: Counter[EdgeOutline] = field(default_factory=Counter[EdgeOutline])
    rest: dict[str, Any] = field(default_factory=dict[str, Any])


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> CanvasDiff:
    """The differences of two documents, which may be unfinished, or no canvases at all.

    A node whose id alone is another is the same node, where only one can be meant; what names it then names the same.
    """
    old, new = _taken_apart(before), _taken_apart(after)
    renames = _renames(old, new)
    if renames:
        old = _renamed(old, renames)
    ids_before = {now: then for then, now in renames.items()}
    changed: list[NodeChange] = []
    repositioned: list[str] = []
    for id_, node in new.nodes.items():
        if (was := old.nodes.get(id_)) is None:
            continue
        then = ids_before.get(id_, id_)
        place, place_before = new.containers[id_], old.containers[id_]
        fields = tuple(_changes(_content(was), _content(node), ()))
        if not _same(_position(was), _position(node)):
            repositioned.append(id_)
        if fields or then != id_ or place != place_before:
            changed.append(NodeChange(id_, _type(node), _title(node), place, then, place_before, fields))
    return CanvasDiff(
        added=tuple(_outline(id_, new) for id_ in new.nodes if id_ not in old.nodes),
        removed=tuple(_outline(id_, old) for id_ in old.nodes if id_ not in new.nodes),
        changed=tuple(changed),
        edges_added=tuple(sorted((new.edges - old.edges).elements())),
        edges_removed=tuple(sorted((old.edges - new.edges).elements())),
        fields=tuple(_changes(old.rest, new.rest, ())),
        repositioned=tuple(repositioned),
    )


# --- documents --------------------------------------------------------------------------------------------------------


def _taken_apart(document: Mapping[str, Any]) -> _Drawn:
    drawn = _Drawn()
    drawn.rest = {key: value for key, value in document.items() if key not in ("nodes", "edges")}
    _collect(document, "nodes", "", drawn, drawn.rest)
    return drawn


def _collect(holder: Mapping[str, Any], name: str, container: str, drawn: _Drawn, rest: dict[str, Any]) -> None:
    """Take the nodes and edges out of a document or composite; what is none of these stays in the `rest`."""
    nodes, edges = holder.get(name), holder.get("edges")
    odd_nodes: list[Any] = []
    for node in nodes if isinstance(nodes, list) else []:
        id_ = node.get("id") if isinstance(node, dict) else None
        if not isinstance(id_, str) or id_ in drawn.nodes:
            odd_nodes.append(node)
            continue
        drawn.nodes[id_], drawn.containers[id_] = {}, container
        own = {key: value for key, value in node.items() if key not in ("blocks", "edges")}
        _collect(node, "blocks", id_, drawn, own)
        drawn.nodes[id_] = own
    odd_edges: list[Any] = []
    for edge in edges if isinstance(edges, list) else []:
        if (line := _edge(edge, container)) is None:
            odd_edges.append(edge)
        else:
            drawn.edges[line] = 1
    for key, value, odd in ((name, nodes, odd_nodes), ("edges", edges, odd_edges)):
        if odd or (key in holder and not isinstance(value, list)):
            rest[key] = odd if isinstance(value, list) else value


def _edge(edge: Any, container: str) -> EdgeOutline | None:
    match edge:
        case {"sourceNodeID": str(source), "targetNodeID": str(target)}:
            port = edge.get("sourcePortID")
            if port is None or isinstance(port, str):
                return EdgeOutline(container, source, port or "", target)
        case _:
            pass
    return None


def _content(node: Mapping[str, Any]) -> dict[str, Any]:
    """What a node says, without its id and where its box lies."""
    made = {key: value for key, value in node.items() if key != "id"}
    meta = made.get("meta")
    if isinstance(meta, dict) and "position" in meta:
        made["meta"] = {key: value for key, value in meta.items() if key != "position"}
    if made.get("meta") == {}:
        del made["meta"]
    return made


def _position(node: Mapping[str, Any]) -> object:
    meta = node.get("meta")
    return meta.get("position") if isinstance(meta, dict) else None


def _outline(id_: str, drawn: _Drawn) -> NodeOutline:
    node = drawn.nodes[id_]
    return NodeOutline(id_, _type(node), _title(node), drawn.containers[id_], node)


def _type(node: Mapping[str, Any]) -> str:
    return str(node.get("type", ""))


def _title(node: Mapping[str, Any]) -> str:
    data = node.get("data")
    return str(data.get("title") or "") if isinstance(data, dict) else ""


# --- nodes that have another id ---------------------------------------------------------------------------------------


def _renames(old: _Drawn, new: _Drawn) -> dict[str, str]:
    """The new ids of nodes that are otherwise the same. One found may show another, which refers to it."""
    found: dict[str, str] = {}
    while True:
        gone = [id_ for id_ in old.nodes if id_ not in new.nodes and id_ not in found]
        come = [id_ for id_ in new.nodes if id_ not in old.nodes and id_ not in found.values()]
        if not gone or not come:
            return found
        prints = _prints(come, new, {})
        more = {
            names[0]: prints[print_][0]
            for print_, names in _prints(gone, old, found).items()
            if len(names) == 1 and len(prints.get(print_, ())) == 1
        }
        if not more:
            return found
        found |= more


def _prints(ids: Iterable[str], drawn: _Drawn, renames: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for id_ in ids:
        node = renamed_node(drawn.nodes[id_], {**renames, id_: _OWN})
        container = drawn.containers[id_]
        print_ = json.dumps([renames.get(container, container), _content(node)], sort_keys=True)
        found.setdefault(print_, []).append(id_)
    return found


def _renamed(drawn: _Drawn, renames: Renames) -> _Drawn:
    def name(id_: str) -> str:
        return renames.get(id_, id_)

    return _Drawn(
        nodes={name(id_): renamed_node(node, renames) for id_, node in drawn.nodes.items()},
        containers={name(id_): name(container) for id_, container in drawn.containers.items()},
        edges=Counter(
            {
                EdgeOutline(name(edge.container), name(edge.source), edge.port, name(edge.target)): 1
                for edge in drawn.edges
            }
        ),
        rest=drawn.rest,
    )


# --- values -----------------------------------------------------------------------------------------------------------


def _changes(before: Any, after: Any, path: tuple[str | int, ...]) -> Iterable[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict) and len(path) < _DEEPEST:
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _changes(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after) and len(path) < _DEEPEST:
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changes(one, other, (*path, number))
    elif not _same(before, after):
        yield FieldChange(path, before, after)


def _same(before: Any, after: Any) -> bool:
    """Whether two values of JSON are: elsewhere in Python, `true` is 1."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(_same(value, after[key]) for key, value in before.items())
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return type(before) is type(after) and bool(before == after)
