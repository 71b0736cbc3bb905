"""The interpreter: walks a plan over a runtime, starting every step as soon as it may run."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from engine import composites
from engine.answers import accept_answer
from engine.conversion import convert, null_fill, start_input, zero_fill
from engine.errors import EngineError, FlowError, LimitExceeded
from engine.evaluate import Evaluated, Measure, Rendering, evaluate, pack
from engine.events import EventType, RunEvent
from engine.limits import DEFAULT_LIMITS, Limits
from engine.messages import Messages
from engine.plan import (
    Assign,
    Call,
    Choose,
    Compute,
    Delay,
    Emit,
    Finish,
    Leave,
    Loop,
    Map,
    Merge,
    Plan,
    Start,
    Step,
    Subflow,
    Wait,
    Wire,
)
from engine.prepare import Bound, Node, Place, Prepared, Status, Stored, prepare_plan
from engine.runtime import (
    CallRequest,
    EvaluateRequest,
    OpenWait,
    RunContext,
    Runtime,
    SliceRequest,
    SliceResult,
    StepError,
    SubflowRequest,
)
from engine.templates import Filled
from engine.values import MISSING, BlobRef, Json, has_refs

BREATH: Final = 200
"""Inline steps between two calls of `Runtime.breathe`."""

READ_VARIABLES: Final = Call(activity="read_variables", tier="local", timeout_ms=10_000, attempts=3)
"""How user and app variables get into a run: read by a local activity of this name before the step that refers to them."""

INSTANT: Final = (Start, Finish, Emit, Compute, Choose, Merge, Assign, Leave)


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended well: its output, the text it answers with (if it does), and what it took."""

    output: dict[str, Json]
    answer: str | None
    executed: int
    usage: dict[str, int]


class HandOver(Exception):
    """The run is at a safe point and its history is long: go on in a fresh one with this snapshot."""

    def __init__(self, snapshot: Json) -> None:
        super().__init__("hand over")
        self.snapshot = snapshot


async def interpret(
    plan: Plan,
    inputs: Mapping[str, Json],
    runtime: Runtime,
    context: RunContext,
    *,
    limits: Limits = DEFAULT_LIMITS,
    snapshot: Json | None = None,
) -> RunResult:
    """Walk a plan to its end.

    Tells `run.started` (a root run's first history only) and everything about steps; how the run ended is the caller's to tell.
    Raises `StepError` or another `FlowError` when the run fails, `HandOver` when it should go on elsewhere.
    """
    walk = Walk(runtime, limits)
    frame = Frame(walk, prepare_plan(plan, context.plan_hash), context, run_inputs=dict(inputs), plan=plan, root=True)
    walk.refs_seen = has_refs(dict(inputs))
    if snapshot is not None:
        frame.restore(snapshot)
    elif context.depth == 0 and not context.prefix:
        walk.emit(
            "run:started",
            EventType.RUN_STARTED,
            inputs=dict(inputs),
            workflow_id=context.workflow_id,
            version=context.version,
            plan_hash=context.plan_hash,
        )
    output = await frame.run()
    return RunResult(
        output=output, answer=str(output["output"]) if plan.answers else None, executed=walk.executed, usage=walk.usage
    )


async def interpret_slice(plan: Plan, request: SliceRequest, runtime: Runtime, *, limits: Limits = DEFAULT_LIMITS) -> SliceResult:
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
    results = await composites.walk_slice(frame, node, request)
    return SliceResult(results=results, executed=walk.executed, usage=walk.usage)


