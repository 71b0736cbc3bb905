"""Canvases of the scenarios as documents, in a few words."""

from __future__ import annotations

from typing import Any

from tests.engine.draw import edges, node

Document = dict[str, Any]


def document(*nodes: Document, lines: str) -> Document:
    """A canvas of these nodes and lines."""
    return {"nodes": [*nodes], "edges": edges(lines)}


def begin(**properties: str) -> Document:
    """A start node whose inputs have these types."""
    made = {name: {"type": kind} for name, kind in properties.items()}
    return node("start", "start", outputs={"type": "object", "properties": made})


def end(**inputs: Any) -> Document:
    """An end node that hands these back."""
    return node("end", "end", inputs)


def say(id: str, text: Any = "hello", **data: Any) -> Document:
    """A step that calls the endpoint, whose place the run is given as `base`."""
    inputs = {"url": "{{start.base}}/say", "method": "POST", "body_type": "raw_text", "body": text}
    return node(id, "http_request", inputs, **data)


def ask(id: str, question: str, **data: Any) -> Document:
    """A question to a person."""
    return node(id, "question", {"question": question}, **data)
