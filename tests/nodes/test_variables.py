"""Variables as nodes read and set them: whose they are, of which type, and what they are before anybody set them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.canvas import Canvas
from engine.errors import FlowError, InvalidInput, NodeFailed
from engine.values import Json
from nodes.data.assign_variables import assign_variables
from nodes.variable_rules import check_assignments
from nodes.variables import Holder, read_variables, write_variables
from storage.ports.variables import VariableDefinition, VariableScope
from tests.nodes.context import RUN, KeptVariables, NodeWorld
from tests.nodes.drawing import LIBRARY, canvas, end, findings, node, start

ANNA = Holder("10", "20", "安娜", "shop", workflow_id="30")
TYPES: dict[str, dict[str, Json]] = {
    "text": {"type": "string"},
    "count": {"type": "integer"},
    "price": {"type": "number"},
    "ready": {"type": "boolean"},
    "person": {"type": "object", "properties": {"age": {"type": "integer"}}},
    "tags": {"type": "array", "items": {"type": "string"}},
}


def defining(scope: VariableScope = "user", **initial: Json) -> KeptVariables:
    """A store where the application shop has a variable of every type."""
    made = [VariableDefinition(scope, name, schema, initial.get(name)) for name, schema in TYPES.items()]
    return KeptVariables(defined={"shop": made})


# --- whose ------------------------------------------------------------------------------------------------------------


def test_variables_belong_to_the_user_of_an_application_on_a_channel() -> None:
    places = [
        ANNA,
        replace(ANNA, user_id="bob"),
        replace(ANNA, app_id="other"),
        replace(ANNA, channel="web"),
        replace(ANNA, app_id="", channel="shop"),
        replace(ANNA, app_id=""),
    ]
    assert len({one.owner("user") for one in places}) == len(places)
    assert all(len(one.owner("user")) <= 191 for one in [*places, replace(ANNA, user_id="x" * 191)])


def test_without_application_and_channel_they_are_the_users_in_the_whole_space() -> None:
    plain = Holder("10", "20", "40", workflow_id="30")
    assert (plain.owner("user"), plain.owner("app")) == ("40", "30")
    assert ANNA.owner("app") == "shop"


def test_nobody_gets_at_anothers_variables_by_a_clever_name() -> None:
    sly = Holder("10", "20", ANNA.owner("user"))
    assert sly.owner("user") != ANNA.owner("user")


def test_who_has_no_name_has_no_variables() -> None:
    assert replace(ANNA, user_id="").owner("user") == ""


# --- reading ----------------------------------------------------------------------------------------------------------


async def read(store: KeptVariables, *names: str, scope: VariableScope = "user") -> dict[str, Json]:
    values, _ = await read_variables(store, ANNA, scope, names)
    return values


async def test_what_nobody_set_is_the_default_or_else_the_empty_of_its_type() -> None:
    empty: dict[str, Json] = {
        "text": "", "count": 0, "price": 0.0, "ready": False, "person": None, "tags": None,
    }  # fmt: skip
    assert await read(defining(), *TYPES) == empty
    assert await read(defining(count=7, tags=["茶"]), "count", "tags", "text") == {
        "count": 7,
        "tags": ["茶"],
        "text": "",
    }


async def test_what_was_set_is_read_whatever_the_default() -> None:
    store = defining(count=7)
    await write_variables(store, ANNA, "user", {"count": 0, "ready": True, "person": {"age": 30}})
    assert await read(store, "count", "ready", "person") == {"count": 0, "ready": True, "person": {"age": 30}}


@pytest.mark.parametrize(
    ("name", "stored", "value"),
    [
        ("count", "12", 12),
        ("count", "", 0),
        ("count", 3.9, 3),
        ("price", "1.5", 1.5),
        ("ready", "", False),
        ("ready", "true", True),
        ("person", "", None),
        ("person", '{"age": "30"}', {"age": 30}),
        ("tags", '["a"]', ["a"]),
        ("text", 12, "12"),
        ("text", "", ""),
        ("text", None, ""),
    ],
)
async def test_a_stored_value_is_read_as_the_type_defined_now(name: str, stored: Json, value: Json) -> None:
    store = defining()
    await store.write("10", "20", "user", ANNA.owner("user"), {name: stored})
    assert await read(store, name) == {name: value}


async def test_a_stored_value_that_fits_no_more_is_null_and_told() -> None:
    store = defining()
    await store.write("10", "20", "user", ANNA.owner("user"), {"count": "many"})
    values, said = await read_variables(store, ANNA, "user", ["count"])
    assert values == {"count": None}
    assert "count" in said[0]


async def test_a_name_that_is_not_defined_is_an_error_once_any_is() -> None:
    for store in (defining(), defining("user")):
        with pytest.raises(NodeFailed) as failed:
            await read(store, "tax")
        assert failed.value.facts["number"] == 777777764
        assert "count" in failed.value.message
    assert await read(defining("app"), "tax") == {}


async def test_a_variable_switched_off_is_not_there() -> None:
    store = KeptVariables(
        defined={"shop": [VariableDefinition("user", "tax", {"type": "integer"}, enabled=False)]},
    )
    with pytest.raises(NodeFailed):
        await read(store, "tax")


async def test_where_nothing_is_defined_every_name_is_a_variable() -> None:
    store = KeptVariables()
    await write_variables(store, ANNA, "app", {"any": [1]})
    assert await read(store, "any", "thing", scope="app") == {"any": [1]}


# --- setting ----------------------------------------------------------------------------------------------------------


async def assign(world: NodeWorld, inputs: dict[str, Json], **settings: Json) -> dict[str, Json]:
    return await assign_variables.run(inputs, replace(world, settings=settings))


async def test_one_node_sets_a_user_and_an_app_variable_of_one_name() -> None:
    world = NodeWorld(run=replace(RUN, app_id="shop"))
    done = await assign(
        world,
        {"mine": "茶", "ours": "咖啡"},
        scopes={"mine": "user", "ours": "app"},
        names={"mine": "drink", "ours": "drink"},
    )
    assert done == {"isSuccess": True}
    holder = Holder.of(world.run)
    for scope, value in (("user", "茶"), ("app", "咖啡")):
        assert (await read_variables(world.variables, holder, scope, ["drink"]))[0] == {"drink": value}  # type: ignore[arg-type]


async def test_variables_are_set_in_the_order_of_the_settings() -> None:
    world = NodeWorld()
    scopes: Json = {"first": "app", "second": "app"}
    names: Json = {"first": "x", "second": "x"}
    await assign(world, {"second": 2, "first": 1}, scopes=scopes, names=names)
    assert world.variables.kept["10", "20", "app", "30"] == {"x": 2}


async def test_a_value_that_is_missing_fails_before_anything_is_set() -> None:
    world = NodeWorld()
    with pytest.raises(NodeFailed) as failed:
        await assign(world, {"a": 1}, scopes={"a": "app", "b": "app"})
    assert failed.value.facts["number"] == 777777763
    assert world.variables.kept == {}


async def test_a_value_is_kept_as_its_type_or_refused() -> None:
    world = NodeWorld(run=replace(RUN, app_id="shop"), variables=defining("app"))
    await assign(world, {"count": "12"}, scopes={"count": "app"})
    assert world.variables.kept["10", "20", "app", "shop"] == {"count": 12}
    with pytest.raises(InvalidInput):
        await assign(world, {"count": "many"}, scopes={"count": "app"})
    with pytest.raises(NodeFailed):
        await assign(world, {"tax": 1}, scopes={"tax": "app"})


async def test_a_run_without_a_user_cannot_set_user_variables() -> None:
    with pytest.raises(FlowError):
        await assign(NodeWorld(run=replace(RUN, user_id="")), {"a": 1}, scopes={"a": "user"})


def test_system_variables_are_not_to_be_set() -> None:
    drawn = node("set", "assign_variables", {"a": {"value": 1}}, settings={"scopes": {"a": "system"}})
    found = findings(start(), drawn, end(), lines="start>set set>end")
    assert [one.node for one in found if one.severity == "error"] == ["set"]


def test_a_name_for_an_input_that_is_not_there_is_found() -> None:
    settings = {"scopes": {"a": "app"}, "names": {"b": "x"}}
    drawn = node("set", "assign_variables", {"a": {"value": 1}}, settings=settings)
    assert [one.code for one in findings(start(), drawn, end(), lines="start>set set>end")] == ["unknown_input"]


# --- rules ------------------------------------------------------------------------------------------------------------


def assigning(value: Any, **data: Any) -> Canvas:
    """A canvas that sets the user's variable `x`."""
    outputs = {"type": "object", "properties": {**TYPES, "people": {"type": "array", "items": TYPES["person"]}}}
    begin = {"id": "start", "type": "start", "data": {"outputs": outputs}}
    drawn = node("set", "assign_variables", {"x": value}, settings={"scopes": {"x": "user"}}, **data)
    return canvas(begin, drawn, end(), lines="start>set set>end")


