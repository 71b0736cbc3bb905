"""Rules about edges: both ends are there, ports exist and are wired, everything leads on and can be reached."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from engine.canvas import Edge
from engine.findings import listed
from engine.node_type import Role
from engine.validation.outline import ERROR_PORT, Level, Outline, Placed
from engine.validation.report import Report


@dataclass(frozen=True, slots=True)
class Line:
    """An edge that leads from somewhere to somewhere. An owner's id is the beginning and the end of its body."""

    source: str
    target: str
    port: str


def check_edges(level: Level, outline: Outline, report: Report) -> list[Line]:
    """Report what is wrong with the edges of a level, and hand on those that lead somewhere."""
    owner = level.owner.node if level.owner else None
    lines: list[Line] = []
    for index, edge in enumerate(level.edges):
        if edge.source in level.isolated:
            continue
        ends = [
            _check_end(level, outline, report, index, "source", edge.source),
            _check_end(level, outline, report, index, "target", edge.target),
        ]
        if not all(ends):
            continue
        if owner is not None and edge.source == edge.target == owner.id:
            message = "This edge leads from the beginning of the body to its end and does nothing."
            report.warning("useless_edge", message, owner, f"edges.{index}")
            continue
        if _check_direction(level, report, index, edge):
            _check_port(level, report, index, edge)
            lines.append(Line(edge.source, edge.target, edge.port or ""))
    return lines


def check_connections(level: Level, lines: list[Line], report: Report) -> None:
    """Every way out leads on, and every node can be reached."""
    leaving: dict[str, set[str]] = {}
    for edge in level.edges:
        # An edge that leads nowhere has a finding of its own.
        leaving.setdefault(edge.source, set()).add(edge.port or "")
    for placed in level.nodes:
        if placed.kind is not None and placed.kind.role is not Role.END:
            _check_ways_out(placed, leaving.get(placed.node.id, set()), report)
    _check_reach(level, lines, report)


def _check_end(level: Level, outline: Outline, report: Report, index: int, end: str, name: str) -> bool:
    owner = level.owner.node if level.owner else None
    if name in level.by_id or (owner is not None and name == owner.id):
        return True
    field = f"edges.{index}.{end}NodeID"
    if name in outline.ids:
        message = f'The edge has its {end} "{name}" on the other side of a composite\'s border; no edge can cross one.'
        report.error("edge_crosses_border", message, owner, field, edge=index, **{end: name})
    else:
        known = [*level.by_id, *([owner.id] if owner else [])]
        message = f'The edge has the {end} "{name}", and there is no such node{report.hint(name, known)}'
        report.error("unknown_edge_node", message, owner, field, edge=index, **{end: name})
    return False


def _check_direction(level: Level, report: Report, index: int, edge: Edge) -> bool:
    owner = level.owner.node if level.owner else None
    source, target = level.by_id.get(edge.source), level.by_id.get(edge.target)
    if target is not None and target.is_a(Role.START):
        message = "An edge leads to the start; a run begins there and never comes back."
        report.error("edge_to_start", message, owner, f"edges.{index}.targetNodeID", edge=index, source=edge.source)
        return False
    if source is not None and source.is_a(Role.END):
        message = "An edge leaves the end; nothing can come after it."
        report.error("edge_from_end", message, owner, f"edges.{index}.sourceNodeID", edge=index, target=edge.target)
        return False
    return True


def _check_port(level: Level, report: Report, index: int, edge: Edge) -> None:
    if not edge.port:
        return
    owner = level.owner.node if level.owner else None
    field = f"edges.{index}.sourcePortID"
    source = level.by_id.get(edge.source)
    if source is None:
        message = f'The beginning of a body has no ports; leave "{edge.port}" out.'
        report.error("unknown_port", message, owner, field, edge=index, port=edge.port)
        return
    ports = source.ports
    if ports is None or edge.port in ports:
        return
    if edge.port == ERROR_PORT:
        message = f'{source.name} has the port "error" only when its on_error.policy is "branch".'
    elif ports:
        message = f'{source.name} has no port "{edge.port}"; it has {listed(ports)}.'
    else:
        message = f'{source.name} has no ports; an edge from it names none, but this one names "{edge.port}".'
    report.error("unknown_port", message, owner, field, edge=index, node=edge.source, port=edge.port, ports=[*ports])


def _check_ways_out(placed: Placed, wired: set[str], report: Report) -> None:
    if not wired:
        if not placed.is_a(Role.LEAVE):
            message = f"No edge leaves {placed.name}; every way must lead to the end."
            report.error("not_connected", message, placed.node)
        return
    ports = placed.ports or ()
    missing = [port for port in ports if port not in wired]
    if ports == (ERROR_PORT,) and "" not in wired:
        message = f"{placed.name} leads on only when it fails; draw an edge without a port for its success."
        report.error("port_not_connected", message, placed.node, port="")
    for port in missing:
        message = f'The port "{port}" of {placed.name} is not connected; draw an edge from it.'
        report.error("port_not_connected", message, placed.node, port=port)


def _check_reach(level: Level, lines: list[Line], report: Report) -> None:
    begins = [level.owner.node.id] if level.owner else [p.node.id for p in level.nodes if p.is_a(Role.START)]
    if not begins or (level.owner and not any(line.source == level.owner.node.id for line in lines)):
        return
    onward: dict[str, list[str]] = {}
    for line in lines:
        onward.setdefault(line.source, []).append(line.target)
    reached, queue = set(begins), deque(begins)
    while queue:
        for target in onward.get(queue.popleft(), ()):
            if target not in reached and not (level.owner and target == level.owner.node.id):
                reached.add(target)
                queue.append(target)
    for placed in level.nodes:
        if placed.node.id in reached:
            continue
        if placed.is_a(Role.END):
            message = "No way leads from the start to the end, so no run could finish."
            report.error("end_unreachable", message, placed.node)
        else:
            message = f"No way leads from the beginning to {placed.name}, so it never runs."
            report.warning("unreachable", message, placed.node)
