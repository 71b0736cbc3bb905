"""The compiler: a valid canvas becomes a plan, every name resolved, every step placed in its tier."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from engine.bindings import bindings_of, leaves_of
from engine.canvas import (
    Canvas,
    Edge,
    Expression,
    JsonSchema,
    ListOf,
    Literally,
    Node,
    ObjectOf,
    Reference,
    Template,
)
from engine.conversion import convert
from engine.errors import InvalidCanvas
from engine.limits import DEFAULT_LIMITS, Limits
from engine.node_type import NodeLibrary, NodeType, Role
from engine.pins import Pin, Pins, check_pins, pinned, silent_nodes
from engine.plan import (
    Action,
    Arr,
    Assign,
    Binding,
    Call,
    Compute,
    Const,
    Converse,
    Delay,
    ErrorPolicy,
    Finish,
    FromInput,
    FromScope,
    FromStep,
    Graph,
    Loop,
    Map,
    Obj,
    Placeholder,
    Plan,
    Result,
    Start,
    Step,
    Subflow,
    Text,
    Wait,
    Wire,
)
from engine.prune import prune
from engine.references import split_template
from engine.tools import offer_tools
from engine.validation import WorkflowFace, validate
from engine.variable_types import VariableTypes

OPEN_OBJECT: JsonSchema = {"type": "object", "additionalProperties": True}
CHILD_WEIGHT = 5
"""What a sub-workflow with a history of its own weighs beside an activity."""
TALK_WEIGHT = 12
"""What a conversation weighs: some turns of a model, and some tools."""


@dataclass(frozen=True)
class Callee:
    """A published workflow that another one calls."""

    workflow_id: str
    version: str
    plan_hash: str
    plan: Plan
    uses: tuple[str, ...] = ()
    """Ids of the workflows that it calls in turn."""
    name: str = ""
    description: str = ""
    """What it is called and what it does, for a model that may call it."""

    @property
    def face(self) -> WorkflowFace:
        """What a caller's validation must know of it."""
        return WorkflowFace(
            id=self.workflow_id,
            version=self.version,
            inputs=self.plan.inputs,
            outputs=self.plan.outputs,
            uses=self.uses,
            answers=self.plan.answers,
        )


Resolve = Callable[[str, str], Callee | None]
"""Finds a workflow by id or key and version (empty: the latest)."""


def compile_canvas(
    canvas: Canvas,
    library: NodeLibrary,
    resolve: Resolve | None = None,
    *,
    own_id: str = "",
    limits: Limits = DEFAULT_LIMITS,
    pins: Pins | None = None,
) -> Plan:
    """Compile a canvas. Raises `InvalidCanvas` with every diagnostic when it has errors.

    Nodes that are pinned give what their pin says; what is wrong with them does not matter then. Raises `InvalidInput`
    for pins that cannot be.
    """

    def face(workflow: str, version: str) -> WorkflowFace | None:
        found = resolve(workflow, version) if resolve is not None else None
        return found.face if found is not None else None

    if pins:
        check_pins(canvas, library, pins, limits)
    findings = validate(canvas, library, workflows=face if resolve is not None else None, own_id=own_id, limits=limits)
    silent = silent_nodes(canvas, pins or {})
    findings = [one for one in findings if one.node not in silent]
    if any(one.severity == "error" for one in findings):
        errors = [one for one in findings if one.severity == "error"]
        more = f" (And {len(errors) - 1} more.)" if len(errors) > 1 else ""
        raise InvalidCanvas(
            f"The canvas has errors: {errors[0].message}{more}", diagnostics=[one.to_json() for one in findings]
        )
    pruned = prune(canvas)
    compiler = _Compiler(canvas, library, resolve, limits, pins or {})
    graph = compiler.graph(pruned.nodes, pruned.edges)
    start = next(node for node in pruned.nodes if library[node.type].role is Role.START)
    finish = next(step for step in graph.steps if isinstance(step.action, Finish))
    answers = isinstance(finish.action, Finish) and finish.action.mode == "answer"
    return Plan(
        graph=graph,
        inputs=start.data.outputs or OPEN_OBJECT,
        outputs={"type": "object", "properties": {"output": {"type": "string"}}}
        if answers
        else finish.output_schema or OPEN_OBJECT,
        in_place=_tiers(graph).inline,
        answers=answers,
        plans=tuple(compiler.plans),
    )


@dataclass(frozen=True)
class _Tiers:
    """What a graph holds: only inline steps; inline and local ones; and how much one walk of it puts into a history."""

    inline: bool
    fused: bool
    weight: int


