"""The event loop of a command: who ends it, and how a process that has worked with Temporal ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on the quickest loop there is; Ctrl-C raises `KeyboardInterrupt` as ever."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(work)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set the event at the first SIGINT or SIGTERM; a second one of either ends the process at once."""
    loop = asyncio.get_running_loop()

    def ask(number: int) -> None:
        if stop.is_set():
            leave(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ask, number)


def leave(status: int) -> NoReturn:
    """End the process, and lose nothing that was written. The interpreter's own end may abort (see `RunsWorker`)."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        # Whoever read it may have gone.
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
