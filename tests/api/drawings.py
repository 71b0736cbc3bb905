"""Canvases for tests of the API, as documents of the project's own node types."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

Document = dict[str, Any]

TEXT: Document = {"type": "string"}


def start(required: tuple[str, ...] = (), **properties: Any) -> Document:
    """A start node with these inputs."""
    return {
        "id": "start",
        "type": "start",
        "data": {"outputs": {"type": "object", "properties": properties, "required": [*required]}},
    }


def concat(id: str, template: str, **inputs: Any) -> Document:
    """A text made of a template."""
    bound = {"template": {"template": template}, **{name: {"ref": ref} for name, ref in inputs.items()}}
    return {"id": id, "type": "text_concat", "data": {"title": id, "inputs": bound}}


def end(**inputs: Any) -> Document:
    """An end node; an input that is a list is a reference."""
    bound = {name: {"ref": value} if isinstance(value, list) else {"value": value} for name, value in inputs.items()}
    return {"id": "end", "type": "end", "data": {"inputs": bound}}


def chain(*nodes: Document) -> Document:
    """A canvas of nodes one after another."""
    edges = [{"sourceNodeID": one["id"], "targetNodeID": other["id"]} for one, other in pairwise(nodes)]
    return {"nodes": [*nodes], "edges": edges}


def greeting() -> Document:
    """Greets a person: inline steps alone."""
    return chain(
        start(("name",), name=TEXT),
        concat("greet", "Hello {{name}}!", name=["start", "name"]),
        end(text=["greet", "output"]),
    )


def long_chain(steps: int) -> Document:
    """A canvas of so many steps, start and end included."""
    nodes = [start(name=TEXT)]
    ref = ["start", "name"]
    for number in range(steps - 2):
        nodes.append(concat(f"t{number}", f"{{{{x}}}} {number}", x=ref))
        ref = [f"t{number}", "output"]
    return chain(*nodes, end(text=ref))
