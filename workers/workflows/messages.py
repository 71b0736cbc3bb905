"""What travels through Temporal: arguments and results of workflows and activities, as JSON that a person can read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.limits import Limits
from engine.plan import Call
from engine.runtime import (
    CallRequest,
    CallResult,
    EvaluateRequest,
    RunContext,
    SliceRequest,
    SliceResult,
    StreamTarget,
    SubflowResult,
    ToolsCalled,
    ToolUse,
)
from engine.values import Json

RUN_CANVAS: Final = "RunCanvas"
RUN_SLICE: Final = "RunSlice"
ANSWER: Final = "answer"
CANCEL_REASON: Final = "cancel_reason"
# Node types name activities too: the dot keeps ours apart from theirs.
FLUSH: Final = "mainspring.flush"
EVALUATE: Final = "mainspring.evaluate"
WALK_SLICE: Final = "mainspring.walk_slice"

Wire = dict[str, Any]
"""A message on its way: JSON, in which a `BlobRef` may sit anywhere."""

# Read by name, what is known of it: a run may have been started by another version.
_CONTEXT: Final = tuple(known.name for known in dataclasses.fields(RunContext))
_LIMITS: Final = tuple(known.name for known in dataclasses.fields(Limits))


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What `RunCanvas` is told.

    Limits decide what a run does, so they travel with it: a replay under new settings must do the same again.
    `hand_over_events` is how long its history may grow (0: as the server advises). The rest comes from the history
    before this one: the interpreter's `snapshot`, the waits `answered` lately with the ids of their answers, and the
    answers `given` but not yet taken.
    """

    plan_hash: str
    inputs: Mapping[str, Json]
    context: RunContext
    limits: Limits
    kind: str = "published"
    title: str = ""
    hand_over_events: int = 0
    snapshot: Json | None = None
    answered: Mapping[str, str] = field(default_factory=dict[str, str])
    given: Mapping[str, Json] = field(default_factory=dict[str, Json])
    targets: tuple[StreamTarget, ...] = ()
    """Messages of the run around it that forward its answer."""

    def to_wire(self) -> Wire:
        return {
            "plan": self.plan_hash,
            "kind": self.kind,
            "title": self.title,
            "context": _write_context(self.context),
            "inputs": dict(self.inputs),
            "limits": _write_limits(self.limits),
            "hand_over_events": self.hand_over_events,
            **({} if self.snapshot is None else {"snapshot": self.snapshot}),
            **({"answered": dict(self.answered)} if self.answered else {}),
            **({"given": dict(self.given)} if self.given else {}),
            **({"targets": _write_targets(self.targets)} if self.targets else {}),
        }

    @classmethod
    def from_wire(cls, wire: Wire) -> RunOrder:
        return cls(
            plan_hash=wire["plan"],
            inputs=wire["inputs"],
            context=_read_context(wire["context"]),
            limits=_read_limits(wire["limits"]),
            kind=wire["kind"],
            title=wire["title"],
            hand_over_events=wire["hand_over_events"],
            snapshot=wire.get("snapshot"),
            answered=wire.get("answered", {}),
            given=wire.get("given", {}),
            targets=_read_targets(wire.get("targets", ())),
        )


@dataclass(frozen=True, slots=True)
class SliceOrder:
    """What `RunSlice` and the activity for fused slices are told."""

    request: SliceRequest
    limits: Limits
    kind: str = "published"

    def to_wire(self) -> Wire:
        request = self.request
        return {
            "step": request.step,
            "path": request.path,
            "title": request.title,
            "start": request.start,
            "items": list(request.items),
            "outer": dict(request.outer),
            "concurrency": request.concurrency,
            "fused": request.fused,
            "kind": self.kind,
            "context": _write_context(request.context),
            "limits": _write_limits(self.limits),
        }

    @classmethod
    def from_wire(cls, wire: Wire) -> SliceOrder:
        request = SliceRequest(
            step=wire["step"],
            path=wire["path"],
            title=wire["title"],
            start=wire["start"],
            items=tuple(wire["items"]),
            outer=wire["outer"],
            concurrency=wire["concurrency"],
            context=_read_context(wire["context"]),
            fused=wire["fused"],
        )
        return cls(request=request, limits=_read_limits(wire["limits"]), kind=wire["kind"])


@dataclass(frozen=True, slots=True)
class EvaluateOrder:
    """What the activity for inline steps with values by reference is told."""

    request: EvaluateRequest
    limits: Limits

    def to_wire(self) -> Wire:
        request = self.request
        return {
            "step": request.step,
            "path": request.path,
            "title": request.title,
            "bound": dict(request.bound),
            "context": _write_context(request.context),
            "limits": _write_limits(self.limits),
        }

    @classmethod
    def from_wire(cls, wire: Wire) -> EvaluateOrder:
        request = EvaluateRequest(
            step=wire["step"],
            path=wire["path"],
            title=wire["title"],
            bound=wire["bound"],
            context=_read_context(wire["context"]),
        )
        return cls(request=request, limits=_read_limits(wire["limits"]))


