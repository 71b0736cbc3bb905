"""How often something may be tried: counted over all processes on one database, in spans of fixed length."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlmodel import col

from storage.clock import now_ms
from storage.database import Database
from storage.projection import fit
from storage.tables import RateCount
from storage.tables.columns import KEY_LENGTH

Clock = Callable[[], int]

LONGEST_SECONDS: Final = 24 * 3_600
"""No span may be longer: counts older than that are thrown away."""
_WAITED_MS: Final = 60_000
"""A try reads the clock, then waits for its turn to write: what others wrote by then is no clock that was set back."""
_CLEAN_EVERY_MS: Final = 10 * 60_000


class RateRepository:
    """Counts by name. A span begins with the first try, and all is forgotten when it ends."""

    def __init__(self, database: Database, *, clock: Clock = now_ms) -> None:
        self._database = database
        self._clock = clock
        self._cleaned = 0

    async def hit(self, name: str, *, limit: int, seconds: float) -> float:
        """Count a try: 0.0 when it is within `limit` tries in `seconds`, else the seconds to wait.

        A try that is refused is not counted: who goes on asking does not wait the longer for it.
        """
        name, now, span = fit(name, KEY_LENGTH), self._clock(), round(min(seconds, LONGEST_SECONDS) * 1_000)
        # Looked at first: who is over the limit may ask often, and must not keep others from writing.
        if wait := await self._database.read(partial(_wait, name, limit, span, now)):
            return wait
        clean = now - self._cleaned >= _CLEAN_EVERY_MS
        if clean:
            self._cleaned = now
        return await self._database.write(partial(_hit, name, limit, span, now, clean))

    async def peek(self, name: str, *, limit: int, seconds: float) -> float:
        """The same, and nothing is counted."""
        span = round(min(seconds, LONGEST_SECONDS) * 1_000)
        return await self._database.read(partial(_wait, fit(name, KEY_LENGTH), limit, span, self._clock()))

    async def forget(self, *names: str) -> None:
        """Let the counts begin anew."""
        gone = delete(RateCount).where(col(RateCount.name).in_([fit(name, KEY_LENGTH) for name in names]))
        await self._database.write(lambda connection: connection.execute(gone).close())

    async def give_back(self, name: str) -> None:
        """Take one try back."""
        less = (
            update(RateCount)
            .where(col(RateCount.name) == fit(name, KEY_LENGTH), col(RateCount.count) > 0)
            .values(count=col(RateCount.count) - 1)
        )
        await self._database.write(lambda connection: connection.execute(less).close())


def _wait(name: str, limit: int, span: int, now: int, connection: Connection) -> float:
    row = _row(connection, name)
    if row is None or row[1] < limit or _over(row[0], span, now):
        return 0.0
    return max((row[0] + span - now) / 1_000, 0.001)


def _hit(name: str, limit: int, span: int, now: int, clean: bool, connection: Connection) -> float:
    if clean:
        old = delete(RateCount).where(col(RateCount.started) < now - LONGEST_SECONDS * 1_000)
        connection.execute(old)
    if wait := _wait(name, limit, span, now, connection):
        return wait
    row = _row(connection, name)
    mine = update(RateCount).where(col(RateCount.name) == name)
    if row is None:
        connection.execute(insert(RateCount).values(name=name, started=now, count=1))
    elif _over(row[0], span, now):
        connection.execute(mine.values(started=now, count=1))
    else:
        connection.execute(mine.values(count=col(RateCount.count) + 1))
    return 0.0


def _row(connection: Connection, name: str) -> tuple[int, int] | None:
    wanted = select(col(RateCount.started), col(RateCount.count)).where(col(RateCount.name) == name)
    row = connection.execute(wanted).one_or_none()
    # By place: rows have a method `count`.
    return None if row is None else (row[0], row[1])


def _over(started: int, span: int, now: int) -> bool:
    """Whether a span has ended. One that begins in the future is of a clock that was set back since."""
    return not started - _WAITED_MS <= now < started + span
