"""Organisations, spaces, and the tokens that open them."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import InvalidInput, NotFound
from storage.audit import Actor
from storage.organisations import Home
from storage.stores import Stores, open_stores
from storage.tokens import new_token


async def test_the_first_start_makes_one_organisation_with_one_space(stores: Stores, tmp_path: Path) -> None:
    with open_stores(tmp_path / "data") as other_process:
        homes = await asyncio.gather(
            *(one.organisations.ensure_default() for one in (stores, other_process) for _ in range(5))
        )
    (home,) = set(homes)
    assert (await stores.organisations.get(home.org_id)).key == "default"
    assert [space.id for space in await stores.organisations.spaces(home.org_id)] == [home.space_id]


async def test_an_unknown_organisation_is_not_found(stores: Stores) -> None:
    with pytest.raises(NotFound):
        await stores.organisations.get(1)
    assert await stores.organisations.spaces(1) == []


async def test_a_registered_token_opens_its_space(stores: Stores, home: Home) -> None:
    token = new_token()
    assert await stores.callers.by_token(token) is None
    await stores.tokens.register(home.org_id, home.space_id, "第一个", token)
    await stores.tokens.register(home.org_id, home.space_id, "again", token)
    caller = await stores.callers.by_token(token)
    assert caller is not None
    assert (caller.org_id, caller.space_id, caller.name) == (home.org_id, home.space_id, "第一个")
    assert await stores.callers.by_token(token.lower()) is None
    assert await stores.callers.by_token("\ud83d") is None


async def test_the_first_use_of_a_token_is_noted(stores: Stores, home: Home) -> None:
    token = new_token()
    await stores.tokens.register(home.org_id, home.space_id, "cli", token)
    (before,) = await stores.tokens.of(home.org_id)
    await stores.callers.by_token(token, "192.0.2.7")
    (after,) = await stores.tokens.of(home.org_id)
    assert before.last_used is None
    assert (after.last_used is not None, after.last_ip) == (True, "192.0.2.7")


async def test_the_database_does_not_know_the_token_itself(stores: Stores, home: Home, tmp_path: Path) -> None:
    token = new_token()
    await stores.tokens.register(home.org_id, home.space_id, "cli", token)
    with closing(sqlite3.connect(tmp_path / "data" / "mainspring.sqlite")) as connection:
        assert token not in "\n".join(connection.iterdump())


async def test_a_token_of_the_instance_that_was_replaced_opens_nothing(stores: Stores, home: Home) -> None:
    token, other = new_token(), new_token()
    await stores.tokens.register(home.org_id, home.space_id, "cli", token)
    (known,) = await stores.tokens.of(home.org_id)
    epoch = await stores.callers.epoch()
    with pytest.raises(NotFound):
        await stores.tokens.replace(1, other, Actor())
    await stores.tokens.replace(known.id, other, Actor())
    assert await stores.callers.by_token(token) is None
    assert await stores.callers.by_token(other) is not None
    assert await stores.callers.epoch() > epoch


async def test_of_two_tokens_of_one_name_the_one_that_is_wanted_remains(stores: Stores, home: Home) -> None:
    token, other, third = new_token(), new_token(), new_token()
    await stores.tokens.register(home.org_id, home.space_id, "first start", token)
    await stores.tokens.register(home.org_id, home.space_id, "another", third)
    await stores.tokens.register(home.org_id, home.space_id, "first start", other)
    await stores.tokens.end_others("first start", other)
    known = [await stores.callers.by_token(one) is not None for one in (token, other, third)]
    assert known == [False, True, True]


async def test_a_token_has_a_name(stores: Stores, home: Home) -> None:
    with pytest.raises(InvalidInput):
        await stores.tokens.register(home.org_id, home.space_id, " ", new_token())


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) > 40
