"""A plan made ready to walk: who waits for whom, and every binding as a function; made once per plan and process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.bindings import Bind, Fill, bind, bindings_of, fill_parts, leaves_of
from engine.plan import (
    Action,
    Assign,
    Binding,
    Call,
    Choose,
    Compute,
    Converse,
    Emit,
    Finish,
    FromInput,
    FromScope,
    FromStep,
    Give,
    Graph,
    Leave,
    Loop,
    Map,
    Merge,
    Obj,
    Placeholder,
    Plan,
    Refuse,
    Result,
    Start,
    Step,
    Subflow,
    Text,
    Wire,
)
from engine.schema import as_schema, properties_of
from engine.secrets import secrets_of

KEPT_PLANS = 256
_MERGES: Final = 8
"""Merges that a stream passes through at most."""
INSTANT = (Start, Finish, Emit, Compute, Choose, Merge, Assign, Refuse, Give, Leave)
"""Actions that take no time."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A group of a merge, and the candidate in it that is to be chosen."""

    step: int
    group: str
    candidate: int


@dataclass(frozen=True, slots=True)
class Consumer:
    """A message that forwards a streamed output: the step that sends it, the part of its template, and the merges on
    the way there, the nearest to the streaming step first.
    """

    step: int
    part: int
    via: tuple[Choice, ...] = ()
    early: bool = False
    """It forwards what the step tells before its streamed output."""


UNKNOWN: Final = -1
"""Stands for a source whose value is not at hand before the step begins."""


@dataclass(slots=True)
class Node:
    """A step made ready."""

    step: Step
    number: int
    inputs: list[tuple[str, Bind]]
    texts: list[tuple[str, Fill]]
    late: list[tuple[str, Bind]] = field(default_factory=list)
    """Objects and lists with templates in them that name other inputs: those must be there first."""
    successors: list[Wire] = field(default_factory=list)
    incoming: list[Wire] = field(default_factory=list)
    dependents: list[int] = field(default_factory=list)
    controls: int = 0
    """Wires that lead here, the beginning of the graph counted as one."""
    stored: dict[str, list[str]] = field(default_factory=dict)
    """User and app variables that must be read before the step is bound."""
    secrets: tuple[tuple[str, ...], ...] = ()
    """Inputs that no record may show."""
    parts: Fill | None = None
    part_reads: list[tuple[int, ...]] = field(default_factory=list)
    """Per part of the message's template the steps of this graph that it reads."""
    operands: list[list[tuple[Bind, Bind | None]]] = field(default_factory=list)
    candidates: list[tuple[str, list[Bind]]] = field(default_factory=list)
    candidate_reads: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)
    """Per group of a merge and candidate the steps of this graph that it reads."""
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
    behind: dict[int, frozenset[int]] = field(default_factory=dict)
    """Per step that was asked about, those that cannot begin before it has ended."""

    def waits_for(self, step: int, first: int) -> bool:
        """Whether a step cannot begin before another has ended."""
        if (known := self.behind.get(first)) is None:
            found: set[int] = set()
            pending = [first]
            while pending:
                node = self.nodes[pending.pop()]
                for follower in (*(wire.target for wire in node.successors), *node.dependents):
                    if follower not in found:
                        found.add(follower)
                        pending.append(follower)
            known = self.behind[first] = frozenset(found)
        return step in known


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
        nodes[wire.target].incoming.append(wire)
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
    texts: list[tuple[str, Fill]] = []
    waiting: dict[str, set[str]] = {}
    for name, binding in step.inputs.items():
        if isinstance(binding, Text):
            texts.append((name, fill_parts(binding, step.inputs)))
        elif named := {leaf.name for leaf in leaves_of(binding) if isinstance(leaf, FromInput)}:
            waiting[name] = named
        else:
            inputs.append((name, bind(binding)))
    late = [(name, bind(step.inputs[name])) for name in _after_those_named(waiting)]
    secrets = tuple(secrets_of(step.input_schema or {}))
    node = Node(step=step, number=number, inputs=inputs, texts=texts, late=late, secrets=secrets)
    for binding in bindings_of(step):
        for leaf in leaves_of(binding):
            if isinstance(leaf, FromScope) and leaf.scope in ("user", "app") and leaf.path:
                names = node.stored.setdefault(leaf.scope, [])
                if (name := str(leaf.path[0])) not in names:
                    names.append(name)
    match step.action:
        case Finish(answer=Text() as text) | Emit(content=text):
            node.parts = fill_parts(text, step.inputs)
            node.part_reads = [_part_reads(part, step) for part in text.parts]
        case Choose(cases=cases):
            for case in cases:
                pairs = [(bind(one.left), None if one.right is None else bind(one.right)) for one in case.comparisons]
                node.operands.append(pairs)
        case Merge(groups=groups):
            node.candidates = [(name, [bind(one) for one in candidates]) for name, candidates in groups.items()]
            node.candidate_reads = {name: [_reads(one) for one in candidates] for name, candidates in groups.items()}
        case Loop(body=body, results=results) | Map(body=body, results=results):
            node.body = prepare(body)
            node.results = [(name, result, bind(result.source)) for name, result in results.items()]
            node.outer_reads = _outer_reads(body)
        case _:
            pass
    return node


