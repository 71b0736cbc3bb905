"""The code runner of a worker: started beside it, watched, started again when it dies, and stopped with it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog

from engine.errors import FlowError
from workers.coderunner.client import RunnerClient, RunnerGone
from workers.coderunner.options import Options, command
from workers.embedded.child import Child

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_PREFIX: Final = "mainspring-code-"
_LONGEST_PATH: Final = 90
"""The name of a unix socket has at most 107 bytes."""
_PATIENCE: Final = 20.0
"""Seconds that a task waits for a code runner that starts."""
_STOP_PATIENCE: Final = 5.0
_PAUSES: Final = (0.2, 10.0)
"""Seconds between two starts: at first, and at most."""
_STABLE_AFTER: Final = 5.0
_STARTS_WITHIN: Final = 120.0
"""Seconds after which a folder without a socket was left by somebody who was killed while starting."""


class CodeRunnerRefused(FlowError):
    """The code runner may not be used on this machine as it is; the sentence says what is missing."""

    code = "code_runner_refused"


class CodeService:
    """Supervises one code runner, on one event loop. Implements `workers.sandbox.Runners`."""

    def __init__(self, options: Options) -> None:
        """The socket of the options does not count: each start has a folder of its own."""
        self._options = options
        self._child: Child | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._client: RunnerClient | None = None
        self._changed = asyncio.Event()
        self._refused = ""

    @property
    def pid(self) -> int | None:
        """The present process; it changes with every start."""
        return None if self._child is None else self._child.pid

    def begin(self) -> None:
        """Start it, unless that has been done; returns at once."""
        if self._supervisor is None:
            self._supervisor = asyncio.create_task(self._supervise(), name="code runner")

    async def ready(self) -> None:
        """Wait until it is ready. Raises `CodeRunnerRefused`, and `RunnerGone` if that takes too long."""
        try:
            await self.client()
        except RunnerGone as gone:
            if self._refused:
                raise CodeRunnerRefused(self._refused) from gone
            raise

    async def client(self) -> RunnerClient:
        """See `workers.sandbox.Runners`. The first task starts the code runner, if nobody else has."""
        self.begin()
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while self._client is None:
            if self._refused:
                raise RunnerGone(self._refused)
            self._changed.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                raise RunnerGone("it does not start, or not in time") from None
        return self._client

    async def stop(self) -> None:
        """End it, by force after five seconds. Stopping twice is no mistake."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            await asyncio.wait({supervisor})

    async def _supervise(self) -> None:
        now = asyncio.get_running_loop().time
        pause = 0.0
        while True:
            began = now()
            try:
                await self._live()
            except OSError as problem:
                _log.error("the code runner does not start", reason=str(problem))
            if self._refused:
                return
            pause = 0.0 if now() - began > _STABLE_AFTER else min(max(2 * pause, _PAUSES[0]), _PAUSES[1])
            await asyncio.sleep(pause)

    async def _live(self) -> None:
        """One code runner, from its start to its end."""
        folder = _new_folder()
        try:
            options = replace(self._options, socket=str(folder / "runner"))
            async with _lines() as (output, lines):
                try:
                    child = self._child = Child(
                        command("serve", str(os.getpid()), options.to_json()),
                        folder=folder,
                        environment={},
                        output=output,
                    )
                finally:
                    os.close(output)
                try:
                    async for line in lines:
                        self._hear(options, line)
                finally:
                    self._client, self._child = None, None
                    self._changed.set()
                    status = await child.stop(_STOP_PATIENCE)
                if not self._refused:
                    _log.warning("the code runner ended", status=status)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _hear(self, options: Options, line: str) -> None:
        try:
            told: dict[str, Any] = json.loads(line)
            event = str(told.pop("event"))
        except (ValueError, KeyError, TypeError, AttributeError):
            _log.warning("the code runner complains", text=line[:2_000])
            return
        match event:
            case "ready":
                self._client = RunnerClient(options.socket)
                if complaint := told.pop("complaint", ""):
                    _log.warning("THE CODE RUNNER IS NOT SAFE HERE: users' code may get out", reason=complaint)
                _log.info("code runner ready", layers=", ".join(told["active"]), pid=self.pid)
            case "refused":
                self._refused = str(told["reason"])
                _log.error("the code runner refuses to start", reason=self._refused)
            case _:
                # It tries again by itself, and tells its clients the reason until then.
                self._client = RunnerClient(options.socket)
                _log.warning(f"code runner: {event}", **told)
        self._changed.set()


@asynccontextmanager
async def _lines() -> AsyncGenerator[tuple[int, AsyncIterator[str]]]:
    """A pipe: the descriptor to write to, which the caller closes, and the lines that come of it."""
    source, output = os.pipe()
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=1024 * 1024)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(source, "rb", buffering=0)
    )

    async def lines() -> AsyncIterator[str]:
        async for line in reader:
            yield line.decode(errors="replace").rstrip()

    try:
        yield output, lines()
    finally:
        transport.close()


def _new_folder() -> Path:
    """One that only we may enter; those that a power cut or a kill has left behind go."""
    chosen = tempfile.gettempdir()
    if len(chosen) > _LONGEST_PATH - len(_PREFIX) - 20:
        chosen = "/tmp"  # noqa: S108 - what is made there is a folder of our own, with a name that nobody can foresee
    for left in Path(chosen).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if left.stat().st_uid == os.geteuid() and _is_deserted(left):
                shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=chosen))


def _is_deserted(folder: Path) -> bool:
    """Somebody listened here and does so no more. Where there is no socket, somebody may be about to, for a while."""
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(folder / "runner"))
        except ConnectionRefusedError:
            return True
        except FileNotFoundError:
            return time.time() - folder.stat().st_mtime > _STARTS_WITHIN
    return False
