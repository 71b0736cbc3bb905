"""Rules about which nodes there may be, and where: ids, types, one start and one end, nothing within a body's body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.canvas import SCOPES, Canvas, Node
from engine.limits import Limits
from engine.node_type import NodeLibrary, NodeType, Role
from engine.validation.outline import LOOP, SET_VARIABLE, Level, Outline
from engine.validation.report import Report, every_node

COMMENT: Final = "comment"
"""A note on the canvas: no line leads to it, and nothing is missing."""
_ENDS: Final = ((Role.START, "start"), (Role.END, "end"))


def is_too_big(canvas: Canvas, report: Report, limits: Limits) -> bool:
    """Whether there are more nodes than the limit; then nothing else is looked at, for it would take too long."""
    count = sum(1 for _ in every_node(canvas.nodes))
    if count <= limits.canvas_nodes:
        return False
    message = f"The canvas has {count} nodes; it may have {limits.canvas_nodes}. Put parts of it into sub-workflows."
    report.error(
        "too_many_nodes",
        message,
        field="nodes",
        nodes=count,
        limit=limits.canvas_nodes,
        setting="MAINSPRING_CANVAS_NODES",
    )
    return True


def check_ids(canvas: Canvas, report: Report) -> None:
    """Ids are unique in the whole canvas, bodies included, and are no words of the language."""
    seen: set[str] = set()
    for node in every_node(canvas.nodes):
        if node.id in seen:
            report.error("duplicate_id", f'The id "{node.id}" stands twice; every node needs its own.', node, "id")
        elif node.id in SCOPES:
            message = f'"{node.id}" is a word of the language ({", ".join(SCOPES)}) and cannot be the id of a node.'
            report.error("reserved_id", message, node, "id")
        seen.add(node.id)


def check_ends(canvas: Canvas, library: NodeLibrary, report: Report) -> None:
    """There is one start and one end, at the top."""
    for role, word in _ENDS:
        there = [node for node in canvas.nodes if _role(library, node) is role]
        if not there:
            report.error(f"missing_{word}", f"The canvas has no {word}; it needs one node of this type.", field="nodes")
        for node in there[1:]:
            message = f'"{there[0].id}" is the {word} already; a canvas has one.'
            report.error(f"second_{word}", message, node, "type", first=there[0].id)
        for node in _inner(canvas):
            if _role(library, node) is role:
                message = f"The {word} belongs to the top of the canvas, not into a composite."
                report.error(f"misplaced_{word}", message, node, "type")


def check_isolated(canvas: Canvas, outline: Outline, report: Report) -> None:
    """Say which nodes are left out."""
    levels = [
        (canvas.nodes, outline.top),
        *((body.owner.node.blocks, body) for body in outline.bodies.values() if body.owner),
    ]
    for nodes, level in levels:
        for node in nodes:
            if node.id in level.isolated and node.type != COMMENT:
                message = "No edge leads to this node, so it is left out, with the edges from it."
                report.warning("isolated_node", message, node)


def check_types(outline: Outline, library: NodeLibrary, report: Report) -> None:
    """Every node's type is known; bodies are where they belong; loop nodes are in loops."""
    for level, placed in outline.nodes:
        node, kind = placed.node, placed.kind
        if kind is None:
            message = f'There is no node type "{node.type}"{report.hint(node.type, library)}'
            report.error("unknown_node_type", message, node, "type", type=node.type)
        elif level.owner is not None and kind.role is Role.COMPOSITE:
            message = f"A composite cannot stand inside another one ({level.owner.name}); call a sub-workflow instead."
            report.error("nested_composite", message, node, "type", inside=level.owner.node.id)
        elif kind.role is not Role.COMPOSITE:
            _check_plain(node, kind, report)
        if kind is not None and (kind.role is Role.LEAVE or kind.name == SET_VARIABLE):
            _check_loop_only(node, kind, level, report)


def _check_plain(node: Node, kind: NodeType, report: Report) -> None:
    for field, given in (("blocks", node.blocks), ("edges", node.edges), ("data.results", node.data.results)):
        if given:
            word = field.removeprefix("data.")
            message = f'Only composites such as loop and batch have {word}; the node type "{kind.name}" is none.'
            report.error(f"unexpected_{word}", message, node, field)


def _check_loop_only(node: Node, kind: NodeType, level: Level, report: Report) -> None:
    if level.in_loop:
        return
    where = "inside a loop; here is no loop" if level.owner is None else f"inside a loop; {level.owner.name} is none"
    report.error("outside_loop", f'The node type "{kind.name}" works only {where}.', node, "type", needs=LOOP)


def _inner(canvas: Canvas) -> Iterator[Node]:
    for node in canvas.nodes:
        yield from every_node(node.blocks)


def _role(library: NodeLibrary, node: Node) -> Role | None:
    kind = library.get(node.type)
    return kind.role if kind is not None else None
