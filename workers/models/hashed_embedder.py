"""An embedder that is no model: it knows words, not meanings, and serves where nothing else is configured."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, Literal

from nodes.ranking import Embeddings

DIMENSIONS: Final = 256
_WORD: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+|[^\W_\u3400-\u9fff\uf900-\ufaff]+")


class HashedEmbedder:
    """Implements `nodes.ranking.Embedder`: each word, and each pair of Chinese characters, moves one of 256 numbers.

    The same text gives the same vector everywhere and for ever. Texts that share no word are strangers to it.
    """

    @property
    def dimensions(self) -> int:
        """256."""
        return DIMENSIONS

    async def embed(self, texts: Sequence[str], *, purpose: Literal["document", "query"] = "document") -> Embeddings:
        """The vectors, each of length one, or nothing but zeros for a text without a word."""
        return Embeddings(tuple(_vector(text) for text in texts))

    async def aclose(self) -> None:
        """There is nothing to let go of."""


def _vector(text: str) -> tuple[float, ...]:
    places = [0.0] * DIMENSIONS
    for word in _words(text):
        digest = blake2b(word.encode(errors="replace"), digest_size=4).digest()
        # The sign lets words that meet in one place cancel out instead of adding up.
        places[int.from_bytes(digest[:2], "big") % DIMENSIONS] += 1.0 if digest[2] & 1 else -1.0
    length = math.sqrt(sum(x * x for x in places))
    return tuple(x / length for x in places) if length else tuple(places)


def _words(text: str) -> list[str]:
    words: list[str] = []
    for found in _WORD.findall(text.casefold()):
        if "\u3400" <= found[0] <= "\u9fff" or "\uf900" <= found[0] <= "\ufaff":
            words += [found[n : n + 2] for n in range(max(1, len(found) - 1))]
        else:
            words.append(found)
    return words
