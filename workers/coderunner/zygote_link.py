"""One zygote, as the pool sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from workers.coderunner.call import Call, Ending, Unanswered, Work
from workers.coderunner.control import Control
from workers.coderunner.engine import TaskFailed

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

    def __init__(self, number: int, kill: Callable[[int], None], gone: Callable[[ZygoteLink], None]) -> None:
        """`kill` ends the zygote by its number, `gone` is told when it has ended."""
        self.number = number
        self.served = 0
        self.odd = False
        """Something came from one of its children that no honest process sends."""
        self.calls: dict[int, Call] = {}
        self.hello: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._kill, self._gone = kill, gone
        self._numbers = count(1)
        self.control = Control(self._hear, self._end)

    @property
    def alive(self) -> bool:
        return self.control.open

    def begin(self, work: Work, *, lenient: bool) -> Call:
        """Have a child forked for this."""
        call = Call(next(self._numbers), work)
        self.calls[call.number] = call
        self.served += 1
        self.control.tell(call.theirs, run=call.number, engine=work.engine, lenient=lenient, **work.limits.to_json())
        call.theirs.close()
        if not self.alive:
            self._finish(call, None)
        return call

    async def finish(self, call: Call) -> bytes:
        """Wait for the answer. Raises `TaskFailed`, and `ZygoteLost`. Cancelled, it ends the child."""
        loop = asyncio.get_running_loop()
        watch = loop.call_later(_BEGIN, self._suspect, call)
        wall = call.work.limits.wall_seconds
        patience = 0.0
        try:
            async with asyncio.timeout(wall):
                answer = await call.converse()
            patience = _LEAVE
            return answer
        except TimeoutError:
            raise TaskFailed("timeout", f"The code took longer than {wall:g} seconds.") from None
        except TaskFailed:
            patience = 0.0 if call.odd else _LEAVE
            self.odd |= call.odd
            raise
        except Unanswered:
            await asyncio.wait([call.ended], timeout=_DIE)
            if not call.ended.done():
                self.kill()
            ending = await call.ended
            if ending is None:
                raise ZygoteLost("a zygote ended under a task") from None
            raise call.verdict(ending) from None
        finally:
            watch.cancel()
            call.close()
            self._see_off(call, patience)

    def kill(self) -> None:
        """End it, and all its children."""
        self._kill(self.number)
        self.control.close()

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
        if not call.started:
            self.kill()

    def _insist(self, call: Call) -> None:
        if not call.ended.done():
            self.kill()

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"hello": dict(hello)}:
                if not self.hello.done():
                    self.hello.set_result(hello)
            case {"started": int(number)} if number in self.calls:
                self.calls[number].started = True
            case {"ended": int(number), "status": int(status), "cpu": float(cpu)} if number in self.calls:
                self._finish(self.calls[number], Ending(status, cpu))
            case {"ended": int(number), "refused": str()} if number in self.calls:
                # It could not fork; another may be able to.
                self._finish(self.calls[number], None)
            case _:
                self.control.close()

    def _finish(self, call: Call, ending: Ending | None) -> None:
        self.calls.pop(call.number, None)
        call.end(ending)

    def _end(self) -> None:
        if not self.hello.done():
            self.hello.cancel()
        for call in [*self.calls.values()]:
            self._finish(call, None)
        self._gone(self)
