"""What every store of data keys keeps: one current key for each organisation, and those that were."""

import asyncio

import pytest

from engine.errors import NotFound
from storage.ports import DataKeys


async def test_an_organisation_has_one_key_whoever_asks_first(data_keys: DataKeys) -> None:
    keys = await asyncio.gather(*(data_keys.current("7") for _ in range(20)))
    assert {*keys} == {keys[0]}
    assert len(keys[0].key) == 32


async def test_organisations_and_the_instance_have_keys_of_their_own(data_keys: DataKeys) -> None:
    keys = [await data_keys.current(org) for org in ("7", "8", "")]
    assert len({key.key for key in keys}) == len({key.key_id for key in keys}) == 3
    assert [await data_keys.current(org) for org in ("7", "8", "")] == keys


async def test_a_key_is_found_by_its_id(data_keys: DataKeys) -> None:
    key = await data_keys.current("7")
    assert await data_keys.get(key.key_id) == key


@pytest.mark.parametrize("key_id", ["1", "", "钥匙", "9" * 40])
async def test_a_key_that_is_not_there_is_not_found(data_keys: DataKeys, key_id: str) -> None:
    with pytest.raises(NotFound):
        await data_keys.get(key_id)


async def test_an_organisation_that_cannot_be_one_gets_no_key(data_keys: DataKeys) -> None:
    with pytest.raises(NotFound):
        await data_keys.current("somebody")
