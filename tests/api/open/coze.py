"""A server with sockets, and the SDK that programs use, sync and async."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from cozepy import AsyncCoze, AsyncTokenAuth, Coze, TokenAuth
from cozepy.request import AsyncHTTPClient, SyncHTTPClient
from httpx2 import AsyncClient

from tests.api.durable import Work, durable
from tests.api.serving import Serving, serve
from workers.embedded import EmbeddedTemporal

T = TypeVar("T")


@dataclass
class Programs:
    """What a test holds: the application, its address, and programs that speak to it."""

    serving: Serving
    port: int
    coze: Coze
    async_coze: AsyncCoze
    raw: AsyncClient
    work: Work | None = None
    queue: str = ""
    left: ExitStack = field(default_factory=ExitStack)
    """Connections that are closed in the end."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def as_(self, token: str) -> Coze:
        """The SDK in somebody else's hands."""
        client = self.left.enter_context(SyncHTTPClient(trust_env=False))  # type: ignore[no-untyped-call]
        return Coze(TokenAuth(token), base_url=self.url, http_client=client)


async def sync(call: Callable[[], T]) -> T:
    """What the sync SDK gives, without holding up the server that answers it."""
    return await asyncio.to_thread(call)


@asynccontextmanager
async def listening(serving: Serving, work: Work | None = None, queue: str = "") -> AsyncIterator[Programs]:
    """Serve an application on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as there:
        port: int = there.getsockname()[1]
        config = uvicorn.Config(serving.app, lifespan="off", log_config=None, access_log=False, ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[there]))
        url = f"http://127.0.0.1:{port}"
        headers = {"authorization": f"Bearer {serving.token}"}
        async with asyncio.timeout(60):
            while True:
                if server.started:
                    break
                await asyncio.sleep(0.01)
        async with (
            AsyncClient(base_url=url, headers=headers, timeout=30) as raw,
            AsyncHTTPClient(trust_env=False) as client,  # type: ignore[no-untyped-call]
        ):
            with ExitStack() as left, SyncHTTPClient(trust_env=False) as plain:  # type: ignore[no-untyped-call]
                sdk = Coze(TokenAuth(serving.token), base_url=url, http_client=plain)
                other = AsyncCoze(AsyncTokenAuth(serving.token), base_url=url, http_client=client)
                yield Programs(serving, port, sdk, other, raw, work, queue, left)
        serving.app.state.streams.stop()
        server.should_exit = True
        await task


@asynccontextmanager
async def programs(folder: Path, **parts: Any) -> AsyncIterator[Programs]:
    """Programs before an application that only computes."""
    async with serve(folder, **parts) as serving, listening(serving) as there:
        yield there


@asynccontextmanager
async def durable_programs(server: EmbeddedTemporal, folder: Path, **parts: Any) -> AsyncIterator[Programs]:
    """Programs before an application with a worker."""
    async with durable(server, folder, **parts) as made, listening(made.serving, made.work, made.queue) as there:
        yield there
