"""Names for people and keys for addresses: what may be stored as one."""

from __future__ import annotations

import re
from typing import Final

from engine.errors import InvalidInput
from storage.tables.columns import NAME_LENGTH

KEY_PATTERN: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
"""Lower case, so that no database takes two keys for one or one for two."""


def checked_name(name: str) -> str:
    """A name without blanks around it. Raises `InvalidInput` when nothing is left, or too much."""
    name = name.strip()
    if not 1 <= len(name) <= NAME_LENGTH:
        raise InvalidInput(f"A name has 1 to {NAME_LENGTH} characters.", field="name")
    return name


def checked_key(key: str) -> str:
    """The key. Raises `InvalidInput` when it cannot be one."""
    if KEY_PATTERN.fullmatch(key) is None:
        raise InvalidInput(
            "A key has 1 to 64 characters: lower-case letters, digits, and hyphens between them.", field="key"
        )
    return key


def key_from(name: str) -> str:
    """A key that resembles a name; empty when the name has no letter that a key may have."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:48].strip("-")
