"""Reads server-sent events as a browser would."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from httpx2 import Response


@dataclass(frozen=True)
class Frame:
    """One event of a stream."""

    id: int
    event: str
    data: dict[str, Any]


async def frames_of(answer: Response) -> AsyncIterator[Frame]:
    """The events as they come; comments are passed over."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if not line:
            if "data" in fields:
                yield Frame(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


async def read_stream(answer: Response) -> list[Frame]:
    """Everything, to the end of the stream."""
    return [frame async for frame in frames_of(answer)]
