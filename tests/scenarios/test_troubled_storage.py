"""A database that takes no writes for a while: runs wait for their record, and none of it is lost."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.scenarios.drawing import begin, document, end, say
from tests.scenarios.endpoint import Endpoint, endpoint
from tests.scenarios.journey import Journey, insist, publish
from tests.scenarios.system import System, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOON = 60.0


@dataclass
class Parts:
    """A system of separate processes, with a workflow of three calls."""

    system: System
    out: Endpoint

    async def check(self, journey: Journey) -> None:
        """The run is whole: its end, its events, its records, its calls."""
        assert (await journey.finish(SOON))["type"] == "run.succeeded"
        events = journey.follower.events
        assert [event["seq"] for event in events] == [*range(1, len(events) + 1)]
        assert [event["key"] for event in await journey.log()] == [event["key"] for event in events]
        records = await journey.records()
        assert {record["state"] for record in records.values()} == {"succeeded"}
        assert self.out.counted(journey.run_id) == {"first": 1, "second": 1, "third": 1}
        self.system.check_alive()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Parts]:
    folder = tmp_path_factory.mktemp("troubled")
    async with endpoint() as out, running(folder, {"MAINSPRING_EGRESS_ALLOW": out.place}) as system:
        steps = say("first"), say("second"), say("third")
        canvas = document(begin(base="string"), *steps, end(all="=third.body"), lines="start>first>second>third>end")
        await publish(system.client, "three", canvas)
        yield Parts(system, out)


async def test_a_lock_that_is_held_for_seconds_only_delays_the_record(parts: Parts) -> None:
    gate = parts.out.hold("first")
    journey = await Journey.begin(parts.system.client, "three", {"base": parts.out.url})
    await gate.arrived.wait()
    await journey.follower.until(lambda: journey.follower.seen("first:started"), SOON)
    with closing(sqlite3.connect(parts.system.data / "mainspring.sqlite", isolation_level=None)) as somebody:
        somebody.execute("BEGIN IMMEDIATE")
        parts.out.open_all()
        await parts.system.until_logged("worker", "the event log fails")
        # Nobody can start anything meanwhile, and is told so; whoever insists gets through.
        refused = await parts.system.client.post("/workflows/three/runs", json={"inputs": {"base": parts.out.url}})
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        assert not journey.follower.seen("first:succeeded")
        start = {"inputs": {"base": parts.out.url}, "mode": "async"}
        insisting = asyncio.create_task(
            insist(
                parts.system.client,
                "POST",
                "/workflows/three/runs",
                json=start,
                headers={"idempotency-key": "patience"},
            )
        )
        await asyncio.sleep(0.2)
        somebody.execute("ROLLBACK")
    await parts.check(journey)
    later = (await insisting).json()["id"]
    assert (await Journey.of(parts.system.client, later).finish(SOON))["type"] == "run.succeeded"


async def test_a_disk_that_takes_nothing_more_only_delays_the_record(parts: Parts) -> None:
    gate = parts.out.hold("first")
    journey = await Journey.begin(parts.system.client, "three", {"base": parts.out.url})
    await gate.arrived.wait()
    await journey.follower.until(lambda: journey.follower.seen("first:started"), SOON)
    worker = parts.system.pid("worker")
    free = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    # From now on no file of the worker can be written to beyond its first kilobyte: not the database, not even its log.
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (1_024, free[1]))
    third = parts.out.hold("third")
    gate.opened.set()
    await third.arrived.wait()
    assert not journey.follower.seen("second:succeeded")
    parts.out.open_all()
    await asyncio.sleep(1.0)
    assert journey.follower.ended is None
    resource.prlimit(worker, resource.RLIMIT_FSIZE, free)
    await parts.check(journey)
