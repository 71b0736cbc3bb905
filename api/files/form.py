"""A form read while it comes: its file goes on in pieces, and is never held whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from api.errors import MalformedBody
from api.multipart import LONGEST_HEAD, boundary_of, read_head

_MOST_PARTS: Final = 20
_LONGEST_FIELD: Final = 10_000


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part of the form; `filename` is None for a text."""

    name: str
    filename: str | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of the file that has begun."""

    data: bytes


class FormReader:
    """Takes the body in whatever pieces it comes, and gives what it finds in it."""

    def __init__(self, content_type: str) -> None:
        """Raises `UnsupportedBody` or `MalformedBody`."""
        self._delimiter = b"\r\n--" + boundary_of(content_type)
        # Every boundary stands on a line of its own; the first one need not follow a line.
        self._buffer = b"\r\n"
        self._state: Literal["before", "head", "body", "done"] = "before"
        self._parts = 0
        self._text = 0
        self._is_file = False

    @property
    def done(self) -> bool:
        """Whether the last boundary has come."""
        return self._state == "done"

    def feed(self, data: bytes) -> Iterator[PartBegins | Piece]:
        """What the next bytes bring. Raises `MalformedBody`."""
        self._buffer += data
        while self._state != "done":
            if self._state == "head":
                if (begins := self._head()) is None:
                    return
                if not self.done:
                    yield begins
                continue
            found = self._buffer.find(self._delimiter)
            # The beginning of a boundary may be the end of what has come.
            end = found if found >= 0 else max(0, len(self._buffer) - len(self._delimiter) + 1)
            taken, self._buffer = self._buffer[:end], self._buffer[end:]
            if taken:
                yield from self._content(taken)
            if found < 0:
                return
            self._buffer = self._buffer[len(self._delimiter) :]
            self._state = "head"
        # What follows the last boundary is nobody's.
        self._buffer = b""

    def _content(self, data: bytes) -> Iterator[Piece]:
        if self._state == "before":
            if data.strip():
                raise MalformedBody("The form does not begin with its boundary.")
        elif self._is_file:
            yield Piece(data)
        else:
            self._text += len(data)
            if self._text > _LONGEST_FIELD:
                raise MalformedBody(f"The texts of the form are longer than {_LONGEST_FIELD} bytes.")

    def _head(self) -> PartBegins | None:
        """The head of a part, when it has come whole; the end of the form makes us `done`."""
        if self._buffer.startswith(b"--"):
            self._state = "done"
            return PartBegins("", None)
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > LONGEST_HEAD:
                raise MalformedBody("A part of the form has no head that can be read.")
            return None
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise MalformedBody(f"A form has at most {_MOST_PARTS} parts.")
        name, filename = read_head(self._buffer[:end])
        self._buffer = self._buffer[end + 4 :]
        self._state, self._is_file = "body", filename is not None
        return PartBegins(name, filename)
