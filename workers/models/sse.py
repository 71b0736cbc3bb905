"""Server-sent events, as chat providers send them: the data of each event, and nothing lost between two of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import NamedTuple


class Event(NamedTuple):
    """The data of an event; not `whole` when the end cut it off, or forgot to end it."""

    data: str
    whole: bool = True


async def events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[Event]:
    """The events of a body. Comments and unknown fields are passed over.

    Only CR and LF end a line: SDKs also cut at U+2028 and its like, which stand in JSON as they are.
    """
    data: list[str] = []
    async for line, ended in _lines(pieces):
        if not line:
            if data:
                yield Event("\n".join(data))
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        if not ended and data:
            yield Event("\n".join(data), whole=False)
            data = []
    if data:
        yield Event("\n".join(data), whole=False)


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncGenerator[tuple[str, bool]]:
    """The lines, each with whether it was ended. A character may come in several pieces, and so may CR and LF."""
    held: list[bytes] = []
    after_cr = first = True
    after_cr = False
    async for piece in pieces:
        if after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        if not piece:
            continue
        after_cr = piece.endswith(b"\r")
        *ended, rest = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in ended:
            text = b"".join((*held, line)).decode(errors="replace")
            yield text.removeprefix("\ufeff") if first else text, True
            held, first = [], False
        if rest:
            held.append(rest)
    if held:
        yield b"".join(held).decode(errors="replace"), False
