"""An endpoint outside of the system: counts what it is asked under which idempotency key, and holds answers back."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Hit:
    """One request. `key` is `<run id>/<path of the step>`."""

    key: str
    at: float
    replied: float | None = None

    @property
    def path(self) -> str:
        return self.key.partition("/")[2]

    @property
    def run(self) -> str:
        return self.key.partition("/")[0]


@dataclass
class Gate:
    """Holds the answers to a step back until it is opened."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    replied: asyncio.Event = field(default_factory=asyncio.Event)


class Endpoint:
    """Answers `POST /say` with what it was sent, `GET /bytes?size=…` with so many bytes of JSON."""

    def __init__(self) -> None:
        self.port = 0
        self.hits: list[Hit] = []
        self.on_hit: Callable[[Hit], None] = lambda hit: None
        self._gates: dict[str, Gate] = {}

    @property
    def place(self) -> str:
        """As an allow-list names it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    def hold(self, path: str) -> Gate:
        """Hold the answers to the step at this path from now on."""
        return self._gates.setdefault(path, Gate())

    def open_all(self) -> None:
        """Hold nothing any more."""
        for gate in self._gates.values():
            gate.opened.set()
        self._gates.clear()

    def counted(self, run: str) -> Counter[str]:
        """How often each step of a run has called."""
        return Counter(hit.path for hit in self.hits if hit.run == run)

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other until the client leaves, or is killed."""
        while (asked := await _read(reader)) is not None:
            target, headers, body = asked
            hit = Hit(headers.get("idempotency-key", ""), time.monotonic())
            self.hits.append(hit)
            self.on_hit(hit)
            gate = self._gates.get(hit.path)
            if gate is not None:
                gate.arrived.set()
                await gate.opened.wait()
            content = _answer(target, body)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content)
            )
            writer.write(content)
            await writer.drain()
            hit.replied = time.monotonic()
            if gate is not None:
                gate.replied.set()


async def _read(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes] | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return first.split(" ")[1], headers, await reader.readexactly(int(headers.get("content-length", 0)))
    except asyncio.IncompleteReadError:
        return None


def _answer(target: str, body: bytes) -> bytes:
    parts = urlsplit(target)
    if parts.path == "/bytes":
        size = int(parse_qs(parts.query)["size"][0])
        return json.dumps({"text": "文" * ((size - 20) // 3)}, ensure_ascii=False).encode()
    return json.dumps({"heard": body.decode()}, ensure_ascii=False).encode()


@asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    """An endpoint that listens, for the time of a test."""
    made = Endpoint()
    open_connections: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            open_connections.add(task)
            task.add_done_callback(open_connections.discard)
        # Whoever called may be killed at any moment: that is what this endpoint is for.
        with suppress(ConnectionError, asyncio.CancelledError):
            await made.speak(reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in list(open_connections):
            task.cancel()
        await asyncio.gather(*open_connections, return_exceptions=True)
