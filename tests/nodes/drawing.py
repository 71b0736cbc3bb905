"""Canvases of real node types, walked in memory: activities run with the context of the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.canvas import Canvas
from engine.compile import Callee, compile_canvas
from engine.diagnostics import Diagnostic
from engine.interpret import RunResult, interpret
from engine.memory import Handler, InMemoryRuntime
from engine.plan import plan_hash
from engine.runtime import CallRequest, CallResult, RunContext
from engine.validation import validate
from nodes.library import Library, Runnable, built_in_library
from tests.engine.draw import canvas, end, node, start
from tests.nodes.context import NodeWorld
from workers.models.source import CallSite, ModelSource

LIBRARY: Library = built_in_library()


def findings(*nodes: dict[str, Any], lines: str) -> list[Diagnostic]:
    """What validation says of a canvas."""
    return validate(canvas(*nodes, lines=lines), LIBRARY.types)


def handlers(world: NodeWorld, models: ModelSource | None = None) -> Mapping[str, Handler]:
    """The activities of the library, as the runtime in memory wants them; `models` may differ from place to place."""

    def handler(activity: Runnable) -> Handler:
        async def handle(request: CallRequest) -> CallResult:
            # Each call has a context of its own: some go on side by side. What they tell comes together in the world.
            there = replace(
                world,
                path=request.path,
                settings=request.call.settings,
                output_schema=request.output_schema,
                attempt=request.attempt,
                idempotency_key=request.idempotency_key,
                turns=request.conversation,
                spent={},
                warned=[],
                logged=[],
                left_by=None,
                asked=None,
                tools=None,
                noted={},
                models=world.models
                if models is None
                else models.at(CallSite(request.context, request.node, request.path, request.attempt, 1)),
            )
            try:
                output = await activity.run(request.inputs, there)
            finally:
                world.spend(**there.spent)
                world.warned += there.warned
                world.logged += there.logged
            told = (dict(there.spent), tuple(there.warned), tuple(there.logged))
            return CallResult(output, *told, there.left_by, there.asked, there.tools, details=there.noted)

        return handle

    return {name: handler(activity) for name, activity in LIBRARY.activities.items()}


class Walk:
    """A canvas being walked."""

    def __init__(
        self,
        drawn: Canvas,
        world: NodeWorld | None = None,
        callees: tuple[Callee, ...] = (),
        models: ModelSource | None = None,
    ) -> None:
        known = {one.workflow_id: one for one in callees}
        self.plan = compile_canvas(drawn, LIBRARY.types, lambda workflow, version: known.get(workflow))
        self.digest = plan_hash(self.plan.to_bytes())
        self.world = world or NodeWorld()
        plans = {self.digest: self.plan} | {one.plan_hash: one.plan for one in callees}
        self.runtime = InMemoryRuntime(handlers(self.world, models), plans)

    async def run(self, inputs: dict[str, Any] | None = None) -> RunResult:
        """To the end."""
        context = RunContext(
            run_id="1", org_id="1", space_id="1", workflow_id="7", version="v1", plan_hash=self.digest, user_id="9"
        )
        return await interpret(self.plan, inputs or {}, self.runtime, context)


def alone(step: dict[str, Any], ports: tuple[str, ...] = ()) -> Canvas:
    """A canvas around one node; its whole output is what the run gives, under `out`."""
    ways = " ".join([f"{step['id']}:{port}>end" for port in ports] or [f"{step['id']}>end"])
    return canvas(start(), step, end({"out": {"ref": [step["id"]]}}), lines=f"start>{step['id']} {ways}")


__all__ = ["LIBRARY", "Walk", "alone", "canvas", "end", "findings", "node", "start"]
