"""Servers on loopback that answer what a test tells them, and networks that lead elsewhere than they were asked to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpcore2

from workers.egress import Resolve


@dataclass
class Asked:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Asked], Iterable[bytes] | AsyncIterator[bytes]]


def reply(status: int = 200, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()) -> list[bytes]:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers)]
    return ["\r\n".join(lines).encode() + b"\r\n\r\n", body]


def redirect(location: str, status: int = 302) -> list[bytes]:
    """An answer that leads on."""
    return reply(status, headers=[("Location", location)])


@dataclass
class Server:
    """A server that listens on a port of its own."""

    answer: Answer
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    received: int = 0

    @property
    def place(self) -> str:
        """Host and port, as an allow-list names it."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """A URL of this server."""
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other until the client leaves."""
        self.connections += 1
        try:
            while (asked := await self._read(reader)) is not None:
                self.asked.append(asked)
                chunks = self.answer(asked)
                if isinstance(chunks, AsyncIterator):
                    async for chunk in chunks:
                        writer.write(chunk)
                        await writer.drain()
                else:
                    writer.writelines(chunks)
                    await writer.drain()
                if asked.headers.get("connection") == "close":
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left: a test says what it expects of that
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Asked | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            self.received += len(error.partial)
            return None
        self.received += len(head)
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        method, path, _ = first.split(" ")
        pairs = (line.split(": ", 1) for line in lines)
        headers = {name.lower(): value.encode("latin-1").decode() for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Asked(method, path, headers, body)


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server for the time of a test."""
    server = Server(answer)
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await server.serve(reader, writer)
        finally:
            tasks.discard(task)

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listening.wait_closed()


def names(known: Mapping[str, list[str]], looked_up: list[str] | None = None) -> Resolve:
    """A resolver that knows these names, and writes down what it was asked."""

    async def resolve(host: str, port: int) -> list[str]:
        if looked_up is not None:
            looked_up.append(host)
        if host not in known:
            raise OSError(f"{host} is not known")
        return known[host]

    return resolve


@dataclass
class Nowhere(httpcore2.AsyncNetworkBackend):
    """A network without anybody in it; writes down who was called."""

    called: list[tuple[str, int]] = field(default_factory=list)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.called.append((host, port))
        raise httpcore2.ConnectError("nobody is there")


@dataclass
class Detour(httpcore2.AsyncNetworkBackend):
    """A network that leads to one place, whoever is called."""

    port: int
    called: list[tuple[str, int]] = field(default_factory=list)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.called.append((host, port))
        return await httpcore2.AnyIOBackend().connect_tcp("127.0.0.1", self.port, timeout)
