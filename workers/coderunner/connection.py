"""One client of the service: a task comes, its answer goes; whoever closes the connection wants no answer any more."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from math import isfinite
from typing import Any, Final

from workers.coderunner.frames import BODY, DATA, HEADER, TASK, Frames, Malformed, frame

_MOST: Final = 256 * 1024 * 1024
_HEADER_BYTES: Final = 64 * 1024
_PEER: Final = struct.Struct("3i")

Answering = Callable[[dict[str, Any], bytes, bytes], Awaitable[tuple[dict[str, Any], bytes]]]
"""Header, task and data to the head and the body of an answer."""


class Connection(asyncio.Protocol):
    """Takes one task: a header, then, unless it asks for something, the task and its bytes."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self._frames = Frames(HEADER + TASK + DATA, _MOST)
        self._transport: asyncio.Transport | None = None
        self._come: list[bytes] = []
        self._work: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take nothing from anybody else."""
        if isinstance(transport, asyncio.Transport) and _is_ours(transport.get_extra_info("socket")):
            self._transport = transport
        else:
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Until the task is complete; what does not fit ends the connection."""
        if self._transport is None:
            return
        try:
            for kind, payload in self._frames.feed(data):
                self._take(kind, payload)
        except (Malformed, ValueError, OverflowError, RecursionError):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever is gone wants no answer."""
        self._transport = None
        if self._work is not None:
            self._work.cancel()

    def _take(self, kind: bytes, payload: bytes) -> None:
        if self._work is not None or kind != (HEADER, TASK, DATA)[len(self._come)]:
            raise Malformed("not what was agreed")
        self._come.append(payload)
        header = _header(self._come[0])
        if len(self._come) == 3 or "ask" in header:
            self._work = asyncio.create_task(self._answer(header, *self._come[1:]))

    async def _answer(self, header: dict[str, Any], task: bytes = b"", data: bytes = b"") -> None:
        head, body = await self._answering(header, task, data)
        if self._transport is not None:
            self._transport.write(frame(HEADER, json.dumps(head).encode()) + frame(BODY, body))
            self._transport.close()


def _header(payload: bytes) -> dict[str, Any]:
    if len(payload) > _HEADER_BYTES:
        raise Malformed("a header of that size")
    header: dict[str, Any] = json.loads(payload)
    match header:
        case {"ask": str()}:
            return header
        case {"engine": str(), "org": str(), "seconds": int() | float() as seconds} if isfinite(seconds):
            return header
        case _:
            raise Malformed("not what was agreed")


def _is_ours(peer: socket.socket) -> bool:
    _, user, _ = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    # Root could do whatever we can, and more.
    return user in (0, os.geteuid())
