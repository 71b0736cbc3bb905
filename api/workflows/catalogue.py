"""Plans at hand: of published versions, and of drafts for a test run, with everything that they call."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from api.access import Member
from engine.canvas import Canvas
from engine.compile import Callee, Resolve, compile_canvas
from engine.diagnostics import Diagnostic
from engine.document import read_canvas
from engine.errors import InvalidCanvas, InvalidInput, LimitExceeded, NotFound
from engine.isolation import Isolated, isolate
from engine.limits import Limits
from engine.node_type import NodeLibrary
from engine.pins import Pin, Pins
from engine.plan import Converse, Graph, Loop, Map, Plan, Subflow, plan_hash, read_plan
from engine.validation import WorkflowFace, validate
from nodes.variable_rules import check_assignments, sets_variables
from storage.ids import read_id
from storage.stores import Stores
from storage.tables import Workflow
from storage.workflow_lists import WorkflowSummary

T = TypeVar("T")

_KEPT_SECONDS: Final = 2.0
"""How long another process's publishing may go unnoticed here; our own is noticed at once."""
_KEPT_VERSIONS: Final = 2_000
_KEPT_PLANS: Final = 256
_DEEPEST_DRAFTS: Final = 64
"""Drafts that call one another: no run goes as deep, and what looks them up goes down with them."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A workflow as it can be run: a published version, or its draft."""

    workflow_id: int
    key: str
    name: str
    version: str
    plan_hash: str
    plan: Plan
    description: str = ""
    debugged: str = ""
    """The node that it runs alone, when it is not the whole."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is different in a test run: nodes that give what was written down, and perhaps one node alone."""

    pins: Pins = field(default_factory=dict[str, Pin])
    node: str = ""

    def canvas(self, drawn: Canvas, library: NodeLibrary) -> Canvas:
        """The canvas that is run. Raises `NotFound` and `InvalidInput` for a node that cannot run alone."""
        return isolate(drawn, self.node, library).canvas if self.node else drawn

    def pins_of(self, canvas: Canvas) -> Pins:
        """The pins that count: of a node alone, those of its body."""
        if not self.node:
            return self.pins
        inner = {block.id for node in canvas.nodes for block in node.blocks}
        return {name: pin for name, pin in self.pins.items() if name in inner}


@dataclass(slots=True)
class _Known:
    """A published version, and until when it is believed without another look."""

    compiled: Compiled
    until: float


@dataclass(slots=True)
class Drafts:
    """The drafts that were compiled for one answer: one that is called in many places is compiled once.

    Whether a draft can be called does not depend on who calls it: one that leads back leads into a ring from anywhere.
    """

    callees: dict[str, Callee | None] = field(default_factory=dict[str, Callee | None])
    leading_back: set[str] = field(default_factory=set[str])
    too_deep: set[str] = field(default_factory=set[str])
    """Those that lead down to where nobody looks any more."""


