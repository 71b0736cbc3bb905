"""The surface on which a node type is written: two decorators make everything else of one function and its models."""

from __future__ import annotations

import builtins
import inspect
import typing
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel

from engine.canvas import Expression, JsonSchema, Node
from engine.diagnostics import Diagnostic
from engine.node_type import CalledWorkflow, Category, Example, Lowering, NodeType, Role
from engine.plan import Action, Call
from engine.values import Json
from nodes.context import NodeContext
from nodes.reading import read_inputs
from nodes.schema import FREE_OBJECT, NO_MEMBERS, schema_of

__all__ = [
    "DECLARED", "FREE_OBJECT", "NO_MEMBERS", "ActivityNode", "Category", "ControlNode", "Example", "NodeContext",
    "Retry", "Role", "activity_node", "control_node", "settings_of",
]  # fmt: skip

IN = TypeVar("IN", bound=BaseModel)
S = TypeVar("S", bound=BaseModel)


class Outputs(Enum):
    """Where the schema of an output comes from, if not from the node type."""

    DECLARED = "declared"


DECLARED: Final = Outputs.DECLARED
"""The canvas declares the output: the node type cannot know it."""

Result = BaseModel | Mapping[str, Json]
Schema = type[BaseModel] | JsonSchema
Ports = tuple[str, ...] | Callable[[S], tuple[str, ...]]
Check = Callable[[Node, S], Iterable[Diagnostic]]
Expressions = Callable[[S], Iterable[tuple[str, Expression]]]


@dataclass(frozen=True, slots=True)
class Retry:
    """How often an activity is tried in all after retryable errors, and how long it rests before the second try."""

    attempts: int = 1
    backoff: timedelta = timedelta(milliseconds=500)
    factor: float = 2.0


@dataclass(frozen=True)
class ActivityNode(Generic[IN]):
    """A node type that does something. `run` is what the worker calls."""

    type: NodeType
    inputs: builtins.type[IN]
    function: Callable[[IN, NodeContext], Awaitable[Result]]

    async def run(self, inputs: Mapping[str, Json], ctx: NodeContext) -> dict[str, Json]:
        """Check the bound inputs, do the work, hand back the output as JSON.

        Raises `InvalidInput` and what the node raises.
        """
        result = await self.function(read_inputs(self.inputs, inputs), ctx)
        return result.model_dump(mode="json", by_alias=True) if isinstance(result, BaseModel) else dict(result)


@dataclass(frozen=True)
class ControlNode:
    """A node type that steers: it exists at compile time alone."""

    type: NodeType


def activity_node(
    name: str,
    *,
    title: str,
    category: Category,
    tier: Literal["activity", "local"] = "activity",
    timeout: timedelta = timedelta(minutes=1),
    heartbeat: timedelta = timedelta(seconds=10),
    retry: Retry | Callable[[Node], Retry] = Retry(),
    streams: str | Callable[[Node], str | None] | None = None,
    thinks: str | None = None,
    outputs: Outputs | Schema | None = None,
    settings: type[BaseModel] | None = None,
    ports: tuple[str, ...] | Callable[[Any], tuple[str, ...]] = (),
    check: Callable[[Node, Any], Iterable[Diagnostic]] | None = None,
    becomes: Callable[[Lowering, Call], Action] | None = None,
    calls: Callable[[Any], Iterable[CalledWorkflow]] | None = None,
    examples: tuple[Example, ...] = (),
    zero_inputs: bool = False,
    null_outputs: bool = True,
    version: int = 1,
) -> Callable[[Callable[[IN, NodeContext], Awaitable[Result]]], ActivityNode[IN]]:
    """Make a node type of `async def f(inputs: Inputs, ctx: NodeContext) -> Output`.

    Its docstring is the description, its models are the schemas; `outputs` says otherwise where a model cannot.
    `timeout` is for all attempts together; `retry` may depend on what the canvas says of the node. `streams` names the
    output field whose pieces the function tells through `ctx.emit`, `thinks` the one that it tells before, through
    `ctx.think`. A node with `ports` names the one it leaves by
    through `ctx.leave_by`. `becomes` makes another action of the node's call, such as a conversation in which a model
    calls tools; `calls` names the workflows among them. A `local` node is short and may run again with the
    steps around it, so whatever it does must be the same done twice. An input that is null counts as absent;
    `zero_inputs` would hand in the zero of its type instead, also for what has a better default.
    """

    def decorate(function: Callable[[IN, NodeContext], Awaitable[Result]]) -> ActivityNode[IN]:
        inputs, result = _signature(function)

        def lower(lowering: Lowering) -> Action:
            tries = retry(lowering.node) if callable(retry) else retry
            call = Call(
                activity=name,
                tier=tier,
                timeout_ms=_milliseconds(timeout),
                heartbeat_ms=_milliseconds(heartbeat),
                attempts=tries.attempts,
                backoff_ms=_milliseconds(tries.backoff),
                backoff_factor=tries.factor,
                streams=streams(lowering.node) if callable(streams) else streams,
                thinks=thinks,
                settings={}
                if lowering.settings is None
                else lowering.settings.model_dump(mode="json", exclude_unset=True),
            )
            return call if becomes is None else becomes(lowering, call)

        node_type = NodeType(
            name=name,
            title=title,
            category=category,
            description=_description(function),
            inputs=schema_of(inputs),
            outputs=_outputs(outputs, result),
            lower=lower,
            settings=settings,
            ports=ports,
            zero_inputs=zero_inputs,
            null_outputs=null_outputs,
            check=check,
            calls=calls,
            examples=examples,
            version=version,
        )
        return ActivityNode(type=node_type, inputs=inputs, function=function)

    return decorate