@dataclass(slots=True)
class Walk:
    """What all graphs of one walk share."""

    runtime: Runtime
    limits: Limits
    executed: int = 0
    usage: dict[str, int] = field(default_factory=dict)
    refs_seen: bool = False
    """Whether a value by reference has entered: until then nobody looks for one."""
    pinned: int = 0
    """Things in flight that cannot be parked: children, and people asked from within a composite."""

    def emit(self, key: str, kind: EventType, path: str = "", node: str = "", **data: Any) -> None:
        """Tell an event."""
        self.runtime.emit(RunEvent(key=key, type=kind, at=self.runtime.now(), path=path, node=node, data=data))

    def count(self) -> None:
        """Count an executed step, against the limit."""
        self.executed += 1
        if self.executed > self.limits.executed_steps:
            raise LimitExceeded(
                f"The run has executed {self.limits.executed_steps} steps, which is the limit.",
                limit=self.limits.executed_steps,
                setting="MAINSPRING_EXECUTED_STEPS",
            )

    def spend(self, usage: Mapping[str, int]) -> None:
        """Add tokens to the run's account."""
        for name, amount in usage.items():
            self.usage[name] = self.usage.get(name, 0) + amount


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended, for the steps behind it. `data` goes into its event."""

    output: dict[str, object]
    port: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


class Frame(Place):
    """One walk through one graph: the run's own, a sub-workflow's walked in place, or one turn of a composite's body."""

    def __init__(
        self,
        walk: Walk,
        prepared: Prepared,
        context: RunContext,
        *,
        plan: Plan | None = None,
        run_inputs: dict[str, Any] | None = None,
        root: bool = False,
        around: Frame | None = None,
        prefix: str | None = None,
        item: object = MISSING,
        index: int | None = None,
        variables: dict[str, object] | None = None,
    ) -> None:
        count = len(prepared.nodes)
        self.walk = walk
        self.prepared = prepared
        self.context = context
        self.plan = plan
        self.run_inputs = run_inputs or {}
        self.root = root
        self.around = around
        self.prefix = context.prefix if prefix is None else prefix
        self.item, self.index, self.variables = item, index, variables
        self.outputs: list[object] = [MISSING] * count
        self.status = [Status.PENDING] * count
        self.messages = Messages()
        self.result: dict[str, object] | None = None
        self.left: str | None = None
        self.order: list[tuple[int, str | None]] = []
        self.parked: dict[int, dict[str, Any]] = {}
        self._controls = [node.controls for node in prepared.nodes]
        self._reached = [0] * count
        self._needs = [len(node.step.needs) for node in prepared.nodes]
        self._ready: deque[int] = deque()
        self._running: dict[asyncio.Task[Outcome], int] = {}
        self._finished: deque[asyncio.Task[Outcome]] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._draining = False
        self._restored: list[tuple[int, Outcome]] = []

    # --- what bindings look at -------------------------------------------------------------------------------------------

    @property
    def outer(self) -> Place | None:
        return self.around

    @property
    def system(self) -> Mapping[str, Json]:
        context = self.context
        return {
            "run_id": context.run_id,
            "org_id": context.org_id,
            "space_id": context.space_id,
            "workflow_id": context.workflow_id,
            "version": context.version,
            "user_id": context.user_id,
            "started_at": context.started_at,
        }

    def path_of(self, node: Node) -> str:
        """The place of a step in the run."""
        return self.prefix + node.step.id

    def place_of(self, node: Node, attempt: int) -> str:
        """The path that inner steps stand under; a second attempt is a place of its own, with its own records and keys."""
        return self.path_of(node) + (f"~{attempt}" if attempt > 1 else "")

    def enter(self, node: Node, path: str, index: int, item: object, variables: dict[str, object] | None) -> Frame:
        """A turn of a composite's body; `path` is the composite's place."""
        if node.body is None:
            raise TypeError(f"{node.step.id} has no body")
        return Frame(
            self.walk,
            node.body,
            self.context,
            around=self,
            prefix=f"{path}[{index}]/",
            item=item,
            index=index,
            variables=variables,
        )

    # --- scheduling ------------------------------------------------------------------------------------------------------

    async def run(self) -> dict[str, Any]:
        """Walk the whole graph and give its end's output."""
        for number in self.prepared.graph.entries:
            self._reach(number, True)
        for number, outcome in self._restored:
            self._settle(number, outcome)
        await self._drive()
        if self.result is None:
            raise EngineError(
                "The run came to a stop before its end: on every path that leads there a branch was left unconnected or not taken."
            )
        return self.result

    async def turn(self) -> None:
        """Walk a composite's body once."""
        for number in self.prepared.graph.entries:
            self._reach(number, True)
        await self._drive()

    async def _drive(self) -> None:
        try:
            while True:
                while self._ready and not self._draining:
                    await self._begin(self._ready.popleft())
                if not self._running:
                    break
                if not self._finished:
                    self._wake = asyncio.get_running_loop().create_future()
                    await self._wake
                    self._wake = None
                while self._finished:
                    self._take(self._finished.popleft())
        except BaseException:
            await self._abandon()
            raise
        if self._draining:
            raise HandOver(self.snapshot())

    async def _begin(self, number: int) -> None:
        """Start a ready step; one that takes no time is done at once."""
        if self.status[number] is not Status.PENDING:
            return
        node = self.prepared.nodes[number]
        self.status[number] = Status.RUNNING
        self.walk.count()
        if isinstance(node.step.action, INSTANT) and not node.stored and not self.walk.refs_seen:
            try:
                outcome = self._compute_here(node)
            except FlowError as error:
                outcome = self._failed(node, StepError.of(error), attempt=1)
            self._settle(number, outcome)
            if self.walk.executed % BREATH == 0:
                await self.walk.runtime.breathe()
            return
        task = asyncio.create_task(self._perform(node))
        self._running[task] = number
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[Outcome]) -> None:
        self._finished.append(task)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def _take(self, task: asyncio.Task[Outcome]) -> None:
        number = self._running.pop(task)
        try:
            outcome = task.result()
        except composites.Parked as parked:
            self._draining = True
            self.parked[number] = parked.cursor
            self.status[number] = Status.PENDING
            self._park_others()
            return
        except asyncio.CancelledError:
            if not self._draining:
                raise
            self.status[number] = Status.PENDING
            return
        self._settle(number, outcome)

    def _park_others(self) -> None:
        """Stop what merely waits: its cursor (or its own name) is enough to take it up again."""
        for task, number in self._running.items():
            if isinstance(self.prepared.nodes[number].step.action, Wait | Delay):
                task.cancel()

    async def _abandon(self) -> None:
        """Something ended the walk: what is in flight is cancelled, and its end awaited."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        for task in tasks:
            # Their errors have lost: one ended the walk already.
            await asyncio.gather(task, return_exceptions=True)
        self._running.clear()

    def _settle(self, number: int, outcome: Outcome) -> None:
        self.outputs[number] = outcome.output
        self.status[number] = Status.DONE
        self.order.append((number, outcome.port))
        node = self.prepared.nodes[number]
        for wire in node.successors:
            self._reach(wire.target, _opens(wire, outcome.port))
        for dependent in node.dependents:
            self._deliver(dependent)

    def _skip(self, number: int) -> None:
        self.status[number] = Status.SKIPPED
        node = self.prepared.nodes[number]
        path = self.path_of(node)
        self.walk.emit(
            f"{path}:skipped", EventType.STEP_SKIPPED, path, node.step.id, title=node.step.title, node_type=node.step.node_type
        )
        if self.messages.was_sent(number):
            self.walk.emit(f"{path}:reset", EventType.MESSAGE_RESET, path, node.step.id, text="")

    def _reach(self, number: int, opened: bool) -> None:
        """A wire into a step is settled. Skipping spreads from here, without recursion: a canvas may be a long chain."""
        pending = deque([(number, opened)])
        while pending:
            target, ready = pending.popleft()
            self._controls[target] -= 1
            self._reached[target] += ready
            if self._controls[target]:
                continue
            if self._reached[target]:
                if not self._needs[target]:
                    self._ready.append(target)
                continue
            self._skip(target)
            node = self.prepared.nodes[target]
            pending.extend((wire.target, False) for wire in node.successors)
            for dependent in node.dependents:
                self._deliver(dependent)

    def _deliver(self, number: int) -> None:
        """A step that this one reads has its final word."""
        self._needs[number] -= 1
        if not self._needs[number] and not self._controls[number] and self._reached[number]:
            self._ready.append(number)

    def would_run(self, node: Node, producer: int) -> bool:
        """Whether the step is certain to run next once the producer succeeds."""
        if self.status[node.number] is not Status.PENDING:
            return False
        open_wires = [
            wire for wire in self.prepared.nodes[producer].successors if wire.target == node.number and _opens(wire, None)
        ]
        wires = sum(wire.target == node.number for wire in self.prepared.nodes[producer].successors)
        return self._controls[node.number] == wires and bool(self._reached[node.number] or open_wires)

    # --- one step --------------------------------------------------------------------------------------------------------

    def bind_plain(self, node: Node, stored: Stored | None = None) -> Bound:
        """The step's inputs that are no templates."""
        bound: Bound = {}
        known: Stored = stored or {}
        for name, source in node.inputs:
            value = source(self, bound, known)
            if value is not MISSING:
                bound[name] = value
        return bound

    def _fit(self, node: Node, bound: Bound) -> tuple[Bound, list[str]]:
        """Convert bound inputs to the declared types, and fill in zeros."""
        step, warnings = node.step, []
        if step.input_schema is not None:
            fitting, warnings = convert(bound, step.input_schema)
            bound = fitting if isinstance(fitting, dict) else bound
            if step.zero_inputs:
                bound = zero_fill(bound, step.input_schema)
        return bound, warnings

    def _compute_here(self, node: Node) -> Outcome:
        """An inline step whose values are all at hand."""
        step, action = node.step, node.step.action
        bound = self.bind_plain(node)
        for name, fill in node.texts:
            parts = fill(self, bound, {})
            bound[name] = parts if _keeps_parts(action) else _text(step, parts, self.walk.limits)
        bound, warnings = self._fit(node, bound)
        shown: Any = _shown(bound)
        return self._finish_inline(node, self._inline(node, bound, {}, shown), shown, warnings)

    def _inline(self, node: Node, bound: Bound, stored: Stored, shown: Any) -> Evaluated:
        """Evaluate an inline step from its bound inputs."""
        step, action, limits = node.step, node.step.action, self.walk.limits
        match action:
            case Start():
                return Evaluated(start_input(self.run_inputs, self.plan.inputs if self.plan is not None else {}))
            case Finish(mode="variables"):
                return Evaluated(bound)
            case Finish() | Emit():
                return evaluate(step, Rendering(node.parts(self, bound, stored) if node.parts is not None else []), limits)
            case Choose():
                return evaluate(step, self._operands(node, bound, stored), limits)
            case Merge():
                return self._merge(node, bound, stored)
            case Leave(how=how):
                self.left = "break" if how == "break" else self.left
                return Evaluated({})
            case Assign():
                done = evaluate(step, self._assigned(node, bound), limits)
                self._set_variables(done.output)
                return done
            case _:
                return evaluate(step, bound, limits)

    def _operands(self, node: Node, bound: Bound, stored: Stored) -> list[list[tuple[object, object]]]:
        return [
            [
                (left(self, bound, stored), MISSING if right is None else right(self, bound, stored))
                for left, right in comparisons
            ]
            for comparisons in node.operands
        ]

    def _merge(self, node: Node, bound: Bound, stored: Stored) -> Evaluated:
        output: dict[str, object] = {}
        for name, candidates in node.candidates:
            found = (one(self, bound, stored) for one in candidates)
            output[name] = next((value for value in found if value is not MISSING and value is not None), None)
        return Evaluated(output)

    def _assigned(self, node: Node, bound: Bound) -> Bound:
        return {name: bound.get(name) for name in node.step.inputs}

    def _set_variables(self, values: Mapping[str, object]) -> None:
        if self.variables is not None:
            self.variables.update(values)

    def _finish_inline(self, node: Node, done: Evaluated, shown: Any, warnings: list[str]) -> Outcome:
        step, action = node.step, node.step.action
        output = done.output
        if isinstance(action, Finish):
            self.result = output
        if isinstance(action, Emit) or (isinstance(action, Finish) and action.mode == "answer"):
            self._send_message(node, str(output["output"]))
        if step.null_outputs and step.output_schema is not None:
            output = null_fill(output, step.output_schema)
        data: dict[str, Any] = {"inputs": shown}
        if done.port is not None:
            data["port"] = done.port
        if warnings or done.warnings:
            data["warnings"] = [*warnings, *done.warnings]
        return self._succeed(node, Outcome(output, done.port, data))

    def _send_message(self, node: Node, text: str) -> None:
        path = self.path_of(node)
        rest, void = self.messages.rest(node.number, text)
        if void:
            self.walk.emit(f"{path}:reset", EventType.MESSAGE_RESET, path, node.step.id, text=text)
        elif self.messages.was_sent(node.number) and rest:
            self.walk.emit(f"{path}:rest", EventType.MESSAGE_DELTA, path, node.step.id, text=rest, source=path, attempt=1)
        self.walk.emit(f"{path}:message", EventType.MESSAGE_COMPLETED, path, node.step.id, text=text)

    def _succeed(self, node: Node, outcome: Outcome, attempt: int = 1) -> Outcome:
        step, path = node.step, self.path_of(node)
        output = outcome.output
        if step.on_error.policy != "fail":
            output = {**output, "isSuccess": True}
        self.walk.emit(
            f"{path}:succeeded",
            EventType.STEP_SUCCEEDED,
            path,
            step.id,
            title=step.title,
            node_type=step.node_type,
            output=output,
            attempt=attempt,
            **outcome.data,
        )
        return replace(outcome, output=output)

    def _failed(self, node: Node, error: StepError, attempt: int) -> Outcome:
        """The step's last attempt failed: go on as its policy says, or let the run fail."""
        step, path, policy = node.step, self.path_of(node), node.step.on_error
        handled = None if policy.policy == "fail" else policy.policy
        self.messages.lost(node)
        output: dict[str, object] = {}
        if handled is not None:
            output = {
                **(policy.default or {} if handled == "default" else {}),
                "isSuccess": False,
                "errorBody": {"errorMessage": error.message, "errorCode": error.error_code},
            }
            if step.null_outputs and step.output_schema is not None:
                output = null_fill(output, step.output_schema)
        self.walk.emit(
            f"{path}:failed",
            EventType.STEP_FAILED,
            path,
            step.id,
            title=step.title,
            node_type=step.node_type,
            error=error.to_json(),
            attempt=attempt,
            handled=handled,
            **({"output": output} if handled is not None else {}),
        )
        if handled is None:
            error.facts.setdefault("node", step.id)
            error.facts.setdefault("path", path)
            error.facts.setdefault("title", step.title)
            raise error
        return Outcome(output, "error" if handled == "branch" else None)

    async def _perform(self, node: Node) -> Outcome:
        """A step that takes time: bind, tell, do, with retries and its error policy."""
        step, path = node.step, self.path_of(node)
        attempt = 1
        told = isinstance(step.action, INSTANT)
        deadline = self.walk.runtime.now() + _timeout_of(node) if _timeout_of(node) else 0
        try:
            while True:
                try:
                    stored = await self._read_variables(node)
                    bound, warnings = self._fit(node, await self._bind(node, stored))
                    if not told:
                        told = True
                        self.walk.emit(
                            f"{path}:started",
                            EventType.STEP_STARTED,
                            path,
                            step.id,
                            title=step.title,
                            node_type=step.node_type,
                            inputs=_shown(bound),
                            attempt=attempt,
                        )
                    outcome = await self._within(node, self._do(node, bound, stored, warnings, attempt, deadline))
                    return outcome if isinstance(step.action, INSTANT) else self._succeed(node, outcome, attempt)
                except FlowError as error:
                    if isinstance(error, EngineError):
                        raise
                    failure = StepError.of(error)
                    delay = _retry_delay(node, failure, attempt)
                    if delay is None or (deadline and self.walk.runtime.now() + delay * 1000 >= deadline):
                        return self._failed(node, failure, attempt)
                    attempt += 1
                    self.walk.emit(
                        f"{path}:retried:{attempt}",
                        EventType.STEP_RETRIED,
                        path,
                        step.id,
                        attempt=attempt,
                        error=failure.to_json(),
                        delay_ms=int(delay * 1000),
                    )
                    if delay:
                        await self.walk.runtime.sleep(delay)
        except asyncio.CancelledError:
            if not (self._draining and isinstance(step.action, Wait | Delay)):
                self.walk.emit(
                    f"{path}:cancelled",
                    EventType.STEP_CANCELLED,
                    path,
                    step.id,
                    title=step.title,
                    node_type=step.node_type,
                )
            raise

    async def _within(self, node: Node, work: Coroutine[Any, Any, Outcome]) -> Outcome:
        """Bound a step by its time. A call is bounded by whoever runs it."""
        limit = node.step.on_error.timeout_ms
        if not limit or isinstance(node.step.action, Call):
            return await work
        try:
            async with asyncio.timeout(limit / 1000):
                return await work
        except TimeoutError as late:
            raise StepError("node_timeout", f"The node did not finish within {limit} ms.", timeout_ms=limit) from late

    async def _read_variables(self, node: Node) -> Stored:
        if not node.stored:
            return {}
        path = self.path_of(node)
        result = await self.walk.runtime.call(
            CallRequest(
                call=READ_VARIABLES,
                path=path,
                node=node.step.id,
                node_type="read_variables",
                title=f"Variables of {node.step.title}",
                attempt=1,
                inputs={scope: list(names) for scope, names in node.stored.items()},
                context=self.context,
                idempotency_key=f"{self.context.run_id}/{path}/variables",
                timeout_ms=READ_VARIABLES.timeout_ms,
            )
        )
        self.look_for_refs(result.output)
        found: Any = result.output
        return {scope: found.get(scope, {}) for scope in ("user", "app")}

    async def _bind(self, node: Node, stored: Stored) -> Bound:
        """Bind every input; templates are rendered where their values can be loaded."""
        step = node.step
        bound = self.bind_plain(node, stored)
        for name, fill in node.texts:
            parts = fill(self, bound, stored)
            if _keeps_parts(step.action):
                bound[name] = parts
            elif self.walk.refs_seen and any(isinstance(part, Filled) and has_refs(part.value) for part in parts):
                bound[name] = (await self._evaluate_elsewhere(node, Rendering(parts), f"{name}")).output["output"]
            else:
                bound[name] = _text(step, parts, self.walk.limits)
        return bound

    async def _evaluate_elsewhere(self, node: Node, material: Any, what: str = "") -> Evaluated:
        """Evaluate where values by reference can be loaded."""
        answer: Any = await self.walk.runtime.evaluate(
            EvaluateRequest(
                step=node.step.id, path=self.path_of(node), title=node.step.title, bound=pack(material), context=self.context
            )
        )
        self.look_for_refs(answer)
        return Evaluated(dict(answer["output"]), answer.get("port"), tuple(answer.get("warnings", ())))

    async def measure(self, node: Node, reference: BlobRef) -> int:
        """How many items a list by reference has."""
        if not reference.path:
            return reference.length if reference.kind == "array" else 0
        length = (await self._evaluate_elsewhere(node, Measure(reference))).output["length"]
        return length if isinstance(length, int) else 0

    async def _do(
        self, node: Node, bound: Bound, stored: Stored, warnings: list[str], attempt: int, deadline: int
    ) -> Outcome:
        action = node.step.action
        match action:
            case Call():
                return await self._call(node, action, bound, warnings, attempt, deadline)
            case Loop():
                return Outcome(await composites.walk_loop(self, node, action, bound, self.place_of(node, attempt)))
            case Map():
                return Outcome(await composites.walk_map(self, node, action, bound, self.place_of(node, attempt)))
            case Wait():
                return await self._wait(node, action, bound)
            case Delay():
                return await self._delay(node, bound)
            case Subflow():
                return await self._subflow(node, action, bound, attempt)
            case _:
                return await self._compute_carefully(node, bound, stored, warnings)

    async def _compute_carefully(self, node: Node, bound: Bound, stored: Stored, warnings: list[str]) -> Outcome:
        """An inline step in a run that carries values by reference, or reads variables."""
        shown: Any = _shown(bound)
        material: Any = None
        match node.step.action:
            case Finish(mode="answer") | Emit():
                material = Rendering(node.parts(self, bound, stored) if node.parts is not None else [])
                far = any(isinstance(part, Filled) and has_refs(part.value) for part in material.parts)
            case Choose():
                material = self._operands(node, bound, stored)
                far = has_refs(material)
            case Compute():
                material = bound
                far = _holds_refs(bound)
            case _:
                far = False
        if not far:
            return self._finish_inline(node, self._inline(node, bound, stored, shown), shown, warnings)
        return self._finish_inline(node, await self._evaluate_elsewhere(node, material), shown, warnings)

    async def _call(
        self, node: Node, action: Call, bound: Bound, warnings: list[str], attempt: int, deadline: int
    ) -> Outcome:
        step, path = node.step, self.path_of(node)
        remaining = max(1, deadline - self.walk.runtime.now()) if deadline else action.timeout_ms
        targets = self.messages.targets(node, self, self.walk.limits.rendered_bytes) if node.consumers else ()
        inputs: Any = bound
        result = await self.walk.runtime.call(
            CallRequest(
                call=action,
                path=path,
                node=step.id,
                node_type=step.node_type,
                title=step.title,
                attempt=attempt,
                inputs=inputs,
                context=self.context,
                idempotency_key=f"{self.context.run_id}/{path}",
                output_schema=step.output_schema,
                timeout_ms=remaining,
                targets=targets,
            )
        )
        self.walk.spend(result.usage)
        self.look_for_refs(result.output)
        output: dict[str, object] = dict(result.output)
        said = [*warnings, *result.warnings]
        if step.output_schema is not None:
            fitting, complaints = convert(output, step.output_schema)
            output = fitting if isinstance(fitting, dict) else output
            said += complaints
            if step.null_outputs:
                output = null_fill(output, step.output_schema)
        self.messages.streamed(node, output)
        data: dict[str, Any] = {}
        if result.usage:
            data["usage"] = result.usage
        if said:
            data["warnings"] = said
        return Outcome(output, None, data)

    async def _wait(self, node: Node, action: Wait, bound: Bound) -> Outcome:
        step = node.step
        options: Any = bound.get("options") or []
        schema: Any = action.settings.get("schema")
        wait = OpenWait(
            wait_id=self.path_of(node),
            kind=action.ask,
            node=step.id,
            title=step.title,
            prompt=str(bound.get("question") or ""),
            options=tuple(str(option) for option in options),
            schema=schema,
            free=bool(action.settings.get("free", True)),
        )
        inner = self.around is not None
        self.walk.pinned += inner
        try:
            answer = await self.walk.runtime.wait(wait)
        finally:
            self.walk.pinned -= inner
        self.look_for_refs(answer)
        output, port = accept_answer(wait, answer, step.output_schema)
        ported = bool(action.settings.get("ports"))
        return Outcome(dict(output), port if ported else None, {"port": port} if ported and port else {})

    async def _delay(self, node: Node, bound: Bound) -> Outcome:
        now = self.walk.runtime.now()
        seconds: Any = bound.get("seconds") or 0
        until = self.parked.pop(node.number, {}).get("until", now + int(max(0.0, float(seconds)) * 1000))
        try:
            if until > now:
                await self.walk.runtime.sleep((until - now) / 1000)
        except asyncio.CancelledError:
            if self._draining:
                self.parked[node.number] = {"until": until}
            raise
        return Outcome({})

    async def _subflow(self, node: Node, action: Subflow, bound: Bound, attempt: int) -> Outcome:
        context = replace(
            self.context,
            prefix=self.place_of(node, attempt) + "/",
            depth=self.context.depth + 1,
            plan_hash=action.plan_hash,
            workflow_id=action.workflow_id,
            version=action.version,
        )
        if context.depth > self.walk.limits.subflow_depth:
            raise LimitExceeded(
                f"Sub-workflows are nested {context.depth} deep; the limit is {self.walk.limits.subflow_depth}.",
                limit=self.walk.limits.subflow_depth,
                setting="MAINSPRING_SUBFLOW_DEPTH",
            )
        inputs: Any = bound
        if action.tier == "inline":
            plan = self.walk.runtime.plan(action.plan_hash)
            frame = Frame(self.walk, prepare_plan(plan, action.plan_hash), context, plan=plan, run_inputs=inputs)
            return Outcome(await frame.run())
        self.walk.pinned += 1
        try:
            result = await self.walk.runtime.subflow(
                SubflowRequest(
                    plan_hash=action.plan_hash,
                    inputs=inputs,
                    context=context,
                    title=node.step.title,
                    timeout_ms=node.step.on_error.timeout_ms,
                )
            )
        finally:
            self.walk.pinned -= 1
        self.walk.executed += result.executed
        self.walk.spend(result.usage)
        self.look_for_refs(result.output)
        return Outcome(dict(result.output))

    def look_for_refs(self, value: object) -> None:
        if not self.walk.refs_seen and has_refs(value):
            self.walk.refs_seen = True

    # --- handing over ----------------------------------------------------------------------------------------------------

    def may_park(self) -> bool:
        """Whether a composite of this graph should stop between two turns, so that the run goes on in a fresh history."""
        if not self.root:
            return False
        return self._draining or (self.walk.pinned == 0 and self.walk.runtime.hand_over_due())

    def snapshot(self) -> Json:
        """Everything a fresh history needs to go on from here."""
        steps: list[Any] = [
            {"step": number, "port": port, "output": self.outputs[number]} for number, port in self.order
        ]
        return {
            "steps": steps,
            "parked": {str(number): cursor for number, cursor in self.parked.items()},
            "result": self.result,  # type: ignore[dict-item]
            "executed": self.walk.executed,
            "usage": dict(self.walk.usage),
        }

    def restore(self, snapshot: Json) -> None:
        """Take up where `snapshot` was made: settle again what was settled, without telling it twice (keys are the same)."""
        known: Any = snapshot
        self.walk.executed = known["executed"]
        self.walk.usage = dict(known["usage"])
        self.walk.refs_seen = has_refs(known)
        self.result = known["result"]
        for entry in known["steps"]:
            self._restored.append((entry["step"], Outcome(entry["output"], entry["port"])))
        self.parked = {int(number): cursor for number, cursor in known["parked"].items()}


