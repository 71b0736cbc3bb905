"""Runs left behind: started when they never were, and told to have ended when they did without a word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.command.v1 import Command, FailWorkflowExecutionCommandAttributes
from temporalio.api.enums.v1 import CommandType
from temporalio.api.failure.v1 import Failure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest, RespondWorkflowTaskCompletedRequest

from engine.events import EventType
from engine.limits import Limits
from engine.runtime import StepError
from engine.values import Json
from nodes.context import NodeContext
from tests.engine.draw import canvas, end, node, start
from tests.workers.harness import Bench, bench, until
from tests.workers.memory_stores import MemoryLog
from workers.client import RunsClient, RunStart, RunsUnavailable
from workers.connection import TemporalOptions, connect
from workers.embedded import EmbeddedTemporal
from workers.reconcile import OpenRun, Reconciler

QUESTION = canvas(start(), node("ask", "ask", {"question": "?"}), end({}), lines="start>ask>end")
QUICK = canvas(start(), node("a", "work", {"text": "x"}), end({"said": "=a.text"}), lines="start>a>end")


class Records:
    """The open runs of a test."""

    def __init__(self, *runs: RunStart) -> None:
        self.runs = runs

    async def open_runs(self, *, created_before: int) -> AsyncIterator[OpenRun]:
        for run in self.runs:
            yield OpenRun(run.run_id, run.executor, run)


@pytest.fixture
async def here(temporal_server: EmbeddedTemporal) -> AsyncIterator[Bench]:
    async with bench(temporal_server) as made:
        yield made


async def test_a_run_under_way_is_left_alone(here: Bench) -> None:
    run = await here.start(QUESTION)
    await here.told(run, EventType.WAIT_OPENED)
    assert await Reconciler(Records(run), here.client, here.log).once() == {run.run_id: "under way"}


async def test_a_run_that_was_recorded_but_never_started_is_started(here: Bench) -> None:
    run = RunStart(uuid4().hex, "org", "space", "flow", "v1.0.0", await here.publish(QUICK), {})
    found = await Reconciler(Records(run), here.client, here.log).once()
    assert found == {run.run_id: "started"}
    assert (await here.ended(run)).data["output"] == {"said": "x"}


async def test_a_run_that_an_operator_terminated_has_failed(here: Bench) -> None:
    run = await here.start(QUESTION)
    await here.told(run, EventType.WAIT_OPENED)
    await here.connection.client.get_workflow_handle(run.executor).terminate()
    found = await Reconciler(Records(run), here.client, here.log).once()
    assert found == {run.run_id: "ended"}
    error: Any = (await here.ended(run)).data["error"]
    assert error["code"] == "terminated"


async def test_a_run_that_temporal_has_forgotten_is_lost_not_repeated(here: Bench) -> None:
    run = await here.start(QUICK)
    await here.ended(run)
    # As if the end had been lost, and the run forgotten.
    gone = RunStart(uuid4().hex, "org", "space", "flow", "v1.0.0", run.plan_hash, {})
    here.log.events[gone.run_id] = here.log.events[run.run_id][:3]
    found = await Reconciler(Records(gone), here.client, here.log).once()
    assert found == {gone.run_id: "ended"}
    error: Any = here.events(gone)[-1].data["error"]
    assert error["code"] == "run_lost"
    assert here.world.calls == ["a"]


async def test_a_failed_run_whose_word_was_lost_gets_the_error_that_temporal_kept(here: Bench) -> None:
    async def refuse(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        raise StepError("no_stock", "没有 stock left.", item="tea")

    here.world.handlers["a"] = refuse
    run = await here.start(QUICK)
    told: Any = (await here.ended(run)).data["error"]
    lost = MemoryLog()
    await Reconciler(Records(run), here.client, lost).once()
    error: Any = lost.events[run.run_id][-1].event.data["error"]
    assert (error["code"], error["message"], error["facts"]["item"]) == ("no_stock", "没有 stock left.", "tea")
    assert error == told


async def test_a_run_that_broke_off_gets_the_reason_of_temporal(here: Bench) -> None:
    run = RunStart(uuid4().hex, "org", "space", "flow", "v1.0.0", "x", {})
    client, queue = here.connection.client, TaskQueue(name=uuid4().hex)
    await client.start_workflow("broken", id=run.executor, task_queue=queue.name)
    asked = PollWorkflowTaskQueueRequest(namespace="default", task_queue=queue)
    task = await client.workflow_service.poll_workflow_task_queue(asked)
    failing = FailWorkflowExecutionCommandAttributes(failure=Failure(message="the disk is gone"))
    command = Command(
        command_type=CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
        fail_workflow_execution_command_attributes=failing,
    )
    done = RespondWorkflowTaskCompletedRequest(task_token=task.task_token, commands=[command], namespace="default")
    await client.workflow_service.respond_workflow_task_completed(done)
    found = await Reconciler(Records(run), here.client, here.log).once()
    assert found == {run.run_id: "ended"}
    error: Any = here.events(run)[-1].data["error"]
    assert error == {"code": "run_broken_off", "message": "The run broke off in Temporal: the disk is gone"}


async def test_a_run_whose_end_is_known_gets_no_second_one(here: Bench) -> None:
    run = await here.start(QUICK)
    await here.ended(run)
    before = here.events(run)
    await Reconciler(Records(run), here.client, here.log).once()
    assert here.events(run) == before


async def test_a_run_that_took_too_long_has_failed(temporal_server: EmbeddedTemporal) -> None:
    async with bench(temporal_server, longest_run=1) as here:
        run = await here.start(QUESTION)
        await here.told(run, EventType.WAIT_OPENED)

        async def closed() -> bool:
            return (await here.client.describe(run.executor)).status == "timed_out"

        await until(closed)
        await Reconciler(Records(run), here.client, here.log).once()
        error: Any = (await here.ended(run)).data["error"]
        assert error["code"] == "run_timeout"


async def test_a_run_that_never_can_be_started_has_failed_and_keeps_nobody_from_help(
    temporal_server: EmbeddedTemporal,
) -> None:
    async with bench(temporal_server, limits=Limits(inline_value_bytes=1_000, value_bytes=2_000)) as here:
        plan = await here.publish(QUICK)
        huge = RunStart(uuid4().hex, "org", "space", "flow", "v1.0.0", plan, {"text": "x" * 3_000})
        other = RunStart(uuid4().hex, "org", "space", "flow", "v1.0.0", plan, {})
        found = await Reconciler(Records(huge, other), here.client, here.log).once()
        assert found == {huge.run_id: "ended", other.run_id: "started"}
        error: Any = here.events(huge)[-1].data["error"]
        assert error["code"] == "limit_exceeded"
        assert (await here.ended(other)).data["output"] == {"said": "x"}


class Unreadable(Records):
    """Records that cannot be read at first."""

    looks = 0

    async def open_runs(self, *, created_before: int) -> AsyncIterator[OpenRun]:
        self.looks += 1
        if self.looks == 1:
            raise OSError("the disk is full")
        async for run in super().open_runs(created_before=created_before):
            yield run


async def test_records_that_cannot_be_read_are_read_the_next_time(here: Bench) -> None:
    run = RunStart(uuid4().hex, "org", "space", "flow", "v1.0.0", await here.publish(QUICK), {})
    looking = asyncio.create_task(Reconciler(Unreadable(run), here.client, here.log).run(every_seconds=0.01))
    try:
        assert (await here.ended(run)).data["output"] == {"said": "x"}
    finally:
        looking.cancel()


async def test_without_temporal_everything_says_that_it_is_unavailable(here: Bench) -> None:
    with pytest.raises(RunsUnavailable, match=r"127\.0\.0\.1:1"):
        await connect(TemporalOptions(address="127.0.0.1:1"), here.blobs)
    away = RunsClient(await connect(TemporalOptions(address="127.0.0.1:1"), here.blobs, lazy=True))
    run = RunStart(uuid4().hex, "org", "space", "flow", "v1.0.0", "x", {})
    with pytest.raises(RunsUnavailable):
        await away.describe(run.executor)
    with pytest.raises(RunsUnavailable):
        await away.start(run)
    with pytest.raises(RunsUnavailable):
        await away.cancel(run.executor)
    with pytest.raises(RunsUnavailable):
        await away.answer(run.executor, "ask", "x", answer_id="1")
