"""Kills at chosen moments of a run, and what must hold of it all the same."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol, get_args

from tests.fakes.openai_server import openai_server
from tests.scenarios import crash_canvas, imported_canvas
from tests.scenarios.endpoint import Endpoint, Gate, endpoint
from tests.scenarios.imported_place import Place, Provider
from tests.scenarios.journey import Journey, Model, publish
from tests.scenarios.system import PARTS, Part, System, running

Victim = Literal["worker", "api", "temporal", "all"]
VICTIMS: Final[tuple[Victim, ...]] = get_args(Victim)

_PATIENCE: Final = 180.0
_PAUSE: Final = 0.3
"""Between a death and the next start, as with any supervisor."""


@dataclass(frozen=True)
class Moment:
    """When to kill.

    `asked`: the endpoint has the step's request and has not answered. `answered`: it has just answered. `told`: the
    event of this key was just read. `waited`: a question was, and the person answers only after the kill. `random`:
    some seconds after the recovery from the kill before.
    """

    how: Literal["asked", "answered", "told", "waited", "random"]
    what: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.how} {self.what or f'{self.seconds:.2f} s'}"


BOUNDARIES: Final = (
    Moment("told", "run:started"),
    Moment("told", "greet:succeeded"),
    Moment("asked", "fetch"),
    Moment("answered", "fetch"),
    Moment("told", "note:succeeded"),
    Moment("told", "recall:succeeded"),
    Moment("told", "each:started"),
    Moment("asked", "each[0]/turn"),
    Moment("answered", "each[1]/turn"),
    Moment("told", "each:succeeded"),
    Moment("asked", "many[2]/work"),
    Moment("answered", "many[4]/work"),
    Moment("told", "many:succeeded"),
    Moment("told", "fused[9]/keep:succeeded"),
    Moment("told", "fused:succeeded"),
    Moment("told", "child/start:succeeded"),
    Moment("asked", "child/inside"),
    Moment("answered", "child/inside"),
    Moment("told", "child:succeeded"),
    Moment("told", "pause:started"),
    Moment("told", "pause:succeeded"),
    Moment("waited", "ask"),
    Moment("told", "ask:wait:answered"),
    Moment("waited", "form"),
    Moment("told", "write:started"),
    Moment("told", "write:delta:1.1.9"),
    Moment("told", "write:succeeded"),
    Moment("told", "tell:message"),
    Moment("asked", "last"),
    Moment("answered", "last"),
)
"""Every step of the canvas has its place here; they come in the order in which a run reaches them."""

IMPORTED: Final = (
    Moment("told", "run:started"),
    Moment("asked", "talk/tools[1.0]"),
    Moment("answered", "talk/tools[1.0]"),
    Moment("waited", "talk/tools[1.1]/colour"),
    Moment("told", "talk/tools[1.1]:succeeded"),
    Moment("told", "talk:succeeded"),
    Moment("waited", "who"),
    Moment("told", "who:wait:answered"),
    Moment("waited", "who.2"),
    Moment("waited", "who.3"),
    Moment("told", "who.3:wait:answered"),
    Moment("told", "who:succeeded"),
    Moment("told", "want:succeeded"),
    Moment("told", "insert:started"),
    Moment("told", "insert:succeeded"),
    Moment("told", "open:succeeded"),
    Moment("told", "hear:started"),
    Moment("told", "hear:succeeded"),
    Moment("told", "reply:succeeded"),
    Moment("told", "more:succeeded"),
    Moment("told", "count:succeeded"),
    Moment("told", "learn:started"),
    Moment("told", "learn:succeeded"),
    Moment("waited", "turns[0]/q"),
    Moment("asked", "turns[1]/turn"),
    Moment("waited", "turns[2]/q"),
    Moment("answered", "turns[2]/turn"),
    Moment("told", "many[4]/read:failed"),
    Moment("asked", "many[6]/work"),
    Moment("answered", "many[19]/work"),
    Moment("told", "many:succeeded"),
    Moment("told", "tell/write:started"),
    Moment("told", "tell:succeeded"),
    Moment("told", "say:message"),
    Moment("asked", "post"),
    Moment("answered", "post"),
)
"""The same of the imported canvas."""


@dataclass
class Kill:
    """What one kill did. `in_flight`: the steps that had called and were not known to be done."""

    victim: Victim
    moment: Moment
    in_flight: frozenset[str]
    recovery: float | None = None
    """Seconds from the restart of the process to the next thing that happened; none where the run had ended."""


@dataclass
class Outcome:
    """A run that was disturbed."""

    run_id: str
    kills: list[Kill] = field(default_factory=list)
    repeats: Counter[str] = field(default_factory=Counter)
    """Calls that came again, by step."""
    rewritten: int = 0
    """How often the model's answer began anew."""
    faults: list[str] = field(default_factory=list)


