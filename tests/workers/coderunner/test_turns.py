"""Organisations wait for themselves, not for each other."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.coderunner.running import Running
from workers.coderunner.turns import Turns


async def order(turns: Turns, orgs: str) -> str:
    """Who gets a turn when, if each keeps it until the next is given."""
    got = ""

    async def one(org: str) -> None:
        nonlocal got
        await turns.take(org)
        got += org
        await asyncio.sleep(0)
        turns.give_back(org)

    await asyncio.gather(*map(one, orgs))
    return got


async def test_turns_go_round() -> None:
    assert await order(Turns(1, 1), "aaaaabbc") == "aabcabaa"


async def test_nobody_has_more_than_its_share_although_there_is_room() -> None:
    turns = Turns(10, 2)
    await turns.take("a")
    await turns.take("a")
    third = asyncio.create_task(turns.take("a"))
    await turns.take("b")
    assert not third.done()
    turns.give_back("b")
    await asyncio.sleep(0)
    assert not third.done()
    turns.give_back("a")
    await third


async def test_a_turn_that_nobody_wants_any_more_goes_to_the_next() -> None:
    turns = Turns(1, 1)
    await turns.take("a")
    gone, waiting = asyncio.create_task(turns.take("b")), asyncio.create_task(turns.take("c"))
    await asyncio.sleep(0)
    # Its turn comes in the very moment in which it is cancelled.
    turns.give_back("a")
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    await waiting
    turns.give_back("c")
    assert turns.idle


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=60), st.integers(1, 5), st.integers(1, 3))
def test_however_they_come_and_go_no_turn_is_lost(steps: list[tuple[str, bool]], at_once: int, share: int) -> None:
    async def go() -> None:
        turns = Turns(at_once, share)
        running: dict[str, int] = {}

        async def one(org: str) -> None:
            await turns.take(org)
            running[org] = running.get(org, 0) + 1
            assert sum(running.values()) <= at_once
            assert running[org] <= share
            await asyncio.sleep(0)
            running[org] -= 1
            turns.give_back(org)

        tasks = []
        for org, cancel in steps:
            tasks.append(asyncio.create_task(one(org)))
            if cancel:
                # Before it waits, or while it does; never with a turn in hand, which one gives back oneself.
                tasks[-1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert turns.idle

    asyncio.run(go())


async def test_one_organisation_that_floods_the_runner_does_not_hold_up_another(jail: Running) -> None:
    async def run(source: str, org: str) -> None:
        await jail.client.run({"engine": "attempts", "source": source}, org=org)

    flood = [asyncio.create_task(run("time.sleep(240)", "greedy")) for _ in range(40)]
    try:
        async with asyncio.timeout(60):  # behind the queue it would be minutes
            for _ in range(5):
                await run("1", "modest")
    finally:
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
