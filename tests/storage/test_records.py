"""The records in the database follow the log, and can be made again from it."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

from engine.events import EventType, RunEvent
from storage.organisations import Home
from storage.runs import RunRepository
from storage.sqlite.projected import rebuild
from storage.sqlite.writer import driver_of
from storage.stores import Stores
from tests.storage.samples import a_run, a_whole_run, event
from tests.storage.test_projection import histories

T = EventType


def rows(folder: Path, run_id: int) -> dict[str, list[tuple[Any, ...]]]:
    """Everything stored about a run, but its log."""
    tables = {"run": "id", "node_record": "run_id", "open_wait": "run_id"}
    with closing(sqlite3.connect(folder / "data" / "mainspring.sqlite")) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table} WHERE {key} = ?", (run_id,)).fetchall(), key=repr)
            for table, key in tables.items()
        }


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_records_made_again_from_the_log_are_the_same(
    stores: Stores, tmp_path: Path, portions: list[list[RunEvent]]
) -> None:
    async def live() -> int:
        run, _ = await stores.runs(1, 2).create(a_run())
        for portion in portions:
            await stores.events.append(str(run.id), portion)
            await stores.events.append(str(run.id), portion[::2])
        return run.id

    run_id = asyncio.run(live())
    followed = rows(tmp_path, run_id)
    stores.writer.submit(lambda connection: rebuild(driver_of(connection), run_id)).result()
    assert rows(tmp_path, run_id) == followed


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_a_run_stored_whole_leaves_the_records_of_one_stored_bit_by_bit(
    stores: Stores, tmp_path: Path, portions: list[list[RunEvent]]
) -> None:
    events = [one for portion in portions for one in portion]
    events = [*events, event(T.RUN_SUCCEEDED, at=100, output={"a": 1}, answer="好")]

    async def both() -> tuple[int, int]:
        runs = stores.runs(1, 2)
        bitwise, whole = a_run(), a_run()
        await runs.create(bitwise)
        for one in events:
            await stores.events.append(str(bitwise.id), [one])
        await runs.store_finished(whole, events)
        read = [await stores.events.read(str(run.id)) for run in (bitwise, whole)]
        assert read[0] == read[1]
        return bitwise.id, whole.id

    bitwise_id, whole_id = asyncio.run(both())
    found = {table: [row[1:] for row in those] for table, those in rows(tmp_path, bitwise_id).items()}
    assert found == {table: [row[1:] for row in those] for table, those in rows(tmp_path, whole_id).items()}


async def test_a_run_and_its_steps_can_be_read_while_it_runs(stores: Stores, runs: RunRepository) -> None:
    run, new = await runs.create(a_run())
    assert (new, run.state, run.inputs) == (True, "queued", {"article": "今天天气很好。"})
    *begin, end = a_whole_run()
    await stores.events.append(str(run.id), begin)
    assert (await runs.get(run.id)).state == "running"
    await stores.events.append(str(run.id), [end])
    read = await runs.get(run.id)
    assert (read.state, read.output, read.executed_steps, read.finished) == ("succeeded", {"output": "好"}, 3, 3_000)
    records = await runs.node_records(run.id)
    assert [(record.path, record.state, record.output) for record in records] == [
        ("step_0", "succeeded", {"output": "第0步"}),
        ("step_1", "succeeded", {"output": "第1步"}),
        ("step_2", "succeeded", {"output": "第2步"}),
    ]


async def test_records_are_read_in_portions_in_the_order_in_which_steps_began(
    stores: Stores, runs: RunRepository
) -> None:
    run, _ = await runs.create(a_run())
    paths = ["z", "loop[10]/a", "loop[9]/a", "a"]
    await stores.events.append(str(run.id), [event(T.STEP_STARTED, path) for path in paths])
    await stores.events.append(str(run.id), [event(T.STEP_SUCCEEDED, path) for path in reversed(paths)])
    first = await runs.node_records(run.id, limit=3)
    rest = await runs.node_records(run.id, after=first[-1].seq)
    assert [record.path for record in [*first, *rest]] == paths
    assert [record.turn for record in first] == [None, 10, 9]


async def test_open_questions_are_listed_until_they_are_answered(stores: Stores, runs: RunRepository) -> None:
    run, _ = await runs.create(a_run())
    opened = event(
        T.WAIT_OPENED, "who", wait_id="who", kind="question", prompt="谁?", options=["我", "你"], executor="w-1"
    )
    await stores.events.append(str(run.id), [opened])
    (wait,) = await runs.waits(run.id)
    assert (wait.wait_id, wait.prompt, wait.options, wait.executor) == ("who", "谁?", ["我", "你"], "w-1")
    assert (await runs.get(run.id)).state == "waiting"
    await stores.events.append(str(run.id), [event(T.WAIT_ANSWERED, "who", wait_id="who", answer="我")])
    assert await runs.waits(run.id) == []
    (answered,) = await runs.waits(run.id, only_open=False)
    assert (answered.state, answered.answer) == ("answered", "我")
    assert (await runs.get(run.id)).state == "running"


async def test_records_belong_to_the_space_of_their_run(stores: Stores, runs: RunRepository, home: Home) -> None:
    run, _ = await runs.create(a_run())
    await stores.events.append(str(run.id), [event(T.STEP_SUCCEEDED, "a")])
    (record,) = await runs.node_records(run.id)
    assert (record.org_id, record.space_id) == (home.org_id, home.space_id)
