"""JSON text, parsed without harm: never too deep, and with a note of everything in it that needs a closer look."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate
from typing import Final

from engine.inspection import INTEGERS, too_deep
from engine.limits import Limits
from engine.shape import Flaw

_BRACKETS: Final = b"[]{}"
_BESIDE_BRACKETS: Final = bytes(set(range(256)) - set(_BRACKETS))
_DEEPER: Final[Mapping[int, int]] = dict(zip(_BRACKETS, (1, -1, 1, -1), strict=True))
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class Parsed:
    """A document, or the flaw that keeps the text from being one.

    `doubled` are the objects in which keys stand twice. `odd` says that somewhere is a number or a character that may
    not be there: whether it is, and where, is for `engine.inspection` to find. `depth` is how deep the brackets go.
    """

    def __init__(self, text: str, limits: Limits) -> None:
        self.doubled: list[tuple[object, list[str]]] = []
        self.odd = not _is_whole(text)
        self.document: object = None
        self.flaw: Flaw | None = None
        self.depth = 0
        if not text.strip():
            self.flaw = Flaw("not_json", "The document is empty.", facts={"line": 1, "column": 1})
        # Counted before it is parsed: the parser descends once per bracket.
        elif (depth := _depth(text)) > limits.canvas_depth:
            self.flaw = too_deep(limits)
        else:
            self.depth = depth
            self._parse(text)

    def _parse(self, text: str) -> None:
        decoder = json.JSONDecoder(
            object_pairs_hook=self._gather, parse_int=self._whole, parse_float=self._real, parse_constant=self._real
        )
        try:
            self.document = decoder.decode(text)
        except json.JSONDecodeError as error:
            message = f"The document is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
            self.flaw = Flaw("not_json", message, facts={"line": error.lineno, "column": error.colno})
        except ValueError:
            # Python refuses to read a number of thousands of digits, and does not say where it stands.
            self.flaw = Flaw("number_too_large", "The document holds a number with thousands of digits.")

    def _gather(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) < len(pairs):
            self.doubled.append((made, [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]))
            self.odd = True
        return made

    def _whole(self, digits: str) -> int:
        number = int(digits)
        self.odd |= number not in INTEGERS
        return number

    def _real(self, digits: str) -> float:
        number = float(digits)
        self.odd |= not math.isfinite(number)
        return number


def _is_whole(text: str) -> bool:
    """Whether there is no half of a character in it, neither as it is nor escaped."""
    if "\\u" in text and _ESCAPED_SURROGATE.search(text) is not None:
        return False
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _depth(text: str) -> int:
    """How deep the brackets go, those within strings apart.

    Without what is escaped every quote begins a string or ends one. (Outside of strings nothing can be escaped: there
    the parser stops, and what comes behind does no harm.)
    """
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    outside = "".join(text.split('"')[::2])
    brackets = outside.encode("ascii", "ignore").translate(None, _BESIDE_BRACKETS)
    return max(accumulate(map(_DEEPER.__getitem__, brackets)), default=0)
