"""What the engine must know of a node type to validate a canvas and compile it; `nodes` makes these, one per file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, JsonValue

from engine.canvas import Expression, JsonSchema, Node
from engine.diagnostics import Diagnostic
from engine.plan import Action, Binding, Text


class Category(StrEnum):
    """The groups of the palette, in its order."""

    AI = "ai"
    LOGIC = "logic"
    TEXT = "text"
    DATA = "data"
    KNOWLEDGE = "knowledge"
    CONVERSATION = "conversation"
    TOOLS = "tools"


class Role(StrEnum):
    """What the structure of the canvas must know of a node."""

    START = "start"
    END = "end"
    COMPOSITE = "composite"
    LEAVE = "leave"  # break, continue: needs no outgoing edge, only inside a loop
    PLAIN = "plain"


@dataclass(frozen=True)
class Example:
    """Inputs and the output they give: shown in the docs, run as the node type's first test."""

    inputs: Mapping[str, JsonValue]
    output: JsonValue
    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    title: str = ""


class Lowering(Protocol):
    """What the compiler offers a node type while it lowers a node."""

    @property
    def node(self) -> Node: ...
    @property
    def settings(self) -> BaseModel | None:
        """The node's settings, parsed by the node type's model."""
        ...

    def bind(self, expression: Expression) -> Binding:
        """Resolve an expression that sits in the settings; the step then waits for what it reads."""
        ...

    def text(self, template: str) -> Text:
        """Cut a template that sits in the settings; placeholders name inputs of the node, or nodes."""
        ...

    def give(self, name: str, expression: Expression) -> None:
        """Give the step an input that sits in the settings: it is bound after those of the canvas."""
        ...


@dataclass(frozen=True)
class CalledWorkflow:
    """A workflow that a node lets a model call, and which of its inputs the settings give."""

    at: str
    """The path of the setting, such as `tools.0`."""
    workflow: str
    version: str = ""
    fixed: Mapping[str, JsonValue] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    """The inputs that a model does not give."""


@dataclass(frozen=True)
class NodeType:
    """One node type, whole, as the editor, the validator and the compiler see it.

    `inputs` is the JSON Schema (an object) of its inputs; `additionalProperties` other than false allows names of the
    author's own. `outputs` is the schema of its output, None where the canvas declares it. `ports` are the named ways
    out besides the plain one; a function where they depend on the settings. `lower` makes the step's action. `check`
    adds findings that the general rules cannot see.
    """

    name: str
    title: str
    category: Category
    description: str
    inputs: JsonSchema
    outputs: JsonSchema | None
    lower: Callable[[Lowering], Action]
    settings: type[BaseModel] | None = None
    ports: tuple[str, ...] | Callable[[BaseModel], tuple[str, ...]] = ()
    role: Role = Role.PLAIN
    zero_inputs: bool = False
    null_outputs: bool = True
    handles_errors: bool = True
    """Whether `on_error` may be set: false for nodes that cannot fail or only steer."""
    check: Callable[[Node, BaseModel | None], Iterable[Diagnostic]] | None = None
    expressions: Callable[[BaseModel], Iterable[tuple[str, Expression]]] | None = None
    """Expressions inside the settings, each with its field path, so that their references are validated too."""
    calls: Callable[[BaseModel], Iterable[CalledWorkflow]] | None = None
    """Workflows that the settings name as tools; `lower` makes them a `Converse`, which the compiler completes."""
    examples: tuple[Example, ...] = ()
    source: str = "mainspring"
    """The distribution it comes from."""
    version: int = 1

    def ports_of(self, settings: BaseModel | None) -> tuple[str, ...]:
        """The named ports of a node with these settings."""
        if callable(self.ports):
            return self.ports(settings) if settings is not None else ()
        return self.ports


NodeLibrary = Mapping[str, NodeType]
"""Every known node type by its name."""
