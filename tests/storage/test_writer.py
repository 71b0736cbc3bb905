"""One writer, many callers: each gets their own outcome, once it is safe."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from storage.database import Into
from storage.errors import StorageUnavailable
from storage.sqlite.writer import Writer

INTO = Into("word", ("id", "text"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "words.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
    connection.close()
    return file


@pytest.fixture
def writer(file: Path) -> Iterator[Writer]:
    writer = Writer(file)
    yield writer
    writer.close()


def put(number: int, text: str = "字") -> Callable[[Connection], int]:
    def job(connection: Connection) -> int:
        connection.exec_driver_sql("INSERT INTO word VALUES (?, ?)", (number, text))
        return number

    return job


def stored(file: Path) -> list[int]:
    connection = sqlite3.connect(file)
    try:
        return [number for (number,) in connection.execute("SELECT id FROM word ORDER BY id")]
    finally:
        connection.close()


async def test_what_has_returned_can_be_read_by_others(writer: Writer, file: Path) -> None:
    assert await writer.run(put(1)) == 1
    assert stored(file) == [1]


async def test_a_failing_job_does_not_spoil_its_neighbours(writer: Writer, file: Path) -> None:
    def half_done(connection: Connection) -> None:
        put(100)(connection)
        raise ValueError("no")

    outcomes = await asyncio.gather(
        writer.run(put(1)), writer.run(half_done), writer.run(put(1)), writer.run(put(2)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [int, ValueError, IntegrityError, int]
    assert stored(file) == [1, 2]


async def test_rows_that_clash_are_refused_alone(writer: Writer, file: Path) -> None:
    outcomes = await asyncio.gather(
        *(writer.insert({INTO: [(number, "a"), (number + 50, "b")]}) for number in range(5)),
        writer.insert({INTO: [(90, "whole"), (2, "taken")]}),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 5 + [IntegrityError]
    assert stored(file) == [0, 1, 2, 3, 4, 50, 51, 52, 53, 54]


async def test_many_rows_go_in_whatever_their_number(writer: Writer, file: Path) -> None:
    for start, count in ((0, 1), (10_000, 300), (20_000, 127), (30_000, 128)):
        await writer.insert({INTO: [(start + number, "字") for number in range(count)]})
    assert len(stored(file)) == 1 + 300 + 127 + 128


async def test_jobs_and_rows_keep_the_order_in_which_they_were_given(writer: Writer) -> None:
    seen: list[int] = []

    def look(connection: Connection) -> None:
        seen.append(connection.exec_driver_sql("SELECT COUNT(*) FROM word").scalar_one())

    await asyncio.gather(
        writer.run(look), writer.insert({INTO: [(1, "a")]}), writer.run(look), writer.run(put(2)), writer.run(look)
    )
    assert seen == [0, 1, 2]


def test_threads_and_loops_share_the_writer(writer: Writer, file: Path) -> None:
    async def several(start: int) -> None:
        await asyncio.gather(*(writer.run(put(start + number)) for number in range(50)))

    threads = [threading.Thread(target=asyncio.run, args=(several(100 * number),)) for number in range(3)]
    for thread in threads:
        thread.start()
    futures = [writer.submit(put(1_000 + number)) for number in range(50)]
    for thread in threads:
        thread.join()
    assert [future.result() for future in futures] == [*range(1_000, 1_050)]
    assert len(stored(file)) == 200


async def test_a_cancelled_wait_does_not_stop_the_job(writer: Writer, file: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        begun.set()
        go_on.wait()
        put(1)(connection)

    waiting = asyncio.create_task(writer.run(slow))
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    go_on.set()
    assert await writer.run(put(2)) == 2
    assert waiting.cancelled()
    assert stored(file) == [1, 2]


def test_closing_writes_what_was_given_and_refuses_what_comes_later(writer: Writer, file: Path) -> None:
    futures = [writer.submit(put(number)) for number in range(500)]
    writer.close()
    done, _ = wait(futures, timeout=0)
    assert len(done) == 500
    assert len(stored(file)) == 500
    with pytest.raises(StorageUnavailable):
        writer.submit(put(1_000))
    writer.close()


async def test_a_database_held_by_another_process_is_unavailable_until_it_is_free(file: Path) -> None:
    writer = Writer(file, busy_seconds=0.05)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageUnavailable) as raised:
        await writer.run(put(1))
    assert raised.value.retryable
    other.execute("COMMIT")
    assert await writer.run(put(1)) == 1
    other.close()
    writer.close()


async def test_a_transaction_that_the_database_gives_up_fails_all_who_took_part(writer: Writer, file: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        begun.set()
        go_on.wait()

    def give_up(connection: Connection) -> None:
        # What SQLite does by itself when the disk is full.
        connection.exec_driver_sql("ROLLBACK")
        raise OSError("the disk is full")

    first = asyncio.create_task(writer.run(hold))
    await asyncio.to_thread(begun.wait)
    together = asyncio.gather(writer.run(put(1)), writer.run(give_up), writer.run(put(2)), return_exceptions=True)
    await asyncio.sleep(0)
    go_on.set()
    await first
    assert {type(outcome) for outcome in await together} == {StorageUnavailable}
    assert await writer.run(put(3)) == 3
    assert stored(file) == [3]


async def test_a_full_disk_fails_what_does_not_fit_and_nothing_else(writer: Writer, file: Path) -> None:
    def limit(pages: int) -> Callable[[Connection], None]:
        return lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").close()

    await writer.run(limit(8))
    with pytest.raises(StorageUnavailable, match="full"):
        await writer.run(put(1, "x" * 100_000))
    with pytest.raises(StorageUnavailable, match="full"):
        await writer.insert({INTO: [(2, "x" * 100_000)]})
    assert await writer.run(put(3)) == 3
    await writer.run(limit(1_000))
    await writer.insert({INTO: [(4, "x" * 100_000)]})
    assert stored(file) == [3, 4]
