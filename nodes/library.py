"""The library: every node type there is, those of this project and those of installed packages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Final

import nodes
from engine.diagnostics import Diagnostic
from engine.node_type import NodeLibrary, NodeType
from nodes.answer_reader import AnswerReader
from nodes.palette import palette_entry
from nodes.surface import ActivityNode, ControlNode

ENTRY_POINTS: Final = "mainspring.nodes"
"""The group in which another package names its node types: a module that holds them, a node, or a list of nodes."""

AnyNode = ActivityNode[Any] | ControlNode
Runnable = ActivityNode[Any] | AnswerReader[Any]
"""What a worker runs."""


@dataclass(frozen=True)
class Library:
    """Node types by name, and by the same names what the worker runs of those that do something; what reads answers for
    questions has names of its own there.

    `diagnostics` tell which packages could not be loaded, and why; what they would have brought is missing, the rest is
    here.
    """

    types: NodeLibrary
    activities: Mapping[str, Runnable]
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass
class _Shelf:
    """A library being put together."""

    types: dict[str, NodeType] = field(default_factory=dict)
    activities: dict[str, Runnable] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def put(self, node: AnyNode, source: str) -> None:
        node_type = replace(node.type, source=source)
        self.types[node_type.name] = node_type
        if isinstance(node, ActivityNode):
            self.activities[node_type.name] = replace(node, type=node_type)

    def done(self) -> Library:
        return Library(types=self.types, activities=self.activities, diagnostics=tuple(self.diagnostics))


def load_library() -> Library:
    """Load the node types of this project, then those of installed packages.

    A package that cannot be loaded, or names a type that is there already, is told about in the diagnostics and holds
    up nothing.
    """
    shelf = _built_in()
    for entry_point in _by_place(entry_points(group=ENTRY_POINTS)):
        _add(shelf, entry_point)
    return shelf.done()


def built_in_library() -> Library:
    """The node types of this project alone."""
    return _built_in().done()


def modules() -> tuple[str, ...]:
    """The modules that may hold this project's node types: those in the folders of `nodes`."""
    folders = [one for one in pkgutil.iter_modules(nodes.__path__, "nodes.") if one.ispkg]
    paths = {folder.name: [f"{path}/{folder.name.rpartition('.')[2]}" for path in nodes.__path__] for folder in folders}
    return tuple(sorted(one.name for name, path in paths.items() for one in pkgutil.iter_modules(path, f"{name}.")))


def _built_in() -> _Shelf:
    shelf = _Shelf()
    for name in modules():
        for node in _nodes_of(importlib.import_module(name)):
            if node.type.name in shelf.types:
                raise TypeError(f"Two node types are called {node.type.name}; one of them is in {name}.")
            shelf.put(node, node.type.source)
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, AnswerReader):
                shelf.activities[value.name] = value
    return shelf


def _nodes_of(module: ModuleType) -> Iterator[AnyNode]:
    """The nodes a module holds, whatever it calls them, each once."""
    seen: set[int] = set()
    for value in vars(module).values():
        if isinstance(value, ActivityNode | ControlNode) and id(value) not in seen:
            seen.add(id(value))
            yield value


def _by_place(found: Any) -> list[EntryPoint]:
    """In the same order on every machine: it decides who keeps a name that two packages want."""
    return sorted(found, key=lambda one: (_distribution(one), one.name, one.value))


def _distribution(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist is not None else "unknown"


def _add(shelf: _Shelf, entry_point: EntryPoint) -> None:
    source = _distribution(entry_point)

    def told(code: str, message: str, **facts: str) -> None:
        facts |= {"distribution": source, "entry_point": f"{entry_point.name} = {entry_point.value}"}
        shelf.diagnostics.append(Diagnostic(code=code, message=message, severity="warning", facts=dict(facts)))

    try:
        loaded = entry_point.load()
        found = [*_nodes_in(loaded)]
        for node in found:
            # Now, rather than when somebody opens the palette.
            palette_entry(node.type)
    except (Exception, SystemExit) as error:  # noqa: BLE001  (whatever a stranger's module does when it is imported)
        told("package_not_loaded", f"The node types of {source} could not be loaded: {type(error).__name__}: {error}")
        return
    if not found:
        told("package_without_nodes", f"{entry_point.value} of {source} holds no node type.")
    for node in found:
        name = node.type.name
        if (taken := shelf.types.get(name)) is not None:
            told(
                "name_taken",
                f"{source} brings a node type {name}, but {taken.source} has one: theirs is left out.",
                node_type=name,
            )
        else:
            shelf.put(node, source)


def _nodes_in(loaded: object) -> Iterator[AnyNode]:
    """The nodes behind an entry point. Raises `TypeError` for what is none."""
    match loaded:
        case ModuleType():
            yield from _nodes_of(loaded)
        case ActivityNode() | ControlNode():
            yield loaded
        case list() | tuple():
            for one in loaded:
                yield from _nodes_in(one)
        case _:
            raise TypeError(
                f"it is of type {type(loaded).__name__}, and neither a node nor a module or a list of nodes"
            )
