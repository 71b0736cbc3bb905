"""Values are made to fit the types that canvases declare."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.canvas import JsonSchema
from engine.conditions import same
from engine.conversion import convert, convert_strictly, start_input
from engine.errors import FlowError, InvalidInput, LimitExceeded
from tests.engine.json_values import BLOB, SCHEMAS, VALUES, outcome

TEXT: JsonSchema = {"type": "string"}
WHOLE: JsonSchema = {"type": "integer"}
NUMBER: JsonSchema = {"type": "number"}
TRUTH: JsonSchema = {"type": "boolean"}
OBJECT: JsonSchema = {"type": "object"}
LIST: JsonSchema = {"type": "array"}
ALL = (TEXT, WHOLE, NUMBER, TRUTH, OBJECT, LIST)


def list_of(items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items}


def record(properties: Mapping[str, JsonSchema], *required: str) -> JsonSchema:
    return {"type": "object", "properties": dict(properties), "required": list(required)}


PERSON = record({"name": TEXT, "age": WHOLE}, "name")

CONVERTED: tuple[tuple[JsonSchema, Any, Any], ...] = (
    (TEXT, "李雷", "李雷"),
    (TEXT, "", ""),
    (TEXT, 12, "12"),
    (TEXT, -0.5, "-0.5"),
    (TEXT, 3.0, "3"),
    (TEXT, 1e21, "1000000000000000000000"),
    (TEXT, 1e-7, "0.0000001"),
    (TEXT, True, "true"),
    (TEXT, False, "false"),
    (TEXT, {"b": [1, None], "a": "中"}, '{"a":"中","b":[1,null]}'),
    (TEXT, [], "[]"),
    (WHOLE, 5, 5),
    (WHOLE, 2**63 - 1, 2**63 - 1),
    (WHOLE, 3.9, 3),
    (WHOLE, -3.9, -3),
    (WHOLE, "-42", -42),
    (WHOLE, "+007", 7),
    (NUMBER, 5, 5),
    (NUMBER, 2.5, 2.5),
    (NUMBER, "5", 5),
    (NUMBER, "2.50", 2.5),
    (NUMBER, "-.5e1", -5.0),
    (NUMBER, 10**30, 1e30),
    (TRUTH, True, True),
    (TRUTH, "True", True),
    (TRUTH, "t", True),
    (TRUTH, "1", True),
    (TRUTH, "FALSE", False),
    (TRUTH, "0", False),
    (OBJECT, {"任": 1}, {"任": 1}),
    (OBJECT, ' {"a": [1]}', {"a": [1]}),
    (LIST, [1, "a"], [1, "a"]),
    (LIST, '["a", {}]', ["a", {}]),
    (list_of(WHOLE), ["1", 2.0, None], [1, 2, None]),
    (list_of(list_of(TEXT)), [[1], "[2]"], [["1"], ["2"]]),
    (PERSON, {"name": 5, "age": "6", "more": [1]}, {"name": "5", "age": 6, "more": [1]}),
    (PERSON, '{"name": "韩梅梅", "age": null}', {"name": "韩梅梅", "age": None}),
    (record({"inner": PERSON}), {"inner": '{"name": true}'}, {"inner": {"name": "true"}}),
    ({"type": "object", "additionalProperties": TEXT}, {"Accept": 1, "X": None}, {"Accept": "1", "X": None}),
    ({"type": "integer", "enum": [1, 2]}, "2", 2),
    ({"enum": [1, "a"]}, 1.0, 1.0),
    ({}, {"any": [True, 1.5]}, {"any": [True, 1.5]}),
    ({"type": "whatever"}, 5, 5),
    ({"type": ["string", "null"]}, 5, 5),
    ({"type": "object", "properties": 5, "required": "x", "additionalProperties": 1}, {"a": 1}, {"a": 1}),
    (list_of(TEXT), [BLOB, 1], [BLOB, "1"]),
    (TEXT, [1, BLOB], [1, BLOB]),
)

# schema, value, what stands instead, the path that the warning names
UNFIT: tuple[tuple[JsonSchema, Any, Any, str], ...] = (
    (TEXT, math.nan, None, "x"),
    (WHOLE, "3.5", None, "x"),
    (WHOLE, " 3", None, "x"),
    (WHOLE, "", None, "x"),
    (WHOLE, "1_000", None, "x"),
    (WHOLE, "٣", None, "x"),
    (WHOLE, True, None, "x"),
    (WHOLE, 2**63, None, "x"),
    (WHOLE, "9" * 5_000, None, "x"),
    (WHOLE, 1e300, None, "x"),
    (WHOLE, math.inf, None, "x"),
    (WHOLE, [1], None, "x"),
    (NUMBER, "abc", None, "x"),
    (NUMBER, "nan", None, "x"),
    (NUMBER, "1e999", None, "x"),
    (NUMBER, math.nan, None, "x"),
    (NUMBER, 10**400, None, "x"),
    (NUMBER, False, None, "x"),
    (TRUTH, 1, None, "x"),
    (TRUTH, "yes", None, "x"),
    (OBJECT, "{", None, "x"),
    (OBJECT, "[]", None, "x"),
    (OBJECT, [], None, "x"),
    (LIST, "{}", [], "x"),
    (LIST, "a,b", [], "x"),
    (LIST, {"a": 1}, [], "x"),
    (list_of(WHOLE), [1, "二", 3], [1, 3], "x[1]"),
    (list_of(PERSON), [{"name": "a"}, 5], [{"name": "a"}], "x[1]"),
    (list_of(PERSON), [{"name": "a", "age": "old"}], [{"name": "a", "age": None}], "x[0].age"),
    (list_of(list_of(WHOLE)), [[1], "no"], [[1]], "x[1]"),
    (record({"tags": list_of(TEXT)}), {"tags": 5}, {"tags": []}, "x.tags"),
    ({"type": "string", "enum": ["GET", "POST"]}, "PUT", None, "x"),
    ({"type": "integer", "enum": [1]}, True, None, "x"),
    ({"enum": [1]}, True, None, "x"),
)


@pytest.mark.parametrize(("schema", "value", "expected"), CONVERTED)
def test_a_value_becomes_what_its_type_says(schema: JsonSchema, value: Any, expected: Any) -> None:
    made, warnings = convert(value, schema)
    assert (made, type(made), warnings) == (expected, type(expected), [])
    assert convert_strictly(value, schema) == expected


@pytest.mark.parametrize(("schema", "value", "expected", "path"), UNFIT)
def test_what_does_not_fit_is_replaced_with_a_warning_that_names_it(
    schema: JsonSchema, value: Any, expected: Any, path: str
) -> None:
    made, warnings = convert(value, schema, path="x")
    assert made == expected
    assert [warning.split(" must be ")[0] for warning in warnings] == [path]


@pytest.mark.parametrize(("schema", "value", "expected", "path"), UNFIT)
def test_strictly_what_does_not_fit_is_refused_with_its_field(
    schema: JsonSchema, value: Any, expected: Any, path: str
) -> None:
    with pytest.raises(InvalidInput, match="must be") as caught:
        convert_strictly(value, schema, field="x")
    assert caught.value.facts == {"field": path}
    assert caught.value.message.startswith(path)


@pytest.mark.parametrize("schema", ALL)
def test_null_and_values_by_reference_fit_every_type(schema: JsonSchema) -> None:
    assert convert(None, schema) == (None, [])
    assert convert(BLOB, schema) == (BLOB, [])
    assert convert_strictly({"a": BLOB, "b": None}, record({"a": schema, "b": schema}, "a", "b")) == {
        "a": BLOB,
        "b": None,
    }


@pytest.mark.parametrize(
    ("schema", "value", "sentence"),
    [
        (WHOLE, "abc", 'age must be a whole number of at most 64 bits, but the text "abc" came.'),
        (WHOLE, "长" * 50, f'age must be a whole number of at most 64 bits, but the text "{"长" * 40}…" came.'),
        (TRUTH, 5, "age must be true or false, but the number 5 came."),
        (NUMBER, True, "age must be a number, but true came."),
        (OBJECT, [1], "age must be an object, but a list came."),
        (
            {"type": "string", "enum": ["GET", 1, None]},
            "PUT",
            'age must be one of: the text "GET", the number 1, null, but the text "PUT" came.',
        ),
    ],
)
def test_the_sentence_says_what_came_and_what_would_be_right(schema: JsonSchema, value: Any, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        convert_strictly({"age": value}, record({"age": schema}))
    assert caught.value.message == sentence


def test_a_number_too_long_to_write_is_refused_as_any_other() -> None:
    for schema in (TEXT, WHOLE, NUMBER, TRUTH):
        made, warnings = convert(10**5_000, schema)
        assert (made, len(warnings)) == (None, 1)
        assert warnings[0].endswith("but a number came.")


def test_a_required_member_must_be_there_but_may_be_null() -> None:
    people = record({"people": list_of(PERSON)})
    assert convert_strictly({"people": [{"name": None}]}, people) == {"people": [{"name": None}]}
    with pytest.raises(InvalidInput) as caught:
        convert_strictly({"people": [{"name": "a"}, {"age": 1}]}, people, field="inputs")
    assert caught.value.facts == {"field": "inputs.people[1].name", "number": 720702002}
    assert caught.value.message == "inputs.people[1].name is required and absent; it must be a text."


def test_leniently_a_required_member_may_be_absent() -> None:
    assert convert({"age": "1"}, PERSON) == ({"age": 1}, [])


def test_only_the_first_warnings_are_told() -> None:
    made, warnings = convert(["x"] * 1_000, list_of(WHOLE))
    assert made == []
    assert len(warnings) == 21
    assert warnings[-1] == "There are 980 more findings like these."


def test_what_fits_already_is_not_copied() -> None:
    value = {"people": [{"name": "a", "age": 1}], "tags": ["x"] * 3, "score": 1.5}
    schema = record({"people": list_of(PERSON), "tags": list_of(TEXT), "score": NUMBER}, "tags")
    assert convert(value, schema)[0] is value
    assert convert_strictly(value, schema) is value


def test_the_value_that_came_is_never_changed() -> None:
    value = {"people": [{"name": 1}, 5], "tags": '["x"]'}
    convert(value, record({"people": list_of(PERSON), "tags": LIST}))
    assert value == {"people": [{"name": 1}, 5], "tags": '["x"]'}


def deep_list(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def deep_schema(depth: int) -> JsonSchema:
    schema: JsonSchema = TEXT
    for _ in range(depth):
        schema = list_of(schema)
    return schema


def test_two_hundred_levels_are_converted() -> None:
    made, _ = convert(deep_list(200), deep_schema(200))
    text = convert(made, TEXT)[0]
    assert text == "[" * 200 + '"1"' + "]" * 200


@pytest.mark.parametrize("depth", [201, 2_000])
def test_deeper_ones_are_refused(depth: int) -> None:
    with pytest.raises(LimitExceeded, match="200 levels"):
        convert(deep_list(depth), deep_schema(depth))
    with pytest.raises(LimitExceeded, match="200 levels"):
        convert(deep_list(depth), TEXT)
    with pytest.raises(LimitExceeded, match="200 levels"):
        convert("[" * depth + "]" * depth, LIST)
    with pytest.raises(LimitExceeded, match=r"^inputs is nested") as caught:
        start_input({"x": deep_list(depth)}, OBJECT)
    assert caught.value.facts == {"limit": 200, "field": "inputs"}


@given(VALUES, SCHEMAS)
def test_conversion_always_ends_in_a_value_that_converts_to_itself(value: Any, schema: JsonSchema) -> None:
    made: Any = convert(value, schema)[0]
    again: Any
    again, warnings = convert(made, schema)
    assert same(again, made)
    assert warnings == [] or "enum" in str(schema)


@given(VALUES, SCHEMAS)
def test_strict_conversion_agrees_with_the_lenient_one_or_refuses(value: Any, schema: JsonSchema) -> None:
    made, warnings = convert(value, schema)
    strict = outcome(convert_strictly, value, schema)
    if isinstance(strict, FlowError):
        assert strict.message == warnings[0]
    else:
        assert same(strict, made)  # type: ignore[arg-type]
        assert warnings == []


# --- the input of a run ----------------------------------------------------------------------------

START = record(
    {
        "name": {"type": "string", "default": "无名"},
        "count": {"type": "integer", "default": "3"},
        "when": {"type": "string", "format": "date-time", "default": "2026-01-01"},
        "tags": {"type": "array", "items": TEXT, "default": ["a"]},
        "person": PERSON,
        "note": TEXT,
    },
    "name",
)


@pytest.mark.parametrize(
    ("inputs", "name", "count", "when", "tags"),
    [
        ({}, "无名", 3, "2026-01-01", ["a"]),
        ({"name": None, "count": None, "tags": None}, "无名", 3, "2026-01-01", ["a"]),
        ({"name": "", "tags": [], "when": ""}, "无名", 3, "", ["a"]),
        ({"name": "x", "count": 0, "tags": "[]"}, "x", 0, "2026-01-01", []),
    ],
)
def test_defaults_stand_where_a_run_is_given_nothing(
    inputs: dict[str, Any], name: str, count: int, when: str, tags: list[str]
) -> None:
    made = start_input(inputs, START)
    assert [made["name"], made["count"], made["when"], made["tags"]] == [name, count, when, tags]


def test_what_a_run_is_not_given_is_null() -> None:
    made = start_input({"more": 1}, START)
    assert made["person"] == {"name": None, "age": None}
    assert made["note"] is None
    assert made["more"] == 1


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"count": "many"}, "inputs.count"),
        ({"tags": [[], {}], "person": {"name": "a", "age": "old"}}, "inputs.person.age"),
        ({"person": {"age": 1}}, "inputs.person.name"),
    ],
)
def test_a_run_with_wrong_input_is_refused_with_the_field(inputs: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        start_input(inputs, START)
    assert caught.value.facts["field"] == field


@given(st.dictionaries(st.sampled_from(["name", "count", "person", "x"]), VALUES, max_size=3))
def test_the_input_of_a_run_is_taken_or_refused_with_a_sentence(inputs: dict[str, Any]) -> None:
    made = outcome(start_input, inputs, START)
    if isinstance(made, FlowError):
        assert str(made.facts["field"]).startswith("inputs.")
    else:
        assert {"name", "count", "when", "tags", "person", "note"} <= made.keys()
        assert start_input(made, START) == made
