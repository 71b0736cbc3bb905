"""The terms that a text is found by: words where there are words, pairs of characters where there are none."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_UNSPACED: Final = (
    "\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\U00020000-\U0003ffff"
    # Thai, Lao, Myanmar and Khmer write no blanks either.
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_TOKENS: Final = re.compile(f"(?P<run>[{_UNSPACED}]+)|(?P<word>[^\\W{_UNSPACED}]+)")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_IDLE_WORDS: Final = (
    "a about an and any are at be by can could do does for from get has have how i if in is it its me my of on or our"
    " please should tell that the their there this to was we what when where which who why will with would you your"
    " 一下 什么 为何 为什 么样 可以 告诉 多少 如何 怎么 怎样 有没 哪里 哪些 请问 这个 那个"
)
_IDLE: Final = frozenset(_IDLE_WORDS.split())
"""Words of questions that say nothing of what is asked about."""
_PARTICLES: Final = frozenset("的了吗呢吧啊么嘛呀")
_LONGEST_WORD: Final = 64
"""The rest of a longer one tells nothing that its beginning does not."""

_PLURALS: Final = (("ies", ("eies", "aies"), "y"), ("es", ("aes", "ees", "oes"), "e"), ("s", ("us", "ss"), ""))
"""An ending, the endings that are none, and what stands instead."""


def index_terms(text: str) -> list[str]:
    """Every term of a text, in its order, as often as it occurs. Of unspaced writing all pairs and all characters."""
    found: list[str] = []
    for token in _TOKENS.finditer(_plain(text)):
        if run := token["run"]:
            found += _pairs(run)
            found += run if len(run) > 1 else ()
        else:
            found.append(_stem(token["word"]))
    return found


def query_terms(text: str, *, most: int) -> list[str]:
    """The terms to look for, each once. A pair says more than its characters: those count where one stands alone.

    Words that questions are made of are left out, unless there are no others.
    """
    found: dict[str, None] = {}
    for token in _TOKENS.finditer(_plain(text)):
        run = token["run"]
        found |= dict.fromkeys(_pairs(run) if run else [_stem(token["word"])])
    telling = [term for term in found if term not in _IDLE and (len(term) != 2 or _PARTICLES.isdisjoint(term))]
    return (telling or [*found])[:most]


def is_pair(term: str) -> bool:
    """Whether it is a pair of characters, which may well stand across two words, and mean nothing then."""
    return len(term) == 2 and (found := _TOKENS.fullmatch(term)) is not None and found["run"] is not None


def _plain(text: str) -> str:
    """Without case, accents, and the several ways of writing one character."""
    bare = _ACCENTS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    return unicodedata.normalize("NFKC", bare)


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[at : at + 2] for at in range(len(run) - 1)]


def _stem(word: str) -> str:
    """An English plural as its singular (Harman's S stemmer), so that `refunds` finds `refund`."""
    if word.isascii() and len(word) > 3 and word.endswith("s"):
        for ending, kept, otherwise in _PLURALS:
            if word.endswith(ending):
                word = word if word.endswith(kept) else word[: -len(ending)] + otherwise
                break
    return word[:_LONGEST_WORD]