def control_node(
    name: str,
    *,
    title: str,
    category: Category,
    inputs: Schema = NO_MEMBERS,
    outputs: Outputs | Schema = NO_MEMBERS,
    settings: type[S] | None = None,
    ports: Ports[S] = (),
    role: Role = Role.PLAIN,
    check: Check[S] | None = None,
    expressions: Expressions[S] | None = None,
    examples: tuple[Example, ...] = (),
    zero_inputs: bool = False,
    null_outputs: bool = True,
    handles_errors: bool = True,
    version: int = 1,
) -> Callable[[Callable[[Lowering], Action]], ControlNode]:
    """Make a node type of `def f(lowering: Lowering) -> Action`; its docstring is the description.

    `settings`, where there are any, reach `ports`, `check` and `expressions` as the model named here.
    """

    def decorate(function: Callable[[Lowering], Action]) -> ControlNode:
        # The engine knows settings as models of any kind; that these are of this kind is what `settings=` promises.
        ports_of: Any = ports
        check_of: Any = check
        expressions_of: Any = expressions
        return ControlNode(
            type=NodeType(
                name=name,
                title=title,
                category=category,
                description=_description(function),
                inputs=_schema(inputs),
                outputs=None if isinstance(outputs, Outputs) else _schema(outputs),
                lower=function,
                settings=settings,
                ports=ports_of,
                role=role,
                zero_inputs=zero_inputs,
                null_outputs=null_outputs,
                handles_errors=handles_errors,
                check=check_of,
                expressions=expressions_of,
                examples=examples,
                version=version,
            )
        )

    return decorate


def settings_of(lowering: Lowering, model: type[S]) -> S:
    """The settings of the node being lowered, as the model the node type named."""
    if lowering.settings is None:
        return model()
    if not isinstance(lowering.settings, model):
        raise TypeError(
            f"{lowering.node.type} has settings of {type(lowering.settings).__name__}, not {model.__name__}."
        )
    return lowering.settings


def _signature(function: Callable[[IN, NodeContext], Awaitable[Result]]) -> tuple[type[IN], object]:
    """The models in a function's signature. Raises `TypeError` where it is not that of a node."""
    name = getattr(function, "__name__", repr(function))
    if not inspect.iscoroutinefunction(function):
        raise TypeError(f"{name} must be `async def`.")
    hints = typing.get_type_hints(function)
    result = hints.pop("return", None)
    models = list(hints.values())
    if len(models) != 2 or not (isinstance(models[0], type) and issubclass(models[0], BaseModel)):
        raise TypeError(f"{name} must take its inputs, a pydantic model, and the node's context, each with its type.")
    return typing.cast("type[IN]", models[0]), result


def _outputs(outputs: Outputs | Schema | None, result: object) -> JsonSchema | None:
    if isinstance(outputs, Outputs):
        return None
    if outputs is not None:
        return _schema(outputs)
    if isinstance(result, type) and issubclass(result, BaseModel):
        return schema_of(result)
    raise TypeError("A node whose return type is no pydantic model needs `outputs`: a schema, a model, or DECLARED.")


def _schema(schema: Schema) -> JsonSchema:
    return schema_of(schema) if isinstance(schema, type) else dict(schema)


def _description(function: Callable[..., object]) -> str:
    """The docstring; it is what people read in the palette, so there must be one."""
    if not (text := inspect.getdoc(function)):
        raise TypeError(
            f"{getattr(function, '__name__', function)} needs a docstring: it is the node type's description."
        )
    return text


def _milliseconds(time: timedelta) -> int:
    return time // timedelta(milliseconds=1)
