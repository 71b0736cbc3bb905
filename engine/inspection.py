"""What JSON allows and a canvas does not: keys that stand twice, numbers beyond 64 bits, half characters."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Final, cast

from engine.findings import ENOUGH, short
from engine.limits import Limits
from engine.shape import Flaw, Path

MAX_PARTS: Final = 250_000
"""Keys and values the canvas model looks at (not literals, not settings): each may cost a finding."""
Doubled = Sequence[tuple[object, list[str]]]
"""Objects, each with the keys that stood in it more than once."""

_FREE: Final = frozenset({"value", "meta", "settings", "default"})
INTEGERS: Final = range(-(2**63), 2**63)
"""The whole numbers that a canvas may hold: what comes after it counts in 64 bits."""


class _Trail:
    """A container on the way, and how it was reached. The path is written only when something is found."""

    __slots__ = ("above", "depth", "free", "key", "value")

    def __init__(self, value: object, key: str | int, above: _Trail | None, free: bool) -> None:
        self.value, self.key, self.above, self.free = value, key, above, free
        self.depth: int = above.depth + 1 if above else 1

    def path(self, *last: str | int) -> Path:
        parts: list[str | int] = []
        trail = self
        while trail.above is not None:
            parts.append(trail.key)
            trail = trail.above
        return (*reversed(parts), *last)


class Inspection:
    """One walk through a document, without recursion. `whole` is false when it stopped because of `found`'s last.

    `literals` says whether to look into literals and settings too: the parser knows when that is not needed.
    """

    def __init__(self, document: object, limits: Limits, doubled: Doubled = (), *, literals: bool = True) -> None:
        self.found: list[Flaw] = []
        self.whole = True
        self._literals = literals
        self._limits = limits
        self._twice = {id(value): keys for value, keys in doubled}
        self._size = self._parts = 0
        self._walk(document)

    def _walk(self, document: object) -> None:
        stack = [_Trail(document, "", None, False)] if isinstance(document, dict | list) else []
        while stack and self.whole and len(self.found) < ENOUGH:
            trail = stack.pop()
            self.found += [
                Flaw("duplicate_key", f'The key "{short(key)}" stands twice in one object.', trail.path(key))
                for key in self._twice.get(id(trail.value), ())
            ]
            self._parts += 0 if trail.free else len(_entries(trail.value))
            if self._parts > MAX_PARTS:
                message = f"The document has more than {MAX_PARTS} keys and values, literals and settings apart."
                self._stop(Flaw("canvas_too_large", message, (), {"limit": MAX_PARTS}))
                break
            deeper = list(self._look(trail))
            if self._size > self._limits.canvas_bytes:
                self._stop(too_large(self._limits))
            elif deeper and trail.depth >= self._limits.canvas_depth:
                self._stop(too_deep(self._limits))
            stack.extend(reversed(deeper))

    def _look(self, trail: _Trail) -> Iterable[_Trail]:
        """Weigh and check what is in a container; hand on the containers in it."""
        for key, value in _entries(trail.value):
            self._size += 1
            if isinstance(key, str):
                self._size += len(key)
                if not _is_unicode(key):
                    message = "A key holds half a character (a lone surrogate)."
                    self.found.append(Flaw("not_unicode", message, trail.path()))
                    continue
            elif isinstance(trail.value, dict):
                self.found.append(Flaw("not_json", "The keys of an object are texts.", trail.path()))
                continue
            if isinstance(value, dict | list):
                free = trail.free or key in _FREE
                if self._literals or not free:
                    yield _Trail(value, key, trail, free)
                continue
            if isinstance(value, str):
                self._size += len(value)
            if (wrong := _wrong(value)) is not None:
                self.found.append(Flaw(*wrong, trail.path(key)))
                if len(self.found) >= ENOUGH:
                    return

    def _stop(self, flaw: Flaw) -> None:
        self.found.append(flaw)
        self.whole = False


def too_large(limits: Limits) -> Flaw:
    """The finding for a document of too many bytes."""
    message = f"The document is larger than the {limits.canvas_bytes} bytes that a canvas may have."
    return Flaw("canvas_too_large", message, (), {"limit": limits.canvas_bytes, "setting": "MAINSPRING_CANVAS_BYTES"})


def too_deep(limits: Limits) -> Flaw:
    """The finding for a document of too many brackets within brackets."""
    message = f"The document is nested deeper than the {limits.canvas_depth} levels that a canvas may have."
    return Flaw("canvas_too_deep", message, (), {"limit": limits.canvas_depth, "setting": "MAINSPRING_CANVAS_DEPTH"})


def _entries(value: object) -> Collection[tuple[str | int, object]]:
    if isinstance(value, dict):
        return cast("dict[str | int, object]", value).items()
    return list(enumerate(cast("list[object]", value)))


def _wrong(value: object) -> tuple[str, str] | None:
    """Code and message for a value that cannot stand in a canvas."""
    match value:
        case None | bool():
            return None
        case str():
            return (
                None if _is_unicode(value) else ("not_unicode", "The text holds half a character (a lone surrogate).")
            )
        case int():
            return None if value in INTEGERS else ("number_too_large", "A whole number must fit into 64 bits.")
        case float():
            return None if math.isfinite(value) else ("not_finite", f"{value} is no JSON number.")
        case _:
            return ("not_json", f"JSON has no value of the type {type(value).__name__}.")


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
