"""The zygotes of one kind: kept in number and health, and tasks given to them in turn."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from workers.coderunner.call import Call, Work
from workers.coderunner.engine import TaskFailed
from workers.coderunner.launcher import PROBE
from workers.coderunner.launcher_link import LauncherLink, LaunchFailed
from workers.coderunner.layers import FILTER, LIMITS, Layers, examine
from workers.coderunner.limits import Limits
from workers.coderunner.options import Options
from workers.coderunner.registry import Kind
from workers.coderunner.turns import Turns
from workers.coderunner.zygote_link import ZygoteLink, ZygoteLost

_PROBE_WORK: Final = Work(PROBE, b"{}", b"", seconds=5.0, answer_bytes=10_000)
_PATIENCE: Final = 30.0
"""Seconds that a task waits for a zygote while there is none."""
_LOOK: Final = 60.0
"""Seconds between two looks at whether zygotes that have nothing to do still work."""
_TRIES: Final = 6
"""How many processes may end before a task has begun in them."""
_ACCIDENTS: Final = 3
"""So many starts in a row that fail are no accident any more."""
_REST: Final = (0.1, 10.0)
"""Seconds between two tries to start a launcher: at first, and at most."""


class Unavailable(Exception):
    """There is nothing to run a task in; later there may be."""


class Unprotected(Exception):
    """The jail lacks layers without which it may not be used; the text says which, and what to allow."""


@dataclass(frozen=True)
class Outcome:
    """What came of a task: the answer as the child wrote it, lines printed, milliseconds by the clock."""

    answer: bytes
    logs: tuple[str, ...]
    milliseconds: float


@dataclass(frozen=True)
class Extent:
    """How many zygotes, how many tasks at once in each, and after how long without a task they end."""

    zygotes: int
    children: int
    limits: Limits
    """Of each child."""
    idle_seconds: float | None = None


class Pool:
    """Runs tasks within `async with`. Zygotes that never end by themselves are there from the start."""

    def __init__(self, kind: Kind, options: Options, extent: Extent, tell: Callable[..., None]) -> None:
        """`tell` is told what happens, as an event and its facts."""
        self.kind: Kind = kind
        self.layers: Layers | None = None
        """What the last zygote was found to stand behind."""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when there was a zygote for the first time; fails with `Unprotected`, or when none can be made."""
        self._options, self._extent, self._tell = options, extent, tell
        self._turns = Turns(extent.zygotes * extent.children, options.per_organisation)
        self._launcher: LauncherLink | None = None
        self._zygotes: list[ZygoteLink] = []
        self._retiring: set[ZygoteLink] = set()
        self._changed, self._arrived = asyncio.Event(), asyncio.Event()
        self._wanted = asyncio.Event()
        self._trouble = ""
        self._keeping: asyncio.Task[None] | None = None
        self._last_use = time.monotonic()

    async def __aenter__(self) -> Pool:
        if self._extent.idle_seconds is None:
            self._wanted.set()
        self._keeping = asyncio.create_task(self._keep(), name=f"{self.kind} zygotes")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        self._end_processes()
        self.ready.cancel()

    @property
    def zygotes(self) -> int:
        """How many are ready."""
        return len(self._zygotes)

    async def run(self, org: str, work: Work) -> Outcome:
        """Run a task when it is its organisation's turn. Raises `TaskFailed`, `Unavailable`; cancelling ends it."""
        await self._turns.take(org)
        call: Call | None = None
        try:
            lost = 0
            for _ in range(_TRIES):
                zygote = await self._zygote()
                began = time.monotonic()
                call = zygote.begin(lenient=self._lenient)
                try:
                    answer = await zygote.finish(call, work)
                except TaskFailed as failed:
                    failed.logs = tuple(call.logs)
                    raise
                except ZygoteLost:
                    # Tasks reach nothing outside of themselves: once more does no harm. Not for ever, though: it may
                    # be what the task does that ends zygotes. If it has not even begun, it is not.
                    lost += call.begun
                    self._tell("a zygote or its child ended under a task", begun=call.begun)
                    if lost == 2:
                        raise TaskFailed("crashed", "What the code ran in has ended twice.") from None
                    continue
                finally:
                    self._review(zygote)
                return Outcome(answer, tuple(call.logs), (time.monotonic() - began) * 1_000)
            raise Unavailable("no process lives long enough to take the task")
        finally:
            self._last_use = time.monotonic()
            if call is None:
                self._turns.give_back(org)
            else:
                # Not before its process is gone: what has answered may still use the machine.
                call.ended.add_done_callback(lambda _: self._turns.give_back(org))

    @property
    def _lenient(self) -> bool:
        """Children go on where a door cannot be closed only if it could not be closed at the start either."""
        return self.layers is None or FILTER in self.layers.missing or LIMITS in self.layers.missing

    async def _zygote(self) -> ZygoteLink:
        self._wanted.set()
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while not self._zygotes:
            if self._trouble:
                raise Unavailable(self._trouble)
            self._arrived.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._arrived.wait()
            except TimeoutError:
                raise Unavailable("the code runner is not ready yet") from None
        # Of equals the one that has rested for longest: its next child is ready for certain.
        chosen = min(self._zygotes, key=lambda zygote: (len(zygote.calls), not zygote.stocked))
        self._zygotes.remove(chosen)
        self._zygotes.append(chosen)
        return chosen

    def _review(self, zygote: ZygoteLink) -> None:
        """After each task: one that has served for long, or of which odd things came, makes room for a fresh one."""
        if zygote in self._zygotes and (zygote.odd or zygote.served >= self._options.recycle):
            self._zygotes.remove(zygote)
            self._retiring.add(zygote)
            for call in zygote.calls.values():
                call.ended.add_done_callback(lambda _: self._retire())
            self._changed.set()
        elif zygote in self._zygotes:
            # Only now: a fork takes as long as many a task, and would take its turn on the processor.
            zygote.stock(lenient=self._lenient)
        self._retire()

    def _retire(self) -> None:
        for zygote in [zygote for zygote in self._retiring if not zygote.calls]:
            self._retiring.discard(zygote)
            zygote.control.close()

    async def _keep(self) -> None:
        rest, failures = _REST[0], 0
        while True:
            await self._wanted.wait()
            self._changed.clear()
            try:
                await self._fill()
                rest, failures, self._trouble = _REST[0], 0, ""
                if not self.ready.done():
                    self.ready.set_result(None)
            except (LaunchFailed, ZygoteLost, TaskFailed, TimeoutError) as error:
                failures += 1
                if failures >= _ACCIDENTS:
                    self._fail(Unavailable(f"the processes for {self.kind} do not start: {error}"))
                await asyncio.sleep(rest)
                rest = min(rest * 2, _REST[1])
                continue
            except Unprotected as error:
                # Nobody gets to run anything here. At the start the service ends, and says why. Later, what stood
                # before may stand again (the machine was out of namespaces for a moment): it is tried until then.
                self._end_processes()
                if not self.ready.done() and self._extent.idle_seconds is None:
                    self._trouble = str(error)
                    self._arrived.set()
                    self.ready.set_exception(error)
                    self.ready.exception()
                    return
                self._fail(error)
                await asyncio.sleep(_REST[1])
                continue
            if not await self._something_changed():
                await self._look()

    def _fail(self, error: Exception) -> None:
        if self._trouble != str(error):
            self._tell("trouble", kind=self.kind, reason=str(error))
        self._trouble = str(error)
        self._arrived.set()
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # somebody may ask; nobody must

    async def _fill(self) -> None:
        if self._launcher is None or not self._launcher.alive:
            self._launcher = await LauncherLink.start(self._options, self.kind, self._changed.set, self._forget)
            if self._launcher.threads != 1:
                self._tell("threads", kind=self.kind, threads=self._launcher.threads)
        while len(self._zygotes) < self._extent.zygotes:
            zygote = await self._launcher.spawn(self._extent.limits, self._options.spares)
            try:
                self.layers = await self._examine(zygote)
            except BaseException:  # cancelled, or not fit: nobody else knows of it
                zygote.kill()
                raise
            if self._options.mode == "production" and self.layers.missing:
                zygote.kill()
                raise Unprotected(self.layers.complaint)
            if not zygote.alive:
                # It ended with its answer; nobody would take it from the list any more.
                raise ZygoteLost("a zygote ended at its start")
            self._zygotes.append(zygote)
            zygote.stock(lenient=self._lenient)
            self._arrived.set()

    async def _examine(self, zygote: ZygoteLink) -> Layers:
        found: dict[str, Any] = json.loads(await zygote.finish(zygote.begin(lenient=True), _PROBE_WORK))
        return examine(zygote.hello.result(), found, restricted=self._options.restricted)

    async def _something_changed(self) -> bool:
        idle = self._extent.idle_seconds
        try:
            async with asyncio.timeout(_LOOK if idle is None else min(idle, _LOOK)):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _look(self) -> None:
        idle = self._extent.idle_seconds
        if idle is not None and self._turns.idle and time.monotonic() - self._last_use >= idle:
            self._wanted.clear()
            self._end_processes()
            return
        for zygote in [zygote for zygote in self._zygotes if not zygote.calls]:
            try:
                await zygote.finish(zygote.begin(lenient=self._lenient), _PROBE_WORK)
                zygote.stock(lenient=self._lenient)
            except (TaskFailed, ZygoteLost) as error:
                self._tell("an idle zygote does not answer", kind=self.kind, reason=str(error))
                zygote.kill()

    def _forget(self, zygote: ZygoteLink) -> None:
        self._retiring.discard(zygote)
        if zygote in self._zygotes:
            self._zygotes.remove(zygote)
        self._changed.set()

    def _end_processes(self) -> None:
        for zygote in [*self._zygotes, *self._retiring]:
            zygote.control.close()
        if self._launcher is not None:
            self._launcher.kill()
            self._launcher = None