def _tiers(graph: Graph) -> _Tiers:
    inline = fused = True
    weight = 0
    for step in graph.steps:
        if any(isinstance(leaf, FromScope) and leaf.scope in ("user", "app") for leaf in _leaves(step)):
            inline = False
        match step.action:
            case Call(tier="local"):
                inline = False
            case Call() | Wait() | Delay():
                inline = fused = False
                weight += 2 if isinstance(step.action, Wait) and step.action.reader is not None else 1
            case Subflow(tier="child"):
                inline = fused = False
                weight += CHILD_WEIGHT
            case Converse():
                inline = fused = False
                weight += TALK_WEIGHT
            case Loop(body=body):
                inner = _tiers(body)
                inline, fused = inline and inner.inline, fused and inner.fused
                weight += inner.weight * 10
            case Map(inline=body_inline, fused=body_fused):
                inline, fused = inline and body_inline, fused and body_fused
                weight += 1
            case _:
                pass
    return _Tiers(inline, fused, weight)


def _leaves(step: Step) -> Iterator[Const | FromStep | FromScope | FromInput]:
    for binding in bindings_of(step):
        yield from leaves_of(binding)


@dataclass(frozen=True)
class _Scope:
    """The names a node can see: steps of its own graph, and of the graph around it."""

    here: dict[str, int]
    around: dict[str, int]


class _Lowering:
    """What a node type may use while it lowers a node (see `engine.node_type.Lowering`)."""

    def __init__(self, node: Node, settings: BaseModel | None, scope: _Scope, limits: Limits) -> None:
        self._node, self._settings, self._scope, self._limits = node, settings, scope, limits
        self.given: dict[str, Binding] = {}

    @property
    def node(self) -> Node:
        return self._node

    @property
    def settings(self) -> BaseModel | None:
        return self._settings

    def bind(self, expression: Expression) -> Binding:
        """Resolve an expression."""
        match expression:
            case Literally(value=value):
                return Const(value=value)
            case Reference(ref=ref, strict=strict):
                return self.source(ref, strict=strict)
            case Template(template=template):
                return self.text(template)
            case ObjectOf(object=members):
                return Obj(members={name: self.bind(member) for name, member in members.items()})
            case ListOf(list=items):
                return Arr(items=tuple(self.bind(item) for item in items))

    def source(self, ref: list[str | int], *, strict: bool = False) -> FromStep | FromScope:
        """Resolve a reference that validation has found good."""
        root, path = str(ref[0]), tuple(ref[1:])
        match root:
            case "item" | "index" | "loop" | "user" | "app" | "system":
                return FromScope(scope=root, path=path)
            case _ if root in self._scope.here:
                return FromStep(step=self._scope.here[root], path=path, strict=strict)
            case _:
                return FromStep(step=self._scope.around[root], path=path, outer=True, strict=strict)

    def text(self, template: str) -> Text:
        """Cut a template; a placeholder's root is a sibling input first, then a node or a scope word."""
        parts: list[str | Placeholder] = []
        for part in split_template(template, limit_bytes=self._limits.template_bytes):
            if isinstance(part, str):
                parts.append(part)
                continue
            path, literal = part
            parts.append(Placeholder(source=self._root(path), text=literal))
        return Text(parts=tuple(parts))

    def give(self, name: str, expression: Expression) -> None:
        """Add an input from the settings."""
        self.given[name] = self.bind(expression)

    def _root(self, path: tuple[str | int, ...]) -> FromStep | FromScope | FromInput | None:
        root = str(path[0])
        sibling = self._node.data.inputs.get(root)
        if sibling is not None and not isinstance(sibling, Template):
            return FromInput(name=root, path=path[1:])
        scopes = ("item", "index", "loop", "user", "app", "system")
        if root in self._scope.here or root in self._scope.around or root in scopes:
            return self.source(list(path))
        return None


