"""Nodes under other ids: what names them in references and templates follows."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from engine.canvas import SCOPES
from engine.errors import LimitExceeded
from engine.references import split_template

Renames = Mapping[str, str]
"""New ids by the old ones."""


def renamed_node(node: Mapping[str, Any], renames: Renames) -> dict[str, Any]:
    """The node with its own id, and those it names, as they are called now. What stands in it is left alone.

    Only what is surely a reference follows: `{"ref": […]}` and `{"template": "…"}`, not texts that look like them.
    """
    data = node.get("data")
    inputs = data.get("inputs") if isinstance(data, dict) else None
    # The name of a sibling input goes before the id of a node.
    siblings = frozenset(inputs) if isinstance(inputs, dict) else frozenset[str]()
    known = {old: new for old, new in renames.items() if old not in SCOPES}
    made = {key: _renamed(value, known, siblings) for key, value in node.items()}
    id_ = node.get("id")
    return {**made, "id": renames.get(id_, id_)} if isinstance(id_, str) else made


def _renamed(value: Any, renames: Renames, siblings: Set[str]) -> Any:
    match value:
        case {"ref": [str(first), *rest]}:
            return {**value, "ref": [renames.get(first, first), *rest]}
        case {"template": str(text)}:
            return {**value, "template": _template(text, renames, siblings)}
        case {"value": _}:
            # It stands as it is, whatever it looks like.
            return value
        case dict():
            return {key: _renamed(member, renames, siblings) for key, member in value.items()}
        case list():
            return [_renamed(item, renames, siblings) for item in value]
        case _:
            return value


def _template(text: str, renames: Renames, siblings: Set[str]) -> str:
    if "{{" not in text:
        return text
    try:
        parts = split_template(text)
    except LimitExceeded:
        return text
    made: list[str] = []
    changed = False
    for part in parts:
        if isinstance(part, str):
            made.append(part)
            continue
        path, shown = part
        first = str(path[0])
        if first in renames and first not in siblings:
            changed = True
            shown = "{{" + renames[first] + shown[2 + len(first) :]
        made.append(shown)
    # As it is written, blanks and all, where nothing in it is meant.
    return "".join(made) if changed else text
