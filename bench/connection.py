"""A lean HTTP connection for load: what it costs is taken from the server it measures, on two cores."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

_KEPT_ALIVE = 3.0
"""Seconds; the server hangs up after five in which nothing was asked."""


class Connection:
    """One kept-alive connection to the API."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._head = f"Host: {parts.netloc}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used = 0.0

    async def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send JSON, and read the JSON that comes back. Raises `RuntimeError` for a status over 299."""
        reader, writer = await self._open()
        writer.write(self._written(method, path, body))
        status, length = await self._read_head(reader)
        data = await reader.readexactly(length) if length else b""
        self._used = time.monotonic()
        if status > 299:
            raise RuntimeError(f"{method} {path} answered {status}: {data[:500].decode()}")
        return json.loads(data) if data else None

    async def first_event(self, path: str, body: Any, wanted: str) -> float:
        """Start a run with a stream: the seconds until the first event of a type. The rest is read to its end."""
        reader, writer = await self._open()
        began = time.perf_counter()
        writer.write(self._written("POST", path, body, "Connection: close\r\n"))
        found = 0.0
        while line := await reader.readline():
            if not found and line.strip() == f"event: {wanted}".encode():
                found = time.perf_counter() - began
        self.close()
        if not found:
            raise RuntimeError(f"The stream held no {wanted}.")
        return found

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if time.monotonic() - self._used > _KEPT_ALIVE:
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=64 * 1024 * 1024)
        return self._streams

    def _written(self, method: str, path: str, body: Any, more: str = "") -> bytes:
        data = b"" if body is None else json.dumps(body).encode()
        return f"{method} {path} HTTP/1.1\r\n{self._head}{more}Content-Length: {len(data)}\r\n\r\n".encode() + data

    async def _read_head(self, reader: asyncio.StreamReader) -> tuple[int, int]:
        status = int((await reader.readline()).split()[1])
        length = 0
        while line := (await reader.readline()).strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, length
