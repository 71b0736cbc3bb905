"""How often something may be tried."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage.rates import LONGEST_SECONDS, RateRepository
from storage.stores import Stores, open_stores
from storage.tables import RateCount


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(stores: Stores, clock: Clock) -> RateRepository:
    return RateRepository(stores.database, clock=clock)


async def test_what_is_over_the_limit_waits_for_the_end_of_the_span(rates: RateRepository, clock: Clock) -> None:
    assert [await rates.hit("a", limit=2, seconds=10) for _ in range(3)] == [0.0, 0.0, 10.0]
    clock.now += 4_000
    # Going on asking does not make it longer.
    assert [await rates.hit("a", limit=2, seconds=10) for _ in range(5)] == [6.0] * 5
    clock.now += 6_000
    assert [await rates.hit("a", limit=2, seconds=10) for _ in range(3)] == [0.0, 0.0, 10.0]


async def test_each_name_is_counted_for_itself(rates: RateRepository) -> None:
    assert await rates.hit("王", limit=1, seconds=10) == 0.0
    assert await rates.hit("李", limit=1, seconds=10) == 0.0
    assert await rates.hit("王", limit=1, seconds=10) > 0.0


async def test_names_that_are_too_long_do_not_become_one(rates: RateRepository) -> None:
    assert await rates.hit("x" * 400 + "1", limit=1, seconds=10) == 0.0
    assert await rates.hit("x" * 400 + "2", limit=1, seconds=10) == 0.0


async def test_a_try_can_be_given_back_and_a_count_forgotten(rates: RateRepository) -> None:
    await rates.give_back("a")
    assert await rates.hit("a", limit=1, seconds=10) == 0.0
    await rates.give_back("a")
    assert await rates.hit("a", limit=1, seconds=10) == 0.0
    assert await rates.peek("a", limit=1, seconds=10) > 0.0
    await rates.forget("a", "b")
    assert await rates.peek("a", limit=1, seconds=10) == 0.0


async def test_a_clock_that_was_set_back_keeps_nobody_waiting(rates: RateRepository, clock: Clock) -> None:
    assert await rates.hit("a", limit=1, seconds=10) == 0.0
    clock.now -= 3_600_000
    assert await rates.hit("a", limit=1, seconds=10) == 0.0


async def test_all_processes_count_together(stores: Stores, tmp_path: Path) -> None:
    with open_stores(tmp_path / "data") as other:
        tries = [one.rates.hit("a", limit=7, seconds=60) for one in (stores, other) * 10]
        waits = await asyncio.gather(*tries)
    assert sum(wait == 0.0 for wait in waits) == 7


async def test_old_counts_are_thrown_away(stores: Stores, rates: RateRepository, clock: Clock) -> None:
    for name in range(20):
        await rates.hit(str(name), limit=1, seconds=10)
    clock.now += LONGEST_SECONDS * 1_000 + 1
    await rates.hit("fresh", limit=1, seconds=10)
    count = select(func.count()).select_from(RateCount)
    assert await stores.database.read(lambda connection: connection.execute(count).scalar_one()) == 1
