"""What may be a password: long enough, and not among those that are tried first."""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

from engine.errors import InvalidInput

SHORTEST: Final = 10
LONGEST: Final = 256
"""Characters. Whole sentences fit; hashing what is much longer would only be work."""
_DISTINCT: Final = 5
_AROUND: Final = "0123456789 \t!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def normal(password: str) -> str:
    """The form that is hashed: the same whatever keyboard it was typed on."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *, email: str = "", field: str = "password") -> None:
    """Refuse what is guessed soon. Raises `InvalidInput`; the password itself is never told."""
    password = normal(password)
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(f"A password has {SHORTEST} to {LONGEST} characters.", field=field)
    lower = password.lower()
    # A common word is one however many digits and signs stand around it, and so is one's own name.
    core = lower.strip(_AROUND)
    local = email.partition("@")[0]
    common = lower in _common() or core in _common() or not core
    own = bool(local) and core in {local, email, local.strip(_AROUND)}
    half = lower[: len(lower) // 2]
    twice = lower == half * 2 and half.strip(_AROUND) in _common()
    if common or own or twice or len(set(lower)) < _DISTINCT or _climbs(lower):
        raise InvalidInput("This password is among those that are tried first: choose another.", field=field)


@cache
def _common() -> frozenset[str]:
    text = files("conf").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def _climbs(password: str) -> bool:
    """Whether each character follows the one before, as in abcdefghijkl."""
    steps = {ord(second) - ord(first) for first, second in pairwise(password)}
    return len(steps) == 1
