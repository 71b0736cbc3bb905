"""Browsers that may read what Temporal's pages show: let in by a link that opens once, for some hours."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from api.access import Member
from api.errors import Unauthenticated
from engine.errors import NotFound

CODE_SECONDS: Final = 300
SESSION_SECONDS: Final = 8 * 3_600

_MOST: Final = 1_000


class Known(Protocol):
    """Where it is known what somebody may by now (`api.access.Gate`)."""

    async def again(self, member: Member) -> Member: ...


@dataclass(frozen=True, slots=True)
class _Guest:
    """Whose eyes a browser reads with, and until when."""

    member: Member
    until: float


class Sessions:
    """Kept in this process alone, by hashes: after a restart one signs in again."""

    def __init__(self, known: Known, clock: Callable[[], float] = time.monotonic) -> None:
        self._known = known
        self._clock = clock
        self._codes: dict[bytes, _Guest] = {}
        self._open: dict[bytes, _Guest] = {}

    def offer(self, member: Member) -> str:
        """A code that lets one browser in, once, within some minutes."""
        return _put(self._codes, _Guest(member, self._clock() + CODE_SECONDS))

    def enter(self, code: str) -> str:
        """The session that a code opens. Raises `Unauthenticated`."""
        guest = self._codes.pop(_hash(code), None)
        if guest is None or guest.until < self._clock():
            raise Unauthenticated("This link was used already, or is too old: ask for another with `mainspring ui`.")
        return _put(self._open, _Guest(guest.member, self._clock() + SESSION_SECONDS))

    async def member(self, session: str) -> Member:
        """Who reads in this session, and what he may by now: it ends with the token or login that asked for it.

        Raises `Unauthenticated`.
        """
        key, now = _hash(session), self._clock()
        guest = self._open.get(key)
        if guest is not None and guest.until >= now:
            try:
                return await self._known.again(guest.member)
            except (Unauthenticated, NotFound):
                # Revoked, logged out, disabled, or not of the space any more.
                pass
        self._open.pop(key, None)
        raise Unauthenticated("This browser is not signed in any more: `mainspring ui` gives a link.")


def _put(guests: dict[bytes, _Guest], guest: _Guest) -> str:
    while len(guests) >= _MOST:
        # The one that came first.
        del guests[next(iter(guests))]
    ticket = secrets.token_urlsafe(32)
    guests[_hash(ticket)] = guest
    return ticket


def _hash(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode(errors="replace")).digest()
