"""A client that follows a run as a browser does: by server-sent events, coming back with the last offset it saw."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

Event = dict[str, Any]

ENDS: Final = ("run.succeeded", "run.failed", "run.cancelled")
_AGAIN: Final = 0.05


class Follower:
    """Reads the events of a run to its end, through whatever happens to the API."""

    def __init__(self, client: httpx2.AsyncClient, run_id: str) -> None:
        self.run_id = run_id
        self.events: list[Event] = []
        self.connected: list[float] = []
        """When each of its connections began to be answered."""
        self.on_event: Callable[[Event], None] = lambda event: None
        self._client = client
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read(), name=f"follower of {run_id}")

    @property
    def ended(self) -> Event | None:
        """The event that ended the run, if it has been told."""
        return self.events[-1] if self.events and self.events[-1]["type"] in ENDS else None

    def seen(self, key: str) -> bool:
        """Whether an event of this key was told."""
        return any(event["key"] == key for event in self.events)

    async def until(self, holds: Callable[[], bool], seconds: float | None) -> bool:
        """Wait until something holds of what was told; False when the run has ended without it."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(lambda: self.ended is not None or holds())
            return holds()

    async def meanwhile(self, work: Coroutine[Any, Any, object], seconds: float) -> bool:
        """Wait for something else; False when the run has ended before it."""
        doing = asyncio.create_task(work)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.wait({doing, self._reading}, return_when=asyncio.FIRST_COMPLETED)
            return doing.done()
        finally:
            doing.cancel()

    async def finish(self, seconds: float) -> Event:
        """The event that ends the run."""
        async with asyncio.timeout(seconds):
            await asyncio.shield(self._reading)
        assert self.ended is not None
        return self.ended

    async def close(self) -> None:
        """Stop reading."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        while self.ended is None:
            # The API may be killed, or not be there yet.
            with suppress(httpx2.TransportError):
                await self._stream()
            if self.ended is None:
                await asyncio.sleep(_AGAIN)

    async def _stream(self) -> None:
        headers = {"accept": "text/event-stream"}
        if self.events:
            headers["last-event-id"] = str(self.events[-1]["seq"])
        async with self._client.stream("GET", f"/runs/{self.run_id}/events", headers=headers) as reply:
            if reply.status_code != 200:
                return
            self.connected.append(time.monotonic())
            told: dict[str, str] = {}
            async for line in reply.aiter_lines():
                name, _, value = line.partition(": ")
                if line and name:
                    told[name] = value
                elif not line and "data" in told:
                    event = json.loads(told["data"])
                    assert (told["id"], told["event"]) == (str(event["seq"]), event["type"])
                    told = {}
                    await self._take(event)

    async def _take(self, event: Event) -> None:
        event["received"] = time.monotonic()
        self.events.append(event)
        self.on_event(event)
        async with self._news:
            self._news.notify_all()


@dataclass
class _Text:
    """The pieces of one message: whose they are, of which attempt, and what they say."""

    pieces: list[tuple[str, tuple[int, int], str]] = field(default_factory=list)


def texts(events: list[Event]) -> tuple[dict[str, str], dict[str, str]]:
    """Messages by path: as a client puts them together from their pieces, and as they were told to be, whole."""
    made: dict[str, _Text] = {}
    whole: dict[str, str] = {}
    void: dict[str, tuple[int, int]] = {}
    gone: tuple[str, ...] = ()
    for event in events:
        data, path = event["data"], event["path"]
        match event["type"]:
            case "step.retried":
                void[path] = (data.get("attempt", 1), data.get("delivery", 1))
                gone += (f"{path}/",) if data.get("below") else ()
                for text in made.values():
                    text.pieces = [
                        one
                        for one in text.pieces
                        if (one[0] != path or one[1] >= void[path]) and not one[0].startswith(gone)
                    ]
            case "message.delta":
                source, number = data.get("source", path), (data.get("attempt", 1), data.get("delivery", 1))
                if number >= void.get(source, (0, 0)) and not source.startswith(gone):
                    made.setdefault(path, _Text()).pieces.append((source, number, data["text"]))
            case "message.reset":
                made[path] = _Text([(path, (0, 0), data["text"])])
            case "message.completed":
                whole[path] = data["text"]
                if path in made:
                    # What has its end stays, whatever becomes of those who made it.
                    made[path] = _Text([("", (0, 0), "".join(piece for _, _, piece in made[path].pieces))])
    return {path: "".join(piece for _, _, piece in text.pieces) for path, text in made.items()}, whole


_NODE_ENDS: Final = {
    "step.succeeded": "succeeded",
    "step.failed": "failed",
    "step.skipped": "skipped",
    "step.cancelled": "cancelled",
}


def fold(events: list[Event]) -> dict[str, dict[str, Any]]:
    """The records of a run's steps, as a client makes them from nothing but the events."""
    nodes: dict[str, dict[str, Any]] = {}
    for event in events:
        kind, data, path = event["type"], event["data"], event["path"]
        if kind not in _NODE_ENDS and kind not in ("step.started", "step.retried", "wait.opened", "wait.answered"):
            continue
        record = nodes.setdefault(
            path, {"state": "running", "inputs": None, "output": None, "error": None, "attempt": 1}
        )
        if record["state"] not in ("running", "waiting"):
            continue
        record["attempt"] = max(record["attempt"], data.get("attempt", 1))
        if data.get("inputs") is not None and record["inputs"] is None:
            record["inputs"] = data["inputs"]
        match kind:
            case "wait.opened":
                record["state"] = "waiting"
            case "wait.answered":
                record["state"] = "running"
            case "step.retried":
                record["error"] = data["error"]
            case "step.started":
                pass
            case _:
                record |= {"state": _NODE_ENDS[kind], "output": data.get("output"), "error": data.get("error")}
                record |= {"finished": event["at"]}
    return nodes
