"""The HTTP server within a process: started on a socket that is bound already, drained at the end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Final

import uvicorn
from starlette.applications import Starlette

from cli.complaint import CommandFailed

_DRAIN_SECONDS: Final = 5


class HttpServer:
    """Serves an application on a socket until it is stopped."""

    def __init__(self, app: Starlette, listening: socket.socket) -> None:
        self._app = app
        self._listening = listening
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            # uvicorn would believe whatever runs on this machine; whom to believe is a setting (`api.proxies`).
            proxy_headers=False,
            log_level="warning",
            timeout_graceful_shutdown=_DRAIN_SECONDS,
            ws="none",
        )
        self._server = _Quiet(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when requests are taken."""
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listening]), name="http")
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise CommandFailed("The HTTP server ended before it had begun.")
            await asyncio.sleep(0.005)

    async def wait(self) -> None:
        """Return when the server has ended; raises what ended it before its time."""
        if self._serving is not None:
            await asyncio.shield(self._serving)

    async def stop(self) -> None:
        """Take nothing new, end the streams, let the requests under way be answered."""
        if (streams := getattr(self._app.state, "streams", None)) is not None:
            streams.stop()
        self._server.should_exit = True
        if self._serving is not None:
            await asyncio.gather(self._serving, return_exceptions=True)
        self._listening.close()


class _Quiet(uvicorn.Server):
    """Leaves the signals to the process: it has more to stop than a server, and in a certain order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
