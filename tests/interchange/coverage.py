"""Which case has each field of each Coze node type. `python -m tests.interchange.coverage` writes the table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.interchange.cases import CORPUS, case_names, load_case, read_case

PAGE: Final = Path(__file__).parents[2] / "docs" / "nodes" / "coverage.md"
FIELDS: Final = CORPUS / "fields.json"
ANY: Final = "any node"
CANVAS: Final = "canvas"
SHOWN: Final = 3

NAMES: Final[Mapping[str, str]] = {
    "1": "Entry", "2": "Exit", "3": "LLM", "4": "Plugin", "5": "Code", "6": "Knowledge retrieval", "8": "Condition",
    "9": "Workflow", "12": "SQL", "13": "Output", "15": "Text processing", "18": "Question", "19": "Break",
    "20": "Set variable", "21": "Loop", "22": "Intent recognition", "27": "Knowledge writing", "28": "Batch",
    "29": "Continue", "30": "Input", "31": "Comment", "32": "Variable merge", "37": "Message list",
    "38": "Clear conversation history", "39": "Create conversation", "40": "Variable assign", "42": "Update data",
    "43": "Query data", "44": "Delete data", "45": "HTTP request", "46": "Add data", "51": "Edit conversation",
    "52": "Delete conversation", "53": "Conversation list", "54": "Conversation history", "55": "Create message",
    "56": "Edit message", "57": "Delete message", "58": "To JSON", "59": "From JSON", "60": "Knowledge deletion",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A field: where it stands (`=` a value of it), the cases whose documents have it, or why none needs to."""

    path: str
    cases: tuple[str, ...]
    reason: str


def rows() -> dict[str, list[Row]]:
    """By node type every field of the reviewed list."""
    reviewed: dict[str, list[list[str]]] = json.loads(FIELDS.read_text(encoding="utf-8"))
    corpus = [(name, [*_canvases(name)]) for name in case_names() if not load_case(name).open]
    made: dict[str, list[Row]] = {}
    for kind, fields in reviewed.items():
        there = [(name, [*_places(kind, canvases)]) for name, canvases in corpus]
        made[kind] = [
            Row(
                path,
                tuple(name for name, places in there if any(_has(place, path) for place in places)),
                reason[0] if reason else "",
            )
            for path, *reason in fields
        ]
    return made


def uncovered() -> list[str]:
    """Fields with neither a case nor a reason."""
    return [f"{kind}: {row.path}" for kind, found in rows().items() for row in found if not (row.cases or row.reason)]


def page() -> str:
    """The table as it is written."""
    lines = [
        "# What of a Coze canvas is tried out",
        "",
        "Every field that a node of Coze Studio or Coze Plus may have, and the cases in `tests/canvases/coze` whose"
        " documents have it; `=` names a value. A field without a case says why it needs none. Written by"
        " `python -m tests.interchange.coverage`.",
        "",
    ]
    total = [row for found in rows().values() for row in found]
    proved = sum(bool(row.cases) for row in total)
    lines += [f"{len(total)} fields: {proved} with cases, {len(total) - proved} with a reason.", ""]
    for kind, found in rows().items():
        title = {ANY: "Any node", CANVAS: "The canvas"}.get(kind) or f"{kind} · {NAMES[kind]}"
        lines += [f"## {title}", "", "| field | tried out by |", "|---|---|"]
        lines += [f"| `{row.path}` | {_told(row)} |" for row in found]
        lines.append("")
    return "\n".join(lines)


def _told(row: Row) -> str:
    if not row.cases:
        return f"– {row.reason}"
    more = f" and {len(row.cases) - SHOWN} more" if len(row.cases) > SHOWN else ""
    return ", ".join(row.cases[:SHOWN]) + more


def _canvases(name: str) -> Iterator[Any]:
    raw = read_case(name)
    yield raw["canvas"]
    for document in raw.get("documents", {}).values():
        yield document["canvas"]
        yield from document.get("versions", {}).values()


def _places(kind: str, canvases: Sequence[Any]) -> Iterator[Any]:
    """What the fields of a kind are looked for in: canvases, or nodes whose data is laid beside what is around it."""
    for canvas in canvases:
        if kind == CANVAS:
            yield canvas
            continue
        for node in canvas["nodes"]:
            for one in (node, *node.get("blocks", [])):
                if kind in (ANY, one["type"]):
                    yield {**one, "inputs": one["data"].get("inputs")}


def _has(value: Any, path: str) -> bool:
    """Whether a path leads somewhere; a list is gone through by its items, or by the `name` that they have."""
    way, _, wanted = path.partition("=")
    return any(wanted == "" or _text(found) == wanted for found in _follow(value, way.split(".")))


def _follow(value: Any, parts: Sequence[str]) -> Iterator[Any]:
    if not parts:
        if value is not None:
            yield value
        return
    first, rest = parts[0], parts[1:]
    if isinstance(value, dict):
        keys = [*value] if first == "*" else [key for key in value if key.lower() == first.lower()]
        for key in keys:
            yield from _follow(value[key], rest)
    elif isinstance(value, list):
        for item in value:
            if first == "*" or (isinstance(item, dict) and item.get("name") == first):
                yield from _follow(item, rest)
            elif isinstance(item, list):
                yield from _follow(item, parts)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