class _Compiler:
    """Lowers nodes and wires them up; gathers the plans they call."""

    def __init__(
        self, canvas: Canvas, library: NodeLibrary, resolve: Resolve | None, limits: Limits, pins: Pins
    ) -> None:
        self._library, self._resolve, self._limits, self._pins = library, resolve, limits, pins
        self._variables = VariableTypes(canvas, library)
        self.plans: dict[str, None] = {}

    def graph(
        self, nodes: list[Node], edges: list[Edge], *, owner: Node | None = None, around: dict[str, int] | None = None
    ) -> Graph:
        """Lower one level of the canvas."""
        here = {node.id: number for number, node in enumerate(nodes)}
        scope = _Scope(here, around or {})
        steps = tuple(self._step(node, scope, owner) for node in nodes)
        begin = owner.id if owner is not None else None
        wires: list[Wire] = []
        entries: list[int] = []
        for edge in edges:
            if edge.source == begin and edge.target in here:
                entries.append(here[edge.target])
            elif edge.source in here and edge.target in here:
                wires.append(Wire(source=here[edge.source], target=here[edge.target], port=edge.port or None))
        if owner is None:
            entries = [number for number, step in enumerate(steps) if isinstance(step.action, Start)]
        return Graph(steps=steps, wires=tuple(dict.fromkeys(wires)), entries=tuple(dict.fromkeys(entries)))

    def _step(self, node: Node, scope: _Scope, owner: Node | None) -> Step:
        kind = self._library[node.type]
        if (pin := self._pins.get(node.id)) is not None:
            return self._pinned(node, kind, pin)
        settings = kind.settings.model_validate(node.data.settings) if kind.settings is not None else None
        lowering = _Lowering(node, settings, scope, self._limits)
        inputs = {name: lowering.bind(expression) for name, expression in node.data.inputs.items()}
        action = self._complete(kind.lower(lowering), node, scope, owner)
        outputs = _outputs(kind, node, action)
        # Every part is what it is to be: to look at all schemas again takes longer than all else here.
        step = Step.model_construct(
            id=node.id,
            title=node.title,
            node_type=node.type,
            action=action,
            inputs=inputs | lowering.given,
            input_schema=_input_schema(kind, node),
            types={"type": "object", "properties": {**node.data.types}} if node.data.types else None,
            output_schema=outputs,
            zero_inputs=kind.zero_inputs,
            null_outputs=kind.null_outputs,
            on_error=_policy(node, outputs),
        )
        return step.model_copy(update={"needs": _needs(step)})

    def _pinned(self, node: Node, kind: NodeType, pin: Pin) -> Step:
        """A step that reads nothing and does nothing."""
        outputs = node.data.outputs or kind.outputs
        return Step(
            id=node.id,
            title=node.title,
            node_type=node.type,
            action=pinned(node, pin, outputs),
            output_schema=outputs,
            null_outputs=kind.null_outputs,
            on_error=_policy(node, outputs),
        )

    def _complete(self, action: Action, node: Node, scope: _Scope, owner: Node | None) -> Action:
        """Fill in what only the compiler knows: bodies, the types of variables, and the plans of sub-workflows."""
        match action:
            case Loop() | Map():
                body = self.graph(node.blocks, node.edges, owner=node, around=scope.here)
                blocks = {block.id: number for number, block in enumerate(node.blocks)}
                inner = _Lowering(node, None, _Scope(blocks, scope.here), self._limits)
                results = {name: Result(source=inner.source(ref.ref)) for name, ref in node.data.results.items()}
                filled: dict[str, object] = {
                    "body": body,
                    "results": results,
                    "zipped": isinstance(node.data.inputs.get("items"), ObjectOf),
                }
                if isinstance(action, Map):
                    tiers = _tiers(body)
                    filled |= {"inline": tiers.inline, "fused": tiers.fused, "activities": tiers.weight}
                else:
                    filled["variable_types"] = self._variables.of(node)
                return action.model_copy(update=filled)
            case Subflow():
                return self._found(action, node)[0]
            case Converse():
                return offer_tools(action, lambda flow: self._found(flow, node))
            case Assign() if owner is not None:
                types = self._variables.of(owner)
                return Assign(types={name: types[name] for name in node.data.inputs if name in types})
            case _:
                return action

    def _found(self, action: Subflow, node: Node) -> tuple[Subflow, Callee]:
        """The workflow that is called, and the action with its plan."""
        callee = self._resolve(action.workflow_id, action.version) if self._resolve is not None else None
        if callee is None:
            raise InvalidCanvas(
                f"{node.title} calls the workflow {action.workflow_id}, which is not known.", node=node.id
            )
        for plan in (callee.plan_hash, *callee.plan.plans):
            self.plans[plan] = None
        update = {
            "plan_hash": callee.plan_hash,
            "workflow_id": callee.workflow_id,
            "version": callee.version,
            "tier": "inline" if callee.plan.in_place else "child",
            "streams": "output" if callee.plan.answers and not callee.plan.in_place else None,
        }
        return action.model_copy(update=update), callee


def _needs(step: Step) -> tuple[int, ...]:
    """The steps of the same graph that this step reads, and for a composite those its body reads."""
    found: dict[int, None] = {}
    for leaf in _leaves(step):
        if isinstance(leaf, FromStep) and not leaf.outer:
            found[leaf.step] = None
    if isinstance(step.action, Loop | Map):
        for inner in step.action.body.steps:
            for leaf in _leaves(inner):
                if isinstance(leaf, FromStep) and leaf.outer:
                    found[leaf.step] = None
    return tuple(found)


def _input_schema(kind: NodeType, node: Node) -> JsonSchema | None:
    """An end's variables have the types it declares as its outputs; every other node's inputs those of its type."""
    if kind.role is Role.END:
        return node.data.outputs
    return kind.inputs or None


def _outputs(kind: NodeType, node: Node, action: Action) -> JsonSchema | None:
    if isinstance(action, Loop | Map | Subflow | Compute):
        return node.data.outputs or kind.outputs
    if isinstance(action, Wait) and action.ask == "form":
        schema = action.settings.get("schema")
        return schema if isinstance(schema, dict) else None
    return node.data.outputs or kind.outputs


def _policy(node: Node, outputs: JsonSchema | None) -> ErrorPolicy:
    said = node.data.on_error
    default = said.default
    if default is not None and outputs is not None:
        fitting, _ = convert(default, outputs)
        default = fitting if isinstance(fitting, dict) else default
    return ErrorPolicy(
        policy=said.policy, retries=said.retries, timeout_ms=said.timeout_ms, default=default, codes=said.codes
    )
