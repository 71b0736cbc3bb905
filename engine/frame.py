"""One walk through one graph: which step may start, what its end opens, skips and delivers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from engine.bindings import Bound, Place, Status, Stored
from engine.composites import Parked
from engine.declared import declare
from engine.errors import EngineError, FlowError
from engine.events import EventType
from engine.inline import compute_here
from engine.limits import Limits
from engine.messages import Messages
from engine.perform import fail, perform
from engine.plan import Delay, Plan, Wait, Wire
from engine.prepare import INSTANT, Node, Prepared, prepare_plan
from engine.runtime import RunContext, StepError, StreamTarget
from engine.values import MISSING, Json, has_refs
from engine.walk import HandOver, Outcome, Walk

BREATH: Final = 200
"""Inline steps between two calls of `Runtime.breathe`."""


class Frame(Place):
    """One walk through one graph: the run's own, a sub-workflow's walked in place, or a turn of a composite's body."""

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
        mirrors: tuple[StreamTarget, ...] = (),
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
        self.messages = Messages(mirrors)
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
        self.draining = False
        self.reading: set[int] = set()
        """Questions whose latest answer is just being read: that is no mere waiting."""
        self._restored: list[tuple[int, Outcome]] = []

    # --- what bindings look at ---

    @property
    def outer(self) -> Place | None:
        return self.around

    @property
    def limits(self) -> Limits:
        return self.walk.limits

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
            "app_id": context.app_id,
            "conversation_id": context.conversation_id,
            "sys_uuid": context.sys_uuid,
            "started_at": context.started_at,
        }

    def path_of(self, node: Node) -> str:
        """The place of a step in the run."""
        return self.prefix + node.step.id

    def place_of(self, node: Node, attempt: int) -> str:
        """The path that inner steps stand under: a second attempt is a place of its own, with keys of its own."""
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

    def bind_plain(self, node: Node, stored: Stored | None = None, warnings: list[str] | None = None) -> Bound:
        """The inputs that are no templates, with the types declared for them; `warnings` gets what did not fit."""
        bound: Bound = {}
        known: Stored = stored or {}
        for name, source in node.inputs:
            value = source(self, bound, known)
            if value is not MISSING:
                bound[name] = value
        said = declare(node.step, bound)
        for name, source in node.late:
            bound[name] = source(self, bound, known)
        if node.late:
            said += declare(node.step, bound)
        if warnings is not None:
            warnings += said
        return bound

    def descend(self, plan: Plan, context: RunContext, inputs: dict[str, Any]) -> Frame:
        """A sub-workflow, walked here."""
        return Frame(self.walk, prepare_plan(plan, context.plan_hash), context, plan=plan, run_inputs=inputs)

    # --- scheduling ---

    async def run(self) -> dict[str, Any]:
        """Walk the whole graph and give its end's output."""
        self._open()
        for number, outcome in self._restored:
            self._settle(number, outcome)
        await self._drive()
        if self.result is None:
            raise EngineError(
                "The run came to a stop before its end: every path that leads there has a branch that was not taken."
            )
        return self.result

    async def turn(self) -> None:
        """Walk a composite's body once."""
        self._open()
        await self._drive()

    def _open(self) -> None:
        for number in self.prepared.graph.entries:
            self._reach(number, True)
        for number in self.prepared.unreached:
            self._reach(number, False)

    async def _drive(self) -> None:
        try:
            while True:
                while self._ready and not self.draining:
                    await self._begin(self._ready.popleft())
                if not self._running:
                    break
                self.messages.reconsider(self)
                if not self._finished:
                    self._wake = asyncio.get_running_loop().create_future()
                    await self._wake
                    self._wake = None
                while self._finished:
                    self._take(self._finished.popleft())
        except (Exception, asyncio.CancelledError) as error:
            # Nothing else: a coroutine that is thrown away (GeneratorExit) may not wait any more.
            await self._abandon()
            if isinstance(error, FlowError | asyncio.CancelledError) and not (self.root and self.context.depth == 0):
                self.messages.abandoned(self)
            raise
        if self.draining:
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
                outcome = compute_here(self, node)
            except FlowError as error:
                outcome = fail(self, node, StepError.of(error), attempt=1)
            self._settle(number, outcome)
            if self.walk.executed % BREATH == 0:
                await self.walk.runtime.breathe()
            return
        task = asyncio.create_task(perform(self, node))
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
        except Parked as parked:
            self.draining = True
            self.parked[number] = parked.cursor
            self.status[number] = Status.PENDING
            self._park_others()
            return
        except asyncio.CancelledError:
            if not self.draining:
                raise
            self.status[number] = Status.PENDING
            return
        self._settle(number, outcome)

    def _park_others(self) -> None:
        """Stop what merely waits: its cursor (or its own name) is enough to take it up again."""
        for task, number in self._running.items():
            if isinstance(self.prepared.nodes[number].step.action, Wait | Delay) and number not in self.reading:
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
            f"{path}:skipped",
            EventType.STEP_SKIPPED,
            path,
            node.step.id,
            title=node.step.title,
            node_type=node.step.node_type,
        )
        self.messages.skipped(node, self)

    def _reach(self, number: int, opened: bool) -> None:
        """A wire into a step is settled. Skipping spreads here without recursion: a canvas may be a long chain."""
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

    def certain(self, producer: int, steps: tuple[int, ...]) -> list[int] | None:
        """What must be settled before these steps are certain to run, each right behind those before it, once the
        producer succeeds; None when they are not, whatever happens.
        """
        sources, waiting = {producer}, list[int]()
        for number in steps:
            if self.status[number] is not Status.PENDING:
                return None
            opened = bool(self._reached[number])
            for wire in self.prepared.nodes[number].incoming:
                if wire.source in sources:
                    opened = opened or _opens(wire, None)
                elif self.status[wire.source] not in (Status.DONE, Status.SKIPPED):
                    waiting.append(wire.source)
            if not opened and not waiting:
                return None
            sources.add(number)
        return waiting

    # --- handing over ---

    def may_park(self) -> bool:
        """Whether a composite of this graph should stop between two turns, for the run to go on in a fresh history."""
        if not self.root:
            return False
        return self.draining or (self.walk.pinned == 0 and self.walk.runtime.hand_over_due())

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
            "messages": self.messages.snapshot(),
        }

    def restore(self, snapshot: Json) -> None:
        """Take up where `snapshot` was made: settle again what was settled, without telling it twice (keys are the
        same).
        """
        known: Any = snapshot
        self.walk.executed = known["executed"]
        self.walk.usage = dict(known["usage"])
        self.walk.refs_seen = has_refs(known)
        self.result = known["result"]
        if "messages" in known:
            self.messages.restore(known["messages"])
        for entry in known["steps"]:
            self._restored.append((entry["step"], Outcome(entry["output"], entry["port"])))
        self.parked = {int(number): cursor for number, cursor in known["parked"].items()}


def _opens(wire: Wire, port: str | None) -> bool:
    """A wire without a port is taken after every success."""
    return wire.port == port or (wire.port is None and port != "error")
