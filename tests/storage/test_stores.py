"""The whole of the stores: opened, closed, opened again."""

import asyncio
from pathlib import Path

import pytest

from engine.errors import InvalidInput, NotFound
from storage.errors import StorageUnavailable
from storage.sqlite.connections import sqlite_url
from storage.sqlite.plans import SqlitePlans
from storage.stores import Stores, open_stores
from tests.storage.samples import a_run, a_whole_run


async def test_what_was_kept_is_there_after_closing_and_opening_again(tmp_path: Path) -> None:
    run = a_run()
    with open_stores(tmp_path / "新" / "data") as stores:
        home = await stores.organisations.ensure_default()
        workflow = await stores.workflows(home.org_id, home.space_id).create("流程", {"nodes": []})
        await stores.runs(home.org_id, home.space_id).store_finished(run, a_whole_run())
        await stores.blobs.put("7/abc", b"x")
        await stores.plans.put("a" * 64, b"plan")
    with open_stores(tmp_path / "新" / "data") as stores:
        assert await stores.organisations.ensure_default() == home
        assert (await stores.workflows(home.org_id, home.space_id).get(workflow.id)).name == "流程"
        assert (await stores.runs(home.org_id, home.space_id).get(run.id)).state == "succeeded"
        assert len(await stores.events.read(str(run.id))) == 5
        assert await stores.blobs.get("7/abc") == b"x"
        assert stores.plans.read("a" * 64) == b"plan"


async def test_the_database_may_be_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "my data.sqlite"
    with open_stores(tmp_path / "data", sqlite_url(elsewhere)):
        assert elsewhere.exists()
    assert not (tmp_path / "data" / "mainspring.sqlite").exists()


def test_a_database_that_we_cannot_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        open_stores(tmp_path, "mysql://localhost/mainspring")


async def test_closed_stores_take_nothing_more(tmp_path: Path) -> None:
    stores = open_stores(tmp_path)
    stores.close()
    stores.close()
    with pytest.raises(StorageUnavailable):
        await stores.organisations.ensure_default()


async def test_closing_lets_go_of_those_who_follow_a_run(tmp_path: Path) -> None:
    stores, run = open_stores(tmp_path), a_run()
    await stores.runs(1, 2).create(run)
    await stores.events.append(str(run.id), a_whole_run()[:1])
    stream = aiter(stores.events.follow(str(run.id)))
    await anext(stream)
    waiting = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    stores.close()
    with pytest.raises(StorageUnavailable):
        await waiting


async def test_plans_that_do_not_fit_into_memory_are_read_again(stores: Stores) -> None:
    plans = SqlitePlans(stores.writer, stores.reader, cache_bytes=25)
    for name in "abcd":
        await plans.put(name * 64, name.encode() * 10)
    assert [plans.read(name * 64) for name in "abcd"] == [name.encode() * 10 for name in "abcd"]
    await plans.put("e" * 64, b"e" * 100)
    assert plans.read("e" * 64) == b"e" * 100
    with pytest.raises(NotFound):
        plans.read("f" * 64)
