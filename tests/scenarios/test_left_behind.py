"""Runs that were left behind: ended by an operator, recorded and never started, started while no worker was there."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from temporalio.client import Client

from storage.ids import new_id
from storage.runs import NewRun
from storage.stores import open_stores
from tests.scenarios.conftest import Stage
from tests.scenarios.drawing import ask, begin, document, end, say
from tests.scenarios.endpoint import endpoint
from tests.scenarios.journey import Journey, insist, publish
from tests.scenarios.system import running

SOON = 60.0


@pytest.mark.asyncio(loop_scope="session")
async def test_a_run_that_an_operator_terminates_is_told_to_have_failed(stage: Stage) -> None:
    client = stage.system.client
    await publish(client, "terminated", document(begin(), ask("q", "?"), end(), lines="start>q>end"))
    journey = await Journey.begin(client, "terminated", {})
    await journey.follower.until(lambda: journey.follower.seen("q:wait:opened"), SOON)
    there = await Client.connect(stage.system.temporal)
    ((executor, _),) = await stage.system.histories(journey.run_id)
    await there.get_workflow_handle(executor).terminate("out of order")

    ended = await journey.finish(SOON)
    assert (ended["type"], ended["data"]["error"]["code"]) == ("run.failed", "terminated")
    run = await journey.run()
    assert (run["state"], run["error"]["message"]) == ("failed", "An operator ended the run.")
    assert {path: record["state"] for path, record in (await journey.records()).items()} == {
        "start": "succeeded",
        "q": "cancelled",
    }
    late = await client.post(f"/runs/{journey.run_id}/answers", json={"wait_id": "q", "answer": "x"})
    assert late.status_code == 409


@pytest.mark.asyncio(loop_scope="session")
async def test_a_run_that_was_recorded_and_never_started_starts(stage: Stage) -> None:
    client = stage.system.client
    canvas = document(begin(base="string"), say("call"), end(heard="=call.body"), lines="start>call>end")
    await publish(client, "recorded", canvas)
    model = await client.post("/workflows/recorded/runs", json={"inputs": {"base": stage.out.url}})
    # As if the API had died between the two things that it does: the record is there, Temporal knows nothing.
    with open_stores(stage.system.data) as stores:
        home = await stores.organisations.ensure_default()
        runs = stores.runs(home.org_id, home.space_id)
        like = await runs.get(int(model.json()["id"]))
        number = new_id()
        assert isinstance(like.start_request, dict)
        request = {**like.start_request, "run_id": str(number)}
        await runs.create(
            NewRun(
                id=number,
                workflow_id=like.workflow_id,
                workflow_key=like.workflow_key,
                workflow_name=like.workflow_name,
                version=like.version,
                plan_hash=like.plan_hash,
                mode="durable",
                kind="run",
                created=time.time_ns() // 1_000_000,
                inputs=like.inputs,
                temporal_id=f"{like.org_id}/{like.workflow_id}/{number}",
                start_request=request,
            )
        )
    assert (await client.get(f"/runs/{number}")).json()["state"] == "queued"
    journey = Journey.of(client, str(number))
    assert (await journey.finish(SOON))["type"] == "run.succeeded"
    assert stage.out.counted(str(number)) == {"call": 1}


async def test_a_start_whose_answer_was_lost_is_repeated_and_starts_one_run(tmp_path: Path) -> None:
    async with endpoint() as out:
        # Nobody looks after runs that were left behind.
        settings = {"MAINSPRING_EGRESS_ALLOW": out.place, "MAINSPRING_RECONCILE_SECONDS": "3600"}
        async with running(tmp_path, settings) as system:
            client = system.client
            canvas = document(begin(base="string"), say("call"), end(heard="=call.body"), lines="start>call>end")
            await publish(client, "asked-for-again", canvas)
            start = {"inputs": {"base": out.url}, "mode": "async"}
            found: set[str] = set()
            for pause in (0.003, 0.008, 0.02):
                key = {"idempotency-key": f"order {pause}"}
                asked = asyncio.create_task(client.post("/workflows/asked-for-again/runs", json=start, headers=key))
                await asyncio.sleep(pause)
                await system.kill("api")
                await asyncio.gather(asked, return_exceptions=True)
                system.spawn("api")
                reply = await insist(client, "POST", "/workflows/asked-for-again/runs", json=start, headers=key)
                journey = Journey.of(client, reply.json()["id"])
                assert (await journey.finish(SOON))["type"] == "run.succeeded"
                found.add(journey.run_id)
                again = await client.post("/workflows/asked-for-again/runs", json=start, headers=key)
                assert (again.status_code, again.json()["id"]) == (200, journey.run_id)
            assert {hit.run for hit in out.hits} == found
            assert {run: out.counted(run) for run in found} == {run: {"call": 1} for run in found}


async def test_parts_that_start_before_temporal_wait_for_it(tmp_path: Path) -> None:
    async with endpoint() as out, running(tmp_path, {"MAINSPRING_EGRESS_ALLOW": out.place}, ()) as system:
        system.spawn("worker")
        system.spawn("api")
        await system.until_logged("worker", "waiting for temporal")
        await system.until_logged("api", "waiting for temporal")
        await system.start("temporal")
        await system.ready("api")
        canvas = document(begin(base="string"), say("call"), end(heard="=call.body"), lines="start>call>end")
        await publish(system.client, "patient", canvas)
        journey = await Journey.begin(system.client, "patient", {"base": out.url})
        assert (await journey.finish(SOON))["type"] == "run.succeeded"


async def test_runs_that_start_while_no_worker_is_there_wait_for_one(tmp_path: Path) -> None:
    async with (
        endpoint() as out,
        running(tmp_path, {"MAINSPRING_EGRESS_ALLOW": out.place}, ("temporal", "api")) as system,
    ):
        client = system.client
        canvas = document(begin(base="string"), say("call"), end(heard="=call.body"), lines="start>call>end")
        await publish(client, "early", canvas)
        start = {"inputs": {"base": out.url}, "wait_seconds": 0.2}
        replies = [await client.post("/workflows/early/runs", json=start) for _ in range(5)]
        assert {(reply.status_code, reply.json()["state"]) for reply in replies} == {(201, "queued")}
        never = (await client.post("/workflows/early/runs", json=start)).json()["id"]
        stopped = await client.post(f"/runs/{never}/cancel", json={"reason": "changed my mind"})
        assert stopped.status_code == 200

        await system.start("worker")
        journeys = [Journey.of(client, one.json()["id"]) for one in replies]
        ends = [await journey.finish(SOON) for journey in journeys]
        assert {end["type"] for end in ends} == {"run.succeeded"}
        cancelled = Journey.of(client, never)
        assert (await cancelled.finish(SOON))["type"] == "run.cancelled"
        assert out.counted(never) == {}
