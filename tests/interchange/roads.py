"""The two roads of a run: walked in memory, and through Temporal; both with the real node types and the real stores."""

from __future__ import annotations

import asyncio
import inspect
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, Protocol, cast
from uuid import uuid4

from engine.errors import FlowError, InvalidInput
from engine.events import RUN_ENDS, EventType, RunEvent
from engine.interpret import interpret
from engine.limits import DEFAULT_LIMITS
from engine.memory import InMemoryRuntime
from engine.perform import READ_VARIABLES
from engine.plan import Plan, read_plan
from engine.runtime import CallRequest, CallResult, RunContext, StepError
from engine.values import Json
from nodes.library import Library
from storage.ports import EventLog, Plans
from storage.stores import Stores, open_stores
from tests.interchange.cases import Answer, Case, Run, case_names, load_case
from tests.interchange.imports import LIBRARY, Imported, import_case
from tests.interchange.seeds import WORKFLOW, conversation_of, held_rows, holder_of, sow
from tests.interchange.told import Told, told
from tests.interchange.world import World, Worlds, knowing_their_run
from tests.nodes.jail import OpenJail
from tests.workers.memory_stores import MemoryBlobs, MemoryLog, MemoryPlans
from workers.big_values import BigValues
from workers.byte_cache import ByteCache
from workers.client import RunsClient, RunStart
from workers.connection import TemporalOptions, connect, ensure_search_attributes
from workers.embedded import EmbeddedTemporal
from workers.event_writer import EventWriter
from workers.node_runner import NodeRunner
from workers.worker import WorkerParts, build_worker

RUN_SECONDS: Final = 40
_SCOPES: Final[tuple[Literal["user", "app"], ...]] = ("user", "app")
_FIRST_ORGANISATION: Final = 1_000
_RUNS = itertools.count(1)


@dataclass(frozen=True)
class Errand:
    """One run to be carried out, in an organisation of its case's own."""

    imported: Imported
    start: RunStart
    answers: tuple[Answer, ...]
    world: World
    every_wait: Callable[[str, str], Json] | None = None
    """What is answered to every wait, by its id and kind, where the answers do not say."""

    @property
    def context(self) -> RunContext:
        names = {one.name for one in fields(RunContext)} & {one.name for one in fields(RunStart)}
        return RunContext(**{name: getattr(self.start, name) for name in names})


class Road(Protocol):
    """Carries out runs."""

    @property
    def stores(self) -> Stores: ...
    @property
    def worlds(self) -> Worlds: ...
    async def carry_out(self, errand: Errand) -> tuple[list[RunEvent], RunEvent | None]:
        """Everything that was told, and the end; None where the run waits for an answer that the case does not have."""
        ...


async def travel(road: Road, name: str) -> tuple[Imported, list[Told]]:
    """All runs of a case, one after another: what one leaves behind the next finds."""
    # The same on every road, and of no other case.
    org_id = str(_FIRST_ORGANISATION + case_names().index(name))
    case = load_case(name)
    imported = import_case(case, await sow(road.stores, case, org_id))
    return imported, [await _one(road, case, run, imported, org_id) for run in case.runs]


async def _one(road: Road, case: Case, run: Run, imported: Imported, org_id: str) -> Told:
    world = World.of(case, run)
    if not imported.root:
        return Told("refused", error={"code": "refused", "message": imported.refusal}, world=world)
    start = RunStart(
        run_id=str(next(_RUNS)),
        org_id=org_id,
        space_id=org_id,
        workflow_id=WORKFLOW,
        version="v1.0.0",
        plan_hash=imported.root,
        inputs=run.inputs,
        user_id=run.user_id,
        app_id=run.app_id,
        conversation_id=await conversation_of(road.stores, run, org_id),
        chat=run.chat,
        draft=run.draft,
    )
    road.worlds.add(start.run_id, world)
    answers = tuple(one if isinstance(one, Answer) else Answer(give=one) for one in run.answers)
    async with asyncio.timeout(RUN_SECONDS):
        events, ended = await road.carry_out(Errand(imported, start, answers, world))
    made = told(events, ended, world)
    holder = holder_of(run, org_id)
    for scope in _SCOPES:
        known = await road.stores.variables.all(org_id, org_id, scope, holder.owner(scope))
        made.stored[scope] = {name: value for name, (value, _) in known.items()}
    made.rows = await held_rows(road.stores, case, run, org_id)
    return made


