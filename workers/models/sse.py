"""Server-sent events, as chat providers send them: the data of each event, and nothing lost between two of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator


async def event_data(lines: AsyncIterator[str]) -> AsyncGenerator[str]:
    """The data of each event. Comments and unknown fields are passed over; an event that the end cuts off counts."""
    data: list[str] = []
    async for raw in lines:
        line = raw.rstrip("\r\n")
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
    if data:
        yield "\n".join(data)
