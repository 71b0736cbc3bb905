"""A site on loopback that is called by HTTP Request, and the way to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from engine.errors import FlowError
from nodes.tools.http_body import FILE_BYTES
from nodes.tools.http_request import http_request
from tests.nodes.context import NodeWorld
from tests.workers.egress.loopback import Asked, Server, calling, redirect, reply, serving
from workers.http import NodeHttp


def site(asked: Asked) -> Iterable[bytes] | AsyncIterator[bytes]:
    """What the server of these tests answers, by path."""
    path = urlsplit(asked.path).path
    if path.startswith("/status/"):
        return reply(int(path.rpartition("/")[2]), b"because", [("Retry-After", "7")])
    match path:
        case "/moved":
            return redirect("/ok")
        case "/picture.png":
            return reply(body=b"\x89PNG", headers=[("Content-Type", "image/png")])
        case "/plain":
            return reply(body=b"some text")
        case "/large":
            return reply(body=b"x" * (FILE_BYTES // 2 + 1))
        case "/gbk":
            return reply(body="你好".encode("gbk"), headers=[("Content-Type", "text/plain; charset=GB2312")])
        case "/broken":
            return reply(body=b"\xff\xfe\xfdabc", headers=[("Content-Type", "text/plain; charset=utf-8")])
        case "/strange":
            return reply(body="é".encode(), headers=[("Content-Type", "text/plain; charset=punycode")])
        case "/twice":
            return reply(body=b"ok", headers=[("X-A", "1"), ("x-a", "2")])
        case "/slow":
            return drip()
        case _:
            return reply(body=b"ok", headers=[("Content-Type", "text/plain")])


async def drip() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 200 x\r\nContent-Length: 100\r\n\r\n"
    while True:
        await asyncio.sleep(0.05)
        yield b"x"


@dataclass
class Called:
    """A server that is called, and the way to it."""

    server: Server
    world: NodeWorld

    def url(self, path: str = "/ok") -> str:
        return self.server.url(path)

    @property
    def asked(self) -> Asked:
        return self.server.asked[-1]

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.asked.path).query)

    async def run(self, **inputs: Any) -> Any:
        return await http_request.run({"url": self.url(), **inputs}, self.world)

    async def refused(self, error: type[FlowError], **inputs: Any) -> FlowError:
        with pytest.raises(error) as found:
            await self.run(**inputs)
        return found.value


@asynccontextmanager
async def called() -> AsyncIterator[Called]:
    """The site, and a client that may call it."""
    async with serving(site) as server, calling(server) as egress:
        yield Called(server, NodeWorld(http=NodeHttp(egress)))