@dataclass(frozen=True, slots=True)
class CallOrder:
    """What the activity of a node type is told."""

    request: CallRequest
    inline_value_bytes: int
    value_bytes: int

    def to_wire(self) -> Wire:
        request = self.request
        return {
            "path": request.path,
            "node": request.node,
            "node_type": request.node_type,
            "title": request.title,
            "attempt": request.attempt,
            "inputs": dict(request.inputs),
            "call": request.call.model_dump(mode="json", exclude_defaults=True),
            "context": _write_context(request.context),
            "key": request.idempotency_key,
            "output_schema": request.output_schema,
            "timeout_ms": request.timeout_ms,
            "targets": _write_targets(request.targets),
            **({"turn": request.turn} if request.turn else {}),
            **({"conversation": list(request.conversation)} if request.conversation else {}),
            "inline_value_bytes": self.inline_value_bytes,
            "value_bytes": self.value_bytes,
        }

    @classmethod
    def from_wire(cls, wire: Wire) -> CallOrder:
        request = CallRequest(
            call=Call.model_validate(wire["call"]),
            path=wire["path"],
            node=wire["node"],
            node_type=wire["node_type"],
            title=wire["title"],
            attempt=wire["attempt"],
            inputs=wire["inputs"],
            context=_read_context(wire["context"]),
            idempotency_key=wire["key"],
            output_schema=wire["output_schema"],
            timeout_ms=wire["timeout_ms"],
            targets=_read_targets(wire["targets"]),
            turn=wire.get("turn", 0),
            conversation=tuple(wire.get("conversation", ())),
        )
        return cls(request, wire["inline_value_bytes"], wire["value_bytes"])


def write_call_result(result: CallResult) -> Wire:
    """What an activity hands back."""
    return {
        "output": result.output,
        "usage": result.usage,
        "warnings": list(result.warnings),
        **({"logs": list(result.logs)} if result.logs else {}),
        **({"port": result.port} if result.port is not None else {}),
        **({"question": result.question} if result.question is not None else {}),
        **({"tools": dataclasses.asdict(result.tools)} if result.tools is not None else {}),
        **({"details": result.details} if result.details else {}),
        **({"forwarded": list(result.forwarded)} if result.forwarded else {}),
        **({"void": True} if result.void else {}),
    }


def read_call_result(wire: Wire) -> CallResult:
    """The reverse."""
    return CallResult(
        output=wire["output"],
        usage=wire["usage"],
        warnings=tuple(wire["warnings"]),
        logs=tuple(wire.get("logs", ())),
        port=wire.get("port"),
        question=wire.get("question"),
        tools=_read_tools(wire["tools"]) if "tools" in wire else None,
        details=wire.get("details", {}),
        forwarded=tuple(wire.get("forwarded", ())),
        void=wire.get("void", False),
    )


def _read_tools(wire: Wire) -> ToolsCalled:
    return ToolsCalled(wire["said"], tuple(ToolUse(**call) for call in wire["calls"]), wire["told"])


def write_subflow_result(result: SubflowResult) -> Wire:
    """What a child run hands back."""
    return {
        "output": result.output,
        "executed": result.executed,
        "usage": result.usage,
        **({"forwarded": list(result.forwarded)} if result.forwarded else {}),
        **({"void": list(result.void)} if result.void else {}),
    }


def read_subflow_result(wire: Wire) -> SubflowResult:
    """The reverse."""
    return SubflowResult(
        output=wire["output"],
        executed=wire["executed"],
        usage=wire["usage"],
        forwarded=tuple(wire.get("forwarded", ())),
        void=tuple(wire.get("void", ())),
    )


def write_slice_result(result: SliceResult) -> Wire:
    """What a slice of a batch hands back."""
    return {"results": result.results, "executed": result.executed, "usage": result.usage}


def read_slice_result(wire: Wire) -> SliceResult:
    """The reverse."""
    return SliceResult(results=wire["results"], executed=wire["executed"], usage=wire["usage"])


def _write_targets(targets: tuple[StreamTarget, ...]) -> list[Wire]:
    # What is empty is left out: a worker of another version may not know it.
    return [{name: value for name, value in dataclasses.asdict(target).items() if value} for target in targets]


def _read_targets(wire: Iterable[Wire]) -> tuple[StreamTarget, ...]:
    return tuple(StreamTarget(**target) for target in wire)


def _write_context(context: RunContext) -> Wire:
    return {name: getattr(context, name) for name in _CONTEXT}


def _write_limits(limits: Limits) -> Wire:
    return {name: getattr(limits, name) for name in _LIMITS}


def _read_context(wire: Wire) -> RunContext:
    return RunContext(**{name: wire[name] for name in _CONTEXT if name in wire})


def _read_limits(wire: Wire) -> Limits:
    return Limits(**{name: wire[name] for name in _LIMITS if name in wire})