class Subject(Protocol):
    """The canvas that is run and disturbed."""

    @property
    def workflow(self) -> str: ...
    @property
    def inputs(self) -> dict[str, Any]: ...
    @property
    def person(self) -> dict[str, Any]:
        """What is answered, by wait."""
        ...

    @property
    def app_id(self) -> str: ...
    @property
    def writers(self) -> Sequence[str]:
        """The steps whose words stream."""
        ...

    async def ready(self) -> None:
        """Make the place as it was before the first run."""
        ...

    async def faults(self, kills: Sequence[Kill]) -> list[str]:
        """What one run left behind that it should not have, or not."""
        ...


@dataclass
class Drawn:
    """The canvas that we drew. It leaves nothing behind."""

    inputs: dict[str, Any]
    workflow: str = "outer"
    person: dict[str, Any] = field(default_factory=lambda: crash_canvas.PERSON)
    app_id: str = "app"
    writers: Sequence[str] = ("write",)

    async def ready(self) -> None: ...

    async def faults(self, kills: Sequence[Kill]) -> list[str]:
        return []


@dataclass
class FromElsewhere:
    """The canvas that was imported."""

    place: Place
    provider: Provider
    inputs: dict[str, Any] = field(default_factory=lambda: imported_canvas.INPUTS)
    person: dict[str, Any] = field(default_factory=lambda: imported_canvas.PERSON)
    app_id: str = imported_canvas.APP
    writers: Sequence[str] = ("talk", "tell/write")

    @property
    def workflow(self) -> str:
        return self.place.workflow

    async def ready(self) -> None:
        await self.place.clear()
        self.provider.asked.clear()

    async def faults(self, kills: Sequence[Kill]) -> list[str]:
        left, asked = await self.place.left(), self.provider.asked
        found = [
            f"{left[what]} {what} are left, where {wanted} is right"
            for what, wanted in imported_canvas.KEPT.items()
            if left[what] != wanted
        ]
        found += [f"the model was never asked for {one}" for one in imported_canvas.ASKED if not asked[one]]
        # It is asked one thing at a time; no step runs in the API.
        allowed = sum(kill.victim != "api" for kill in kills)
        if (again := asked.total() - len(imported_canvas.ASKED)) > allowed:
            found.append(f"the model was asked {again} times too often, after {allowed} kills: {dict(asked)}")
        return found


class Matrix:
    """A system, the canvas published on it, and a run of it that nobody disturbed."""

    def __init__(self, system: System, out: Endpoint, subject: Subject, model: Model) -> None:
        self.system = system
        self.out = out
        self.subject = subject
        self.model = model

    async def disturb(self, victim: Victim, moments: Sequence[Moment]) -> Outcome:
        """One run, with a kill at each of these moments that it comes to."""
        gates = {one: self.out.hold(one.what) for one in moments if one.how in ("asked", "answered")}
        await self.subject.ready()
        journey = await begin(self.system, self.subject)
        journey.held = {one.what: asyncio.Event() for one in moments if one.how == "waited"}
        outcome = Outcome(journey.run_id)
        try:
            for moment in moments:
                if not await self._reach(journey, moment, gates.get(moment)):
                    break
                outcome.kills.append(await self._kill(journey, victim, moment, gates.get(moment)))
            await journey.finish()
            await self.system.ready("temporal", "api")
            outcome.faults += [*await journey.faults(self.model), *self._call_faults(outcome)]
            outcome.faults += await self.subject.faults(outcome.kills)
            outcome.faults += [f"{name} is left running" for name in await self.system.under_way(journey.run_id)]
        except AssertionError as fault:
            outcome.faults.append(str(fault))
        finally:
            await journey.close()
            self.out.open_all()
        retried = (event for event in journey.follower.events if event["type"] == "step.retried")
        outcome.rewritten = sum(event["path"] in self.subject.writers for event in retried)
        self.system.check_alive()
        return outcome

    async def _reach(self, journey: Journey, moment: Moment, gate: Gate | None) -> bool:
        """Wait for the moment; False when the run has ended before it."""
        follower = journey.follower
        if gate is not None:
            if not await follower.meanwhile(gate.arrived.wait(), _PATIENCE):
                return False
            if moment.how == "answered":
                gate.opened.set()
                async with asyncio.timeout(_PATIENCE):
                    await gate.replied.wait()
            return True
        if moment.how == "random":
            await follower.meanwhile(asyncio.sleep(moment.seconds), _PATIENCE)
            return follower.ended is None
        key = f"{moment.what}:wait:opened" if moment.how == "waited" else moment.what
        return await follower.until(lambda: follower.seen(key), _PATIENCE)

    async def _kill(self, journey: Journey, victim: Victim, moment: Moment, gate: Gate | None) -> Kill:
        parts: tuple[Part, ...] = PARTS if victim == "all" else (victim,)
        done = {event["path"] for event in journey.follower.events if event["type"] == "step.succeeded"}
        await self.system.kill(*parts)
        if gate is not None:
            gate.opened.set()
        if moment.how == "waited":
            journey.held[moment.what].set()
        await asyncio.sleep(_PAUSE)
        # Also what reached the endpoint between our look and the death. Steps do not run in the API: none may repeat.
        called = {hit.path for hit in self.out.hits if hit.run == journey.run_id and victim != "api"}
        kill = Kill(victim, moment, frozenset(called - done))
        restarted, wall = time.monotonic(), time.time() * 1000
        for part in parts:
            self.system.spawn(part)
        if journey.follower.ended is None:
            progress = await self._progress(journey, victim, restarted, wall)
            kill.recovery = None if progress is None else progress - restarted
        return kill

    async def _progress(self, journey: Journey, victim: Victim, since: float, wall: float) -> float | None:
        """When the first thing happened after a restart: a call to the endpoint, or an event that is newer.

        After the death of the API alone it is the moment when the client hears again: the run never stopped.
        """
        follower, known = journey.follower, len(journey.follower.events)

        def news() -> list[float]:
            if victim == "api":
                return [at for at in follower.connected if at > since]
            told = (one["received"] for one in follower.events[known:] if one["at"] >= wall)
            calls = (hit.at for hit in self.out.hits if hit.run == journey.run_id)
            return [at for at in (*told, *calls) if at > since]

        while not (found := news()):
            self.system.check_alive()
            if follower.ended is not None:
                return None
            if time.monotonic() > since + _PATIENCE:
                raise AssertionError(await self._standstill(journey))
            await asyncio.sleep(0.01)
        return min(found)

    async def _standstill(self, journey: Journey) -> str:
        """What is known of a run that does not go on."""
        told = [event["key"] for event in journey.follower.events[-5:]]
        stored = [event["key"] for event in (await journey.log())[-5:]]
        calls = [(hit.path, hit.replied is not None) for hit in self.out.hits if hit.run == journey.run_id][-5:]
        logs = "".join(f"\n--- {part}\n{self.system.log(part)[-2_000:]}" for part in PARTS)
        return f"{journey.run_id} stands still. Told last: {told}; stored last: {stored}; calls: {calls}.{logs}"

    def _call_faults(self, outcome: Outcome) -> list[str]:
        """Finished activities ran once; what was in flight at a kill may have run once more for each such kill."""
        calls = self.out.counted(outcome.run_id)
        outcome.repeats = Counter({path: times - 1 for path, times in calls.items() if times > 1})
        found = [f"{path} was called, which never should" for path in calls if path not in self.model.calls]
        for path in self.model.calls:
            allowed = 1 + sum(path in kill.in_flight for kill in outcome.kills)
            if not 1 <= calls[path] <= allowed:
                found.append(f"{path} was called {calls[path]} times, where 1 to {allowed} are right")
        return found


