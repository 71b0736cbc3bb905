"""What runs ask of uploaded files: to read them by their links, without going out for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

INNER: Final = "mainspring://files/"
"""Begins the URL of a file that only runs follow."""


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of the organisation."""

    data: bytes
    name: str
    mime_type: str


class OwnFiles(Protocol):
    """The uploaded files of organisations."""

    def knows(self, org_id: str, url: str) -> bool:
        """Whether the URL is a link that we signed, to a file of this organisation."""
        ...

    async def read(self, org_id: str, url: str, *, max_bytes: int) -> OwnFile:
        """The file behind a known link. Raises `NotFound`, or `LimitExceeded` when it is larger."""
        ...