def parts(stores: Stores, worlds: Worlds, library: Library, log: EventLog, plans: Plans) -> WorkerParts:
    """What workers work with: the stores, and the worlds as the ways out."""
    made: dict[str, Any] = {one.name: getattr(stores, one.name, None) for one in fields(WorkerParts)}
    made["plugins"] = stores.plugin_tools
    made["files"] = stores.own_files
    made |= {"events": log, "plans": plans, "http": worlds, "models": worlds, "sandbox": OpenJail(), "library": library}
    return WorkerParts(**made)


@contextmanager
def _refusal(answer: Answer) -> Iterator[None]:
    """An answer that is to be refused is, with the right sentence."""
    try:
        yield
    except InvalidInput as error:
        if not answer.refused or answer.refused not in error.message:
            raise
    else:
        if answer.refused:
            raise AssertionError(f"the answer {answer.give!r} was taken")


# --- in memory ---


@dataclass
class _Told:
    """Stands for the writer of events: what activities tell goes where the interpreter tells."""

    runtimes: dict[str, InMemoryRuntime] = field(default_factory=dict)

    def tell(self, run_id: str, event: RunEvent) -> None:
        self.runtimes[run_id].emit(event)

    async def room(self) -> None: ...
    async def flush(self, run_id: str) -> None: ...


