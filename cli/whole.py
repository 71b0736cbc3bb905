"""The embedded whole, or a part of it: Temporal, worker and API, started and stopped in order, on one event loop."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import structlog

from cli.configuration import check_egress
from cli.data_folder import ApiAddress, DataFolder, TemporalAddress
from cli.listening import bind, url_of
from cli.temporal_server import TemporalServer
from conf.settings import Settings

if TYPE_CHECKING:
    from cli.composition import FirstLogin, Groundwork, Linked
    from workers.reconcile import Reconciler

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Services:
    """What a process takes on."""

    api: bool = True
    worker: bool = True
    temporal: bool = True
    """Without it the API shows what is stored, and walks in place what it can."""
    own_temporal: bool = True
    """Start a server where none is named; otherwise there must be one that runs on the folder."""
    adopt: bool = False
    """A server that runs on the folder already will do."""


class Whole:
    """What runs in this process. Entering it returns when it does its work; leaving it stops everything in order."""

    def __init__(self, settings: Settings, services: Services) -> None:
        self.settings = settings
        self.folder = DataFolder(settings.data_dir)
        self.fresh_token = False
        self.token = ""
        self.url = ""
        """Where the API is."""
        self._services = services
        self._stack = AsyncExitStack()
        self._running: list[asyncio.Task[Any]] = []
        self._temporal: TemporalAddress | None = None
        self._ground: Groundwork | None = None

    @property
    def temporal(self) -> TemporalAddress:
        """Where Temporal is."""
        if self._temporal is None:
            raise RuntimeError("there is no Temporal here")
        return self._temporal

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:  # whatever it was, a cancellation too: nothing of us stays behind
            await self._stack.aclose()
            raise
        # What a start has made is here to stay: the collector need not look at it again.
        gc.freeze()
        gc.enable()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def first_login(self) -> FirstLogin | None:
        """What to log in with for the first time; None at every later start. It has to be shown: nobody else has it."""
        from cli.composition import first_administrator

        return None if self._ground is None else await first_administrator(self._ground)

    async def broken(self) -> None:
        """Return never, or raise what ended the worker or the server before its time."""
        # Temporal is watched by its supervisor; a process that does nothing else waits for ever.
        running = self._running or [asyncio.create_task(asyncio.Event().wait())]
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
        raise RuntimeError(f"{', '.join(task.get_name() for task in done)} ended although nobody asked for it")

    async def _start(self) -> None:
        services = self._services
        if services.worker:
            check_egress(self.settings)
        self.folder.prepare()
        listening = self._bind() if services.api else None
        temporal = TemporalServer(
            self.settings,
            self.folder,
            adopt=services.adopt,
            own=services.own_temporal,
            api_url="" if listening is None else url_of(listening),
        )
        self._stack.push_async_callback(temporal.stop)
        if services.temporal:
            await temporal.begin()
        if services.api or services.worker:
            await self._stand_on(temporal, listening)
        else:
            self._temporal = await temporal.ready()

    async def _stand_on(self, temporal: TemporalServer, listening: socket.socket | None) -> None:
        # Only now, while the server starts: this takes longer to import than the server to answer.
        from cli.composition import lay_groundwork, link, register_token

        services = self._services
        ground = lay_groundwork(self.settings, self.folder)
        self._stack.callback(ground.stores.close)
        self._ground = ground
        self.token, self.fresh_token = self.folder.ensure_token()
        await register_token(ground.stores, self.token)
        linked = None
        if services.temporal:
            self._temporal = await temporal.ready()
            patience = 0.0 if services.own_temporal else self.settings.temporal_wait_seconds
            eager = temporal.embedded and services.worker
            linked = await link(ground, self._temporal, eager=eager, patience=patience)
            if services.worker:
                await self._work(ground, linked)
        if listening is not None:
            await self._serve(ground, linked, listening)

    def _bind(self) -> socket.socket:
        listening = bind(self.settings)
        self._stack.callback(listening.close)
        return listening

    async def _work(self, ground: Groundwork, linked: Linked) -> None:
        from cli.composition import reconciler_on, worker_on

        worker = await self._stack.enter_async_context(worker_on(ground, linked))
        working = asyncio.create_task(worker.run(), name="worker")
        every = self.settings.reconcile_seconds
        looking = asyncio.create_task(_look_after(reconciler_on(ground, linked), every), name="reconciler")

        async def stop() -> None:
            looking.cancel()
            if not working.done():
                await worker.stop()
            await asyncio.gather(working, looking, return_exceptions=True)

        self._stack.push_async_callback(stop)
        self._running += [working, looking]

    async def _serve(self, ground: Groundwork, linked: Linked | None, listening: socket.socket) -> None:
        from cli.composition import api_on, files_on
        from cli.http_server import HttpServer

        files = await self._stack.enter_async_context(files_on(ground))
        server = HttpServer(api_on(ground, linked, files), listening)
        self._stack.push_async_callback(server.stop)
        await server.start()
        self._running.append(asyncio.create_task(server.wait(), name="http"))
        where = ApiAddress(url_of(listening), os.getpid())
        self.url = where.url
        if self._services.temporal:
            self.folder.tell(where)
            self._stack.callback(self.folder.forget, where)


async def _look_after(reconciler: Reconciler, every: float) -> None:
    """Look after runs that were left behind, for ever."""
    while True:
        try:
            await reconciler.run(every)
        except Exception:  # noqa: BLE001
            # Whatever it stumbles over, the runs under way need their worker: it is told, and looked at again.
            _log.exception("runs cannot be looked after")
            await asyncio.sleep(every)
