"""What variables are, as the relational store keeps it."""

import pytest

from engine.errors import Conflict, InvalidInput, NotFound
from storage.definitions import DefinitionRepository
from storage.organisations import Home
from storage.ports.variables import VariableDefinition
from storage.stores import Stores

VISITS = VariableDefinition("app", "visits", {"type": "integer"}, 3, "How often", enabled=True)


@pytest.fixture
def definitions(stores: Stores, home: Home) -> DefinitionRepository:
    return DefinitionRepository(stores.database, home.org_id, home.space_id)


async def test_a_definition_comes_back_as_it_was(definitions: DefinitionRepository) -> None:
    made = await definitions.create("shop", VISITS)
    assert await definitions.get(made.id) == made
    assert await definitions.of("shop", "app") == {"visits": VISITS}
    assert await definitions.of("shop", "user") == await definitions.of("", "app") == {}


async def test_runs_find_it_through_the_port(stores: Stores, home: Home, definitions: DefinitionRepository) -> None:
    await definitions.create("shop", VISITS)
    org_id, space_id = str(home.org_id), str(home.space_id)
    assert await stores.variables.definitions(org_id, space_id, "shop", "app") == {"visits": VISITS}
    assert await stores.variables.definitions(org_id, "1", "shop", "app") == {}
    assert await stores.variables.definitions("no id", space_id, "shop", "app") == {}


async def test_a_name_is_defined_once(definitions: DefinitionRepository) -> None:
    await definitions.create("shop", VISITS)
    with pytest.raises(Conflict):
        await definitions.create("shop", VISITS)
    await definitions.create("", VISITS)


async def test_a_name_that_no_index_takes_is_refused(definitions: DefinitionRepository) -> None:
    for name in ("", "1a", "a-b", "x" * 65):
        with pytest.raises(InvalidInput):
            await definitions.create("shop", VariableDefinition("app", name, {"type": "string"}))
    with pytest.raises(InvalidInput):
        await definitions.create("x" * 192, VISITS)


async def test_another_spaces_definition_is_not_found(
    stores: Stores, home: Home, definitions: DefinitionRepository
) -> None:
    made = await definitions.create("shop", VISITS)
    other = DefinitionRepository(stores.database, home.org_id, home.space_id + 1)
    with pytest.raises(NotFound):
        await other.get(made.id)
    with pytest.raises(NotFound):
        await other.change(made.id, VISITS)
    with pytest.raises(NotFound):
        await other.delete(made.id)
    assert (await other.page()).items == []


async def test_values_are_forgotten_by_name_or_all(stores: Stores) -> None:
    variables = stores.variables
    await variables.write("7", "8", "user", "安娜", {"a": 1, "b": None, "c": 3})
    assert {name: value for name, (value, _) in (await variables.all("7", "8", "user", "安娜")).items()} == {
        "a": 1,
        "b": None,
        "c": 3,
    }
    assert await variables.forget("7", "8", "user", "安娜", ["a", "x"]) == 1
    assert [*await variables.all("7", "8", "user", "安娜")] == ["b", "c"]
    assert await variables.forget("7", "8", "user", "安娜") == 2
    assert await variables.all("7", "8", "user", "安娜") == {}
