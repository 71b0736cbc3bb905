"""A process that serves until somebody stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from cli.event_loop import run_loop, stop_on_signals
from conf.settings import Settings

if TYPE_CHECKING:
    from cli.whole import Services, Whole

Welcome = Callable[["Whole"], Awaitable[None]]


def serve_until_stopped(settings: Settings, services: Services, welcome: Welcome) -> int:
    """Start, welcome, and serve until SIGINT or SIGTERM; the exit status is 0. Raises what ended it before its time."""
    from conf.logging import configure_logging

    configure_logging(settings.log_level, settings.log_format)
    return run_loop(_serve(settings, services, welcome))


async def _serve(settings: Settings, services: Services, welcome: Welcome) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    life = asyncio.create_task(_live(settings, services, welcome), name="service")
    stopping = asyncio.create_task(stop.wait(), name="signals")
    await asyncio.wait({life, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    # Also in the middle of a start: what was begun is stopped in order.
    life.cancel()
    try:
        await life
    except asyncio.CancelledError:
        return 0
    raise RuntimeError("the service ended although nobody asked for it")


async def _live(settings: Settings, services: Services, welcome: Welcome) -> None:
    from cli.whole import Whole

    async with Whole(settings, services) as whole:
        await welcome(whole)
        await whole.broken()
