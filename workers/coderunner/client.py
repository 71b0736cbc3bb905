"""How a process of the same user has tasks run: one connection for each, which ends the task when it is closed."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from workers.coderunner.engine import TaskFailed
from workers.coderunner.exact import check
from workers.coderunner.frames import BODY, DATA, HEADER, TASK, Frames, Malformed, frame

_MOST: Final = 256 * 1024 * 1024
_PATIENCE: Final = 10.0
"""Seconds that a task waits for the service to take its connection."""
_AGAIN: Final = 0.02
_MUCH: Final = 256 * 1024
"""Bytes that take long enough to be taken apart that others should not wait for it."""


class RunnerGone(Exception):
    """There is no code runner at the socket, or it has nothing to run a task in; the text says why."""


@dataclass(frozen=True)
class Answer:
    """What came of a task: a JSON value, lines printed, milliseconds by the clock."""

    value: Any
    logs: tuple[str, ...] = ()
    milliseconds: float = 0.0


@dataclass(frozen=True)
class RunnerClient:
    """Belongs to no event loop, and holds nothing open."""

    socket: str

    async def run(self, task: Mapping[str, Any], *, org: str = "", seconds: float = 30.0) -> Answer:
        """Run a task, which names its `engine`; `data` may be bytes. Raises `TaskFailed` and `RunnerGone`.

        Cancelling ends the task.
        """
        sent = {key: value for key, value in task.items() if key not in ("engine", "data")}
        data = task.get("data", b"")
        header = {"engine": task["engine"], "org": org, "seconds": seconds}
        head, body = await self._ask(header, frame(TASK, json.dumps(sent).encode()) + frame(DATA, data))
        logs = tuple(head.get("logs", ()))
        match head:
            case {"unavailable": str(reason)}:
                raise RunnerGone(reason)
            case {"failed": {"reason": reason, "message": message, "type": kind, "line": line}}:
                failed = TaskFailed(reason, message, type=kind, line=line)
            case _:
                try:
                    read = asyncio.to_thread(_value, body) if len(body) > _MUCH else None
                    return Answer(_value(body) if read is None else await read, logs, head["ms"])
                except TaskFailed as unfit:
                    failed = unfit
        failed.logs = logs
        raise failed

    async def status(self) -> dict[str, Any]:
        """Which layers are in force, and how many zygotes there are."""
        return (await self._ask({"ask": "status"}, b""))[0]

    async def _ask(self, header: Mapping[str, Any], rest: bytes) -> tuple[dict[str, Any], bytes]:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.setblocking(False)
            try:
                await _connect(channel, self.socket)
            except OSError as error:
                raise RunnerGone(f"nobody listens there: {error.strerror}") from error
            try:
                await loop.sock_sendall(channel, frame(HEADER, json.dumps(header).encode()) + rest)
                head, body = await _answer(channel)
            except (OSError, Malformed) as error:
                raise RunnerGone("it ended before it answered") from error
        found: dict[str, Any] = json.loads(head)
        return found, body


async def _connect(channel: socket.socket, path: str) -> None:
    """Where too many wait to be taken the kernel says so at once; asyncio would believe that it connects."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE
    while True:
        try:
            channel.connect(path)
            return
        except BlockingIOError:
            if loop.time() > deadline:
                raise
        await asyncio.sleep(_AGAIN)


async def _answer(channel: socket.socket) -> tuple[bytes, bytes]:
    loop, frames, come = asyncio.get_running_loop(), Frames(HEADER + BODY, _MOST), list[bytes]()
    while piece := await loop.sock_recv(channel, _MUCH):
        come += [payload for _, payload in frames.feed(piece)]
        if len(come) == 2:
            return come[0], come[1]
    raise ConnectionResetError("it closed the connection")


def _value(body: bytes) -> Any:
    """What a process wrote that may have been taken over: it is checked here as if nobody had."""
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise TaskFailed("crashed", "The process of the code gave an answer that is no JSON.") from None
    check(value)
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
