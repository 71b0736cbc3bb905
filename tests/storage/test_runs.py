"""The runs of a space: each started once, found by what one knows of them, unseen by others."""

import asyncio

import pytest

from engine.errors import EngineError, InvalidInput, NotFound
from engine.events import EventType
from storage.organisations import Home
from storage.run_search import RunFilter
from storage.runs import RunRepository
from storage.stores import Stores
from tests.storage.samples import a_run, a_whole_run, event

T = EventType


async def test_a_run_is_read_as_it_was_created(runs: RunRepository) -> None:
    given = a_run(start_request={"plan": "a", "用户": "安娜"}, temporal_id="run-1", idempotency_key="k")
    created, _ = await runs.create(given)
    read = await runs.get(created.id)
    assert read.model_dump() == created.model_dump()
    assert (read.start_request, read.workflow_name, read.temporal_id) == (given.start_request, "文章摘要", "run-1")


async def test_a_run_with_a_known_idempotency_key_is_the_run_of_then(runs: RunRepository) -> None:
    first, new = await runs.create(a_run(idempotency_key="once"))
    again, new_again = await runs.create(a_run(idempotency_key="once"))
    assert (again.id, new, new_again) == (first.id, True, False)
    found = await runs.find(7, "once")
    assert found is not None
    assert found.id == first.id


async def test_of_many_that_start_the_same_run_at_once_one_does(runs: RunRepository) -> None:
    outcomes = await asyncio.gather(*(runs.create(a_run(idempotency_key="once")) for _ in range(20)))
    assert sum(new for _, new in outcomes) == 1
    assert len({run.id for run, _ in outcomes}) == 1


async def test_idempotency_keys_belong_to_a_workflow_and_a_space(runs: RunRepository, stores: Stores) -> None:
    await runs.create(a_run(idempotency_key="once"))
    _, other_workflow = await runs.create(a_run(idempotency_key="once", workflow_id=8))
    _, other_space = await stores.runs(1, 2).create(a_run(idempotency_key="once"))
    _, other_case = await runs.create(a_run(idempotency_key="ONCE"))
    _, without = await runs.create(a_run())
    _, without_again = await runs.create(a_run())
    assert all((other_workflow, other_space, other_case, without, without_again))