# --- small rules ---------------------------------------------------------------------------------------------------------


def _opens(wire: Wire, port: str | None) -> bool:
    """A wire without a port is taken after every success."""
    return wire.port == port or (wire.port is None and port != "error")


def _timeout_of(node: Node) -> int:
    action = node.step.action
    return node.step.on_error.timeout_ms or (action.timeout_ms if isinstance(action, Call) else 0)


def _retry_delay(node: Node, error: StepError, attempt: int) -> float | None:
    """Seconds until the next attempt; None when there is none.

    What may succeed later is tried as often as the node type says; what the canvas wants retried is retried whatever the error,
    and at once, as the reference does.
    """
    action, wanted = node.step.action, 1 + node.step.on_error.retries
    if isinstance(action, INSTANT):
        return None
    if not error.may_retry or not isinstance(action, Call):
        return 0.0 if attempt < wanted else None
    if attempt >= max(action.attempts, wanted):
        return None
    asked = error.facts.get("retry_after")
    pause = action.backoff_ms / 1000 * action.backoff_factor ** (attempt - 1)
    return max(pause, float(asked)) if isinstance(asked, int | float) else pause


def _keeps_parts(action: object) -> bool:
    """Joining lists inside a text needs the parts of the template, not its text."""
    return isinstance(action, Compute) and action.operation == "text.concat"


def _text(step: Step, parts: list[str | Filled], limits: Limits) -> object:
    return evaluate(step, Rendering(parts), limits).output["output"]


def _shown(bound: Mapping[str, object]) -> dict[str, Any]:
    """Bound inputs as records show them: a template's parts as its text."""
    return {name: _joined(value) if _is_parts(value) else value for name, value in bound.items()}


def _is_parts(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(part, Filled) for part in value)


def _joined(value: Any) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in value)


def _holds_refs(bound: Mapping[str, object]) -> bool:
    for value in bound.values():
        if isinstance(value, list) and _is_parts(value):
            if any(isinstance(part, Filled) and has_refs(part.value) for part in value):
                return True
        elif has_refs(value):
            return True
    return False
