"""How tasks and answers travel through a socket: frames of a kind, a length and so many bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

HEAD: Final = struct.Struct(">cI")

NONCE, TASK, DATA = b"N", b"T", b"D"
"""To a child: what marks its answer as its own, the task as JSON, and the bytes that go with it. Before the task comes
a header that says whom it is for."""
BEGUN, LOG, ANSWER, FAILURE = b"S", b"L", b"A", b"F"
"""From a child: that it has the task, a printed line, and one of the two ends. Both ends begin with the nonce."""
HEADER, BODY = b"H", b"B"
"""Between the service and its clients, in both directions: JSON, and bytes as they are."""


class Malformed(Exception):
    """What came are no frames, or more than was agreed."""


def frame(kind: bytes, payload: bytes) -> bytes:
    """One frame."""
    return HEAD.pack(kind, len(payload)) + payload


class Frames:
    """Takes bytes as they come and gives the frames they make."""

    def __init__(self, kinds: bytes, limit: int) -> None:
        """Of these kinds only, and together no more bytes than `limit`."""
        self._kinds, self._left = kinds, limit
        self._held = bytearray()

    @property
    def between(self) -> bool:
        """No frame has begun that has not ended."""
        return not self._held

    def feed(self, piece: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The frames that these bytes complete. Raises `Malformed`."""
        self._left -= len(piece)
        if self._left < 0:
            raise Malformed("more than the limit")
        self._held += piece
        while len(self._held) >= HEAD.size:
            kind, length = HEAD.unpack_from(self._held)
            if kind not in self._kinds:
                raise Malformed("a frame of no known kind")
            if length > self._left + len(self._held):
                raise Malformed("more than the limit")
            if len(self._held) < HEAD.size + length:
                return
            payload = bytes(self._held[HEAD.size : HEAD.size + length])
            del self._held[: HEAD.size + length]
            yield kind, payload
