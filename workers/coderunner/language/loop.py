"""An event loop that has nothing but time: no socket, no pipe, no thread, so it needs nothing that the jail refuses."""

from __future__ import annotations

import asyncio
import time
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar, TypeVarTuple

_Value = TypeVar("_Value")
_Arguments = TypeVarTuple("_Arguments")


class Loop(BaseEventLoop):
    """Runs coroutines, and sleeps while all of them do."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Whatever waits in it holds it: a copy of that would be a way to it."""
        raise TypeError("A loop cannot be copied.")

    def select(self, timeout: float | None) -> list[Any]:
        """Wait until the next coroutine is due. When none ever will be, nothing can wake the rest."""
        if timeout is None:
            raise RuntimeError("The code waits for something that nothing is left to bring about.")
        if timeout > 0:
            time.sleep(timeout)
        return []

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*_Arguments], _Value], *args: *_Arguments
    ) -> asyncio.Future[_Value]:
        """At once: there are no threads."""
        done: asyncio.Future[_Value] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  (whatever it is goes to who waits)
            done.set_exception(error)
        return done

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run it to its end, in a loop of its own, and end what it left running."""
    loop = Loop()
    try:
        found = loop.run_until_complete(main)
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        return found
    finally:
        loop.close()


class _Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self) -> Loop:
        return Loop()


@contextmanager
def everywhere() -> Generator[None]:
    """Make this the loop of whoever makes one: of `asyncio.run` itself, where the language layer is off."""
    before = asyncio.get_event_loop_policy()  # pyright: ignore[reportDeprecated]
    asyncio.set_event_loop_policy(_Policy())  # pyright: ignore[reportDeprecated]
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(before)  # pyright: ignore[reportDeprecated]


def run_from_code(main: Any, *, debug: bool | None = None) -> Any:
    """Stands for `asyncio.run`."""
    if not asyncio.iscoroutine(main):
        raise ValueError("a coroutine was expected")
    if asyncio._get_running_loop() is not None:
        main.close()
        raise RuntimeError("asyncio.run() cannot be called where a loop runs: `await` what it should run.")
    return run(main)


async def to_thread(function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """Stands for `asyncio.to_thread`: there are no threads, so it happens at once."""
    return function(*arguments, **named)


STAND_INS: Final = {"run": run_from_code, "to_thread": to_thread}
