"""Keeps a local model's process: started when it is first needed, started again when it has died, gone with us."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import structlog

from nodes.chat import ModelUnavailable
from workers.embedded.child import Child
from workers.local_models.telling import Listening, read

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_START_SECONDS: Final = 60.0
"""Weights come from the disk; on a busy machine that takes a while."""
_STOP_SECONDS: Final = 2.0
_ROOT: Final = Path(__file__).parents[2]


class LocalServer:
    """One model's process. `module` is what runs in it; what it writes goes to `log`, over and over."""

    def __init__(self, name: str, module: str, log: Path) -> None:
        self._name = name
        self._module = module
        self._log = log
        self._child: Child | None = None
        self._where: Listening | None = None
        self._starting = asyncio.Lock()

    async def listening(self) -> Listening:
        """Where it listens, started if need be. Raises `ModelUnavailable` when it does not come up."""
        async with self._starting:
            if self._where is not None and self._child is not None and not self._child.ended:
                return self._where
            self._where = await self._start()
            _log.info("local model is up", model=self._name)
            return self._where

    async def stop(self) -> None:
        """End the process."""
        if self._child is not None and not self._child.ended:
            await self._child.stop(_STOP_SECONDS)

    async def _start(self) -> Listening:
        reading, writing = os.pipe()
        try:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            output = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                self._child = Child(
                    [sys.executable, "-m", self._module, str(writing)],
                    folder=_ROOT,
                    environment={"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"},
                    output=output,
                    keep_open=(writing,),
                )
            finally:
                os.close(output)
        finally:
            os.close(writing)
        try:
            async with asyncio.timeout(_START_SECONDS):
                said = read(await _line(reading))
        except TimeoutError:
            said = None
        if said is None:
            self._child.kill()
            raise ModelUnavailable(
                f"The local model {self._name} did not come up; {self._log} says why.",
                reason="overloaded",
                model=self._name,
            )
        return said


async def _line(descriptor: int) -> bytes:
    """What comes through a pipe until its end, which is its writer's."""
    reader = asyncio.StreamReader()
    with os.fdopen(descriptor, "rb", buffering=0) as pipe:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            return await reader.read()
        finally:
            transport.close()