class MemoryRoad:
    """Walks plans in memory; activities are run as a worker runs them."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.worlds = Worlds()
        self._plans: dict[str, Plan] = {}
        self._told = _Told()
        made = parts(stores, self.worlds, knowing_their_run(LIBRARY), MemoryLog(), MemoryPlans())
        known = {one.name: getattr(made, one.name) for one in fields(WorkerParts)} | {
            "values": BigValues(MemoryBlobs(), ByteCache(1 << 20)),
            "plans": self._plans.__getitem__,
            "writer": cast(EventWriter, self._told),
        }
        self._runner = NodeRunner(**{name: known[name] for name in inspect.signature(NodeRunner).parameters})

    async def carry_out(self, errand: Errand) -> tuple[list[RunEvent], RunEvent | None]:
        imported, start = errand.imported, errand.start
        # As they are stored: their bytes keep no order of names.
        plans = {digest: read_plan(plan.to_bytes()) for digest, plan in imported.plans.items()}
        self._plans |= plans
        activities = dict.fromkeys([*LIBRARY.activities, READ_VARIABLES.activity], self._handle)
        runtime = InMemoryRuntime(activities, plans)
        self._told.runtimes[start.run_id] = runtime
        walk = asyncio.ensure_future(interpret(plans[imported.root], start.inputs, runtime, errand.context))
        if not await self._answered(runtime, walk, errand):
            events = list(runtime.events)
            walk.cancel()
            await asyncio.gather(walk, return_exceptions=True)
            return events, None
        try:
            done = walk.result()
        except FlowError as error:
            data: dict[str, Any] = {"error": StepError.of(error).to_json()}
            return runtime.events, RunEvent("run:failed", EventType.RUN_FAILED, 0, data=data)
        data = {"output": done.output} | ({} if done.answer is None else {"answer": done.answer})
        return runtime.events, RunEvent("run:succeeded", EventType.RUN_SUCCEEDED, 0, data=data)

    async def _answered(self, runtime: InMemoryRuntime, walk: asyncio.Future[Any], errand: Errand) -> bool:
        """Whether the walk comes to its end with the answers that there are."""
        answers = list(errand.answers)
        given: set[str] = set()
        idle = 0
        while not walk.done():
            waiting = [one for one in runtime.waits if one not in given]
            if waiting and errand.every_wait is not None:
                answers = [Answer(give=errand.every_wait(waiting[0], runtime.waits[waiting[0]].kind), at=waiting[0])]
            at = next((one.at for one in answers[:1] if one.at in waiting), waiting[0] if waiting else "")
            if answers and answers[0].at and answers[0].at not in waiting:
                at = ""
            if at and answers:
                answer = answers.pop(0)
                with _refusal(answer):
                    runtime.answer(at, answer.give)
                    given.add(at)
                idle = 0
            elif runtime.waits and not answers:
                # Others may still be under way: a few rounds of the loop show whether anything moves.
                idle += 1
                if idle > 50:
                    return False
            await asyncio.wait([walk], timeout=0.002 if runtime.waits else 0.05)
        return True

    async def _handle(self, request: CallRequest) -> CallResult:
        limits = DEFAULT_LIMITS
        return await self._runner.run(request, delivery=1, inline=limits.inline_value_bytes, largest=limits.value_bytes)


# --- through Temporal ---


@dataclass
class TemporalRoad:
    """Starts runs over a worker on a server that a session shares."""

    stores: Stores
    worlds: Worlds
    client: RunsClient
    log: MemoryLog
    plans: MemoryPlans

    async def carry_out(self, errand: Errand) -> tuple[list[RunEvent], RunEvent | None]:
        for digest, plan in errand.imported.plans.items():
            self.plans.kept.setdefault(digest, plan.to_bytes())
        start, answers = errand.start, list(errand.answers)
        await self.client.start(start)
        waiting: dict[str, str] = {}
        async for stored in self.log.follow(start.run_id):
            event = stored.event
            if event.type is EventType.WAIT_OPENED:
                wait_id = str(event.data["wait_id"])
                waiting[wait_id] = str(event.data["executor"] or start.executor)
                if errand.every_wait is not None:
                    answers = [Answer(give=errand.every_wait(wait_id, str(event.data["kind"])), at=wait_id)]
            if event.type in RUN_ENDS:
                return self._events(start), event
            while answers and (at := next((one for one in waiting if answers[0].at in ("", one)), "")):
                answer = answers.pop(0)
                with _refusal(answer):
                    await self.client.answer(waiting[at], at, answer.give, answer_id=f"{start.run_id}/{at}")
                    del waiting[at]
            if waiting and not answers and event.type is EventType.WAIT_OPENED:
                return await self._left(start)
        raise AssertionError("the events ended before the run")

    async def _left(self, start: RunStart) -> tuple[list[RunEvent], RunEvent | None]:
        """A run that waits for what never comes: let the rest of it come to rest, then end it."""
        await asyncio.sleep(0.3)
        events = self._events(start)
        await self.client.cancel(start.executor)
        return events, None

    def _events(self, start: RunStart) -> list[RunEvent]:
        return [stored.event for stored in self.log.events.get(start.run_id, [])]


@asynccontextmanager
async def memory_road(folder: Path) -> AsyncIterator[MemoryRoad]:
    """A road in memory with stores in a folder."""
    with open_stores(folder) as stores:
        yield MemoryRoad(stores)


@asynccontextmanager
async def temporal_road(server: EmbeddedTemporal, folder: Path) -> AsyncIterator[TemporalRoad]:
    """A worker of its own on the shared server, with stores in a folder."""
    async with AsyncExitStack() as stack:
        stores = stack.enter_context(open_stores(folder))
        log, plans, worlds = MemoryLog(), MemoryPlans(), Worlds()
        connection = await connect(TemporalOptions(address=server.address, task_queue=uuid4().hex), MemoryBlobs())
        await ensure_search_attributes(connection)
        worker = build_worker(connection, parts(stores, worlds, knowing_their_run(LIBRARY), log, plans))
        await stack.enter_async_context(worker)
        yield TemporalRoad(stores, worlds, RunsClient(connection, eager=True), log, plans)