async def begin(system: System, subject: Subject) -> Journey:
    """Start a run of the canvas."""
    start = (subject.workflow, subject.inputs, subject.person)
    return await Journey.begin(system.client, *start, app_id=subject.app_id)


@asynccontextmanager
async def matrix(folder: Path) -> AsyncIterator[Matrix]:
    """Start a system, publish the canvas, and let one run go through undisturbed."""
    async with endpoint() as out, running(folder, {"MAINSPRING_EGRESS_ALLOW": out.place}) as system:
        child = await publish(system.client, "inner", crash_canvas.inner())
        await publish(system.client, "outer", crash_canvas.outer(child))
        yield await _undisturbed(system, out, Drawn(crash_canvas.inputs(out.url)))


@asynccontextmanager
async def imported_matrix(folder: Path) -> AsyncIterator[Matrix]:
    """The same with a canvas of another system, and a model behind a provider."""
    provider = Provider()
    async with openai_server() as server, endpoint() as out:
        server.behaviours["agent"] = provider.reply
        settings = {
            "MAINSPRING_EGRESS_ALLOW": f"{server.place},{out.place}",
            "MAINSPRING_MODEL_BASE_URL": server.base_url,
            "MAINSPRING_MODEL_NAME": "agent",
            "MAINSPRING_MODEL_API_KEY": "sk-x",
        }
        async with running(folder, settings) as system:
            place = Place(system.client, out.url)
            await place.prepare()
            yield await _undisturbed(system, out, FromElsewhere(place, provider))


async def _undisturbed(system: System, out: Endpoint, subject: Subject) -> Matrix:
    await subject.ready()
    journey = await begin(system, subject)
    await journey.finish()
    model = await Model.of(journey, out)
    assert [*await journey.faults(model), *await subject.faults(())] == []
    return Matrix(system, out, subject, model)


def dealt(moments: Sequence[Moment], kills_per_run: int) -> list[list[Moment]]:
    """The moments dealt out to runs so that those of one run lie far apart."""
    runs = -(-len(moments) // kills_per_run)
    return [[*moments[first::runs]] for first in range(runs)]


def at_random(seed: int, kills: int, seconds: float) -> list[Moment]:
    """So many moments of a run that takes so many seconds."""
    dice = random.Random(seed)
    return [Moment("random", seconds=dice.uniform(0.0, seconds / kills)) for _ in range(kills)]
