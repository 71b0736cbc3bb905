"""Coze documents in a few words, as its editor writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from engine.interchange.coze import ExternalIds, Imported, import_canvas

ENTRY, EXIT = "100001", "900001"
Value = dict[str, Any]


def ref(block: str, name: str = "", kind: str = "string", **more: Any) -> Value:
    """A reference to an output."""
    content = {"source": "block-output", "blockID": block, "name": name}
    return {"type": kind, "value": {"type": "ref", "content": content, "rawMeta": {"type": 1}}, **more}


def variable(scope: str, *path: str, kind: str = "string") -> Value:
    """A reference to a variable of the user, the app or the system."""
    content = {"source": f"global_variable_{scope}", "path": [*path], "blockID": "", "name": ""}
    return {"type": kind, "value": {"type": "ref", "content": content}}


def lit(content: Any, kind: str = "string", **more: Any) -> Value:
    """A literal."""
    return {"type": kind, "value": {"type": "literal", "content": content}, **more}


def made(**members: Value) -> Value:
    """An object put together of expressions."""
    schema = [{"name": name, "input": value} for name, value in members.items()]
    return {"type": "object", "schema": schema, "value": {"type": "object_ref"}}


def params(**values: Value) -> list[dict[str, Any]]:
    """Named parameters."""
    return [{"name": name, "input": value} for name, value in values.items()]


def var(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    """A variable: an output, or a member of an object."""
    return {"name": name, "type": kind, **more}


def node(name: str, kind: str, outputs: Sequence[Any] | None = None, **inputs: Any) -> dict[str, Any]:
    """A node; keywords are its inputs."""
    data: dict[str, Any] = {"nodeMeta": {"title": f"node {name}"}, "inputs": inputs}
    if outputs is not None:
        data["outputs"] = [*outputs]
    return {"id": name, "type": kind, "meta": {"position": {"x": 1, "y": 2}}, "data": data}


def entry(*outputs: dict[str, Any]) -> dict[str, Any]:
    return node(ENTRY, "1", outputs or [var("input")])


def leave(**values: Value) -> dict[str, Any]:
    """An exit that returns variables."""
    return node(EXIT, "2", terminatePlan="returnVariables", inputParameters=params(**values))


def answer(text: str, **values: Value) -> dict[str, Any]:
    """An exit that answers."""
    return node(EXIT, "2", terminatePlan="useAnswerContent", content=lit(text), inputParameters=params(**values))


def inside(composite: dict[str, Any], *children: dict[str, Any], lines: str) -> dict[str, Any]:
    """A composite with its body."""
    return composite | {"blocks": [*children], "edges": edges(lines)}


def edges(lines: str) -> list[dict[str, str]]:
    """`a>b>c a:port>d`."""
    found = []
    for chain in lines.split():
        for source, target in pairwise(chain.split(">")):
            name, _, port = source.partition(":")
            edge = {"sourceNodeID": name, "targetNodeID": target.partition(":")[0]}
            found.append(edge | ({"sourcePortID": port} if port else {}))
    return found


def document(*nodes: dict[str, Any], lines: str) -> dict[str, Any]:
    return {"nodes": [*nodes], "edges": edges(lines), "versions": {"loop": "v2"}}


def around(step: dict[str, Any], *others: dict[str, Any], lines: str = "") -> dict[str, Any]:
    """A document around one node."""
    way = lines or f"{ENTRY}>{step['id']}>{EXIT}"
    return document(
        entry(var("input"), var("items", "list", schema={"type": "string"})), step, *others, leave(), lines=way
    )


def took(imported: Imported, name: str) -> dict[str, Any]:
    """What became of a node: its `data` and its type."""
    pending = [*imported.canvas["nodes"]]
    while pending:
        one = pending.pop()
        if one["id"] == name:
            found: dict[str, Any] = {"type": one["type"], **one["data"]}
            return found
        pending += one.get("blocks", [])
    raise KeyError(name)


def become(step: dict[str, Any], **ids: dict[str, str]) -> dict[str, Any]:
    """What becomes of a node that stands alone between an entry and an exit."""
    return took(import_canvas(around(step), ExternalIds(ids)), step["id"])


def said(imported: Imported) -> list[tuple[str, str, str]]:
    """Code, node and field of every finding."""
    return [(one.code, one.node, one.field) for one in imported.diagnostics]


def text_of(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False)
