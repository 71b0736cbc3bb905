"""A Temporal server for one machine: started, watched, started again when it dies, and stopped with its parent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import structlog

from workers.embedded.binary import find_temporal
from workers.embedded.child import Child
from workers.embedded.errors import EmbeddedTemporalError, ServerFailed
from workers.embedded.lock import FolderLock
from workers.embedded.log import ServerLog
from workers.embedded.options import EmbeddedOptions
from workers.embedded.ports import Ports, accepts, wait_until_free

_POLL = 0.02
_STOP_PATIENCE = 5.0
# A server that has been up this long and dies had an accident: it is started again at once.
_STABLE_AFTER = 2.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Restart:
    """The server died with `status` and answers again, `downtime` seconds later; `count` is how many times now."""

    count: int
    status: int
    downtime: float


class EmbeddedTemporal:
    """One server on one data folder, for one event loop; its properties may be read from any thread."""

    def __init__(self, options: EmbeddedOptions, *, on_restart: Callable[[Restart], None] | None = None) -> None:
        # Absolute: a later change of the working folder must not move the data at the next restart.
        self.options = replace(options, data_dir=options.data_dir.absolute())
        self.restarts = 0
        self._on_restart = on_restart
        self._log_file = ServerLog(self.options.log_file)
        self._lock = FolderLock(self.options.data_dir)
        self._ports: Ports | None = None
        self._child: Child | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._answering = False

    @property
    def address(self) -> str:
        """Where clients connect: the same through all restarts."""
        return f"{self.options.ip}:{self._chosen_ports.grpc}"

    @property
    def ui_url(self) -> str | None:
        ui = self._chosen_ports.ui
        return None if ui is None else f"http://{self.options.ip}:{ui}"

    @property
    def metrics_url(self) -> str:
        """What Prometheus may read."""
        return f"http://{self.options.ip}:{self._chosen_ports.metrics}/metrics"

    @property
    def pid(self) -> int | None:
        """The present server process; it changes with every restart."""
        return None if self._child is None else self._child.pid

    @property
    def answering(self) -> bool:
        """False until started, between a death and the next start, and after the stop."""
        return self._answering

    async def start(self) -> None:
        """Start the server and return when it answers; an EmbeddedTemporalError says why it does not."""
        if self._supervisor is not None:
            raise EmbeddedTemporalError("This Temporal server has been started already.", address=self.address)
        self.options.data_dir.mkdir(parents=True, exist_ok=True)
        await self._lock.acquire()
        try:
            if self._ports is None:
                self._ports = Ports.choose(self.options.ip, grpc=self.options.grpc_port, ui=self.options.ui_port)
            await self._launch()
            if self.options.retention_days is not None:
                await self.set_retention(self.options.retention_days)
        except BaseException:  # whatever it was, a cancellation too: nothing of us stays behind
            await self.stop()
            raise
        self._supervisor = asyncio.create_task(self._supervise(), name="temporal supervisor")
        _log.info("temporal started", address=self.address, ui=self.ui_url, pid=self.pid)

    async def stop(self) -> None:
        """End the server, by force after five seconds, and free the data folder. Stopping twice is no mistake."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            # Waited for, but not asked for its result: a mistake of the supervisor is still reported by the loop.
            await asyncio.wait({supervisor})
        self._answering = False
        child, self._child = self._child, None
        try:
            if child is not None:
                await child.stop(_STOP_PATIENCE)
        finally:
            self._lock.release()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def set_retention(self, days: int) -> None:
        """Keep the histories of ended runs this long; runs that have ended already keep what they had."""
        from workers.embedded import rpc

        await rpc.set_retention(self.address, self.options.namespace, days)

    @property
    def _chosen_ports(self) -> Ports:
        if self._ports is None:
            raise EmbeddedTemporalError("The Temporal server has no address before it is started.")
        return self._ports

    async def _launch(self) -> None:
        ports = self._chosen_ports
        await wait_until_free(self.options.ip, ports)
        try:
            with self._log_file.opened() as output:
                child = self._child = Child(
                    [str(find_temporal(self.options.binary)), *self.options.arguments(ports)],
                    folder=self.options.data_dir,
                    environment=self.options.environment(),
                    output=output,
                    keep_open=(self._lock.descriptor,),
                )
        except OSError as problem:
            raise ServerFailed(f"The Temporal server cannot be started: {problem}") from problem
        try:
            await self._wait_until_it_answers(child)
        except EmbeddedTemporalError:
            child.kill()
            await child.wait()
            raise
        self._answering = True

    async def _wait_until_it_answers(self, child: Child) -> None:
        # Imported only now: where nobody has imported temporalio yet, the server starts during that half second.
        from workers.embedded import rpc

        now = asyncio.get_running_loop().time
        deadline = now() + self.options.start_timeout
        while not (await self._listens() and await rpc.answers(self.address, self.options.namespace)):
            if child.ended:
                raise self._why(f"The Temporal server ended with status {await child.wait()} before it answered")
            if now() > deadline:
                raise self._why(f"The Temporal server did not answer within {self.options.start_timeout:g} seconds")
            await asyncio.sleep(_POLL)

    async def _listens(self) -> bool:
        # Asked first: a bare connection costs little, and most questions come before anybody listens.
        ports = self._chosen_ports
        return await accepts(self.options.ip, ports.grpc) and (
            ports.ui is None or await accepts(self.options.ip, ports.ui)
        )

    def _why(self, finding: str) -> ServerFailed:
        log = self._log_file.tail()
        last = log.rpartition("\n")[2] or "nothing"
        return ServerFailed(f"{finding}. It wrote last: {last}", log=log, log_file=str(self.options.log_file))

    async def _supervise(self) -> None:
        """Start the server again whenever it dies: at once, then more and more slowly while it does not stay up."""
        now = asyncio.get_running_loop().time
        pause, up_since = 0.0, now()
        while (child := self._child) is not None:
            status = await child.wait()
            died = now()
            self._answering = False
            _log.warning("temporal died", status=status, log=self._log_file.tail(), log_file=str(self.options.log_file))
            if died - up_since > _STABLE_AFTER:
                pause = 0.0
            while not self._answering:
                await asyncio.sleep(pause)
                pause = min(max(2 * pause, _FIRST_PAUSE), _LONGEST_PAUSE)
                try:
                    await self._launch()
                except EmbeddedTemporalError as failed:
                    _log.error("temporal does not start", reason=failed.message, next_try_in=pause)
            up_since = now()
            self.restarts += 1
            restart = Restart(count=self.restarts, status=status, downtime=up_since - died)
            _log.info("temporal restarted", count=restart.count, downtime=restart.downtime, pid=self.pid)
            if self._on_restart is not None:
                # Called by the loop, not by us: its mistakes must not end the supervision.
                asyncio.get_running_loop().call_soon(self._on_restart, restart)
