"""Events of a run as server-sent events: resumable by their offset, kept alive while nothing happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, TypeVar

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.access import Gate, Member
from api.errors import Unauthenticated
from api.json_response import write_json
from engine.errors import NotFound
from engine.events import StoredEvent

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

T = TypeVar("T")

HEARTBEAT_SECONDS: Final = 15.0
_HEARTBEAT: Final = b": still here\n\n"
_MOST_AT_ONCE: Final = 256
_ASK_AGAIN_SECONDS: Final = 2.0
"""How soon somebody who may not read any more reads nothing more."""


@asynccontextmanager
async def closing(events: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """The events, let go of at once when one is done with them."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def frame(stored: StoredEvent) -> bytes:
    """One event on the wire. JSON has no line breaks of its own, so it takes one `data:` line."""
    name = stored.event.type.value.encode()
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (stored.seq, name, write_json(stored.to_json()))


class Streams:
    """The streams that a process has open. A server that stops ends them first; readers come back with an offset."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()

    def stop(self) -> None:
        """End every stream, now and from now on."""
        self.stopping.set()


def still_here() -> bytes:
    """What is sent while nothing happens."""
    return _HEARTBEAT


class EventStream(Response, Generic[T]):
    """Sends events until they end, the client goes or may not read them any more, or the server stops. The run knows
    nothing of it.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncIterator[T],
        streams: Streams,
        *,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        heartbeat: float = HEARTBEAT_SECONDS,
        # Any: the default is for the events of runs, and who brings others brings what writes them.
        write: Callable[[Any], bytes] = frame,
        still_here: Callable[[], bytes] = still_here,
    ) -> None:
        self._events = events
        self._frame = write
        self._still_here = still_here
        self._streams = streams
        self._heartbeat = heartbeat
        self.status_code = status_code
        self.background = None
        # A proxy that buffers would hold events back.
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        ready: asyncio.Queue[T | None] = asyncio.Queue(_MOST_AT_ONCE)
        reading = asyncio.create_task(self._read(ready), name="events of a stream")
        writing = asyncio.create_task(self._write(ready, send), name="writing of a stream")
        leaving = asyncio.create_task(_gone(receive), name="client of a stream")
        stopping = asyncio.create_task(self._streams.stopping.wait(), name="end of all streams")
        losing = asyncio.create_task(_shut_out(scope), name="rights of a stream's reader")
        tasks = (reading, writing, leaving, stopping, losing)
        try:
            await asyncio.wait(tasks[1:], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not leaving.done() or leaving.cancelled():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _read(self, ready: asyncio.Queue[T | None]) -> None:
        try:
            async with closing(self._events) as events:
                async for stored in events:
                    await ready.put(stored)
        except Exception:  # noqa: BLE001
            # Whatever it was, the answer has begun and cannot say it: the reader comes back and is told then.
            _log.exception("the events of a stream broke off")
        await ready.put(None)

    async def _write(self, ready: asyncio.Queue[T | None], send: Send) -> None:
        while True:
            try:
                async with asyncio.timeout(self._heartbeat):
                    batch = [await ready.get()]
            except TimeoutError:
                await send({"type": "http.response.body", "body": self._still_here(), "more_body": True})
                continue
            while not ready.empty():
                batch.append(ready.get_nowait())
            body = b"".join(self._frame(stored) for stored in batch if stored is not None)
            await send({"type": "http.response.body", "body": body, "more_body": True})
            if batch[-1] is None:
                return


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _shut_out(scope: Scope) -> None:
    """Return when what the reader carries has ended, or he may less than when he came: he comes back and is told."""
    member: Member | None = scope.get("state", {}).get("member")
    if member is None:
        await asyncio.Event().wait()
        return
    gate: Gate = scope["app"].state.gate
    while True:
        await asyncio.sleep(_ASK_AGAIN_SECONDS)
        try:
            now = await gate.again(member)
        except (Unauthenticated, NotFound):
            return
        if not member.permissions <= now.permissions:
            return