def misfits(drawn: Canvas, kind: dict[str, Json]) -> list[str]:
    defined = {"user": {"x": VariableDefinition("user", "x", kind)}, "app": {}}
    return [one.code for one in check_assignments(drawn, LIBRARY.types, defined)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "kind", "fits"),
    [
        ({"value": 3}, "integer", True),
        ({"value": "3"}, "integer", True),
        ({"value": "three"}, "integer", False),
        ({"value": None}, "integer", True),
        ({"template": "{{start.text}}"}, "string", True),
        ({"template": "{{start.text}}"}, "integer", False),
        ({"ref": ["start", "count"]}, "integer", True),
        ({"ref": ["start", "count"]}, "number", True),
        ({"ref": ["start", "price"]}, "integer", False),
        ({"ref": ["start", "text"]}, "boolean", False),
        ({"ref": ["start", "person", "age"]}, "integer", True),
        ({"ref": ["start", "people", "age"]}, "string", False),
        ({"ref": ["start", "nothing"]}, "string", True),
        ({"ref": ["user", "x"]}, "string", True),
        ({"object": {"a": {"value": 1}}}, "object", True),
        ({"object": {"a": {"value": 1}}}, "array", False),
        ({"list": [{"value": 1}]}, "array", True),
    ],
)
def test_a_variable_set_to_another_type_is_found(value: Any, kind: str, fits: bool) -> None:
    assert misfits(assigning(value), {"type": kind}) == ([] if fits else ["variable_type_mismatch"])


def test_a_list_of_another_type_is_found() -> None:
    drawn = assigning({"ref": ["start", "tags"]})
    assert misfits(drawn, {"type": "array", "items": {"type": "string"}}) == []
    assert misfits(drawn, {"type": "array", "items": {"type": "integer"}}) == ["variable_type_mismatch"]


def test_the_type_that_the_author_declares_counts() -> None:
    drawn = assigning({"ref": ["start", "text"]}, types={"x": {"type": "integer"}})
    assert misfits(drawn, {"type": "integer"}) == []


def test_what_is_not_defined_or_switched_off_passes() -> None:
    drawn = assigning({"ref": ["start", "text"]})
    off = VariableDefinition("user", "x", {"type": "integer"}, enabled=False)
    assert check_assignments(drawn, LIBRARY.types, {"user": {"x": off}, "app": {}}) == []
    assert check_assignments(drawn, LIBRARY.types, {"user": {}, "app": {}}) == []
