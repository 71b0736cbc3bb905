"""What a canvas needs of what lies around it: the ids of workflows, models, plugins, databases and knowledge in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from engine.values import Json

MODEL_INPUTS: Final = (
    ("model", ("data", "inputs", "model", "value")),
    ("model", ("data", "inputs", "fallback_models", "value", "*")),
    ("model", ("data", "inputs", "fallback_models", "list", "*", "value")),
)
DATABASE: Final = (("database", ("data", "settings", "database")),)
BASE: Final = (("knowledge", ("data", "settings", "base")),)

Places = tuple[tuple[str, tuple[str, ...]], ...]
PLACES: Final[Mapping[str, Places]] = {
    "subworkflow": (("workflow", ("data", "settings", "workflow")),),
    "llm": (
        *MODEL_INPUTS,
        ("workflow", ("data", "settings", "tools", "*", "workflow")),
        ("plugin", ("data", "settings", "tools", "*", "plugin")),
        ("knowledge", ("data", "settings", "knowledge", "bases", "*")),
    ),
    "intent": MODEL_INPUTS,
    "question": MODEL_INPUTS,
    "plugin": (("plugin", ("data", "settings", "plugin")),),
    "knowledge_retrieve": (("knowledge", ("data", "settings", "bases", "*")),),
    "knowledge_write": BASE,
    "knowledge_delete": BASE,
    "database_query": DATABASE,
    "database_insert": DATABASE,
    "database_update": DATABASE,
    "database_delete": DATABASE,
    "database_sql": DATABASE,
}
"""Where in a node of each type an id stands, by its kind; `*` is every item of a list."""

_VERSIONED: Final = frozenset({"workflow", "plugin"})


@dataclass(frozen=True, slots=True)
class Need:
    """An id or key that a node names; `version` is the one it asks for, empty for the newest."""

    kind: str
    id: str
    node: str
    version: str = ""


def needs(document: Mapping[str, Any]) -> list[Need]:
    """Everything that a canvas document names, in its order; what is no canvas names nothing."""
    found: list[Need] = []

    def note(kind: str, holder: Any, value: str, node: str) -> str:
        version = holder.get("version") if kind in _VERSIONED and isinstance(holder, dict) else None
        found.append(Need(kind, value, node, version if isinstance(version, str) else ""))
        return value

    _each(document, note)
    return found


def renamed(document: Mapping[str, Any], table: Mapping[str, Mapping[str, str]]) -> dict[str, Json]:
    """The document with the ids of the table's left side replaced by its right side; what it does not know stays."""

    def rename(kind: str, holder: Any, value: str, node: str) -> str:
        return table.get(kind, {}).get(value, value)

    return cast("dict[str, Json]", _each(document, rename))


Visit = Callable[[str, Any, str, str], str]
"""Given the kind, what the id stands in, the id and the node; gives the id that shall stand there."""


def _each(document: Mapping[str, Any], visit: Visit) -> dict[str, Any]:
    nodes = document.get("nodes")
    made = dict(document)
    if isinstance(nodes, list):
        made["nodes"] = [_node(one, visit) for one in nodes]
    return made


def _node(node: Any, visit: Visit) -> Any:
    if not isinstance(node, dict):
        return node
    name = str(node.get("id", ""))
    made = node
    for kind, path in PLACES.get(str(node.get("type")), ()):
        made = _at(made, path, None, partial(_visited, visit, kind, name))
    blocks = made.get("blocks")
    if isinstance(blocks, list) and blocks:
        made = {**made, "blocks": [_node(block, visit) for block in blocks]}
    return made


def _visited(visit: Visit, kind: str, node: str, holder: Any, value: str) -> str:
    return visit(kind, holder, value, node)


def _at(value: Any, path: tuple[str, ...], holder: Any, change: Callable[[Any, str], str]) -> Any:
    if not path:
        return change(holder, value) if isinstance(value, str) and value else value
    step, rest = path[0], path[1:]
    if step == "*":
        return [_at(item, rest, item, change) for item in value] if isinstance(value, list) else value
    if isinstance(value, dict) and step in value:
        return {**value, step: _at(value[step], rest, value, change)}
    return value


def in_order(needed: Mapping[str, Iterator[str] | list[str]]) -> list[str]:
    """The names so that each comes after those it needs, as far as that is possible; the given order otherwise."""
    known = {name: [*others] for name, others in needed.items()}
    made: dict[str, None] = {}
    state: dict[str, int] = {}
    for first in known:
        stack = [(first, iter(known[first]))]
        state.setdefault(first, 0)
        if state[first]:
            continue
        state[first] = 1
        while stack:
            name, others = stack[-1]
            following = next((one for one in others if one in known and not state.get(one)), None)
            if following is None:
                stack.pop()
                state[name] = 2
                made[name] = None
            else:
                state[following] = 1
                stack.append((following, iter(known[following])))
    return [*made]
