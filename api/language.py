"""The language of sentences for people: what they are in English in the code, and in Chinese in `conf/phrases`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from functools import cache, partial
from importlib.resources import files
from typing import Any, Final, Literal

Language = Literal["en", "zh"]

_WISHED: Final[ContextVar[str]] = ContextVar("accept_language", default="")
_LONGEST_WISH: Final = 200
_LONGEST_SENTENCE: Final = 2_000
"""A longer one quotes something long: it stays as it is."""
_DEPTH: Final = 3
"""A sentence that quotes another, which quotes one."""
_MOST_GAPS: Final = 24
"""So many gaps of one sentence are looked at, whatever stands in them."""
_TELLING: Final = 8
"""A pattern with fewer letters than this is too common to be looked for within a gap."""
_GAP: Final = re.compile(r"\{(\d)\}")
_FILLED: Final = re.compile(r"(“)?\{(\d)(!)?\}(”)?")
"""A gap of a translation. Between quotation marks it stays as it was said; `{0!}` is one of our own words (`word!`)."""


def language_wished(header: str) -> None:
    """From here on whoever reads the answers has sent this `Accept-Language`."""
    _WISHED.set(header[:_LONGEST_WISH])


def current_language() -> Language:
    """The language in which the request that is being answered wants to be spoken to."""
    return language_of(_WISHED.get())


def told_in() -> dict[str, str]:
    """The headers of an answer that holds sentences."""
    return {"Content-Language": current_language(), "Vary": "Accept-Language"}


def language_of(header: str) -> Language:
    """The best of ours for an `Accept-Language` (RFC 9110, 12.5.4); English when it names none of them."""
    best: Language = "en"
    most = 0.0
    for wish in header.split(","):
        name, _, weight = wish.strip().lower().partition(";")
        primary = name.strip().partition("-")[0]
        try:
            wanted = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if wanted > most:
            match primary:
                case "zh":
                    best, most = "zh", wanted
                case "en" | "*":
                    best, most = "en", wanted
    return best


def spoken(sentence: str, language: Language | None = None) -> str:
    """A sentence in a language, by default that of the request; one that is not known stays English."""
    language = language or current_language()
    if language == "en":
        return sentence
    return _Translation(_phrases(language)).of(sentence, _DEPTH)


class _Phrases:
    """The sentences of one language: those without gaps by their English, the others the most definite first."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.whole = {english: other for english, other in known.items() if _GAP.search(english) is None}
        gapped = [_Pattern(english, other) for english, other in known.items() if english not in self.whole]
        gapped.sort(key=lambda pattern: pattern.length, reverse=True)
        self._loose = [pattern for pattern in gapped if not pattern.head]
        self._by_first = {
            first: [pattern for pattern in gapped if pattern.head[:1] in ("", first)]
            for first in {pattern.head[0] for pattern in gapped if pattern.head}
        }

    def patterns(self, sentence: str) -> Sequence[_Pattern]:
        """Those that a sentence may be made by, the most definite first."""
        return self._by_first.get(sentence[:1], self._loose)


class _Pattern:
    """A sentence with gaps. It is matched by searching for its texts in turn: no sentence makes that slow."""

    def __init__(self, english: str, other: str) -> None:
        # Texts and the numbers of gaps take turns.
        parts = _GAP.split(english)
        self.head, *self._inner, self._tail = parts[::2]
        self._numbers = parts[1::2]
        self.other = other
        self.length = sum(len(text) for text in parts[::2])
        self.telling = sum(letter.isalpha() for text in parts[::2] for letter in text) >= _TELLING

    def gaps(self, sentence: str) -> dict[str, str] | None:
        """What stands in the gaps, if the sentence is made by this pattern."""
        end = len(sentence) - len(self._tail)
        at = len(self.head)
        if at > end or not sentence.startswith(self.head) or not sentence.endswith(self._tail):
            return None
        found: list[str] = []
        for text in self._inner:
            next_ = sentence.find(text, at, end)
            if next_ < 0:
                return None
            found.append(sentence[at:next_])
            at = next_ + len(text)
        found.append(sentence[at:end])
        return dict(zip(self._numbers, found, strict=True))


class _Translation:
    """The translation of one sentence, and of what stands in its gaps, with an end to the work."""

    def __init__(self, phrases: _Phrases) -> None:
        self._phrases = phrases
        self._left = _MOST_GAPS

    def of(self, sentence: str, depth: int) -> str:
        """The sentence in the other language, or as it is."""
        if (whole := self._phrases.whole.get(sentence)) is not None:
            return whole
        if depth == 0 or len(sentence) > _LONGEST_SENTENCE:
            return sentence
        for pattern in self._phrases.patterns(sentence):
            if (pattern.telling or depth == _DEPTH) and (gaps := pattern.gaps(sentence)) is not None:
                return _FILLED.sub(partial(self._filled, gaps, depth), pattern.other)
        return sentence

    def _filled(self, gaps: Mapping[str, str], depth: int, gap: re.Match[str]) -> str:
        opened, number, word, closed = gap.groups(default="")
        said = gaps[number]
        if word:
            said = self._phrases.whole.get(f"{said}!", said)
        elif not (opened and closed) and said and self._left > 0:
            self._left -= 1
            said = self.of(said, depth - 1)
        return f"{opened}{said}{closed}"


@cache
def _phrases(language: str) -> _Phrases:
    found: Any = json.loads(files("conf").joinpath("phrases", f"{language}.json").read_text("utf-8"))
    return _Phrases(found)
