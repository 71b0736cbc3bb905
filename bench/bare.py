"""The floor: the same work as bare Temporal workflows, by a client and a worker in a process of their own.

Reads lines of JSON `{"workflow", "argument", "runs", "in_flight"}` and answers each with the milliseconds of every run.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.service import GrpcCompression
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

QUEUE = "bench-bare"
SOON = timedelta(seconds=30)


@activity.defn
async def echo(text: str) -> str:
    """Hand a text on."""
    return text


@activity.defn
async def echo_many(texts: list[str]) -> list[str]:
    """Hand many texts on."""
    return texts


@workflow.defn
class Empty:
    """Does nothing."""

    @workflow.run
    async def run(self, count: int) -> str:
        return "done"


@workflow.defn
class Sequential:
    """Activities one after another."""

    @workflow.run
    async def run(self, count: int) -> str:
        for number in range(count):
            await workflow.execute_activity(echo, str(number), start_to_close_timeout=SOON)
        return "done"


@workflow.defn
class Local:
    """Local activities one after another."""

    @workflow.run
    async def run(self, count: int) -> str:
        for number in range(count):
            await workflow.execute_local_activity(echo, str(number), start_to_close_timeout=SOON)
        return "done"


@workflow.defn
class Parallel:
    """Activities side by side, at most 64 at a time."""

    @workflow.run
    async def run(self, count: int) -> str:
        window = asyncio.Semaphore(64)

        async def one(number: int) -> str:
            async with window:
                return await workflow.execute_activity(echo, str(number), start_to_close_timeout=SOON)

        await asyncio.gather(*(one(number) for number in range(count)))
        return "done"


@workflow.defn
class Chunks:
    """Many items in activities of a hundred, four at a time."""

    @workflow.run
    async def run(self, count: int) -> str:
        window = asyncio.Semaphore(4)

        async def one(start: int) -> list[str]:
            texts = [str(number) for number in range(start, min(start + 100, count))]
            async with window:
                return await workflow.execute_activity(echo_many, texts, start_to_close_timeout=SOON)

        await asyncio.gather(*(one(start) for start in range(0, count, 100)))
        return "done"


async def _measure(client: Client, order: dict[str, Any]) -> dict[str, Any]:
    taken: list[float] = []
    window = asyncio.Semaphore(order.get("in_flight", 1))

    async def one() -> None:
        async with window:
            began = time.perf_counter()
            handle = await client.start_workflow(
                order["workflow"],
                order.get("argument", 0),
                id=f"bare-{uuid.uuid4()}",
                task_queue=QUEUE,
                request_eager_start=True,
            )
            await handle.result()
            taken.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(order["runs"])))
    return {"ms": taken, "seconds": time.perf_counter() - began}


async def _main(address: str) -> None:
    client = await Client.connect(address, grpc_compression=GrpcCompression.NONE)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[Empty, Sequential, Local, Parallel, Chunks],
        activities=[echo, echo_many],
        workflow_runner=UnsandboxedWorkflowRunner(),
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        max_eager_activity_reservations_per_workflow_task=16,
    )
    async with worker:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while line := await asyncio.to_thread(sys.stdin.readline):
            sys.stdout.write(json.dumps(await _measure(client, json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
