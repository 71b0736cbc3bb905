"""Canvases for tests in a few words, and a run of them in memory."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from engine.canvas import Canvas
from engine.compile import Callee, Resolve, compile_canvas
from engine.errors import NodeUnavailable
from engine.events import EventType, RunEvent
from engine.interpret import RunResult, interpret
from engine.limits import DEFAULT_LIMITS, Limits
from engine.memory import InMemoryRuntime
from engine.plan import Plan, plan_hash
from engine.runtime import CallRequest, CallResult, RunContext
from tests.engine.library import LIBRARY


def node(id: str, type: str, inputs: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    """A node. An input that is no expression is a literal; a text that starts with `=` is a reference."""
    blocks, lines = data.pop("blocks", None), data.pop("lines", "")
    made: dict[str, Any] = {"id": id, "type": type, "data": {"title": data.pop("title", id), **data}}
    if inputs is not None:
        made["data"]["inputs"] = {name: expression(value) for name, value in inputs.items()}
    if "results" in data:
        made["data"]["results"] = {name: expression(value) for name, value in data["results"].items()}
    if blocks is not None:
        made |= {"blocks": blocks, "edges": edges(lines)}
    return made


def expression(value: Any) -> dict[str, Any]:
    """See `node`."""
    if isinstance(value, str) and value.startswith("="):
        return {"ref": [int(part) if part.isdecimal() else part for part in value[1:].split(".")]}
    if isinstance(value, str) and "{{" in value:
        return {"template": value}
    if (
        isinstance(value, dict)
        and len(value) == 1
        and next(iter(value)) in ("value", "ref", "template", "object", "list")
    ):
        return value
    return {"value": value}


def edges(lines: str) -> list[dict[str, Any]]:
    """`a>b>c a:port>d`: chains of node ids; a port stands behind its node."""
    made = []
    for chain in lines.split():
        stops = chain.split(">")
        for source, target in pairwise(stops):
            name, _, port = source.partition(":")
            made.append(
                {"sourceNodeID": name, "targetNodeID": target.partition(":")[0]}
                | ({"sourcePortID": port} if port else {})
            )
    return made


def canvas(*nodes: dict[str, Any], lines: str) -> Canvas:
    """A canvas of these nodes and lines."""
    return Canvas.model_validate({"nodes": list(nodes), "edges": edges(lines)})


def start(properties: Mapping[str, Any] | None = None, *required: str) -> dict[str, Any]:
    """A start node with these inputs."""
    made = {name: {"type": kind} if isinstance(kind, str) else kind for name, kind in (properties or {}).items()}
    return node("start", "start", outputs={"type": "object", "properties": made, "required": list(required)})


def end(inputs: dict[str, Any] | None = None, **properties: str) -> dict[str, Any]:
    """An end node that returns these variables, of these types when given."""
    outputs = {"type": "object", "properties": {name: {"type": kind} for name, kind in properties.items()}}
    return node(
        "end", "end", inputs or {}, settings={"mode": "variables"}, **({"outputs": outputs} if properties else {})
    )


def answer(text: str, inputs: dict[str, Any] | None = None) -> dict[str, Any]:
    """An end node that answers with a text."""
    return node("end", "end", inputs or {}, settings={"mode": "answer", "answer": text})


def choose(id: str, **cases: tuple[Any, ...]) -> dict[str, Any]:
    """A chooser: port name → (left, operator, right)."""
    made = [
        {
            "port": port,
            "conditions": [
                {"left": expression(left), "operator": operator, **({"right": expression(right[0])} if right else {})}
            ],
        }
        for port, (left, operator, *right) in cases.items()
    ]
    return node(id, "choose", settings={"cases": made})


CONTEXT = RunContext(
    run_id="1", org_id="1", space_id="1", workflow_id="7", version="v1.0.0", plan_hash="", user_id="9", started_at=1
)


class World:
    """The activities of a test: `work` echoes its inputs unless told to fail; it remembers every call."""

    def __init__(
        self, failures: Mapping[str, int] | None = None, outputs: Mapping[str, dict[str, Any]] | None = None
    ) -> None:
        self.calls: list[str] = []
        self.requests: list[CallRequest] = []
        self.failures = dict(failures or {})
        self.outputs = dict(outputs or {})

    async def work(self, request: CallRequest) -> CallResult:
        """Echo the inputs, or what the test wants."""
        self.calls.append(request.path)
        self.requests.append(request)
        if self.failures.get(request.node, 0) >= request.attempt:
            raise NodeUnavailable(f"{request.node} is away.")
        return CallResult(output=dict(self.outputs.get(request.node, request.inputs)), usage={"total_tokens": 1})

    async def variables(self, request: CallRequest) -> CallResult:
        """Every variable is called by its own name."""
        asked: Any = request.inputs
        return CallResult(output={scope: {name: name for name in names} for scope, names in asked.items()})

    def runtime(self, plans: Mapping[str, Plan] | None = None, limits: Limits = DEFAULT_LIMITS) -> InMemoryRuntime:
        """A runtime with these activities."""
        handlers = {"work": self.work, "strict_work": self.work, "read_variables": self.variables}
        return InMemoryRuntime(handlers, plans, limits=limits)


def compiled(drawn: Canvas, resolve: Resolve | None = None) -> tuple[Plan, str]:
    """The plan and its hash."""
    plan = compile_canvas(drawn, LIBRARY, resolve)
    return plan, plan_hash(plan.to_bytes())


def callee(name: str, drawn: Canvas, resolve: Resolve | None = None) -> Callee:
    """A workflow that others may call."""
    plan, digest = compiled(drawn, resolve)
    return Callee(workflow_id=name, version="v1.0.0", plan_hash=digest, plan=plan)


async def run(
    drawn: Canvas,
    inputs: dict[str, Any] | None = None,
    world: World | None = None,
    *,
    callees: tuple[Callee, ...] = (),
    limits: Limits = DEFAULT_LIMITS,
    runtime: InMemoryRuntime | None = None,
) -> tuple[RunResult, InMemoryRuntime]:
    """Compile and walk a canvas in memory."""
    known = {one.workflow_id: one for one in callees}
    plan, digest = compiled(drawn, lambda workflow, version: known.get(workflow))
    plans = {one.plan_hash: one.plan for one in callees} | {digest: plan}
    there = runtime or (world or World()).runtime(plans, limits)
    context = RunContext(**{**{name: getattr(CONTEXT, name) for name in CONTEXT.__slots__}, "plan_hash": digest})
    return await interpret(plan, inputs or {}, there, context, limits=limits), there


def told(runtime: InMemoryRuntime, *kinds: EventType) -> list[str]:
    """The paths of all events of these kinds, in order."""
    return [event.path for event in runtime.events if event.type in kinds]


def event(runtime: InMemoryRuntime, key: str) -> RunEvent:
    """The event of this key."""
    return next(event for event in runtime.events if event.key == key)
