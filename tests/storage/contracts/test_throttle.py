"""What every throttle keeps: no more at once than allowed, no more in any minute, and no place lost with its holder."""

import asyncio

import pytest

from storage.ports import Quota, Throttle
from tests.storage.contracts.conftest import Clock

TWO = Quota(concurrency=2)
THREE_A_MINUTE = Quota(requests_per_minute=3)


async def enter(throttle: Throttle, lease: str, quota: Quota, name: str = "模型", seconds: float = 60.0) -> bool:
    return await throttle.enter(name, quota, lease=lease, seconds=seconds) == 0.0


async def test_what_has_no_bounds_lets_everybody_in(throttle: Throttle) -> None:
    assert all([await enter(throttle, f"l{number}", Quota()) for number in range(50)])
    await throttle.leave("模型", lease="l0", tokens=10**9)
    assert await enter(throttle, "l0", Quota())


async def test_no_more_are_in_at_once_than_allowed(throttle: Throttle) -> None:
    assert [await enter(throttle, lease, TWO) for lease in "abc"] == [True, True, False]
    await throttle.leave("模型", lease="a")
    assert await enter(throttle, "c", TWO)
    assert not await enter(throttle, "d", TWO)


async def test_of_many_who_come_at_once_as_many_get_in_as_allowed(throttle: Throttle) -> None:
    came = await asyncio.gather(*(enter(throttle, f"l{number}", Quota(concurrency=5)) for number in range(40)))
    assert sum(came) == 5


async def test_who_is_in_and_asks_again_stays_in_and_is_counted_once(throttle: Throttle, clock: Clock) -> None:
    quota = Quota(concurrency=1, requests_per_minute=1)
    assert await enter(throttle, "a", quota, seconds=10)
    clock.forward(8)
    assert await enter(throttle, "a", quota, seconds=10)
    clock.forward(8)
    assert not await enter(throttle, "b", quota)


async def test_a_place_whose_holder_died_comes_back(throttle: Throttle, clock: Clock) -> None:
    assert await enter(throttle, "a", Quota(concurrency=1), seconds=10)
    assert not await enter(throttle, "b", Quota(concurrency=1))
    clock.forward(10.1)
    assert await enter(throttle, "b", Quota(concurrency=1))


async def test_a_clock_that_is_set_back_keeps_no_place(throttle: Throttle, clock: Clock) -> None:
    quota = Quota(concurrency=1, requests_per_minute=1)
    assert await enter(throttle, "a", quota, seconds=10)
    clock.forward(-3600)
    assert await enter(throttle, "b", quota)


async def test_things_have_places_of_their_own(throttle: Throttle) -> None:
    assert await enter(throttle, "a", Quota(concurrency=1), name="一")
    assert await enter(throttle, "a", Quota(concurrency=1), name="二")
    await throttle.leave("一", lease="a")
    assert not await enter(throttle, "b", Quota(concurrency=1), name="二")


async def test_giving_back_what_one_does_not_have_changes_nothing(throttle: Throttle) -> None:
    assert await enter(throttle, "a", Quota(concurrency=1))
    await throttle.leave("模型", lease="b")
    assert not await enter(throttle, "b", Quota(concurrency=1))


async def test_a_minute_has_no_more_requests_than_allowed(throttle: Throttle, clock: Clock) -> None:
    began: list[float] = []
    for number in range(400):
        if await enter(throttle, f"l{number}", THREE_A_MINUTE):
            await throttle.leave("模型", lease=f"l{number}")
            began.append(clock.now)
        clock.forward(0.7)
    assert all(sum(1 for one in began if start <= one < start + 60_000) <= 3 for start in began)
    assert len(began) >= 12


async def test_it_says_when_it_is_worth_asking_again(throttle: Throttle, clock: Clock) -> None:
    for lease in "abc":
        assert await enter(throttle, lease, THREE_A_MINUTE)
    asked = 0
    while (wait := await throttle.enter("模型", THREE_A_MINUTE, lease="d", seconds=60)) > 0:
        assert 0 < wait <= 60
        clock.forward(wait)
        asked += 1
        assert asked < 20
    assert 60_000 <= clock.now - Clock.BEGAN <= 80_000


async def test_no_request_begins_while_the_tokens_of_the_minute_are_used_up(throttle: Throttle, clock: Clock) -> None:
    quota = Quota(tokens_per_minute=1_000)
    assert await enter(throttle, "a", quota)
    assert await enter(throttle, "b", quota)
    await throttle.leave("模型", lease="a", tokens=600)
    assert await enter(throttle, "c", quota)
    await throttle.leave("模型", lease="b", tokens=400)
    assert not await enter(throttle, "d", quota)
    clock.forward(61.1)
    assert await enter(throttle, "d", quota)


async def test_all_bounds_hold_together(throttle: Throttle, clock: Clock) -> None:
    quota = Quota(concurrency=1, requests_per_minute=2, tokens_per_minute=100)
    assert await enter(throttle, "a", quota)
    assert not await enter(throttle, "b", quota)
    await throttle.leave("模型", lease="a", tokens=50)
    assert await enter(throttle, "b", quota)
    await throttle.leave("模型", lease="b", tokens=10)
    assert not await enter(throttle, "c", quota)


@pytest.mark.parametrize("length", [191, 192, 5_000])
async def test_names_of_any_length_are_told_apart(throttle: Throttle, length: int) -> None:
    assert await enter(throttle, "租" * length, Quota(concurrency=1), name="模" * length)
    assert not await enter(throttle, "租" * length + "b", Quota(concurrency=1), name="模" * length)
    assert await enter(throttle, "b", Quota(concurrency=1), name="模" * length + "b")
