"""The interpreter: walks a plan over a runtime, starting every step as soon as it may run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.bindings import Status
from engine.composites import walk_slice
from engine.events import EventType
from engine.frame import Frame
from engine.limits import DEFAULT_LIMITS, Limits
from engine.plan import Plan
from engine.prepare import prepare_plan
from engine.runtime import RunContext, Runtime, SliceRequest, SliceResult, StreamTarget
from engine.secrets import secrets_of, without_secrets
from engine.values import MISSING, Json, has_refs
from engine.walk import HandOver, Walk

__all__ = ["HandOver", "RunResult", "interpret", "interpret_slice"]


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended well: its output, the text it answers with (if it does), and what it took."""

    output: dict[str, Json]
    answer: str | None
    executed: int
    usage: dict[str, int]
    forwarded: tuple[str, ...] = ()
    """Paths of the messages around it that have got its whole answer in pieces."""
    void: tuple[str, ...] = ()
    """And of those that got something else."""


async def interpret(
    plan: Plan,
    inputs: Mapping[str, Json],
    runtime: Runtime,
    context: RunContext,
    *,
    limits: Limits = DEFAULT_LIMITS,
    snapshot: Json | None = None,
    targets: tuple[StreamTarget, ...] = (),
) -> RunResult:
    """Walk a plan to its end. `targets` are messages of the run around it, which forward its answer.

    Tells `run.started` (a root run's first history only) and everything about steps; how the run ended is the caller's
    to tell. Raises `StepError` or another `FlowError` when the run fails, `HandOver` when it should go on elsewhere.
    """
    walk = Walk(runtime, limits)
    prepared = prepare_plan(plan, context.plan_hash)
    frame = Frame(walk, prepared, context, run_inputs=dict(inputs), plan=plan, root=True, mirrors=targets)
    walk.refs_seen = has_refs(dict(inputs))
    if snapshot is not None:
        frame.restore(snapshot)
    elif context.depth == 0 and not context.prefix:
        walk.emit(
            "run:started",
            EventType.RUN_STARTED,
            inputs=without_secrets(inputs, tuple(secrets_of(plan.inputs))),
            workflow_id=context.workflow_id,
            version=context.version,
            plan_hash=context.plan_hash,
        )
    output = await frame.run()
    answer = str(output["output"]) if plan.answers else None
    return RunResult(output, answer, walk.executed, walk.usage, *frame.messages.outcome())


async def interpret_slice(
    plan: Plan, request: SliceRequest, runtime: Runtime, *, limits: Limits = DEFAULT_LIMITS
) -> SliceResult:
    """Walk some turns of a batch, elsewhere than in the run that asked for them."""
    walk = Walk(runtime, limits)
    prepared = prepare_plan(plan, request.context.plan_hash)
    frame = Frame(walk, prepared, request.context, run_inputs={}, plan=plan)
    node = prepared.by_id[request.step]
    for number in node.outer_reads:
        known = str(number) in request.outer
        frame.outputs[number] = request.outer[str(number)] if known else MISSING
        frame.status[number] = Status.DONE if known else Status.SKIPPED
    walk.refs_seen = has_refs(list(request.items)) or has_refs(dict(request.outer))
    results = await walk_slice(frame, node, request)
    return SliceResult(results=results, executed=walk.executed, usage=walk.usage)
