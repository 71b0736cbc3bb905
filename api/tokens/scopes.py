"""What a token may at most: permissions, everything of a resource, or everything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from api.permissions import EVERYTHING, Permission, in_scope
from engine.errors import InvalidInput

EVERY: Final = ("*",)
_KNOWN: Final = frozenset({"*", *(one.value for one in Permission), *(f"{one.resource}.*" for one in Permission)})


def checked_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """The scopes, each once and in order. Raises `InvalidInput` for one that lets nothing through."""
    found = sorted({*scopes})
    for scope in found:
        if scope not in _KNOWN:
            raise InvalidInput(
                f"{scope[:64]!r} is no scope: it is a permission such as run.start, a resource such as run.*, or *.",
                field="scopes",
            )
    if not found:
        raise InvalidInput(
            "A token without a scope opens nothing: leave them out for all that you may.", field="scopes"
        )
    return EVERY if "*" in found else tuple(found)


def both(scopes: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """What two lists of scopes let through alike."""
    shared = in_scope(scopes) & in_scope(wanted)
    return EVERY if shared == EVERYTHING else tuple(sorted(one.value for one in shared))
