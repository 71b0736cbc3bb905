"""A Temporal server that a whole test session shares; a suite's conftest imports `temporal_server` from here."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from threading import Thread

import pytest

from workers.embedded import EmbeddedOptions, EmbeddedTemporal


async def drop(server: EmbeddedTemporal) -> None:
    """End a server whose data nobody needs any more, without the second that its polite end takes."""
    if server.pid is not None:
        os.kill(server.pid, signal.SIGKILL)
    await server.stop()


@pytest.fixture(scope="session")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTemporal]:
    """Headless, on a free port, allowed to skip time. Tests share it, so each takes a task queue of its own.

    It lives on a loop of its own in a thread: it is watched also between tests, whose loops come and go.
    """
    options = EmbeddedOptions(
        tmp_path_factory.mktemp("temporal"),
        grpc_port=0,
        ui_port=None,
        dynamic_config={"frontend.WorkflowTimeSkippingEnabled": True, "history.workflowIdReuseMinimalInterval": "1ms"},
    )
    server = EmbeddedTemporal(options)
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="temporal server of the tests")
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result()
        yield server
        asyncio.run_coroutine_threadsafe(drop(server), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
