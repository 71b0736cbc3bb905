"""Sub-workflows: another plan walked here, or with a history of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.errors import LimitExceeded
from engine.plan import Subflow
from engine.runtime import StreamTarget, SubflowRequest

if TYPE_CHECKING:
    from engine.frame import Frame


@dataclass(frozen=True, slots=True)
class Answered:
    """Its output, and the messages around it that have got its answer, or something that is not it, in pieces."""

    output: dict[str, object]
    forwarded: tuple[str, ...] = ()
    void: tuple[str, ...] = ()


async def run_subflow(
    frame: Frame,
    action: Subflow,
    inputs: Mapping[str, Any],
    place: str,
    *,
    title: str,
    timeout_ms: int = 0,
    quiet: bool = False,
    targets: tuple[StreamTarget, ...] = (),
) -> Answered:
    """Run the plan at this place of the run. What runs `quiet` sends no messages but to `targets`."""
    walk = frame.walk
    context = replace(
        frame.context,
        prefix=f"{place}/",
        depth=frame.context.depth + 1,
        plan_hash=action.plan_hash,
        workflow_id=action.workflow_id,
        version=action.version,
        quiet=quiet or frame.context.quiet,
    )
    if context.depth > walk.limits.subflow_depth:
        raise LimitExceeded(
            f"Sub-workflows are nested {context.depth} deep; the limit is {walk.limits.subflow_depth}.",
            limit=walk.limits.subflow_depth,
            setting="MAINSPRING_SUBFLOW_DEPTH",
        )
    if action.tier == "inline":
        plan = walk.runtime.plan(action.plan_hash)
        return Answered(await frame.descend(plan, context, dict(inputs)).run())
    walk.pinned += 1
    try:
        result = await walk.runtime.subflow(
            SubflowRequest(action.plan_hash, inputs, context, title, timeout_ms, targets)
        )
    finally:
        walk.pinned -= 1
    walk.executed += result.executed
    walk.spend(result.usage)
    walk.look_for_refs(result.output)
    return Answered(dict(result.output), result.forwarded, result.void)
