"""Servers on loopback that answer what a test tells them, and networks that lead elsewhere than they were asked to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

import httpcore2

from workers.egress import EgressClient, EgressPolicy, Resolve


class Limits(TypedDict, total=False):
    """The limits of a policy that a test may set."""

    connect_seconds: float
    header_bytes: int
    body_bytes: int
    stream_bytes: int
    redirects: int
    connections: int
    idle_seconds: float


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
    address: str
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    received: int = 0

    @property
    def place(self) -> str:
        """Host and port, as an allow-list names it."""
        return f"{self.address}:{self.port}"

    def url(self, path: str = "/", host: str = "", scheme: str = "http") -> str:
        """A URL of this server."""
        return f"{scheme}://{host or self.address}:{self.port}{path}"

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other until the client leaves."""
        self.connections += 1
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


Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(speak: Speak, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A port where this is spoken, for the time of a test."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        # The client may leave at any moment, and the test may end: it says itself what it expects of that.
        try:
            await speak(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()
        with suppress(ConnectionError, asyncio.CancelledError):
            await writer.wait_closed()

    server = await asyncio.start_server(connected, address, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await server.wait_closed()


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server for the time of a test."""
    server = Server(answer, "127.0.0.1")
    async with listening(server.speak, server.address, tls) as server.port:
        yield server


@asynccontextmanager
async def calling(
    *allow: Server | str,
    resolve: Resolve | None = None,
    tls: ssl.SSLContext | None = None,
    **limits: Unpack[Limits],
) -> AsyncIterator[EgressClient]:
    """A client that may call these places, and stays on this machine whatever its guard does."""
    places = tuple(place.place if isinstance(place, Server) else place for place in allow)
    policy = EgressPolicy(allow=places, **limits)
    client = EgressClient(policy, resolve=resolve or names({}), network=LoopbackOnly(), tls=tls)
    try:
        yield client
    finally:
        await client.aclose()


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


class LoopbackOnly(httpcore2.AsyncNetworkBackend):
    """The real network, as far as it stays on this machine: a guard that fails must not make a test reach out."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        if not host.startswith("127."):
            raise httpcore2.ConnectError(f"{host} is not on this machine")
        return await httpcore2.AnyIOBackend().connect_tcp(host, port, timeout)


class Mute(LoopbackOnly):
    """The same, but its connections do not say where they lead."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        stream = await super().connect_tcp(host, port, timeout, local_address, socket_options)
        return MuteStream(stream)


@dataclass
class MuteStream(httpcore2.AsyncNetworkStream):
    """A connection that can be used, but tells nothing of itself."""

    stream: httpcore2.AsyncNetworkStream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self.stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self.stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self.stream.aclose()

    def get_extra_info(self, info: str) -> None:
        return None


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
