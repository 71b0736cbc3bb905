"""One zygote, as the pool sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from workers.coderunner.call import Call, Ending, Unanswered, Work
from workers.coderunner.control import Control
from workers.coderunner.engine import TaskFailed
from workers.coderunner.limits import Limits

_BEGIN: Final = 5.0
"""Seconds in which a zygote that is well forks."""
_LEAVE: Final = 0.5
"""Seconds that a process may take to end after it has answered."""
_DIE: Final = 3.0
"""Seconds in which a zygote that is well ends a child."""


class ZygoteLost(Exception):
    """The zygote ended, and the task with it, through no fault of the task that we know of."""


class ZygoteLink:
    """Starts tasks in one zygote and sees to the end of each."""

    def __init__(
        self,
        number: int,
        limits: Limits,
        spares: int,
        *,
        kill: Callable[[int], None],
        gone: Callable[[ZygoteLink], None],
    ) -> None:
        """So many `spares` wait for a task at any time.

        `kill` ends the zygote by its number, `gone` is told when it has ended.
        """
        self.number = number
        self.served = 0
        self.odd = False
        """Something came from one of its children that no honest process sends."""
        self.calls: dict[int, Call] = {}
        """Those that have a task."""
        self.hello: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._kill, self._gone = kill, gone
        self._limits, self._spares = limits, spares
        self._forked: dict[int, Call] = {}
        """All of which no end is known."""
        self._last = ""
        """The engine of the last task: the next is likely to be of the same."""
        self._waiting: list[Call] = []
        """Forked, closed off, and without a task yet: what comes next need not wait for that."""
        self._numbers = count(1)
        self.control = Control(self._hear, self._end)

    @property
    def alive(self) -> bool:
        return self.control.open

    @property
    def stocked(self) -> bool:
        """A child waits for a task."""
        return bool(self._waiting)

    def begin(self, *, lenient: bool) -> Call:
        """A child for a task: one that waits, or a new one."""
        call = self._waiting.pop(0) if self._waiting else self._fork(lenient, "")
        self.calls[call.number] = call
        self.served += 1
        if not self.alive:
            self._finish(call, None)
        return call

    def stock(self, *, lenient: bool) -> None:
        """Have as many wait as agreed."""
        while self.alive and len(self._waiting) < self._spares:
            self._waiting.append(self._fork(lenient, self._last))

    async def finish(self, call: Call, work: Work) -> bytes:
        """Wait for the answer. Raises `TaskFailed`, and `ZygoteLost`. Cancelled, it ends the child."""
        patience = 0.0
        self._last = work.engine
        try:
            async with asyncio.timeout(work.seconds):
                answer = await call.converse(work)
            patience = _LEAVE
            return answer
        except TimeoutError:
            raise TaskFailed("timeout", f"The code took longer than {work.seconds:g} seconds.") from None
        except TaskFailed:
            patience = 0.0 if call.odd else _LEAVE
            self.odd |= call.odd
            raise
        except Unanswered:
            await asyncio.wait([call.ended], timeout=_LEAVE)
            if not call.ended.done():
                # It has closed its socket and lives on, which is its own doing: the others in the zygote go on.
                self.odd = call.odd = True
                self.control.tell(kill=call.number)
                await asyncio.wait([call.ended], timeout=_DIE)
            if not call.ended.done():
                self.kill()
            ending = await call.ended
            if ending is None or not call.begun:
                raise ZygoteLost("a zygote or its child ended under a task") from None
            raise call.verdict(ending) from None
        finally:
            call.close()
            self._see_off(call, patience)

    def kill(self) -> None:
        """End it, and all its children."""
        self._kill(self.number)
        self.control.close()

    def _fork(self, lenient: bool, warm: str) -> Call:
        call = Call(next(self._numbers), self._limits)
        self._forked[call.number] = call
        limits = self._limits
        self.control.tell(
            call.theirs, fork=call.number, warm=warm, lenient=lenient, cpu=limits.cpu_seconds, memory=limits.memory_mb
        )
        call.theirs.close()
        watch = asyncio.get_running_loop().call_later(_BEGIN, self._suspect, call)
        call.ended.add_done_callback(lambda _: watch.cancel())
        return call

    def _see_off(self, call: Call, patience: float) -> None:
        if call.ended.done():
            return
        loop = asyncio.get_running_loop()
        if patience > 0:
            later = loop.call_later(patience, self._see_off, call, 0.0)
        else:
            self.control.tell(kill=call.number)
            later = loop.call_later(_DIE, self._insist, call)
        call.ended.add_done_callback(lambda _: later.cancel())

    def _suspect(self, call: Call) -> None:
        if not call.started and not call.ended.done():
            self.kill()

    def _insist(self, call: Call) -> None:
        if not call.ended.done():
            self.kill()

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"hello": dict(hello)}:
                if not self.hello.done():
                    self.hello.set_result(hello)
            case {"started": int(number)} if number in self._forked:
                self._forked[number].started = True
            case {"ended": int(number), "status": int(status), "cpu": float(cpu)} if number in self._forked:
                self._finish(self._forked[number], Ending(status, cpu))
            case {"ended": int(number), "refused": str()} if number in self._forked:
                # It could not fork; another may be able to.
                self._finish(self._forked[number], None)
            case _:
                self.control.close()

    def _finish(self, call: Call, ending: Ending | None) -> None:
        self._forked.pop(call.number, None)
        self.calls.pop(call.number, None)
        if call in self._waiting:
            self._waiting.remove(call)
            call.close()
        call.end(ending)

    def _end(self) -> None:
        if not self.hello.done():
            self.hello.cancel()
        for call in [*self._forked.values()]:
            self._finish(call, None)
        self._gone(self)
