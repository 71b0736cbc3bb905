"""A plan made ready to walk: who waits for whom, and every binding as a function; made once per plan and process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.bindings import Bind, Bound, Place, Stored, bind, bindings_of, fill_parts, leaves_of
from engine.plan import (
    Action,
    Assign,
    Call,
    Choose,
    Compute,
    Converse,
    Emit,
    Finish,
    FromInput,
    FromScope,
    FromStep,
    Graph,
    Leave,
    Loop,
    Map,
    Merge,
    Plan,
    Refuse,
    Result,
    Start,
    Step,
    Text,
    Wire,
)
from engine.secrets import secrets_of
from engine.templates import Filled

KEPT_PLANS = 256
INSTANT = (Start, Finish, Emit, Compute, Choose, Merge, Assign, Refuse, Leave)
"""Actions that take no time."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """A message that forwards a streamed output: the step that sends it, and the part of its template."""

    step: int
    part: int
    reads_before: tuple[int, ...] = ()
    """Steps that the parts before that one read."""


@dataclass(slots=True)
class Node:
    """A step made ready."""

    step: Step
    number: int
    inputs: list[tuple[str, Bind]]
    texts: list[tuple[str, Callable[[Place, Bound, Stored], list[str | Filled]]]]
    successors: list[Wire] = field(default_factory=list)
    dependents: list[int] = field(default_factory=list)
    controls: int = 0
    """Wires that lead here, the beginning of the graph counted as one."""
    stored: dict[str, list[str]] = field(default_factory=dict)
    """User and app variables that must be read before the step is bound."""
    secrets: tuple[tuple[str, ...], ...] = ()
    """Inputs that no record may show."""
    parts: Callable[[Place, Bound, Stored], list[str | Filled]] | None = None
    operands: list[list[tuple[Bind, Bind | None]]] = field(default_factory=list)
    candidates: list[tuple[str, list[Bind]]] = field(default_factory=list)
    consumers: list[Consumer] = field(default_factory=list)
    body: Prepared | None = None
    results: list[tuple[str, Result, Bind]] = field(default_factory=list)
    outer_reads: tuple[int, ...] = ()
    """Steps of the graph around a composite whose outputs its body reads."""


@dataclass(slots=True)
class Prepared:
    """A graph made ready."""

    graph: Graph
    nodes: list[Node]
    by_id: dict[str, Node]
    unreached: tuple[int, ...]
    """Steps that no wire leads to: they are skipped as the walk begins."""


_plans: OrderedDict[str, Prepared] = OrderedDict()


def prepare_plan(plan: Plan, plan_hash: str) -> Prepared:
    """The plan's graph made ready; the same hash gives the same object while it is kept."""
    if (found := _plans.get(plan_hash)) is not None:
        return found
    prepared = prepare(plan.graph)
    if plan_hash:
        _plans[plan_hash] = prepared
        while len(_plans) > KEPT_PLANS:
            _plans.popitem(last=False)
    return prepared


def prepare(graph: Graph) -> Prepared:
    """Make a graph ready to walk."""
    nodes = [_node(number, step) for number, step in enumerate(graph.steps)]
    for wire in graph.wires:
        nodes[wire.source].successors.append(wire)
        nodes[wire.target].controls += 1
    for number in graph.entries:
        nodes[number].controls += 1
    for node in nodes:
        for need in node.step.needs:
            nodes[need].dependents.append(node.number)
    for node in nodes:
        _find_producers(node, nodes)
    unreached = tuple(node.number for node in nodes if not node.controls)
    for number in unreached:
        nodes[number].controls = 1
    return Prepared(graph, nodes, {node.step.id: node for node in nodes}, unreached)


def _node(number: int, step: Step) -> Node:
    inputs: list[tuple[str, Bind]] = []
    texts: list[tuple[str, Callable[[Place, Bound, Stored], list[str | Filled]]]] = []
    for name, binding in step.inputs.items():
        if isinstance(binding, Text):
            texts.append((name, fill_parts(binding, step.inputs)))
        else:
            inputs.append((name, bind(binding)))
    node = Node(
        step=step, number=number, inputs=inputs, texts=texts, secrets=tuple(secrets_of(step.input_schema or {}))
    )
    for binding in bindings_of(step):
        for leaf in leaves_of(binding):
            if isinstance(leaf, FromScope) and leaf.scope in ("user", "app") and leaf.path:
                names = node.stored.setdefault(leaf.scope, [])
                if (name := str(leaf.path[0])) not in names:
                    names.append(name)
    match step.action:
        case Finish(answer=Text() as text) | Emit(content=text):
            node.parts = fill_parts(text, step.inputs)
        case Choose(cases=cases):
            for case in cases:
                pairs = [(bind(one.left), None if one.right is None else bind(one.right)) for one in case.comparisons]
                node.operands.append(pairs)
        case Merge(groups=groups):
            node.candidates = [(name, [bind(one) for one in candidates]) for name, candidates in groups.items()]
        case Loop(body=body, results=results) | Map(body=body, results=results):
            node.body = prepare(body)
            node.results = [(name, result, bind(result.source)) for name, result in results.items()]
            node.outer_reads = _outer_reads(body)
        case _:
            pass
    return node


def _outer_reads(body: Graph) -> tuple[int, ...]:
    found: dict[int, None] = {}
    for step in body.steps:
        for binding in bindings_of(step):
            for leaf in leaves_of(binding):
                if isinstance(leaf, FromStep) and leaf.outer:
                    found[leaf.step] = None
    return tuple(found)


def _find_producers(node: Node, nodes: Sequence[Node]) -> None:
    """Tell every step that streams an output which messages forward it."""
    match node.step.action:
        case Finish(answer=Text() as text) | Emit(content=text):
            pass
        case _:
            return
    for position, part in enumerate(text.parts):
        if isinstance(part, str) or part.source is None:
            continue
        source = node.step.inputs.get(part.source.name) if isinstance(part.source, FromInput) else part.source
        if not isinstance(source, FromStep) or source.outer:
            continue
        if isinstance(part.source, FromInput) and part.source.path:
            continue
        producer = nodes[source.step]
        action = producer.step.action
        streams = streamed_by(action)
        if streams is not None and source.path == (streams,):
            producer.consumers.append(Consumer(node.number, position, _reads(text, position, node.step)))


def streamed_by(action: Action) -> str | None:
    """The field of its output that a step tells in pieces while it is made."""
    match action:
        case Call(streams=streams) | Converse(turn=Call(streams=streams)):
            return streams
        case _:
            return None


def _reads(text: Text, end: int, step: Step) -> tuple[int, ...]:
    """The steps of this graph that the first parts of a template read."""
    found: dict[int, None] = {}
    for part in text.parts[:end]:
        if isinstance(part, str) or part.source is None:
            continue
        source = step.inputs.get(part.source.name) if isinstance(part.source, FromInput) else part.source
        for leaf in leaves_of(source) if source is not None else ():
            if isinstance(leaf, FromStep) and not leaf.outer:
                found[leaf.step] = None
    return tuple(found)
