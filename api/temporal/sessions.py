"""Browsers that may read what Temporal's pages show: let in by a link that opens once, for some hours."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from api.access import Member
from api.errors import Unauthenticated

CODE_SECONDS: Final = 300
SESSION_SECONDS: Final = 8 * 3_600

# So long may the session of a token that was revoked still open.
_BELIEVED_SECONDS: Final = 10.0
_MOST: Final = 1_000


class Tokens(Protocol):
    """Where it is known which tokens an organisation has."""

    async def of(self, org_id: int) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class _Guest:
    """Whose eyes a browser reads with, until when, and until when that need not be looked up again."""

    member: Member
    until: float
    believed: float = 0.0


class Sessions:
    """Kept in this process alone, by hashes: after a restart one signs in again."""

    def __init__(self, tokens: Tokens, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens = tokens
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
        """Who reads in this session. Raises `Unauthenticated`."""
        key, now = _hash(session), self._clock()
        guest = self._open.get(key)
        if guest is not None and guest.until >= now:
            if guest.believed >= now:
                return guest.member
            if any(token.id == guest.member.token_id for token in await self._tokens.of(guest.member.org_id)):
                self._open[key] = replace(guest, believed=now + _BELIEVED_SECONDS)
                return guest.member
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
