"""The application behind a real server and sockets: bodies nobody reads, readers who leave, a server that stops."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from httpx2 import AsyncClient

from engine.events import EventType, RunEvent
from storage.ids import new_id
from storage.runs import NewRun
from tests.api.drawings import greeting
from tests.api.serving import Serving, serve
from tests.api.streams import frames_of

MEGABYTES = 30


@dataclass
class Wire:
    """A server, and a client that reaches it by its address alone."""

    serving: Serving
    server: uvicorn.Server
    port: int
    client: AsyncClient

    async def run_under_way(self) -> int:
        """A run that somebody else carries out, with one event told."""
        home = await self.serving.stores.organisations.ensure_default()
        run = new_id()
        new = NewRun(
            id=run, workflow_id=1, workflow_key="k", workflow_name="n", version="v0.0.1", plan_hash="", created=1,
            mode="durable", kind="run", inputs={},
        )  # fmt: skip
        await self.serving.stores.runs(home.org_id, home.space_id).create(new)
        await self.tell(run, RunEvent("run:started", EventType.RUN_STARTED, 1, data={}))
        return run

    async def tell(self, run: int, event: RunEvent) -> None:
        await self.serving.stores.events.append(str(run), [event])


@asynccontextmanager
async def wired(folder: Path) -> AsyncIterator[Wire]:
    async with serve(folder) as serving:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port: int = listening.getsockname()[1]
            config = uvicorn.Config(serving.app, lifespan="off", log_config=None, access_log=False, ws="none")
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve(sockets=[listening]))
            headers = {"authorization": f"Bearer {serving.token}"}
            async with AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=20) as client:
                async with asyncio.timeout(60):
                    while True:
                        if server.started:
                            break
                        await asyncio.sleep(0.01)
                yield Wire(serving, server, port, client)
            serving.app.state.streams.stop()
            server.should_exit = True
            await task


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, Any], str]:
    """Status, body and headers of the next answer on a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(line.split(":")[1]) for line in head.lower().split("\r\n") if line.startswith("content-length"))
    return int(head.split()[1]), json.loads(await reader.readexactly(length)), head


async def test_a_run_over_the_wire(tmp_path: Path) -> None:
    async with wired(tmp_path) as wire:
        workflow = await wire.serving.published(greeting())
        answer = await wire.client.post(f"/workflows/{workflow}/runs", json={"inputs": {"name": "Ada"}})
        assert (answer.status_code, answer.json()["output"]) == (201, {"text": "Hello Ada!"})


async def test_a_body_over_the_limit_is_answered_and_the_connection_closed(tmp_path: Path) -> None:
    async with wired(tmp_path) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        head = (
            "POST /api/v1/workflows/7/runs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {wire.serving.token}\r\nContent-Length: {MEGABYTES * 1024 * 1024}\r\n\r\n"
        )
        writer.write(head.encode() + b" " * 100)
        status, problem, head = await read_answer(reader)
        assert (status, problem["code"]) == (413, "body_too_large")
        assert "connection: close" in head.lower()
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()


async def test_a_stranger_may_send_what_they_like_and_the_next_request_is_read_from_its_beginning(
    tmp_path: Path,
) -> None:
    async with wired(tmp_path) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        trick = b"GET /api/v1/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
        head = f"POST /api/v1/workflows HTTP/1.1\r\nHost: x\r\nContent-Length: {len(trick)}\r\n\r\n"
        writer.write(head.encode())
        status, problem, _ = await read_answer(reader)
        assert (status, problem["code"]) == (401, "unauthenticated")
        writer.write(trick + b"GET /api/v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(60):
            status, problem, _ = await read_answer(reader)
        assert (status, problem["code"]) == (404, "not_found")
        writer.close()


async def test_a_reader_who_leaves_is_let_go_and_comes_back_where_it_was(tmp_path: Path) -> None:
    async with wired(tmp_path) as wire:
        run = await wire.run_under_way()
        async with wire.client.stream("GET", f"/runs/{run}/events/stream") as answer:
            seen = [await anext(frames_of(answer))]
        await wire.tell(run, RunEvent("m", EventType.MESSAGE_DELTA, 2, "p", "n", {"text": "while you were away"}))
        headers = {"last-event-id": str(seen[-1].id)}
        async with wire.client.stream("GET", f"/runs/{run}/events/stream", headers=headers) as answer:
            await wire.tell(run, RunEvent("run:succeeded", EventType.RUN_SUCCEEDED, 3, data={"output": {}}))
            seen += [frame async for frame in frames_of(answer)]
        assert [frame.id for frame in seen] == [1, 2, 3]
        assert (await wire.client.get(f"/runs/{run}")).json()["state"] == "succeeded"


async def test_a_server_stops_although_somebody_still_reads(tmp_path: Path) -> None:
    async with wired(tmp_path) as wire:
        run = await wire.run_under_way()
        async with wire.client.stream("GET", f"/runs/{run}/events/stream") as answer:
            frames = frames_of(answer)
            assert (await anext(frames)).id == 1
            async with asyncio.timeout(60):
                wire.serving.app.state.streams.stop()
                assert [frame async for frame in frames] == []
        assert (await wire.client.get(f"/runs/{run}")).json()["state"] == "running"