class Catalogue:
    """Finds what can be run, and compiles what is still being drawn."""

    def __init__(self, stores: Stores, library: NodeLibrary, limits: Limits) -> None:
        self._stores = stores
        self._library = library
        self._limits = limits
        self._plans: OrderedDict[str, Plan] = OrderedDict()
        self._versions: dict[tuple[int, str, str], _Known] = {}

    # --- what is published --------------------------------------------------------------------------------------------

    async def workflow(self, member: Member, ref: str) -> Workflow:
        """A workflow by its id or key, with its draft. Raises `NotFound`."""
        workflows = self._stores.workflows(member.org_id, member.space_id)
        if (number := read_id(ref)) is not None:
            try:
                return await workflows.get(number)
            except NotFound:
                # A name like "2025" makes a key of digits.
                pass
        return await workflows.get_by_key(ref)

    async def summary(self, member: Member, ref: str) -> WorkflowSummary | Workflow:
        """A workflow by its id or key; by its id without its draft. Raises `NotFound`."""
        if (number := read_id(ref)) is not None:
            with suppress(NotFound):
                return await self._stores.workflows(member.org_id, member.space_id).summary(number)
        return await self.workflow(member, ref)

    async def published(self, member: Member, ref: str, version: str = "") -> Compiled:
        """A published version, or the latest, ready to run. Raises `NotFound`, or `InvalidInput` for no version."""
        wanted = (member.space_id, ref, version)
        known = self._versions.get(wanted)
        now = time.monotonic()
        if known is None:
            return await self._look_up(member, wanted)
        if known.until < now:
            # Whoever comes first looks again; the others take what is known until then.
            known.until = now + _KEPT_SECONDS
            return await self._look_up(member, wanted)
        return known.compiled

    async def _look_up(self, member: Member, wanted: tuple[int, str, str]) -> Compiled:
        _, ref, version = wanted
        try:
            workflow = await self.workflow(member, ref)
            workflows = self._stores.workflows(member.org_id, member.space_id)
            found = await workflows.published(workflow.id, version or None)
        except NotFound:
            self._versions.pop(wanted, None)
            raise
        plan = await self._load(found.plan_hash)
        compiled = Compiled(
            found.workflow_id, found.key, found.name, found.version, found.plan_hash, plan, found.description
        )
        if len(self._versions) >= _KEPT_VERSIONS:
            self._versions.clear()
        self._versions[wanted] = _Known(compiled, time.monotonic() + _KEPT_SECONDS)
        return compiled

    def forget(self, member: Member) -> None:
        """Something about the workflows of this space has changed."""
        for known in [one for one in self._versions if one[0] == member.space_id]:
            del self._versions[known]

    def plan(self, hash_: str) -> Plan:
        """A plan by its hash, from memory as a rule."""
        found = self._plans.get(hash_)
        if found is None:
            found = self._keep(hash_, read_plan(self._stores.plans.read(hash_)))
        return found

    async def _load(self, hash_: str) -> Plan:
        """A plan and all that it calls, so that nobody has to wait for the disk while it runs."""
        if (found := self._plans.get(hash_)) is not None:
            self._plans.move_to_end(hash_)
            return found
        data = await asyncio.to_thread(self._stores.plans.read, hash_)
        plan = self._keep(hash_, await asyncio.to_thread(read_plan, data))
        for one in plan.plans:
            if one not in self._plans:
                self._keep(one, read_plan(await asyncio.to_thread(self._stores.plans.read, one)))
        return plan

    def _keep(self, hash_: str, plan: Plan) -> Plan:
        self._plans[hash_] = plan
        while len(self._plans) > _KEPT_PLANS:
            self._plans.popitem(last=False)
        return plan

    # --- what is being drawn ------------------------------------------------------------------------------------------

    async def diagnose(
        self,
        member: Member,
        document: dict[str, Any],
        own_id: str = "",
        *,
        app_id: str = "",
        drafts: Drafts | None = None,
    ) -> list[Diagnostic]:
        """Everything wrong with a canvas. What it calls may be a draft too; `app_id` says whose variables it sets.

        Several that are diagnosed together share `drafts`.
        """
        canvas, found = await asyncio.to_thread(read_canvas, document, self._limits)
        if canvas is None:
            return found

        def look(resolve: Resolve) -> list[Diagnostic]:
            def face(ref: str, version: str) -> WorkflowFace | None:
                callee = resolve(ref, version)
                return callee.face if callee is not None else None

            return [*found, *validate(canvas, self._library, workflows=face, own_id=own_id, limits=self._limits)]

        try:
            findings = await self._resolved(member, look, drafts=drafts or Drafts(), below=(own_id,))
        except LimitExceeded as error:
            findings = [*found, Diagnostic(code="calls_too_deep", message=error.message, facts=dict(error.facts))]
        return [*findings, *await self._misfits(member, canvas, app_id)]

    async def _misfits(self, member: Member, canvas: Canvas, app_id: str) -> list[Diagnostic]:
        """Variables that a canvas sets to what they cannot be."""
        if not sets_variables(canvas):
            return []
        read = self._stores.variables.definitions
        org_id, space_id = str(member.org_id), str(member.space_id)
        user = await read(org_id, space_id, app_id, "user")
        app = await read(org_id, space_id, app_id, "app")
        return check_assignments(canvas, self._library, {"user": user, "app": app})

    async def compile(
        self, member: Member, workflow: Workflow, *, drafts: bool, app_id: str = "", trial: Trial | None = None
    ) -> tuple[Plan, str]:
        """Compile a workflow's draft and store the plan. With `drafts`, what it calls may be a draft too; without, the
        variables that it sets must be of their types.

        Raises `InvalidCanvas` with every diagnostic, and for a `trial` that cannot be `NotFound` and `InvalidInput`.
        """
        return await self._compile(member, workflow, Drafts() if drafts else None, (), app_id, trial or Trial())

    async def _compile(
        self,
        member: Member,
        workflow: Workflow,
        drafts: Drafts | None,
        below: tuple[str, ...],
        app_id: str,
        wanted: Trial,
    ) -> tuple[Plan, str]:
        """`below`: the workflows that led here."""
        canvas, found = await asyncio.to_thread(read_canvas, workflow.draft, self._limits)
        if canvas is None:
            raise _refused("The draft is no canvas", found)
        own_id = str(workflow.id)
        drawn = wanted.canvas(canvas, self._library)
        pins = wanted.pins_of(drawn)

        def work(resolve: Resolve) -> Plan:
            return compile_canvas(drawn, self._library, resolve, own_id=own_id, limits=self._limits, pins=pins)

        plan = await self._resolved(member, work, drafts=drafts, below=(*below, own_id))
        if drafts is None and (misfits := await self._misfits(member, drawn, app_id)):
            raise _refused("The canvas cannot be published", misfits)
        data = plan.to_bytes()
        hash_ = plan_hash(data)
        await self._stores.plans.put(hash_, data)
        return self._keep(hash_, plan), hash_

    def isolated(self, workflow: Workflow, node: str) -> Isolated:
        """One node of a draft alone. Raises `NotFound`, `InvalidInput`, `InvalidCanvas`."""
        canvas, found = read_canvas(workflow.draft, self._limits)
        if canvas is None:
            raise _refused("The draft is no canvas", found)
        return isolate(canvas, node, self._library)

    async def _resolved(
        self, member: Member, work: Callable[[Resolve], T], *, drafts: Drafts | None, below: tuple[str, ...]
    ) -> T:
        """Do work that looks up workflows, off the event loop.

        It is done again with what it was found to miss, until it misses nothing: a thread that waits for the loop could
        wait for ever.
        """
        known: dict[tuple[str, str], Callee | None] = {}
        while True:
            missing: dict[tuple[str, str], None] = {}

            def resolve(ref: str, version: str, missing: dict[tuple[str, str], None] = missing) -> Callee | None:
                if (ref, version) not in known:
                    missing[ref, version] = None
                return known.get((ref, version))

            try:
                result = await asyncio.to_thread(work, resolve)
            except InvalidCanvas:
                if not missing:
                    raise
            else:
                if not missing:
                    return result
            for ref, version in missing:
                known[ref, version] = await self._callee(member, ref, version, drafts=drafts, below=below)

    async def _callee(
        self, member: Member, ref: str, version: str, *, drafts: Drafts | None, below: tuple[str, ...]
    ) -> Callee | None:
        """A workflow that another one calls; None when there is none that could be called."""
        try:
            found = await self.published(member, ref, version)
        except InvalidInput:
            return None
        except NotFound:
            return None if drafts is None or version else await self._draft_callee(member, ref, drafts, below)
        uses = tuple(dict.fromkeys(self._calls(found.plan)))
        return Callee(
            str(found.workflow_id), found.version, found.plan_hash, found.plan, uses, found.name, found.description
        )

    async def _draft_callee(self, member: Member, ref: str, drafts: Drafts, below: tuple[str, ...]) -> Callee | None:
        try:
            workflow = await self.workflow(member, ref)
        except NotFound:
            return None
        own_id = str(workflow.id)
        if own_id in below or own_id in drafts.leading_back:
            # It leads back to where we come from: validation says so.
            return Callee(own_id, "", "", _NO_PLAN, uses=below)
        if own_id in drafts.callees:
            return drafts.callees[own_id]
        if len(below) > _DEEPEST_DRAFTS or own_id in drafts.too_deep:
            raise LimitExceeded(
                f"Drafts call one another more than {_DEEPEST_DRAFTS} deep: publish those that are called first.",
                limit=_DEEPEST_DRAFTS,
            )
        try:
            plan, hash_ = await self._compile(member, workflow, drafts, below, "", Trial())
        except LimitExceeded:
            drafts.too_deep.add(own_id)
            raise
        except InvalidCanvas as error:
            if _leads_back(error):
                drafts.leading_back.add(own_id)
                return Callee(own_id, "", "", _NO_PLAN, uses=below)
            drafts.callees[own_id] = None
            return None
        uses = tuple(dict.fromkeys(self._calls(plan)))
        made = Callee(own_id, "draft", hash_, plan, uses, workflow.name, workflow.description)
        drafts.callees[own_id] = made
        return made

    def _calls(self, plan: Plan) -> Iterator[str]:
        """The workflows that a plan calls, directly or deeper."""
        yield from _called(plan.graph)
        for hash_ in plan.plans:
            yield from _called(self.plan(hash_).graph)


_NO_PLAN: Final = Plan(
    graph=Graph(steps=(), wires=(), entries=()), inputs={}, outputs={}, in_place=False, answers=False
)


def _called(graph: Graph) -> Iterator[str]:
    for step in graph.steps:
        match step.action:
            case Subflow(workflow_id=workflow_id):
                yield workflow_id
            case Converse(tools=tools):
                yield from (tool.action.workflow_id for tool in tools if isinstance(tool.action, Subflow))
            case Loop(body=body) | Map(body=body):
                yield from _called(body)
            case _:
                continue


def _leads_back(error: InvalidCanvas) -> bool:
    found = error.facts.get("diagnostics")
    return isinstance(found, list) and any(
        isinstance(one, dict) and one.get("code") == "recursive_workflow" for one in found
    )


def _refused(why: str, found: Iterable[Diagnostic]) -> InvalidCanvas:
    listed = [one.to_json() for one in found]
    more = f" And {len(listed) - 1} more." if len(listed) > 1 else ""
    return InvalidCanvas(f"{why}: {listed[0]['message']}{more}", diagnostics=[*listed])
