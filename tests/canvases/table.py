"""Broken canvases and what must be said of each: for every door that a canvas can come in by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine.canvas import JsonSchema
from engine.validation import WorkflowFace

_HERE: Final = Path(__file__).parent
_TABLE: Final[dict[str, Any]] = json.loads((_HERE / "broken.json").read_text(encoding="utf-8"))

OWN_ID: Final[str] = _TABLE["own_id"]
"""The id of the workflow that each canvas is the draft of."""


@dataclass(frozen=True)
class Broken:
    """A document, and its findings as code, node, field and severity."""

    name: str
    about: str
    document: bytes
    findings: tuple[tuple[str, str, str, str], ...]


def broken_canvases() -> list[Broken]:
    """All of them, in the order of the table."""
    return [
        Broken(
            name,
            row["about"],
            (_HERE / "broken" / f"{name}.json").read_bytes(),
            tuple((one["code"], one["node"], one["field"], one["severity"]) for one in row["findings"]),
        )
        for name, row in _TABLE["canvases"].items()
    ]


def workflows() -> dict[str, WorkflowFace]:
    """The workflows that the canvases may call, by id."""
    return {row["id"]: WorkflowFace(**{**row, "uses": tuple(row["uses"])}) for row in _TABLE["workflows"]}


def files() -> list[str]:
    """The names of all documents that are kept."""
    return sorted(path.stem for path in (_HERE / "broken").glob("*.json"))


def big_document(size: int) -> bytes:
    """A document of this many bytes that is a canvas but for its size: nobody keeps ten megabytes in a repository."""
    outputs: JsonSchema = {"type": "object", "properties": {}}
    nodes: list[dict[str, Any]] = [{"id": "start", "type": "start", "data": {"outputs": outputs}}]
    nodes.append({"id": "end", "type": "end", "data": {"inputs": {"text": {"value": ""}}}})
    edges = [{"sourceNodeID": "start", "targetNodeID": "end"}]
    document = {"nodes": nodes, "edges": edges}
    missing = size - len(json.dumps(document))
    nodes[1]["data"]["inputs"]["text"]["value"] = "x" * missing
    return json.dumps(document).encode()


def deep_document(depth: int) -> bytes:
    """A document of this many brackets within each other."""
    return b'{"nodes": ' + b"[" * depth + b"]" * depth + b', "edges": []}'
