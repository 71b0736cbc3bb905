"""What every store of variables keeps."""

import pytest

from engine.errors import InvalidInput
from engine.values import Json
from storage.ports import Variables


async def test_values_come_back_as_they_were(variables: Variables) -> None:
    values: dict[str, Json] = {"名字": "安娜", "n": 1.5, "list": [1, {"a": None}], "nothing": None, "empty": ""}
    await variables.write("7", "8", "user", "anna", values)
    assert await variables.read("7", "8", "user", "anna", [*values]) == values


async def test_only_what_was_asked_for_and_is_set_is_read(variables: Variables) -> None:
    await variables.write("7", "8", "app", "12", {"a": 1, "b": 2})
    assert await variables.read("7", "8", "app", "12", ["b", "c"]) == {"b": 2}
    assert await variables.read("7", "8", "app", "12", []) == {}


async def test_writing_changes_what_is_named_and_nothing_else(variables: Variables) -> None:
    await variables.write("7", "8", "user", "anna", {"a": 1, "b": 2})
    await variables.write("7", "8", "user", "anna", {"a": 3})
    await variables.write("7", "8", "user", "anna", {})
    assert await variables.read("7", "8", "user", "anna", ["a", "b"]) == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    ("org", "space", "owner"), [("9", "8", "anna"), ("7", "9", "anna"), ("7", "8", "Anna"), ("no id", "8", "anna")]
)
async def test_what_belongs_to_others_is_not_there(variables: Variables, org: str, space: str, owner: str) -> None:
    await variables.write("7", "8", "user", "anna", {"a": 1})
    assert await variables.read(org, space, "user", owner, ["a"]) == {}


async def test_users_and_apps_of_one_name_do_not_meet(variables: Variables) -> None:
    await variables.write("7", "8", "user", "12", {"a": 1})
    assert await variables.read("7", "8", "app", "12", ["a"]) == {}


async def test_a_name_that_no_index_takes_is_refused(variables: Variables) -> None:
    with pytest.raises(InvalidInput):
        await variables.write("7", "8", "user", "anna", {"x" * 192: 1})


async def test_names_differ_by_case(variables: Variables) -> None:
    await variables.write("7", "8", "user", "anna", {"a": 1, "A": 2})
    assert await variables.read("7", "8", "user", "anna", ["a", "A"]) == {"a": 1, "A": 2}
