"""What things are called in the systems they came from."""

import pytest

from engine.errors import InvalidInput
from storage.external_ids import MOST_ENTRIES
from storage.stores import Stores


async def test_what_was_kept_is_known_by_kind(stores: Stores) -> None:
    mine = stores.external_ids(1, 2)
    await mine.put({"workflow": {"7301": "11"}, "field": {"7402/101": "名称"}})
    await mine.put({"workflow": {"7301": "12", "7302": "13"}})
    assert await mine.table() == {"workflow": {"7301": "12", "7302": "13"}, "field": {"7402/101": "名称"}}


async def test_another_space_and_another_system_know_nothing_of_it(stores: Stores) -> None:
    await stores.external_ids(1, 2).put({"model": {"9": "gpt"}})
    assert await stores.external_ids(1, 3).table() == {}
    assert await stores.external_ids(2, 2).table() == {}
    assert await stores.external_ids(1, 2, "dify").table() == {}


async def test_what_is_forgotten_is_gone(stores: Stores) -> None:
    mine = stores.external_ids(1, 2)
    await mine.put({"model": {"9": "gpt"}})
    assert (await mine.forget("model", "9"), await mine.forget("model", "9"), await mine.table()) == (True, False, {})


@pytest.mark.parametrize("table", [{"colour": {"1": "2"}}, {"model": {"": "x"}}, {"model": {"1": "x" * 192}}])
async def test_a_table_that_cannot_be_is_refused(stores: Stores, table: dict[str, dict[str, str]]) -> None:
    with pytest.raises(InvalidInput):
        await stores.external_ids(1, 2).put(table)
    assert await stores.external_ids(1, 2).table() == {}


async def test_a_table_larger_than_anybody_needs_is_refused_and_a_large_one_is_kept_at_once(stores: Stores) -> None:
    mine = stores.external_ids(1, 2)
    with pytest.raises(InvalidInput, match="20001 entries"):
        await mine.put({"model": {str(number): "x" for number in range(MOST_ENTRIES + 1)}})
    await mine.put({"model": {"1": "old", "other": "kept"}})
    await mine.put({"model": {str(number): "new" for number in range(3_000)}})
    known = (await mine.table())["model"]
    assert (len(known), known["1"], known["other"]) == (3_001, "new", "kept")
