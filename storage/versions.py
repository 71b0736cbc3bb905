"""Version strings of workflows: `vMAJOR.MINOR.PATCH`, growing with every one published."""

from __future__ import annotations

import re
from typing import Final

from engine.errors import Conflict, InvalidInput

_PATTERN: Final = re.compile(r"v(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})", re.ASCII)
FIRST: Final = "v0.0.1"


def parse_version(text: str) -> tuple[int, int, int]:
    """The numbers of a version. Raises `InvalidInput`."""
    if (found := _PATTERN.fullmatch(text)) is None:
        raise InvalidInput("A version looks like v1.2.3.", field="version")
    return int(found[1]), int(found[2]), int(found[3])


def version_after(latest: str | None, wanted: str | None = None) -> str:
    """The wanted version, or the next one. Raises `Conflict` when the wanted one is not greater than the latest."""
    if wanted is None:
        if latest is None:
            return FIRST
        major, minor, patch = parse_version(latest)
        return f"v{major}.{minor}.{patch + 1}"
    if parse_version(wanted) <= (parse_version(latest) if latest is not None else (-1, 0, 0)):
        raise Conflict(f"A version greater than {latest} is needed.", field="version", latest=latest)
    return wanted


def versions_after(newest: str | None) -> tuple[str, str, str]:
    """What a version with repairs, with something new, and with something incompatible could be called."""
    major, minor, patch = parse_version(newest) if newest is not None else (0, 0, 0)
    return f"v{major}.{minor}.{patch + 1}", f"v{major}.{minor + 1}.0", f"v{major + 1}.0.0"