def _after_those_named(waiting: Mapping[str, set[str]]) -> list[str]:
    """Each name behind the others that it waits for; in a ring, as they come."""
    ordered: dict[str, None] = {}
    while left := [name for name in waiting if name not in ordered]:
        ordered[next((name for name in left if not waiting[name] & set(left)), left[0])] = None
    return list(ordered)


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
        if not isinstance(part, str) and part.source is not None:
            for producer, via, early in _producers(_source_of(part.source, node.step), nodes, ()):
                nodes[producer].consumers.append(Consumer(node.number, position, via, early))


def _producers(
    source: Binding | None, nodes: Sequence[Node], via: tuple[Choice, ...]
) -> Iterator[tuple[int, tuple[Choice, ...], bool]]:
    """The steps whose streamed output a binding is, or what they tell before that, itself or through merges."""
    if not isinstance(source, FromStep) or source.outer or len(via) > _MERGES:
        return
    node = nodes[source.step]
    action = node.step.action
    if isinstance(action, Merge):
        if len(source.path) == 1 and isinstance(group := source.path[0], str):
            for number, candidate in enumerate(action.groups.get(group, ())):
                yield from _producers(candidate, nodes, (Choice(source.step, group, number), *via))
    elif len(source.path) == 1 and source.path[0] in (fields := (streamed_by(action), thought_by(action))):
        yield source.step, via, source.path[0] == fields[1]


def _source_of(source: FromStep | FromScope | FromInput, step: Step) -> Binding | None:
    """What a placeholder stands for; None where that is no text as it comes."""
    if not isinstance(source, FromInput):
        return source
    declared = as_schema(properties_of(step.types or {}).get(source.name))
    if declared and (declared.get("type") != "string" or "format" in declared):
        return None
    found = step.inputs.get(source.name)
    for part in source.path:
        found = found.members.get(str(part)) if isinstance(found, Obj) else None
    return found


def streamed_by(action: Action) -> str | None:
    """The field of its output that a step tells in pieces while it is made."""
    match action:
        case Call(streams=streams) | Converse(turn=Call(streams=streams)) | Subflow(streams=streams):
            return streams
        case _:
            return None


def thought_by(action: Action) -> str | None:
    """The field of its output that it tells before that, in pieces too."""
    match action:
        case Call(thinks=thinks) | Converse(turn=Call(thinks=thinks)):
            return thinks
        case _:
            return None


def _part_reads(part: str | Placeholder, step: Step) -> tuple[int, ...]:
    if isinstance(part, str) or part.source is None:
        return ()
    if isinstance(part.source, FromInput):
        found = step.inputs.get(part.source.name)
        return () if found is None else _reads(found)
    return _reads(part.source)


def _reads(binding: Binding) -> tuple[int, ...]:
    """The steps of this graph that a binding reads."""
    found: dict[int, None] = {}
    for leaf in leaves_of(binding):
        if isinstance(leaf, FromStep) and not leaf.outer:
            found[leaf.step] = None
        elif isinstance(leaf, FromInput) or (isinstance(leaf, FromScope) and leaf.scope in ("user", "app")):
            found[UNKNOWN] = None
    return tuple(found)
