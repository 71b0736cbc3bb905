"""Undoing the compression of an answer, piece by piece, so that a small input never becomes a large block at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

ACCEPTED = "gzip, deflate"
_PIECE = 256 * 1024
# Encodings that the layers above might undo without a limit, if they were let through.
_UNASKED = frozenset(("br", "zstd", "compress", "x-compress", "dcb", "dcz"))
_GZIP = zlib.MAX_WBITS | 16  # what zlib calls a gzip header


class UndecodableBody(Exception):
    """The body is not in the encoding its header names, or in one that was not asked for."""


class Decoder(Protocol):
    """Turns the bytes of the wire into those of the body."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The body bytes in this piece of the wire. Raises `UndecodableBody`."""
        ...

    def finish(self) -> None:
        """The wire has ended: raises `UndecodableBody` if the body has not."""


def decoder_for(content_encoding: str) -> Decoder | None:
    """The decoder for a `Content-Encoding`, None if there is nothing to undo. Raises `UndecodableBody`."""
    names = [name.strip().lower() for name in content_encoding.split(",")]
    known = [name for name in names if name in ("gzip", "x-gzip", "deflate") or name in _UNASKED]
    if not known:  # identity, or a word that is no encoding at all: some servers write "utf-8" here
        return None
    if len(known) > 1 or known[0] in _UNASKED:
        raise UndecodableBody(f"the encoding {content_encoding[:100]!r} was not asked for")
    return _Deflate() if known[0] == "deflate" else _Gzip()


class _Inflater(Protocol):
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _inflate(inflater: _Inflater, data: bytes) -> Iterator[bytes]:
    piece = inflater.decompress(data, _PIECE)
    while piece:
        yield piece
        piece = inflater.decompress(inflater.unconsumed_tail, _PIECE)


class _Gzip:
    """One gzip member after the other; what follows them and is none is padding, which gzip itself ignores."""

    def __init__(self) -> None:
        self._inflater: _Inflater = zlib.decompressobj(_GZIP)
        self._first = True
        self._inside = False  # a member has begun and not ended
        self._padding = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self._padding:
            given = False
            self._inside = True
            try:
                for piece in _inflate(self._inflater, data):
                    given = True
                    yield piece
            except zlib.error as error:
                if self._first or given:
                    raise UndecodableBody(str(error)) from error
                self._padding, self._inside = True, False
                return
            data = b""
            if self._inflater.eof:
                data = self._inflater.unused_data
                self._first, self._inside = False, False
                self._inflater = zlib.decompressobj(_GZIP)

    def finish(self) -> None:
        if self._inside:
            raise UndecodableBody("the compressed body broke off")


class _Deflate:
    """Servers send it with and without the frame of zlib: the first two bytes tell."""

    def __init__(self) -> None:
        self._head = b""
        self._inflater: _Inflater | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._inflater is None:
            self._head += data
            if len(self._head) < 2:
                return
            framed = self._head[0] & 0x0F == 8 and int.from_bytes(self._head[:2], "big") % 31 == 0
            self._inflater = zlib.decompressobj(zlib.MAX_WBITS if framed else -zlib.MAX_WBITS)
            data = self._head
        if self._inflater.eof:
            return
        try:
            yield from _inflate(self._inflater, data)
        except zlib.error as error:
            raise UndecodableBody(str(error)) from error

    def finish(self) -> None:
        if self._head and (self._inflater is None or not self._inflater.eof):
            raise UndecodableBody("the compressed body broke off")
