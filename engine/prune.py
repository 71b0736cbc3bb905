"""Isolated nodes: what no edge leads to is left out before anything else looks at the canvas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from engine.canvas import Canvas, Edge, Node

ROOTS: Final = frozenset({"start", "end"})
"""Node types that stay even when no edge leads to them."""


def isolated(nodes: Sequence[Node], edges: Iterable[Edge]) -> frozenset[str]:
    """The ids of the nodes of one level that no edge leads to.

    One look, no second: a node that only isolated nodes lead to stays, and is never reached. Canvases depend on it.
    """
    reached = {edge.target for edge in edges}
    return frozenset(node.id for node in nodes if node.id not in reached and node.type not in ROOTS)


def prune(canvas: Canvas) -> Canvas:
    """The canvas without its isolated nodes and the edges from them, at the top and in every body."""
    nodes, edges = _kept(canvas.nodes, canvas.edges)
    return canvas.model_copy(update={"nodes": [_pruned(node) for node in nodes], "edges": edges})


def _pruned(node: Node) -> Node:
    if not node.blocks:
        return node
    blocks, edges = _kept(node.blocks, node.edges)
    return node.model_copy(update={"blocks": blocks, "edges": edges})


def _kept(nodes: Sequence[Node], edges: Sequence[Edge]) -> tuple[list[Node], list[Edge]]:
    gone = isolated(nodes, edges)
    return [node for node in nodes if node.id not in gone], [edge for edge in edges if edge.source not in gone]
