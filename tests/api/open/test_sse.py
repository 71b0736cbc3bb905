"""Frames as the SDKs read them: nothing but events, in one line of ASCII, also while nothing happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from api.event_stream import Streams
from api.open.sse import OpenEvent, chat_stream, run_stream

SEPARATORS = "\u2028\u2029\u0085\u000b\u000c\u001c\u001d\u001e\r\n"


async def events(gap: asyncio.Event) -> AsyncIterator[OpenEvent]:
    yield OpenEvent("Message", {"content": f"中文{SEPARATORS}😀"})
    await gap.wait()
    yield OpenEvent("Done", {})


@pytest.mark.parametrize("numbered", [True, False])
async def test_frames_are_numbered_for_runs_alone_and_tell_that_they_go_on(numbered: bool) -> None:
    gap, sent = asyncio.Event(), bytearray()

    async def send(message: dict[str, object]) -> None:
        body = message.get("body", b"")
        sent.extend(body if isinstance(body, bytes) else b"")
        if sent.count(b"ping") + sent.count(b"PING") >= 2:
            gap.set()

    async def receive() -> dict[str, object]:
        await asyncio.Event().wait()
        return {}

    make = run_stream if numbered else chat_stream
    async with asyncio.timeout(60):
        await make(events(gap), Streams(), 0.02)({"type": "http"}, receive, send)  # type: ignore[arg-type]
    assert sent.isascii()
    frames = [one.splitlines() for one in sent.decode().split("\n\n")[:-1]]
    names = ["id", "event", "data"] if numbered else ["event", "data"]
    assert all([line.partition(": ")[0] for line in frame] == names for frame in frames)
    if numbered:
        assert [frame[0] for frame in frames] == [f"id: {number}" for number in range(len(frames))]
    ping = "PING" if numbered else "ping"
    said = [frame[-2].removeprefix("event: ") for frame in frames]
    assert said[:3] == ["Message", ping, ping]
    assert said[-1] == "Done"
    assert json.loads(frames[0][-1].removeprefix("data: ")) == {"content": f"中文{SEPARATORS}😀"}
