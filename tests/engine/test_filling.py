"""What is absent gets its default, a zero, or null."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.canvas import JsonSchema
from engine.conversion import convert, fill_defaults, null_fill, zero_fill, zero_of
from engine.errors import NodeFailed
from tests.engine.json_values import BLOB, SCHEMAS, VALUES

TEXT: JsonSchema = {"type": "string"}
WHOLE: JsonSchema = {"type": "integer"}
TEXTS: JsonSchema = {"type": "array", "items": TEXT}
INNER: JsonSchema = {"type": "object", "properties": {"text": TEXT, "texts": TEXTS}}
WITH_DEFAULTS: JsonSchema = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "default": "好"},
        "time": {"type": "string", "format": "date-time", "default": "noon"},
        "whole": {"type": "integer", "default": 7},
        "truth": {"type": "boolean", "default": True},
        "list": {"type": "array", "default": [1]},
        "object": {"type": "object", "default": {"a": 1}, "properties": {"b": {"default": 2}}},
        "any": {"default": 5},
    },
}
FULL = {"text": "x", "time": "now", "whole": 0, "truth": False, "list": [0], "object": {"b": 0}, "any": 0}


def record(schema: JsonSchema) -> JsonSchema:
    return {"type": "object", "properties": {"x": schema}}


@pytest.mark.parametrize(
    ("schema", "zero"),
    [
        (TEXT, ""),
        ({"type": "string", "format": "uri"}, ""),
        (WHOLE, 0),
        ({"type": "number"}, 0),
        ({"type": "boolean"}, False),
        (INNER, None),
        (TEXTS, None),
        ({}, None),
    ],
)
def test_every_type_has_its_zero(schema: JsonSchema, zero: Any) -> None:
    assert (zero_of(schema), type(zero_of(schema))) == (zero, type(zero))


@pytest.mark.parametrize(
    ("schema", "inputs", "filled"),
    [
        (TEXT, {}, ""),
        (TEXT, {"x": None}, ""),
        (TEXT, {"x": "a"}, "a"),
        (TEXT, {"x": BLOB}, BLOB),
        (WHOLE, {}, 0),
        (TEXTS, {}, None),
        (TEXTS, {"x": None}, None),
        (TEXTS, {"x": ["a", None, "中"]}, ["a", "", "中"]),
        ({"type": "array", "items": {}}, {"x": [None]}, [None]),
        ({"type": "array", "items": TEXTS}, {"x": [None, [None]]}, [None, [""]]),
        ({"type": "array", "items": INNER}, {"x": [None, {"text": "a"}]}, [None, {"text": "a", "texts": None}]),
        ({"type": "object"}, {}, None),
        (INNER, {}, {"text": None, "texts": None}),
        (INNER, {"x": None}, {"text": None, "texts": None}),
        (INNER, {"x": {}}, {"text": None, "texts": None}),
        (INNER, {"x": {"text": None, "texts": [None], "y": 1}}, {"text": None, "texts": [""], "y": 1}),
        (record(INNER), {}, {"x": {"text": None, "texts": None}}),
        (record(INNER), {"x": {"x": None}}, {"x": None}),
    ],
)
def test_an_absent_input_is_the_zero_of_its_type(schema: JsonSchema, inputs: dict[str, Any], filled: Any) -> None:
    assert zero_fill({**inputs, "more": None}, record(schema)) == {"x": filled, "more": None}


@pytest.mark.parametrize(
    ("schema", "outputs", "filled"),
    [
        (TEXT, {}, None),
        (TEXT, {"x": None}, None),
        (TEXT, {"x": ""}, ""),
        (INNER, {}, {"text": None, "texts": None}),
        (INNER, {"x": None}, None),
        (INNER, {"x": {"text": "a"}}, {"text": "a", "texts": None}),
        (INNER, {"x": BLOB}, BLOB),
        (TEXTS, {"x": [None]}, [None]),
        ({"type": "array", "items": INNER}, {"x": [None, {}, 5]}, [None, {"text": None, "texts": None}, 5]),
        (record(INNER), {}, {"x": {"text": None, "texts": None}}),
    ],
)
def test_an_absent_output_is_null(schema: JsonSchema, outputs: dict[str, Any], filled: Any) -> None:
    assert null_fill({**outputs, "more": 1}, record(schema)) == {"x": filled, "more": 1}


def test_an_absent_output_that_is_required_can_be_refused() -> None:
    schema: JsonSchema = {**record(TEXT), "required": ["x"]}
    assert null_fill({}, schema) == {"x": None}
    assert null_fill({"x": None}, schema, refuse_missing=True) == {"x": None}
    with pytest.raises(NodeFailed, match="The output x is required") as caught:
        null_fill({}, schema, refuse_missing=True)
    assert caught.value.facts == {"field": "x"}


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (FULL, {}),
        ({**FULL, "text": "", "whole": None}, {"text": "好", "whole": 7}),
        ({**FULL, "list": [], "object": {}}, {"list": [1], "object": {"a": 1, "b": 2}}),
        ({**FULL, "list": "[]", "object": '{"c": 3}'}, {"list": [], "object": {"c": 3, "b": 2}}),
        ({**FULL, "time": "", "truth": None}, {"time": "", "truth": True}),
        ({**FULL, "object": 5, "list": "no"}, {"object": 5, "list": "no"}),
    ],
)
def test_a_default_stands_for_what_is_absent_null_or_empty(given: dict[str, Any], changed: dict[str, Any]) -> None:
    assert fill_defaults(given, WITH_DEFAULTS) == {**FULL, **changed}


def test_all_defaults_stand_where_nothing_is_given() -> None:
    assert fill_defaults({}, WITH_DEFAULTS) == {
        "text": "好",
        "time": "noon",
        "whole": 7,
        "truth": True,
        "list": [1],
        "object": {"a": 1, "b": 2},
        "any": 5,
    }


def test_defaults_reach_into_the_items_of_lists() -> None:
    schema: JsonSchema = {"type": "array", "items": WITH_DEFAULTS}
    assert fill_defaults([FULL, {**FULL, "any": None}], schema) == [FULL, {**FULL, "any": 5}]
    assert fill_defaults([None], {"type": "array", "items": {"type": "integer", "default": 3}}) == [3]


def test_nothing_given_changes_and_nothing_full_is_copied() -> None:
    given = {"x": [{"text": "a", "texts": ["b"]}]}
    schema = record({"type": "array", "items": INNER})
    assert zero_fill(given, schema)["x"] is given["x"]
    assert null_fill(given, schema)["x"] is given["x"]
    assert fill_defaults(FULL, WITH_DEFAULTS) is FULL
    partial: dict[str, Any] = {"x": [{"text": None, "texts": [None]}, {}]}
    zero_fill(partial, schema)
    null_fill(partial, schema)
    fill_defaults({"object": partial}, WITH_DEFAULTS)
    assert partial == {"x": [{"text": None, "texts": [None]}, {}]}


@given(st.dictionaries(st.sampled_from(["x", "y"]), VALUES, max_size=2), SCHEMAS)
def test_filling_twice_is_filling_once(inputs: dict[str, Any], schema: JsonSchema) -> None:
    for fill in (zero_fill, null_fill):
        filled = fill(inputs, record(schema))
        assert "x" in filled
        assert fill(filled, record(schema)) == filled


@given(st.dictionaries(st.just("x"), VALUES, max_size=1), SCHEMAS)
def test_what_is_filled_still_fits(inputs: dict[str, Any], schema: JsonSchema) -> None:
    converted, _ = convert(inputs, record(schema))
    assert isinstance(converted, dict)
    for fill in (zero_fill, null_fill):
        filled = fill(converted, record(schema))
        assert convert(filled, record(schema))[0] == filled or "enum" in str(schema)
