"""Cutting a text into chunks: at separators, put together again to a good size, each repeating the end of the last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from engine.errors import InvalidInput
from storage.ports.knowledge import Chunking

SMALLEST, LARGEST = 50, 10_000
MOST_OVERLAP: Final = 0.9
MOST_CHUNKS: Final = 20_000
_LONGEST_SEPARATOR: Final = 100

_SENTENCE: Final = re.compile(r"[。！？；…!?;\n]+[」』”’\"')）]*|\.(?=\s)")
_BLANK: Final = re.compile(r"\s+")


def check_chunking(chunking: Chunking) -> None:
    """Raise `InvalidInput` for one that cannot be."""
    if not SMALLEST <= chunking.size <= LARGEST:
        raise InvalidInput(f"A chunk has {SMALLEST} to {LARGEST} characters.", field="size", given=chunking.size)
    if not 0 <= chunking.overlap <= MOST_OVERLAP:
        raise InvalidInput(
            f"The overlap is a share of the size, from 0 to {MOST_OVERLAP}.", field="overlap", given=chunking.overlap
        )
    if not 1 <= len(chunking.separator) <= _LONGEST_SEPARATOR:
        raise InvalidInput(f"A separator has 1 to {_LONGEST_SEPARATOR} characters.", field="separator")


def cut(text: str, chunking: Chunking) -> list[str]:
    """The chunks of a text, in its order. Raises `InvalidInput` where there would be too many."""
    check_chunking(chunking)
    chunks: list[str] = []
    for chunk in _merged(text.replace("\r\n", "\n").replace("\r", "\n"), chunking):
        if shown := chunk.strip():
            chunks.append(shown)
        if len(chunks) > MOST_CHUNKS:
            raise InvalidInput(f"The text makes more than {MOST_CHUNKS} chunks: make them larger.", field="size")
    return chunks


def _merged(text: str, chunking: Chunking) -> Iterator[str]:
    size, overlap = chunking.size, int(chunking.size * chunking.overlap)
    chunk = ""
    for glue, piece in _pieces(text, chunking.separator, size - overlap):
        joined = f"{chunk}{glue}{piece}" if chunk else piece
        if len(joined) <= size:
            chunk = joined
            continue
        yield chunk
        tail = _tail(chunk, min(overlap, size - len(piece) - len(glue)))
        chunk = f"{tail}{glue}{piece}" if tail else piece
    yield chunk


def _pieces(text: str, separator: str, longest: int) -> Iterator[tuple[str, str]]:
    """What stands between separators, none longer than it may be, and what was between it and the one before."""
    for part in text.split(separator):
        if not part.strip():
            continue
        glue = separator
        while len(part) > longest:
            end = _end(part, longest)
            yield glue, part[:end]
            glue, part = "", part[end:]
        if part:
            yield glue, part


def _end(text: str, longest: int) -> int:
    """Where to cut a text that is too long: behind a sentence, before a word, or where it must be."""
    for boundary in (_SENTENCE, _BLANK):
        ends = [found.end() for found in boundary.finditer(text, longest // 2, longest)]
        if ends:
            return ends[-1]
    return longest


def _tail(text: str, room: int) -> str:
    """The end of a chunk that the next one repeats: from the beginning of a sentence or a word, where one is near."""
    if room <= 0:
        return ""
    tail = text[-room:]
    if len(tail) == len(text):
        return tail
    for boundary in (_SENTENCE, _BLANK):
        if (found := boundary.search(tail)) is not None and found.end() < len(tail):
            return tail[found.end() :]
    # A piece of a word would be found as a word; where nothing is written between words, any character will do.
    return "" if tail.isascii() else tail
