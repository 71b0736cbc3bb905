"""Several processes share the stores, and any of them may die at any moment."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from engine.events import EventType, StoredEvent
from storage.ledger import Which
from storage.ports import Quota
from storage.stores import Stores, open_stores
from tests.storage.processes import Other, append_events, put_blobs, record_calls, take_places
from tests.storage.samples import a_call, a_run, event


async def new_run(stores: Stores) -> str:
    run, _ = await stores.runs(1, 2).create(a_run())
    return str(run.id)


async def told(other: Other, count: int) -> list[Any]:
    return [await asyncio.to_thread(other.told.recv) for _ in range(count)]


async def test_every_event_acknowledged_before_a_kill_is_there(tmp_path: Path) -> None:
    with open_stores(tmp_path) as stores:
        run_id = await new_run(stores)
    with Other(append_events, tmp_path, run_id, "a", 1_000_000) as other:
        acknowledged = await told(other, 40)
        other.kill()
        acknowledged += other.rest()
    with open_stores(tmp_path) as stores:
        read = await stores.events.read(run_id, limit=100_000)
        assert [stored.seq for stored in read] == [*range(1, len(read) + 1)]
        assert [(stored.event.key, stored.seq) for stored in read][: len(acknowledged)] == acknowledged
        assert len(read) - len(acknowledged) in (0, 1)
        assert len(await stores.runs(1, 2).node_records(int(run_id), limit=100_000)) == len(read)
        (next_,) = await stores.events.append(run_id, [event(EventType.RUN_SUCCEEDED)])
        assert next_.seq == len(read) + 1
    with closing(sqlite3.connect(tmp_path / "mainspring.sqlite")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_every_blob_acknowledged_before_a_kill_is_there_and_whole(tmp_path: Path) -> None:
    with Other(put_blobs, tmp_path, 300_000) as other:
        acknowledged = await told(other, 10)
        other.kill()
        acknowledged += other.rest()
    with open_stores(tmp_path) as stores:
        for number, key in enumerate(acknowledged):
            assert await stores.blobs.get(key) == bytes([number % 251]) * 300_000
    for file in (tmp_path / "blobs" / "7").rglob("*"):
        assert file.is_dir() or file.stat().st_size == 300_000


async def test_two_processes_append_to_one_run_while_a_third_follows(tmp_path: Path) -> None:
    with open_stores(tmp_path) as stores:
        run_id = await new_run(stores)

        async def follow() -> list[StoredEvent]:
            return [stored async for stored in stores.events.follow(run_id)]

        following = asyncio.create_task(follow())
        with Other(append_events, tmp_path, run_id, "a", 60) as a, Other(append_events, tmp_path, run_id, "b", 60) as b:
            # Both tell one event of the same key: it is stored once, whoever comes first.
            ours = [await stores.events.append(run_id, [event(EventType.STEP_SUCCEEDED, f"a_{n}")]) for n in range(20)]
            theirs = [*await asyncio.to_thread(a.rest), *await asyncio.to_thread(b.rest)]
        await stores.events.append(run_id, [event(EventType.RUN_SUCCEEDED)])
        followed = await asyncio.wait_for(following, 60)
        assert [stored.seq for stored in followed] == [*range(1, 122)]
        told = theirs + [(stored.event.key, stored.seq) for part in ours for stored in part]
        assert sorted(told) == sorted((stored.event.key, stored.seq) for stored in followed[:-1])
        assert len({stored.event.key for stored in followed}) == 121


async def test_a_follower_hears_of_another_process_within_moments(tmp_path: Path) -> None:
    with open_stores(tmp_path) as stores:
        run_id = await new_run(stores)
        stream = aiter(stores.events.follow(run_id))
        first = asyncio.ensure_future(anext(stream))
        with Other(append_events, tmp_path, run_id, "a", 1) as other:
            await told(other, 1)
            assert (await asyncio.wait_for(first, 60)).event.key == "a_0:succeeded"
        await stores.events.append(run_id, [event(EventType.RUN_SUCCEEDED)])
        assert [stored.seq async for stored in stream] == [2]


async def test_processes_take_no_more_places_together_than_there_are(tmp_path: Path) -> None:
    open_stores(tmp_path).close()
    quota = Quota(concurrency=7)
    with Other(take_places, tmp_path, "a", quota, 20) as a, Other(take_places, tmp_path, "b", quota, 20) as b:
        (first,), (second,) = await told(a, 1), await told(b, 1)
    assert len(first) + len(second) == 7


async def test_processes_begin_no_more_requests_together_than_a_minute_has(tmp_path: Path) -> None:
    open_stores(tmp_path).close()
    quota = Quota(requests_per_minute=9)
    with Other(take_places, tmp_path, "a", quota, 20) as a, Other(take_places, tmp_path, "b", quota, 20) as b:
        (first,), (second,) = await told(a, 1), await told(b, 1)
    assert len(first) + len(second) == 9


async def test_every_call_told_before_a_kill_is_counted_once(tmp_path: Path) -> None:
    open_stores(tmp_path).close()
    with Other(record_calls, tmp_path, 1_000_000) as other:
        stored = await told(other, 20)
        other.kill()
        stored += other.rest()
    with open_stores(tmp_path) as stores:
        await stores.ledger.record([a_call(f"call {number}") for number in range(len(stored) + 1)])
        assert [one.calls for one in await stores.ledger.spent(7, "model", Which())] == [len(stored) + 1]
