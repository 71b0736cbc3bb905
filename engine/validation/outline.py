"""The canvas as its rules look at it: levels of nodes, each with its type and settings, without what is isolated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from engine.canvas import Canvas, Edge, JsonSchema, Node, Template
from engine.findings import short
from engine.node_type import NodeLibrary, NodeType, Role
from engine.prune import isolated
from engine.shape import dotted, flaws
from engine.validation.report import Report, every_node
from engine.workflow_face import FindWorkflow, WorkflowFace

LOOP: Final = "loop"
BATCH: Final = "batch"
SET_VARIABLE: Final = "set_variable"
SUBWORKFLOW: Final = "subworkflow"
ERROR_PORT: Final = "error"

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Placed:
    """A node with what its type says of it.

    `kind` is None when the type is unknown; `settled` says that the settings fit.
    """

    node: Node
    kind: NodeType | None
    settings: BaseModel | None
    settled: bool
    ports: tuple[str, ...] | None
    """The named ways out; None while type or settings do not tell."""
    face: WorkflowFace | None = None
    """What a sub-workflow node calls, when that is known."""

    @property
    def name(self) -> str:
        """How messages call it."""
        title = self.node.data.title
        return f'"{title}" ({self.node.id})' if title else f'"{self.node.id}"'

    def is_a(self, role: Role) -> bool:
        """Whether its type is known and has this role."""
        return self.kind is not None and self.kind.role is role

    def is_input(self, name: str) -> bool:
        """Whether a placeholder may name this input: one that is a template itself is not known in time."""
        expression = self.node.data.inputs.get(name)
        return expression is not None and not isinstance(expression, Template)

    @property
    def input_schema(self) -> JsonSchema:
        """What its inputs must be: an end's variables have the types that it declares as its outputs."""
        if self.face is not None:
            return self.face.inputs
        if self.is_a(Role.END):
            return self.node.data.outputs or {}
        return self.kind.inputs if self.kind is not None else {}


@dataclass(frozen=True, eq=False)
class Level:
    """The top of the canvas, or the body of a composite."""

    nodes: tuple[Placed, ...]
    edges: tuple[Edge, ...]
    by_id: Mapping[str, Placed]
    isolated: frozenset[str]
    owner: Placed | None = None
    around: Level | None = None

    @property
    def in_loop(self) -> bool:
        """Whether it is the body of a loop; a batch is none."""
        return self.owner is not None and self.owner.node.type == LOOP


@dataclass(frozen=True, eq=False)
class Outline:
    """The whole canvas: its top, and the bodies in it."""

    top: Level
    bodies: Mapping[str, Level]
    ids: frozenset[str]
    """Every id there is, at any depth."""

    @property
    def levels(self) -> Iterator[Level]:
        """The top, then every body."""
        yield self.top
        yield from self.bodies.values()

    @property
    def nodes(self) -> Iterator[tuple[Level, Placed]]:
        """Every node that is not left out, with its level."""
        for level in self.levels:
            for placed in level.nodes:
                yield level, placed


def outline(canvas: Canvas, library: NodeLibrary, report: Report, workflows: FindWorkflow | None) -> Outline:
    """Look up every node's type and read its settings; what is wrong with them is reported here."""
    faces: dict[tuple[str, str], WorkflowFace | None] = {}

    def face_of(node: Node) -> WorkflowFace | None:
        called = called_by(node)
        if workflows is None or called is None:
            return None
        if called not in faces:
            faces[called] = workflows(*called)
        return faces[called]

    def placed(node: Node) -> Placed:
        kind = library.get(node.type)
        if kind is None:
            return Placed(node, None, None, settled=False, ports=None)
        settings, settled = _settings(node, kind, report)
        ports = _ports(node, kind, settings, report) if settled or not callable(kind.ports) else None
        return Placed(node, kind, settings, settled, ports, face_of(node))

    def level(nodes: list[Node], edges: list[Edge], owner: Placed | None, around: Level | None) -> Level:
        gone = isolated(nodes, edges)
        kept = tuple(placed(node) for node in nodes if node.id not in gone)
        # Of two nodes with one id the first is meant, so that the second one alone is wrong.
        by_id = {one.node.id: one for one in reversed(kept)}
        return Level(kept, tuple(edges), by_id, gone, owner, around)

    top = level(canvas.nodes, canvas.edges, None, None)
    bodies = {
        owner.node.id: level(owner.node.blocks, owner.node.edges, owner, top)
        for owner in top.nodes
        if top.by_id[owner.node.id] is owner and owner.is_a(Role.COMPOSITE)
    }
    return Outline(top, bodies, frozenset(node.id for node in every_node(canvas.nodes)))


def called_by(node: Node) -> tuple[str, str] | None:
    """Id and version of the workflow that a sub-workflow node calls."""
    workflow, version = node.data.settings.get("workflow"), node.data.settings.get("version", "")
    if node.type != SUBWORKFLOW or not isinstance(workflow, str) or not isinstance(version, str):
        return None
    return workflow, version


def ask(report: Report, node: Node, kind: NodeType, question: Callable[[], T]) -> T | None:
    """Ask a node type something about a node of its own; None when it fails."""
    try:
        return question()
    except Exception as error:  # noqa: BLE001 - it may come from another package, whose fault must not hide all findings
        failed = f"{type(error).__name__}: {error}"
        report.error(
            "node_type_failed",
            f'The node type "{kind.name}" of {kind.source} failed when it looked at this node ({failed}).',
            node,
            "type",
            source=kind.source,
        )
        return None


def _settings(node: Node, kind: NodeType, report: Report) -> tuple[BaseModel | None, bool]:
    given, model = node.data.settings, kind.settings
    if model is None:
        for name in given:
            message = f'The node type "{kind.name}" has no settings, so there is nothing to set as "{short(name)}".'
            report.error("unknown_setting", message, node, f"data.settings.{short(name)}")
        return None, not given

    def read() -> BaseModel | None:
        try:
            return model.model_validate(given)
        except ValidationError as error:
            for flaw in flaws(error, given, model.model_fields):
                field = dotted(("data", "settings", *flaw.path))
                report.error(flaw.code, flaw.message, node, field)
            return None

    settings = ask(report, node, kind, read)
    return settings, settings is not None


def _ports(node: Node, kind: NodeType, settings: BaseModel | None, report: Report) -> tuple[str, ...]:
    own = ask(report, node, kind, lambda: tuple(map(str, kind.ports_of(settings))))
    branches = node.data.on_error.policy == "branch" and kind.handles_errors
    return (*(own or ()), *([ERROR_PORT] if branches else []))
