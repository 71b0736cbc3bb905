"""A worker that dies between a write to a user table and its acknowledgement: the write counts once."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from engine.canvas import Canvas
from engine.compile import compile_canvas
from engine.events import EventType, StoredEvent
from engine.plan import plan_hash
from storage.ids import new_id
from storage.ports.tables import TableField, TableSettings
from storage.runs import NewRun
from storage.stores import Stores, open_stores
from tests.engine.draw import canvas, end, node, start
from tests.nodes.drawing import LIBRARY
from tests.workers.harness import until
from workers.client import RunsClient, RunStart
from workers.connection import TemporalOptions, connect, ensure_search_attributes
from workers.embedded import EmbeddedTemporal

ROOT = Path(__file__).resolve().parents[2]
VISITS = TableSettings("visits", (TableField("name", "text"), TableField("times", "integer")))


def rows_of(**members: str) -> dict[str, object]:
    row = {"type": "object", "properties": {name: {"type": kind} for name, kind in members.items()}}
    rows = {"outputList": {"type": "array", "items": row}, "rowNum": {"type": "integer"}}
    return {"type": "object", "properties": rows}


def drawn(table: str) -> Canvas:
    """Adds a visit, counts it up by SQL, and reads what is there."""
    add = {"values": {"object": {"name": {"value": "李雷"}, "times": {"value": 1}}}}
    sql = {"database": table, "sql": "UPDATE visits SET times = times + 10 WHERE name = '{{name}}'"}
    return canvas(
        start(),
        node("add", "database_insert", add, settings={"database": table}, outputs=rows_of(id="string")),
        node("count", "database_sql", {"name": {"value": "李雷"}}, settings=sql, outputs=rows_of()),
        node(
            "read",
            "database_query",
            {},
            settings={"database": table, "fields": [{"name": "name"}, {"name": "times"}]},
            outputs=rows_of(name="string", times="integer"),
        ),
        end({"rows": "=read.outputList", "added": "=add.rowNum", "changed": "=count.rowNum"}),
        lines="start>add>count>read>end",
    )


class Hall:
    """Stores, and workers that are killed."""

    def __init__(self, folder: Path, stores: Stores, client: RunsClient, address: str, queue: str) -> None:
        self.folder = folder
        self.stores = stores
        self.client = client
        self._address = address
        self._queue = queue
        self.workers: list[asyncio.subprocess.Process] = []

    async def worker(self) -> asyncio.subprocess.Process:
        words = ("-m", "tests.workers.tables_process", self._address, self._queue, str(self.folder))
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )  # fmt: skip
        self.workers.append(process)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        return process

    async def written(self, word: str, times: int) -> None:
        """Returns when a write of this kind was done so often."""
        trace = self.folder / "trace"

        async def there() -> bool:
            return trace.exists() and trace.read_text().splitlines().count(f"{word} written") >= times

        await until(there, seconds=40)

    async def start(self, canvas: Canvas) -> RunStart:
        plan = compile_canvas(canvas, LIBRARY.types, None)
        digest = plan_hash(plan.to_bytes())
        await self.stores.plans.put(digest, plan.to_bytes())
        home = await self.stores.organisations.ensure_default()
        made = RunStart(
            run_id=str(new_id()), org_id=str(home.org_id), space_id=str(home.space_id), workflow_id="7",
            version="v1.0.0", plan_hash=digest, inputs={}, user_id="anna",
        )  # fmt: skip
        new = NewRun(
            id=int(made.run_id), workflow_id=7, workflow_key="flow", workflow_name="Flow", version="v1.0.0",
            plan_hash=digest, mode="durable", kind="run", created=time.time_ns() // 1_000_000, inputs={},
        )  # fmt: skip
        await self.stores.runs(home.org_id, home.space_id).create(new)
        await self.client.start(made)
        return made

    async def to_the_end(self, run: RunStart) -> StoredEvent:
        last: StoredEvent | None = None
        async with asyncio.timeout(90):
            async for stored in self.stores.events.follow(run.run_id):
                last = stored
        assert last is not None
        return last


@pytest.fixture
async def hall(temporal_server: EmbeddedTemporal, tmp_path: Path) -> AsyncIterator[Hall]:
    with open_stores(tmp_path) as stores:
        queue = uuid4().hex
        connection = await connect(TemporalOptions(address=temporal_server.address, task_queue=queue), stores.blobs)
        await ensure_search_attributes(connection)
        made = Hall(tmp_path, stores, RunsClient(connection), temporal_server.address, queue)
        yield made
        for process in made.workers:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def test_a_write_counts_once_when_its_worker_dies_before_it_says_so(hall: Hall) -> None:
    home = await hall.stores.organisations.ensure_default()
    table = await hall.stores.tables.create(str(home.org_id), str(home.space_id), VISITS)
    first = await hall.worker()
    run = await hall.start(drawn(table.id))
    await hall.written("insert", 1)
    first.kill()
    await first.wait()
    second = await hall.worker()
    await hall.written("execute", 1)
    second.kill()
    await second.wait()
    await hall.worker()
    last = await hall.to_the_end(run)
    assert last.event.type is EventType.RUN_SUCCEEDED, last.event.data
    assert last.event.data["output"] == {"rows": [{"name": "李雷", "times": 11}], "added": 1, "changed": 1}
    # Both were carried out twice.
    assert sorted((hall.folder / "trace").read_text().split()) == ["execute"] * 2 + ["insert"] * 2 + ["written"] * 4