@pytest.mark.parametrize("key", ["", "x" * 192])
async def test_an_idempotency_key_has_a_reasonable_length(runs: RunRepository, key: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        await runs.create(a_run(idempotency_key=key))
    assert raised.value.facts["field"] == "idempotency_key"


async def test_another_spaces_run_is_not_found(runs: RunRepository, stores: Stores, home: Home) -> None:
    run, _ = await runs.create(a_run())
    for others in (stores.runs(home.org_id, 1), stores.runs(1, home.space_id)):
        with pytest.raises(NotFound):
            await others.get(run.id)
        with pytest.raises(NotFound):
            await others.node_records(run.id)
        with pytest.raises(NotFound):
            await others.waits(run.id)
        assert (await others.page()).items == []


async def test_a_finished_run_is_stored_whole(runs: RunRepository, stores: Stores) -> None:
    given, events = a_run(mode="in_place"), a_whole_run()
    assert await runs.store_finished(given, [*events, *events]) is None
    read = await runs.get(given.id)
    assert (read.state, read.output, read.mode, read.started) == ("succeeded", {"output": "好"}, "in_place", 2_000)
    assert [stored.event for stored in await stores.events.read(str(given.id))] == events
    assert len(await runs.node_records(given.id)) == 3
    assert [stored.seq async for stored in stores.events.follow(str(given.id), after=3)] == [4, 5]


async def test_a_finished_run_with_a_known_idempotency_key_leaves_nothing(runs: RunRepository, stores: Stores) -> None:
    first, second = a_run(idempotency_key="once"), a_run(idempotency_key="once")
    outcomes = await asyncio.gather(*(runs.store_finished(run, a_whole_run()) for run in (first, second)))
    assert [existing and existing.id for existing in outcomes] == [None, first.id]
    with pytest.raises(NotFound):
        await runs.get(second.id)
    assert await stores.events.read(str(second.id)) == []


async def test_a_run_that_is_not_over_is_not_stored_as_finished(runs: RunRepository) -> None:
    with pytest.raises(EngineError):
        await runs.store_finished(a_run(), a_whole_run()[:-1])


async def test_many_runs_may_be_stored_at_once(runs: RunRepository) -> None:
    given = [a_run() for _ in range(100)]
    await asyncio.gather(*(runs.store_finished(run, a_whole_run()) for run in given))
    listed = await runs.page(limit=200)
    assert [run.id for run in listed.items] == [run.id for run in reversed(given)]


async def test_runs_are_listed_in_pages_the_newest_first(runs: RunRepository) -> None:
    ids = [(await runs.create(a_run()))[0].id for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = await runs.page(limit=2, cursor=cursor)
        seen += [run.id for run in page.items]
        # One that begins meanwhile shifts nothing.
        await runs.create(a_run())
        if (cursor := page.next) is None:
            break
    assert seen == ids[::-1]


async def test_runs_are_found_by_what_one_knows_of_them(runs: RunRepository, stores: Stores) -> None:
    queued, _ = await runs.create(a_run(created=1_000))
    failed, _ = await runs.create(a_run(created=2_000, workflow_id=8, kind="test", inputs={"city": "Tübingen 100%"}))
    await stores.events.append(str(failed.id), [event(T.RUN_FAILED, error={"message": "数据库没有响应"})])
    done = a_run(created=3_000, version="v0.0.2", mode="in_place", workflow_name="Weather report")
    await runs.store_finished(done, a_whole_run())

    async def found(**given: object) -> list[int]:
        return [run.id for run in (await runs.page(RunFilter(**given))).items]  # type: ignore[arg-type]

    assert await found(states=["failed"]) == [failed.id]
    assert await found(states=["queued", "succeeded"]) == [done.id, queued.id]
    assert await found(workflow_id=8) == [failed.id]
    assert await found(version="v0.0.2") == [done.id]
    assert await found(kind="test") == [failed.id]
    assert await found(since=2_000) == [done.id, failed.id]
    assert await found(until=2_000) == [queued.id]
    assert await found(since=2_000, until=3_000, workflow_id=7) == []
    assert await found(text="没有响应") == [failed.id]
    assert await found(text="100%") == [failed.id]
    assert await found(text="1__%") == []
    assert await found(text="weather") == [done.id]
    assert await found(text="天气") == [done.id, queued.id]
    assert await found(text=str(queued.id)) == [queued.id]


@pytest.mark.parametrize(("limit", "cursor"), [(0, None), (1_000, None), (10, "no id")])
async def test_a_page_that_cannot_be_is_refused(runs: RunRepository, limit: int, cursor: str | None) -> None:
    with pytest.raises(InvalidInput):
        await runs.page(limit=limit, cursor=cursor)


async def test_runs_that_were_left_behind_are_found_in_every_space(runs: RunRepository, stores: Stores) -> None:
    queued, _ = await runs.create(a_run(created=1_000))
    running, _ = await stores.runs(1, 2).create(a_run(created=500))
    waiting, _ = await runs.create(a_run(created=600))
    fresh, _ = await runs.create(a_run(created=9_000))
    await runs.store_finished(a_run(created=100), a_whole_run())
    await stores.events.append(str(running.id), [event(T.RUN_STARTED, at=2_000)])
    await stores.events.append(str(waiting.id), [event(T.WAIT_OPENED, "who", at=1_500, wait_id="who")])
    assert [run.id for run in await stores.unfinished.stale(3_000)] == [queued.id, running.id]
    assert [run.id for run in await stores.unfinished.stale(3_000, limit=1)] == [queued.id]
    assert [run.id for run in await stores.unfinished.stale(3_000, behind=queued)] == [running.id]
    assert [run.id for run in await stores.unfinished.stale(3_000, states=["waiting"])] == [waiting.id]
    assert fresh.id in {run.id for run in await stores.unfinished.stale(10_000)}
