"""Server-sent events as the SDKs read them: two or three lines for each, one line of data, nothing but ASCII in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from api.event_stream import EventStream, Streams

HEADERS: Final = {"Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """An event: its name, and a JSON value."""

    name: str
    data: Any


@dataclass(slots=True)
class _Frames:
    """Writes events of one connection. Those of runs are numbered from 0, those of chats bear no number."""

    numbered: bool
    _numbers: count[int] = field(default_factory=count)

    def write(self, event: OpenEvent) -> bytes:
        """Three lines, or two, and an empty one."""
        # Escaped, because the SDK cuts lines wherever Python does, also at U+2028 and U+0085.
        data = json.dumps(event.data, ensure_ascii=True, separators=(",", ":"))
        number = f"id: {next(self._numbers)}\n" if self.numbered else ""
        return f"{number}event: {event.name}\ndata: {data}\n\n".encode("ascii")

    def still_here(self) -> bytes:
        """An event of a name that means nothing: a comment would end the SDK's stream with an error."""
        return self.write(OpenEvent("PING" if self.numbered else "ping", {}))


def run_stream(events: AsyncIterator[OpenEvent], streams: Streams, heartbeat: float) -> EventStream[OpenEvent]:
    """The events of a run of a workflow: each has an id."""
    return _stream(events, streams, heartbeat, _Frames(numbered=True))


def chat_stream(events: AsyncIterator[OpenEvent], streams: Streams, heartbeat: float) -> EventStream[OpenEvent]:
    """The events of a chat: none has an id."""
    return _stream(events, streams, heartbeat, _Frames(numbered=False))


def _stream(
    events: AsyncIterator[OpenEvent], streams: Streams, heartbeat: float, frames: _Frames
) -> EventStream[OpenEvent]:
    return EventStream(
        events, streams, headers=HEADERS, heartbeat=heartbeat, write=frames.write, still_here=frames.still_here
    )
