"""The service: takes tasks through a unix socket that only its own user can open, and answers each."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from workers.coderunner import kernel
from workers.coderunner.call import Work
from workers.coderunner.engine import TaskFailed
from workers.coderunner.frames import BODY, DATA, HEAD, HEADER, TASK, frame
from workers.coderunner.limits import Limits
from workers.coderunner.options import Options
from workers.coderunner.pool import Extent, Pool, Unavailable
from workers.coderunner.registry import ENGINES, Kind

_TASK_BYTES: Final = 128 * 1024 * 1024
_PEER: Final = struct.Struct("3i")
_DOCUMENTS: Final = Extent(zygotes=1, children=2, limits=Limits(cpu_seconds=20, memory_mb=512))

# An answer may be larger where it is text of a file.
_ANSWERS: Final[Mapping[str, int]] = {"template": 2_000_000, "document": 64_000_000}
_ANSWER: Final = 1_000_000


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
        server = await asyncio.start_unix_server(self._meet, sock=listening, limit=1024 * 1024)
        # Whoever finds it under its name finds it listening.
        os.rename(new, path)
        return server

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _is_ours(writer):
                await self._take(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError):
            pass  # gone, or never one of us
        except asyncio.CancelledError:
            pass  # the service stops; nobody waits for this task, and its stream would complain of the cancellation
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        header = json.loads(await _read(reader, HEADER, 64 * 1024))
        if not isinstance(header, dict):
            raise ValueError("not what was agreed")
        if "ask" in header:
            writer.write(frame(HEADER, json.dumps(self._status()).encode()) + frame(BODY, b""))
            await writer.drain()
            return
        task = await _read(reader, TASK, _TASK_BYTES)
        data = await _read(reader, DATA, _TASK_BYTES)
        engine, org, seconds = header.get("engine"), header.get("org"), header.get("seconds")
        if not isinstance(engine, str) or not isinstance(org, str) or not isinstance(seconds, int | float):
            raise ValueError("not what was agreed")
        running = asyncio.create_task(self._answer(engine, org, seconds, task, data))
        # Whoever closes the connection wants no answer any more.
        gone = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait([running, gone], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                head, body = running.result()
                writer.write(frame(HEADER, json.dumps(head).encode()))
                writer.write(frame(BODY, body))
                await writer.drain()
        finally:
            gone.cancel()
            running.cancel()
            await asyncio.gather(gone, running, return_exceptions=True)

    async def _answer(
        self, engine: str, org: str, seconds: float, task: bytes, data: bytes
    ) -> tuple[dict[str, Any], bytes]:
        entry = ENGINES.get(engine)
        if (entry is None and engine not in self._options.engines) or engine in self._options.leave_out:
            return {"unavailable": f"there is no engine {engine!r}"}, b""
        pool = self._pools["code" if entry is None else entry.kind]
        wall = min(max(seconds, 0.05), self._options.longest_seconds)
        work = Work(engine, task, data, wall, _ANSWERS.get(engine, _ANSWER))
        try:
            outcome = await pool.run(org, work)
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


async def _read(reader: asyncio.StreamReader, expected: bytes, most: int) -> bytes:
    kind, length = HEAD.unpack(await reader.readexactly(HEAD.size))
    if kind != expected or length > most:
        raise ValueError("not what was agreed")
    return await reader.readexactly(length)


def _is_ours(writer: asyncio.StreamWriter) -> bool:
    peer: socket.socket = writer.get_extra_info("socket")
    _, user, _ = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    # Root could do whatever we can, and more.
    return user in (0, os.geteuid())


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
