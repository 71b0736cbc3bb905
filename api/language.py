"""The language of sentences for people: what they are in English in the code, and in Chinese in `conf/phrases`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

Language = Literal["en", "zh"]

_WISHED: Final[ContextVar[str]] = ContextVar("accept_language", default="")
_LONGEST_WISH: Final = 200
_LONGEST_SENTENCE: Final = 2_000
"""A longer one quotes something long: it stays as it is."""
_DEPTH: Final = 3
"""A sentence that quotes another, which quotes one."""
_GAP: Final = re.compile(r"\{(\d)\}")


def language_wished(header: str) -> None:
    """From here on whoever reads the answers has sent this `Accept-Language`."""
    _WISHED.set(header[:_LONGEST_WISH])


def current_language() -> Language:
    """The language in which the request that is being answered wants to be spoken to."""
    return language_of(_WISHED.get())


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
    return sentence if language == "en" else _translated(sentence, _phrases(language), _DEPTH)


def _translated(sentence: str, phrases: _Phrases, depth: int) -> str:
    if (whole := phrases.whole.get(sentence)) is not None:
        return whole
    if depth == 0 or len(sentence) > _LONGEST_SENTENCE:
        return sentence
    for pattern, other in phrases.patterns:
        if (match := pattern.fullmatch(sentence)) is not None:
            gaps = match.groupdict()
            return _GAP.sub(lambda gap: _translated(gaps[f"g{gap[1]}"], phrases, depth - 1), other)  # noqa: B023
    return sentence


class _Phrases:
    """The sentences of one language: those without gaps by their English, the others the most definite first."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.whole = {english: other for english, other in known.items() if _GAP.search(english) is None}
        gapped = [english for english in known if english not in self.whole]
        gapped.sort(key=lambda english: len(_GAP.sub("", english)), reverse=True)
        self.patterns = [(re.compile(_pattern(english), re.DOTALL), known[english]) for english in gapped]


def _pattern(english: str) -> str:
    parts = _GAP.split(english)
    # Texts and the numbers of gaps take turns; a gap that stands twice holds the same twice.
    made = [re.escape(parts[0])]
    seen: set[str] = set()
    for number, text in zip(parts[1::2], parts[2::2], strict=True):
        made.append(f"(?P=g{number})" if number in seen else f"(?P<g{number}>.+?)")
        made.append(re.escape(text))
        seen.add(number)
    return "".join(made)


@cache
def _phrases(language: str) -> _Phrases:
    found: Any = json.loads(files("conf").joinpath("phrases", f"{language}.json").read_text("utf-8"))
    return _Phrases(found)
