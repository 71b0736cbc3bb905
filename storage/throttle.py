"""Who may call a model now, over all processes on one database: places that are leased, and what was used of late."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Final

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, not_, select, update
from sqlmodel import col

from storage.clock import now_ms
from storage.database import Database
from storage.ports import Quota
from storage.projection import fit
from storage.tables import ThrottleLease, ThrottleUse
from storage.tables.models import THROTTLE_LENGTH

Clock = Callable[[], int]

FREE: Final = Quota()
_WINDOW_SECONDS: Final = 60
_CLOCK_SLACK_MS: Final = 2_000
_ASK_AGAIN: Final = 0.2
"""Seconds: a place comes free at any moment, and nobody tells those who wait."""
_LONGEST_WAIT: Final = 15.0

# A moment in the future: the clock was set back, and what is from then would stay as much longer.
_NAME: Final = col(ThrottleLease.name) == bindparam("n")
_LEASE: Final = col(ThrottleLease.lease) == bindparam("l")
_LIVES: Final = (col(ThrottleLease.expires) > bindparam("now"), col(ThrottleLease.taken) <= bindparam("soon"))
_HELD: Final = select(func.count()).where(_NAME, not_(_LEASE), *_LIVES)
_MINE: Final = select(col(ThrottleLease.lease)).where(_NAME, _LEASE, *_LIVES)
_STALE: Final = delete(ThrottleLease).where(_NAME, not_(and_(*_LIVES)))
_LET_GO: Final = delete(ThrottleLease).where(_NAME, _LEASE)

_COUNTS: Final = (col(ThrottleUse.second) > bindparam("oldest"), col(ThrottleUse.second) <= bindparam("newest"))
_USED: Final = (
    select(col(ThrottleUse.second), col(ThrottleUse.requests), col(ThrottleUse.tokens))
    .where(col(ThrottleUse.name) == bindparam("n"), *_COUNTS)
    .order_by(col(ThrottleUse.second))
)
_OLD: Final = delete(ThrottleUse).where(col(ThrottleUse.name) == bindparam("n"), not_(and_(*_COUNTS)))


class SqliteThrottle:
    """Implements `storage.ports.Throttle`: exact, because SQLite lets one job at a time write.

    Requests are counted when they begin and tokens when they are known, at the end; each counts for a minute. So no
    minute has more requests than allowed, and none begins once the minute's tokens are used up. Those who wait are not
    kept in order.
    """

    def __init__(self, database: Database, *, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock
        self._free: set[str] = set()
        """Leases of what has no bounds: nothing of them was written."""

    async def enter(self, name: str, quota: Quota, *, lease: str, seconds: float) -> float:
        """See the port."""
        if quota == FREE:
            self._free.add(lease)
            return 0.0
        self._free.discard(lease)
        name, lease = fit(name, THROTTLE_LENGTH), fit(lease, THROTTLE_LENGTH)
        # Looked at first: those who wait ask often, and must not keep others from writing.
        look = partial(_wait, name, quota, lease, self._clock())
        if (wait := await self._database.read(look)) == 0.0:
            wait = await self._database.write(partial(_enter, self._clock, name, quota, lease, seconds))
        return wait

    async def leave(self, name: str, *, lease: str, tokens: int = 0) -> None:
        """See the port."""
        if lease in self._free:
            self._free.discard(lease)
            return
        name, lease = fit(name, THROTTLE_LENGTH), fit(lease, THROTTLE_LENGTH)
        await self._database.write(partial(_leave, self._clock, name, lease, tokens))


def _enter(clock: Clock, name: str, quota: Quota, lease: str, seconds: float, connection: Connection) -> float:
    now = clock()
    connection.execute(_STALE, {"n": name, **_leases(now)})
    again = connection.execute(_MINE, {"n": name, "l": lease, **_leases(now)}).first() is not None
    if not again and (wait := _wait(name, quota, lease, now, connection)):
        return wait
    connection.execute(_LET_GO, {"n": name, "l": lease})
    row = {"name": name, "lease": lease, "taken": now, "expires": now + round(seconds * 1000)}
    connection.execute(insert(ThrottleLease).values(row))
    if not again:
        _count(connection, name, now, requests=1)
    return 0.0


def _leave(clock: Clock, name: str, lease: str, tokens: int, connection: Connection) -> None:
    connection.execute(_LET_GO, {"n": name, "l": lease})
    if tokens > 0:
        _count(connection, name, clock(), tokens=tokens)


def _wait(name: str, quota: Quota, lease: str, now: int, connection: Connection) -> float:
    """Seconds until it is worth asking again; 0.0 when one may go."""
    if connection.execute(_MINE, {"n": name, "l": lease, **_leases(now)}).first() is not None:
        return 0.0
    waits = [0.0]
    if quota.concurrency:
        held = connection.execute(_HELD, {"n": name, "l": lease, **_leases(now)}).scalar_one()
        if held >= quota.concurrency:
            waits.append(_ASK_AGAIN)
    if quota.requests_per_minute or quota.tokens_per_minute:
        used = connection.execute(_USED, {"n": name, **_window(now)}).all()
        waits.append(_until(now, [(row.second, row.requests) for row in used], quota.requests_per_minute))
        waits.append(_until(now, [(row.second, row.tokens) for row in used], quota.tokens_per_minute))
    wait = max(waits)
    # Not all at the same moment.
    return min(wait, _LONGEST_WAIT) * random.uniform(1.0, 1.25) if wait else 0.0  # noqa: S311


def _until(now: int, used: list[tuple[int, int]], allowed: int) -> float:
    """Seconds until so much of what was used is older than a minute that there is room for one more."""
    left = sum(amount for _, amount in used)
    if not allowed or left < allowed:
        return 0.0
    for second, amount in used:
        left -= amount
        if left < allowed:
            return max((second + _WINDOW_SECONDS + 1) - now / 1000, 0.05)
    return _ASK_AGAIN


def _count(connection: Connection, name: str, now: int, *, requests: int = 0, tokens: int = 0) -> None:
    second = now // 1000
    connection.execute(_OLD, {"n": name, **_window(now)})
    grown = (
        update(ThrottleUse)
        .where(col(ThrottleUse.name) == name, col(ThrottleUse.second) == second)
        .values(requests=col(ThrottleUse.requests) + requests, tokens=col(ThrottleUse.tokens) + tokens)
    )
    if connection.execute(grown).rowcount == 0:
        row = {"name": name, "second": second, "requests": requests, "tokens": tokens}
        connection.execute(insert(ThrottleUse).values(row))


def _leases(now: int) -> dict[str, int]:
    return {"now": now, "soon": now + _CLOCK_SLACK_MS}


def _window(now: int) -> dict[str, int]:
    """The seconds that count: a second counts no more when a minute has passed since its end."""
    return {"oldest": now // 1000 - _WINDOW_SECONDS - 1, "newest": (now + _CLOCK_SLACK_MS) // 1000}
