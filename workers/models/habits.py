"""What a model does not take, learnt from its provider's refusals: models of one provider differ, and change."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Habits:
    """The extras of a request that a model has refused, each by a sentence that names it.

    `words` says for every extra how refusals name it; where a sentence names several, the first of them goes first.
    """

    def __init__(self, words: Mapping[str, tuple[str, ...]]) -> None:
        self._words = words
        self._refused: set[str] = set()

    def takes(self, extra: str) -> bool:
        """Whether the extra may be asked for."""
        return extra not in self._refused

    def learn(self, asked: Collection[str], sentence: str) -> bool:
        """Whether the sentence refuses an extra that was asked for: then it is never asked for again."""
        said = sentence.lower()
        for extra, words in self._words.items():
            if extra in asked and any(word in said for word in words):
                self._refused.add(extra)
                return True
        return False
