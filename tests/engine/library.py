"""A small library of node types for tests of the engine: one for every action of the plan, none of the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from engine.canvas import Expression, JsonSchema, Template
from engine.node_type import CalledWorkflow, Category, Lowering, NodeLibrary, NodeType, Role
from engine.plan import (
    Action,
    Assign,
    Call,
    Case,
    Choose,
    Comparison,
    Compute,
    Converse,
    Delay,
    Emit,
    Finish,
    Graph,
    Leave,
    Loop,
    Map,
    Merge,
    Operator,
    Start,
    Subflow,
    Tool,
    Wait,
)

CLOSED: JsonSchema = {"type": "object", "properties": {}, "additionalProperties": False}
OPEN: JsonSchema = {"type": "object", "properties": {}, "additionalProperties": True}
EMPTY = Graph(steps=(), wires=(), entries=())
"""The body of a composite as its node type lowers it: the compiler puts the real one in its place."""


def record(properties: dict[str, JsonValue], *required: str, open: bool = False) -> JsonSchema:
    """An object schema."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": open}


class Settings(BaseModel):
    """Settings in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid")


class EndSettings(Settings):
    mode: Literal["variables", "answer"] = "variables"
    answer: str = ""


class WorkSettings(Settings):
    tier: Literal["local", "activity"] = "activity"
    timeout_ms: int = 60_000
    heartbeat_ms: int = 10_000
    attempts: int = 1
    backoff_ms: int = 500
    streams: str | None = None
    thinks: str | None = None


class ComputeSettings(Settings):
    operation: str
    options: dict[str, JsonValue] = Field(default_factory=dict)


class Condition(Settings):
    left: Expression
    operator: Operator = "equal"
    right: Expression | None = None


class Branch(Settings):
    port: str
    logic: Literal["and", "or"] = "and"
    conditions: list[Condition]


class ChooseSettings(Settings):
    cases: list[Branch] = Field(min_length=1)
    otherwise: str = "otherwise"


class MergeSettings(Settings):
    groups: dict[str, list[Expression]]


class LoopSettings(Settings):
    mode: Literal["array", "count", "infinite"] = "array"


class SubworkflowSettings(Settings):
    workflow: str
    version: str = ""


class TalkSettings(Settings):
    tools: list[str] = Field(default_factory=list)
    """Workflows by their ids; `work` is the activity."""
    max_rounds: int = 3


class AskSettings(Settings):
    kind: Literal["question", "form"] = "question"
    form: JsonSchema = Field(default_factory=dict)
    reader: dict[str, JsonValue] | None = None
    """Settings of the activity `work` that reads the answers, if one does."""
    limit: int | None = None


class MessageSettings(Settings):
    content: str


S = TypeVar("S", bound=BaseModel)


def _settings(lowering: Lowering, model: type[S]) -> S:
    assert isinstance(lowering.settings, model)
    return lowering.settings


def _lower_end(lowering: Lowering) -> Action:
    settings = _settings(lowering, EndSettings)
    answer = lowering.text(settings.answer) if settings.mode == "answer" else None
    return Finish(mode=settings.mode, answer=answer)


def _lower_work(lowering: Lowering) -> Action:
    settings = _settings(lowering, WorkSettings)
    return Call(activity="work", **settings.model_dump())


def _lower_compute(lowering: Lowering) -> Action:
    settings = _settings(lowering, ComputeSettings)
    return Compute(operation=settings.operation, settings=settings.options)


def _lower_choose(lowering: Lowering) -> Action:
    settings = _settings(lowering, ChooseSettings)
    cases = tuple(
        Case(
            port=case.port,
            logic=case.logic,
            comparisons=tuple(
                Comparison(
                    left=lowering.bind(condition.left),
                    operator=condition.operator,
                    right=None if condition.right is None else lowering.bind(condition.right),
                )
                for condition in case.conditions
            ),
        )
        for case in settings.cases
    )
    return Choose(cases=cases, otherwise=settings.otherwise)


def _choose_ports(settings: BaseModel) -> tuple[str, ...]:
    assert isinstance(settings, ChooseSettings)
    return (*(case.port for case in settings.cases), settings.otherwise)


def _choose_expressions(settings: BaseModel) -> Iterable[tuple[str, Expression]]:
    assert isinstance(settings, ChooseSettings)
    for c, case in enumerate(settings.cases):
        for n, condition in enumerate(case.conditions):
            yield f"cases.{c}.conditions.{n}.left", condition.left
            if condition.right is not None:
                yield f"cases.{c}.conditions.{n}.right", condition.right


def _lower_merge(lowering: Lowering) -> Action:
    settings = _settings(lowering, MergeSettings)
    return Merge(groups={name: tuple(map(lowering.bind, group)) for name, group in settings.groups.items()})


def _merge_expressions(settings: BaseModel) -> Iterable[tuple[str, Expression]]:
    assert isinstance(settings, MergeSettings)
    for name, group in settings.groups.items():
        for position, expression in enumerate(group):
            yield f"groups.{name}.{position}", expression


def _lower_loop(lowering: Lowering) -> Action:
    return Loop(mode=_settings(lowering, LoopSettings).mode, body=EMPTY, results={})


def _lower_batch(lowering: Lowering) -> Action:
    return Map(fused=False, body=EMPTY, results={})


def _lower_subworkflow(lowering: Lowering) -> Action:
    settings = _settings(lowering, SubworkflowSettings)
    return Subflow(plan_hash="", workflow_id=settings.workflow, version=settings.version, tier="child")


def _lower_talk(lowering: Lowering) -> Action:
    settings = _settings(lowering, TalkSettings)
    shown: list[JsonValue] = [{"name": name} for name in settings.tools]
    turn = Call(activity="think", tier="activity", timeout_ms=60_000, attempts=2, backoff_ms=10, streams="text")
    work = Call(activity="work", tier="activity", timeout_ms=60_000, attempts=2, backoff_ms=10)
    tools = [
        Tool(action=work if name == "work" else Subflow(plan_hash="", workflow_id=name, version="", tier="child"))
        for name in settings.tools
    ]
    turn = turn.model_copy(update={"settings": {"tools": shown}})
    return Converse(turn=turn, tools=tuple(tools), max_rounds=settings.max_rounds)


def _talk_calls(settings: BaseModel) -> Iterable[CalledWorkflow]:
    assert isinstance(settings, TalkSettings)
    return [CalledWorkflow(f"tools.{n}", name) for n, name in enumerate(settings.tools) if name != "work"]


def _lower_ask(lowering: Lowering) -> Action:
    settings = _settings(lowering, AskSettings)
    if settings.kind == "form":
        return Wait(ask="form", settings={"schema": settings.form})
    reader = (
        None
        if settings.reader is None
        else Call(activity="work", tier="activity", timeout_ms=60_000, attempts=3, settings=settings.reader)
    )
    return Wait(ask="question", settings={} if settings.limit is None else {"limit": settings.limit}, reader=reader)


def _lower_message(lowering: Lowering) -> Action:
    return Emit(content=lowering.text(_settings(lowering, MessageSettings).content))


def _templates(*fields: str) -> Callable[[BaseModel], Iterable[tuple[str, Expression]]]:
    """Settings that are templates, shown to the validator as such."""
    return lambda settings: [(field, Template(template=getattr(settings, field))) for field in fields]


_TEXTS: JsonValue = {"type": "array", "items": {"type": "string"}}
_ITEMS: JsonValue = {"description": "A list, or an object of lists that are walked together."}

_TYPES = (
    NodeType(
        "start", "Start", Category.LOGIC, "Where a run begins.",
        inputs=CLOSED, outputs=None, lower=lambda _: Start(), role=Role.START, handles_errors=False,
    ),
    NodeType(
        "end", "End", Category.LOGIC, "Where a run ends.",
        inputs=OPEN, outputs=None, lower=_lower_end, settings=EndSettings, role=Role.END, zero_inputs=True,
        handles_errors=False, expressions=_templates("answer"),
    ),
    NodeType(
        "work", "Work", Category.TOOLS, "Does something outside.",
        inputs=record({"text": {"type": "string"}, "count": {"type": "integer"}}, open=True), outputs=None,
        lower=_lower_work, settings=WorkSettings,
    ),
    NodeType(
        "strict_work", "Strict work", Category.TOOLS, "Does something outside, with inputs and an output of its own.",
        inputs=record(
            {
                "url": {"type": "string"},
                "tries": {"type": "integer"},
                "tags": _TEXTS,
                "token": {"type": "string", "format": "password"},
            },
            "url",
        ),
        outputs=record({"status": {"type": "integer"}, "body": {"type": "string"}}, "status"),
        lower=lambda _: Call(activity="strict_work", tier="activity", timeout_ms=60_000),
    ),
    NodeType(
        "compute", "Compute", Category.DATA, "A pure function of its inputs.",
        inputs=OPEN, outputs=None, lower=_lower_compute, settings=ComputeSettings,
    ),
    NodeType(
        "choose", "Choose", Category.LOGIC, "Opens the port of the first case that holds.",
        inputs=OPEN, outputs=record({}), lower=_lower_choose, settings=ChooseSettings, ports=_choose_ports,
        expressions=_choose_expressions, null_outputs=False,
    ),
    NodeType(
        "merge", "Merge", Category.LOGIC, "Per group the first value there is.",
        inputs=CLOSED, outputs=None, lower=_lower_merge, settings=MergeSettings, expressions=_merge_expressions,
        handles_errors=False,
    ),
    NodeType(
        "set_variable", "Set variable", Category.LOGIC, "Sets variables of the loop around it.",
        inputs=OPEN, outputs=record({}), lower=lambda _: Assign(), null_outputs=False, handles_errors=False,
    ),
    NodeType(
        "loop", "Loop", Category.LOGIC, "Turns one after another.",
        inputs=record({"items": _ITEMS, "count": {"type": "integer"}, "variables": {"type": "object"}}), outputs=None,
        lower=_lower_loop, settings=LoopSettings, role=Role.COMPOSITE,
    ),
    NodeType(
        "batch", "Batch", Category.LOGIC, "Turns side by side.",
        inputs=record({"items": _ITEMS, "concurrency": {"type": "integer"}, "limit": {"type": "integer"}}, "items"),
        outputs=None, lower=_lower_batch, role=Role.COMPOSITE,
    ),
    NodeType(
        "break", "Break", Category.LOGIC, "Leaves the loop after this turn.",
        inputs=CLOSED, outputs=record({}), lower=lambda _: Leave(how="break"), role=Role.LEAVE, handles_errors=False,
    ),
    NodeType(
        "continue", "Continue", Category.LOGIC, "Leaves the turn.",
        inputs=CLOSED, outputs=record({}), lower=lambda _: Leave(how="continue"), role=Role.LEAVE, handles_errors=False,
    ),
    NodeType(
        "subworkflow", "Workflow", Category.LOGIC, "Runs another workflow.",
        inputs=OPEN, outputs=None, lower=_lower_subworkflow, settings=SubworkflowSettings, null_outputs=False,
    ),
    NodeType(
        "ask", "Ask", Category.CONVERSATION, "Asks a person and waits.",
        inputs=record({"question": {"type": "string"}, "options": _TEXTS}), outputs=None,
        lower=_lower_ask, settings=AskSettings,
    ),
    NodeType(
        "talk", "Talk", Category.AI, "Lets a model call tools until it has an answer.",
        inputs=OPEN, outputs=None, lower=_lower_talk, settings=TalkSettings, calls=_talk_calls,
    ),
    NodeType(
        "delay", "Delay", Category.LOGIC, "Waits a while.",
        inputs=record({"seconds": {"type": "number"}}, "seconds"), outputs=record({}), lower=lambda _: Delay(),
    ),
    NodeType(
        "message", "Message", Category.CONVERSATION, "Sends a message.",
        inputs=OPEN, outputs=record({"output": {"type": "string"}}), lower=_lower_message, settings=MessageSettings,
        zero_inputs=True, null_outputs=False, expressions=_templates("content"),
    ),
)  # fmt: skip

LIBRARY: NodeLibrary = {node_type.name: node_type for node_type in _TYPES}
