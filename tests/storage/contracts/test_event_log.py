"""What every event log keeps: order, offsets without gaps, each event once, and followers that miss nothing."""

import asyncio
import threading

import pytest

from engine.errors import NotFound
from engine.events import EventType, RunEvent, StoredEvent
from storage.ports import EventLog
from tests.storage.contracts.conftest import NewRunId
from tests.storage.samples import a_whole_run, event

T = EventType


def step(name: str) -> RunEvent:
    return event(T.STEP_SUCCEEDED, name, output={"text": "中文"})


END = event(T.RUN_SUCCEEDED, output={})


async def collect(log: EventLog, run_id: str, after: int = 0) -> list[StoredEvent]:
    return [stored async for stored in log.follow(run_id, after=after)]


async def test_events_come_back_as_they_were_with_offsets_from_1(log: EventLog, new_run_id: NewRunId) -> None:
    run_id, events = await new_run_id(), a_whole_run()
    stored = await log.append(run_id, events)
    assert stored == [StoredEvent(seq, one) for seq, one in enumerate(events, start=1)]
    assert await log.read(run_id) == stored


async def test_an_event_is_stored_once_however_often_it_is_told(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()
    await log.append(run_id, [step("a"), step("a"), step("b")])
    assert [stored.event.path for stored in await log.append(run_id, [step("b"), step("c"), step("a")])] == ["c"]
    assert [(stored.seq, stored.event.path) for stored in await log.read(run_id)] == [(1, "a"), (2, "b"), (3, "c")]


async def test_runs_have_logs_of_their_own(log: EventLog, new_run_id: NewRunId) -> None:
    one, other = await new_run_id(), await new_run_id()
    await log.append(one, [step("a")])
    assert [stored.seq for stored in await log.append(other, [step("a")])] == [1]


async def test_nothing_is_accepted_after_the_end(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()
    await log.append(run_id, [step("a"), END, step("late")])
    assert await log.append(run_id, [step("later"), event(T.RUN_FAILED)]) == []
    assert [stored.event.key for stored in await log.read(run_id)] == ["a:succeeded", "run:succeeded"]


async def test_appending_nothing_changes_nothing(log: EventLog, new_run_id: NewRunId) -> None:
    assert await log.append(await new_run_id(), []) == []


async def test_a_log_is_read_in_portions(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()
    await log.append(run_id, [step(f"s{number}") for number in range(7)])
    assert [stored.seq for stored in await log.read(run_id, after=2, limit=3)] == [3, 4, 5]
    assert await log.read(run_id, after=7) == []


@pytest.mark.parametrize("run_id", ["1", "no id", ""])
async def test_a_run_that_does_not_exist_has_no_events_and_takes_none(log: EventLog, run_id: str) -> None:
    assert await log.read(run_id) == []
    with pytest.raises(NotFound):
        await log.append(run_id, [step("a")])
    with pytest.raises(NotFound):
        await collect(log, run_id)


async def test_unusual_values_come_back_as_they_were(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()
    odd = event(
        T.STEP_SUCCEEDED,
        "节点",
        key="节点:\ud83d",
        output={"big": 2**70, "half": "\ud83d", "deep": [[[{}]]], "none": None},
    )
    await log.append(run_id, [odd])
    assert [stored.event for stored in await log.read(run_id)] == [odd]
    assert await log.append(run_id, [odd]) == []


async def test_many_appending_at_once_leave_no_gap(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()
    # Every event is told by two.
    tasks = [log.append(run_id, [step(f"s{number}"), step(f"s{number + 1}")]) for number in range(60)]
    returned = [stored for part in await asyncio.gather(*tasks) for stored in part]
    read = await log.read(run_id)
    assert [stored.seq for stored in read] == [*range(1, 62)]
    assert sorted(returned, key=lambda stored: stored.seq) == read


async def test_a_follower_gets_what_is_there_and_what_comes_and_stops_at_the_end(
    log: EventLog, new_run_id: NewRunId
) -> None:
    run_id = await new_run_id()
    await log.append(run_id, [step("a")])
    following = asyncio.create_task(collect(log, run_id))
    for number in range(30):
        await log.append(run_id, [step(f"s{number}")])
        await asyncio.sleep(0)
    await log.append(run_id, [END])
    assert await asyncio.wait_for(following, 60) == await log.read(run_id)


async def test_a_follower_goes_on_behind_an_offset(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()
    await log.append(run_id, [*a_whole_run(5)])
    assert [stored.seq for stored in await collect(log, run_id, after=4)] == [5, 6, 7]


async def test_following_a_run_that_is_over_from_its_end_ends_at_once(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()
    await log.append(run_id, [step("a"), END])
    assert await asyncio.wait_for(collect(log, run_id, after=2), 60) == []
    assert await asyncio.wait_for(collect(log, run_id, after=99), 60) == []


async def test_many_follow_one_run(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()
    following = [asyncio.create_task(collect(log, run_id, after=number % 3)) for number in range(20)]
    for one in a_whole_run(10):
        await log.append(run_id, [one])
    for number, task in enumerate(following):
        assert [stored.seq for stored in await asyncio.wait_for(task, 60)] == [*range(number % 3 + 1, 13)]


async def test_a_follower_hears_of_events_appended_in_another_thread(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()

    async def append_all() -> None:
        for one in a_whole_run(10):
            await log.append(run_id, [one])

    following = asyncio.create_task(collect(log, run_id))
    await asyncio.sleep(0)
    thread = threading.Thread(target=asyncio.run, args=(append_all(),))
    thread.start()
    assert [stored.seq for stored in await asyncio.wait_for(following, 60)] == [*range(1, 13)]
    thread.join()


async def test_a_follower_may_leave(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()
    await log.append(run_id, [step("a")])
    stream = aiter(log.follow(run_id))
    assert (await anext(stream)).seq == 1
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await log.append(run_id, [END])
    assert len(await collect(log, run_id)) == 2


async def test_a_run_settles_when_it_ends(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()
    settled = asyncio.create_task(log.settle(run_id))
    for name in "abc":
        await log.append(run_id, [step(name)])
    assert not settled.done()
    await log.append(run_id, [END])
    await asyncio.wait_for(settled, 60)
    await asyncio.wait_for(log.settle(run_id), 60)


async def test_a_run_settles_when_it_waits_unless_only_its_end_is_wanted(log: EventLog, new_run_id: NewRunId) -> None:
    run_id = await new_run_id()
    settled, ended = asyncio.create_task(log.settle(run_id)), asyncio.create_task(log.settle(run_id, waits=False))
    opened = event(T.WAIT_OPENED, "ask", wait_id="ask", kind="question", title="", prompt="?", options=[], executor="")
    await log.append(run_id, [opened])
    await asyncio.wait_for(settled, 60)
    assert not ended.done()
    await log.append(run_id, [END])
    await asyncio.wait_for(ended, 60)


async def test_a_run_that_is_not_there_does_not_settle(log: EventLog) -> None:
    with pytest.raises(NotFound):
        await log.settle("1")
