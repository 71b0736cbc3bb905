"""Rules about order: nothing waits for itself, and what is read is known before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Final

from engine.validation.edges import Line
from engine.validation.graph import Graph
from engine.validation.outline import Level
from engine.validation.references import Read
from engine.validation.report import Report

_Late = tuple[int, int, Read]
"""Source and reader by their numbers, and what is read: no edges lead from the one to the other."""

_MAX_CYCLES: Final = 50
"""A knot of n nodes has more cycles than anyone can read; mending these unties it step by step."""


def check_order(level: Level, lines: Sequence[Line], reads: Sequence[Read], report: Report) -> None:
    """Report cycles, and references to what is not known yet."""
    numbers = {
        placed.node.id: number for number, placed in enumerate(level.nodes) if level.by_id[placed.node.id] is placed
    }
    edges = [
        (numbers[line.source], numbers[line.target]) for line in lines if {line.source, line.target} <= numbers.keys()
    ]
    control = Graph(len(level.nodes), edges)
    # What comes after by the edges already can be read without a thought.
    late = [
        (numbers[read.source], numbers[read.reader], read)
        for read in reads
        if read.source in numbers and read.reader in numbers
    ]
    late = [(source, reader, read) for source, reader, read in late if not control.leads(source, reader)]
    whole = Graph(len(level.nodes), [*edges, *((source, reader) for source, reader, _ in late)])
    told = _tell_cycles(level, control, edges, (), report)
    _tell_cycles(level, whole, ((source, reader) for source, reader, _ in late), told, report)
    if late:
        _tell_late(level, whole, late, report)


def _tell_late(level: Level, whole: Graph, late: Sequence[_Late], report: Report) -> None:
    """Report reads of what is never known here, and of what nothing but the read itself waits for."""
    earlier = whole.turned()
    known: dict[int, int] = {}
    for source, reader, read in late:
        name = level.nodes[source].name
        if whole.leads(reader, source):
            message = f"{name} runs after this node, or waits for it, so that its output can never be known here."
            report.error("not_upstream", message, read.at.node, read.field, source=read.source)
            continue
        if reader not in known:
            known[reader] = reduce(or_, (earlier.beyond(before) for before in whole.before[reader]))
        if not known[reader] >> source & 1:
            message = f"No way leads from {name} to this node; it waits for that output all the same."
            report.warning("not_upstream", message, read.at.node, read.field, source=read.source)


def _tell_cycles(
    level: Level,
    graph: Graph,
    edges: Iterable[tuple[int, int]],
    told: Iterable[frozenset[int]],
    report: Report,
) -> set[frozenset[int]]:
    """Report cycles until every one of these edges that is part of one has been in one."""
    seen, covered, left = set(told), set[tuple[int, int]](), _MAX_CYCLES
    for source, target in edges:
        if (source, target) in covered or not graph.leads(target, source) or not left:
            continue
        left -= 1
        cycle = graph.way(target, source)
        covered.update(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
        if frozenset(cycle) in seen:
            continue
        seen.add(frozenset(cycle))
        first = cycle.index(min(cycle))
        nodes = [level.nodes[number] for number in [*cycle[first:], *cycle[:first]]]
        names = " → ".join(placed.node.id for placed in [*nodes[:20], nodes[0]])
        message = f"These nodes wait for each other in a circle: {names}. To repeat something, use a loop."
        report.error("cycle", message, nodes[0].node, nodes=[placed.node.id for placed in nodes])
    return seen
