"""The service: takes tasks through a unix socket that only its own user can open, and answers each."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from workers.coderunner import kernel
from workers.coderunner.call import Work
from workers.coderunner.connection import Connection
from workers.coderunner.engine import TaskFailed
from workers.coderunner.exact import ANSWER_BYTES
from workers.coderunner.limits import Limits
from workers.coderunner.options import Options
from workers.coderunner.pool import Extent, Pool, Unavailable
from workers.coderunner.registry import ENGINES, Kind

# With what their zygote has itself, 512 MB.
_DOCUMENTS: Final = Extent(zygotes=1, children=2, limits=Limits(cpu_seconds=20, memory_mb=456))

_BACKLOG: Final = 1_024
"""Connections that wait to be taken: a run of many branches makes hundreds in the same moment."""


def tell(event: str, **facts: Any) -> None:
    """One line of JSON on standard output, which leads to the log of whoever started us."""
    sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
    sys.stdout.flush()


class Service:
    """One pool for code, there from the start, and one for documents, there while there are any."""

    def __init__(self, options: Options) -> None:
        self._options = options
        limits = Limits(options.cpu_seconds, options.memory_mb)
        self._pools: dict[Kind, Pool] = {
            "code": Pool("code", options, Extent(options.processes, options.children, limits), tell),
            "document": Pool("document", options, replace(_DOCUMENTS, idle_seconds=options.idle_seconds), tell),
        }

    async def serve(self, stop: asyncio.Event) -> int:
        """Until `stop`; the exit status."""
        async with AsyncExitStack() as stack:
            for pool in self._pools.values():
                await stack.enter_async_context(pool)
            server = await self._listen()
            stack.push_async_callback(_close, server)
            asking = asyncio.create_task(stop.wait())
            starting = asyncio.create_task(self._start())
            done, _ = await asyncio.wait([asking, starting], return_when=asyncio.FIRST_COMPLETED)
            if asking not in done and starting.result():
                await asking
            status = 0 if stop.is_set() else 1
            for task in (asking, starting):
                task.cancel()
            return status

    async def _start(self) -> bool:
        pool = self._pools["code"]
        try:
            await pool.ready
        except Unavailable:
            return True  # told already, and tried again
        except Exception as error:  # noqa: BLE001 - what may not be used: who waits for us reads why
            tell("refused", reason=str(error))
            return False
        if (layers := pool.layers) is not None:
            tell("ready", **layers.to_json(), complaint=layers.complaint)
        return True

    async def _listen(self) -> asyncio.Server:
        path = Path(self._options.socket)
        new = path.with_suffix(".new")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(os.fspath(new))
        os.chmod(new, 0o600)
        server = await asyncio.get_running_loop().create_unix_server(
            lambda: Connection(self._answer), sock=listening, backlog=_BACKLOG
        )
        # Whoever finds it under its name finds it listening.
        os.rename(new, path)
        return server

    async def _answer(self, header: dict[str, Any], task: bytes, data: bytes) -> tuple[dict[str, Any], bytes]:
        if "ask" in header:
            return self._status(), b""
        engine = str(header["engine"])
        entry = ENGINES.get(engine)
        if (entry is None and engine not in self._options.engines) or engine in self._options.leave_out:
            return {"unavailable": f"there is no engine {engine!r}"}, b""
        pool = self._pools["code" if entry is None else entry.kind]
        wall = min(max(header["seconds"], 0.05), self._options.longest_seconds)
        work = Work(engine, task, data, wall, ANSWER_BYTES if entry is None else entry.answer_bytes)
        try:
            outcome = await pool.run(header["org"], work)
        except TaskFailed as failed:
            facts = {"reason": failed.reason, "message": failed.message, "type": failed.type, "line": failed.line}
            return {"failed": facts, "logs": failed.logs}, b""
        except Unavailable as reason:
            return {"unavailable": str(reason)}, b""
        return {"logs": outcome.logs, "ms": outcome.milliseconds}, outcome.answer

    def _status(self) -> dict[str, Any]:
        layers = self._pools["code"].layers
        return {
            "layers": None if layers is None else layers.to_json(),
            "zygotes": {kind: pool.zygotes for kind, pool in self._pools.items()},
        }


async def _close(server: asyncio.Server) -> None:
    server.close()


def serve(options: Options, parent: int) -> int:
    """Run the service until it is told to stop or its parent ends; the exit status. Leaves no file behind."""
    kernel.die_with_parent(signal.SIGTERM)
    try:
        return asyncio.run(_serve(options, parent))
    finally:
        path = Path(options.socket)
        for left in (path, path.with_suffix(".new")):
            with suppress(OSError):
                left.unlink()
        with suppress(OSError):
            path.parent.rmdir()


async def _serve(options: Options, parent: int) -> int:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, partial(stop.set))
    if os.getppid() != parent:
        return 0  # it ended before it could be noticed
    return await Service(options).serve(stop)
