"""What every store of plans keeps."""

import asyncio

import pytest

from engine.errors import NotFound
from storage.ports import Plans


async def test_a_plan_is_read_by_its_hash(plans: Plans) -> None:
    await plans.put("a" * 64, b"one")
    await plans.put("b" * 64, "二".encode())
    assert (plans.read("a" * 64), plans.read("b" * 64)) == (b"one", "二".encode())


async def test_a_missing_plan_is_not_found(plans: Plans) -> None:
    with pytest.raises(NotFound):
        plans.read("c" * 64)


async def test_a_plan_may_be_put_again_and_by_many_at_once(plans: Plans) -> None:
    await asyncio.gather(*(plans.put("a" * 64, b"one") for _ in range(10)))
    assert plans.read("a" * 64) == b"one"


async def test_a_plan_is_read_outside_of_any_event_loop(plans: Plans) -> None:
    await plans.put("a" * 64, b"one")
    assert await asyncio.to_thread(plans.read, "a" * 64) == b"one"
