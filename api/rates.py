"""How often somebody may ask, and start runs: buckets that fill up again, kept in this process.

Each process counts for itself: where several serve, all together let through as many times what one does. What must be
exact, as tries to log in, is counted in the database (`storage.rates`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api.errors import TooManyRequests
from api.proxies import block_of

if TYPE_CHECKING:
    from api.access import Member
    from conf.settings import Settings

_MINUTE: Final = 60.0
_MOST: Final = 50_000
"""Buckets at once; beyond that those are let go that are full again."""
_ON_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1"})
"""Who asks from here may be anybody behind a proxy, or the operator: nobody is refused for the others."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Bounds per minute; 0: none."""

    token: int = 0
    token_runs: int = 0
    guest: int = 0
    guest_runs: int = 0
    account: int = 0
    account_runs: int = 0
    organisation: int = 0
    organisation_runs: int = 0
    stranger: int = 0
    """Of one address from which nobody is known."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much is left of a bound."""

    limit: int
    remaining: int
    reset: float
    """Seconds until all of it is there again."""


class RateLimiter:
    """Counts who asks. The token made at the first start is the operator's own, and has no bounds but its own."""

    def __init__(self, rates: Rates, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._clock = clock
        self._buckets: dict[Hashable, tuple[float, float]] = {}
        """What is left, and when that was so."""

    def request(self, member: Member) -> Room | None:
        """Somebody asks. Raises `TooManyRequests`."""
        rates, guest = self._rates, member.guest is not None
        own = _either(member.requests_per_minute, rates.guest if guest else rates.token)
        return self._take(member, own, rates.account, rates.organisation, "asked")

    def run(self, member: Member) -> None:
        """Somebody starts a run. Raises `TooManyRequests`."""
        rates, guest = self._rates, member.guest is not None
        own = _either(member.runs_per_minute, rates.guest_runs if guest else rates.token_runs)
        self._take(member, own, rates.account_runs, rates.organisation_runs, "started runs")

    def stranger(self, address: str) -> None:
        """Somebody asks who is not known. Raises `TooManyRequests`."""
        if self._rates.stranger and address not in _ON_THIS_MACHINE:
            self._take_all([(("address", block_of(address)), self._rates.stranger)], "asked")

    def _take(self, member: Member, own: int, account: int, organisation: int, what: str) -> Room | None:
        if member.kind == "instance":
            account = organisation = 0
            own = _either(member.requests_per_minute if what == "asked" else member.runs_per_minute, 0)
        # An end user who is given one token after another stays the same.
        mine = member.token_id if member.guest is None else (member.space_id, member.guest.user)
        wanted: list[tuple[Hashable, int]] = []
        if own:
            wanted.append(((what, "token", mine), own))
        if account and member.account_id:
            wanted.append(((what, "account", member.account_id), account))
        if organisation:
            wanted.append(((what, "organisation", member.org_id), organisation))
        return self._take_all(wanted, what) if wanted else None

    def _take_all(self, wanted: Sequence[tuple[Hashable, int]], what: str) -> Room:
        """One from each bucket, or from none of them."""
        now = self._clock()
        left = [self._left(key, limit, now) for key, limit in wanted]
        for (_, limit), level in zip(wanted, left, strict=True):
            if level < 1.0:
                raise TooManyRequests(
                    f"You {what} more than {limit} times in a minute: wait a moment.",
                    retry_after=round((1.0 - level) * _MINUTE / limit, 3),
                    limit=limit,
                    remaining=0,
                    reset=round((limit - level) * _MINUTE / limit, 3),
                )
        if len(self._buckets) >= _MOST:
            self._buckets = {key: known for key, known in self._buckets.items() if now - known[1] < _MINUTE}
            # When all of them are young, as in a flood of addresses, the oldest half goes: its count is let go of, so
            # that neither memory nor the work of looking through grows with it.
            self._buckets = dict(sorted(self._buckets.items(), key=lambda one: one[1][1])[-_MOST // 2 :])
        for (key, _), level in zip(wanted, left, strict=True):
            self._buckets[key] = (level - 1.0, now)
        limit, level = wanted[0][1], left[0] - 1.0
        return Room(limit, int(level), (limit - level) * _MINUTE / limit)

    def _left(self, key: Hashable, limit: int, now: float) -> float:
        known = self._buckets.get(key)
        if known is None:
            return float(limit)
        level, at = known
        return min(float(limit), level + max(0.0, now - at) * limit / _MINUTE)


def rates_of(settings: Settings) -> Rates:
    """The bounds that the operator chose."""
    return Rates(
        token=settings.token_requests_per_minute,
        token_runs=settings.token_runs_per_minute,
        guest=settings.guest_requests_per_minute,
        guest_runs=settings.guest_runs_per_minute,
        account=settings.account_requests_per_minute,
        account_runs=settings.account_runs_per_minute,
        organisation=settings.organisation_requests_per_minute,
        organisation_runs=settings.organisation_runs_per_minute,
        stranger=settings.stranger_requests_per_minute,
    )


def _either(chosen: int | None, otherwise: int) -> int:
    return otherwise if chosen is None else chosen
