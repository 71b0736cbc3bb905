"""A server on loopback that speaks HTTP by hand, so that it can speak it badly; what it says is for others to tell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

STALL_SECONDS = 30.0


@dataclass
class Asked:
    """A request as it came: its headers, names in lower case, and its body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    connection: int
    """Which connection it came over."""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the client was seen to leave while it was being answered."""


class Talk:
    """One answer being written."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: Asked) -> None:
        self._reader = reader
        self._writer = writer
        self._asked = asked
        self.over = False
        """Whether the answer is whole, so that another request may follow."""
        self.limit: int | None = None
        """After how many bytes the connection breaks off."""

    async def head(self, status: int, kind: str, *headers: str, length: int | None = None) -> None:
        """The status and the headers; without a length the body is chunked."""
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        lines = [f"HTTP/1.1 {status} x", f"Content-Type: {kind}", framing, *headers]
        await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n")

    async def stream(self) -> None:
        """The head of a stream of events."""
        await self.head(200, "text/event-stream; charset=utf-8")

    async def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        if self.limit is not None:
            data, self.limit = data[: self.limit], self.limit - len(data)
        self._writer.write(data)
        await self._writer.drain()
        if self.limit is not None and self.limit < 0:
            self.cut()
            raise ConnectionAbortedError

    async def piece(self, data: bytes) -> None:
        """A chunk of the body."""
        await self.raw(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def end(self) -> None:
        """The end of a body in chunks."""
        await self.piece(b"")
        self.over = True

    async def whole(self, status: int, body: Any, *headers: str, kind: str = "application/json") -> None:
        """An answer that is no stream."""
        data = body.encode() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).encode()
        await self.head(status, kind, *headers, length=len(data))
        await self.raw(data)
        self.over = True

    async def pieces(self, chunks: Sequence[bytes]) -> None:
        """A body of these chunks, each sent by itself."""
        for chunk in chunks:
            await self.piece(chunk)
            await asyncio.sleep(0)
        await self.end()

    async def stall(self, seconds: float = STALL_SECONDS) -> None:
        """Say nothing until the client leaves."""
        async with asyncio.timeout(seconds):
            if await self._reader.read(1) == b"":
                self._asked.left.set()

    def cut(self) -> None:
        """Break the connection off."""
        self._writer.transport.abort()


Behaviour = Callable[[Asked, Talk], Awaitable[None]]


@dataclass
class FakeServer:
    """A server for the time of a test; remembers what it was asked."""

    answer: Behaviour
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    talk: type[Talk] = Talk
    script: Sequence[bytes] = ()
    """The chunks of the body that the model `script` answers with."""
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What a connection names."""
        return f"http://{self.place}"

    async def heard(self, requests: int) -> None:
        """Wait until so many requests have come."""
        async with asyncio.timeout(60):
            async with self._news:
                await self._news.wait_for(lambda: len(self.asked) >= requests)

    async def speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other, as long as the answers are whole."""
        self.connections += 1
        number = self.connections
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                asked = Asked(method, path, headers, json.loads(body) if body else None, number)
                self.asked.append(asked)
                async with self._news:
                    self._news.notify_all()
                talk = self.talk(reader, writer, asked)
                await self.answer(asked, talk)
                if not talk.over:
                    break
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass  # The client may leave at any moment: what that means is the test's to say.
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def listening(fake: FakeServer, port: int = 0) -> AsyncIterator[FakeServer]:
    """The server on loopback."""
    talks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        assert talk is not None
        talks.add(talk)
        try:
            await fake.speak(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            talks.discard(talk)

    server = await asyncio.start_server(connected, "127.0.0.1", port)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        for talk in list(talks):
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await server.wait_closed()


def in_halves(text: str, character: str) -> tuple[bytes, bytes]:
    """The text as bytes, cut amid a character."""
    data = text.encode()
    middle = data.index(character.encode()) + 1
    return data[:middle], data[middle:]
