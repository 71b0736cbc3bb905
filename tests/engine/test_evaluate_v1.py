"""The operations of compute steps."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.canvas import JsonSchema
from engine.errors import EngineError, FlowError, InvalidInput, LimitExceeded, NodeFailed
from engine.evaluate_v1 import OPERATIONS, Computed, concat, split
from engine.limits import Limits
from engine.templates import Filled, to_text
from engine.values import MISSING
from tests.engine.json_values import BLOB, FLAT, SCHEMAS, TEXTS, VALUES, outcome

TEXT_OUT: JsonSchema = {"type": "object", "properties": {"output": {"type": "string"}}}


def out(schema: JsonSchema) -> JsonSchema:
    return {"type": "object", "properties": {"output": schema}}


def run(operation: str, inputs: dict[str, Any], schema: JsonSchema | None = None, **settings: Any) -> Computed:
    return OPERATIONS[operation](inputs, settings, schema)


def test_the_operations_of_version_one_are_these() -> None:
    assert set(OPERATIONS) == {"text.concat", "text.split", "json.to", "json.from", "nothing"}


# --- concat ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["a", "b"], "a, b"),
        ([], ""),
        (["中"], "中"),
        ([1, 2.0, True, None, "x"], "1, 2, true, , x"),
        ([{"b": 1, "a": 2}, ["x", ["y"]]], '{"a":2,"b":1}, ["x",["y"]]'),
        ({"a": [1, 2]}, '{"a":[1,2]}'),
        ("a,b", "a,b"),
        (None, ""),
        (MISSING, "{{x}}"),
    ],
)
def test_a_list_in_a_placeholder_is_joined(value: Any, text: str) -> None:
    computed = run("text.concat", {"template": ["<", Filled(value, "{{x}}"), ">"]}, TEXT_OUT, joiner=", ")
    assert computed == Computed({"output": f"<{text}>"})


def test_a_skipped_list_leaves_nothing() -> None:
    assert run("text.concat", {"template": [Filled(["a"], "{{x}}", skipped=True)]}).output == {"output": ""}


@pytest.mark.parametrize(
    ("template", "text"),
    [("plain {{x}}", "plain {{x}}"), (["plain"], "plain"), ([], ""), (None, ""), (7, "7"), ([1, "a", None], "1-a-")],
)
def test_a_template_may_be_plain(template: Any, text: str) -> None:
    assert run("text.concat", {"template": template}, joiner="-").output == {"output": text}


def test_without_a_joiner_elements_stand_side_by_side() -> None:
    assert run("text.concat", {"template": [Filled(["a", "b"], "{{x}}")]}).output == {"output": "ab"}


def test_a_long_joiner_meets_the_limit_before_it_fills_the_memory() -> None:
    parts = [Filled([""] * 1_000_000, "{{x}}")]
    with pytest.raises(LimitExceeded):
        concat(parts, "x" * 60_000)
    with pytest.raises(LimitExceeded, match="longer than 10 bytes"):
        OPERATIONS["text.concat"]({"template": parts}, {"joiner": "-"}, None, limits=Limits(rendered_bytes=10))


@given(st.lists(FLAT, max_size=5), TEXTS)
def test_the_text_of_a_list_is_its_elements_joined(elements: list[Any], joiner: str) -> None:
    assert concat([Filled(elements, "{{x}}")], joiner) == joiner.join(to_text(element) for element in elements)


# --- split -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "delimiters", "pieces"),
    [
        ("red, green;blue", [";", ", "], ["red", "green", "blue"]),
        ("一、二，三", ["、", "，"], ["一", "二", "三"]),
        (",a,,b,", [","], ["", "a", "", "b", ""]),
        ("", [","], [""]),
        ("abc", ["x"], ["abc"]),
        ("中文", [""], ["中", "文"]),
        ("a b", [" ", ""], ["a", "b"]),
        ("aaa", ["aa"], ["", "a"]),
        ("a.*b", [".*"], ["a", "b"]),
    ],
)
def test_a_text_is_cut_at_one_delimiter_after_the_other(text: str, delimiters: list[str], pieces: list[str]) -> None:
    assert run("text.split", {"text": text}, delimiters=delimiters).output == {"output": pieces}
    assert run("text.split", {"text": text, "delimiters": delimiters}).output == {"output": pieces}


@pytest.mark.parametrize("settings", [{}, {"delimiters": []}, {"delimiters": None}, {"delimiters": [1]}])
def test_without_a_delimiter_nothing_is_cut(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="without a delimiter") as caught:
        run("text.split", {"text": "a"}, **settings)
    assert caught.value.facts["field"] == "delimiters"


def test_there_are_at_most_fifty_delimiters() -> None:
    assert split("a1b", [str(number) for number in range(50)]) == ["a", "b"]
    with pytest.raises(LimitExceeded, match="up to 50 delimiters; these are 51"):
        split("a", ["x"] * 51)


@pytest.mark.parametrize(("text", "name"), [(5, "a number"), (["a"], "a list"), (None, "null")])
def test_only_a_text_is_cut(text: Any, name: str) -> None:
    with pytest.raises(NodeFailed, match=f"but {name} came"):
        run("text.split", {"text": text}, delimiters=[","])


@given(st.text("ab,;", max_size=20), st.sampled_from([",", ";", "a", ",;"]))
def test_pieces_joined_are_the_text_again(text: str, delimiter: str) -> None:
    pieces = split(text, [delimiter])
    assert delimiter.join(pieces) == text
    assert not any(delimiter in piece for piece in pieces)
    assert split(text, [delimiter, delimiter]) == pieces


@given(st.lists(st.text("ab中", max_size=3), min_size=1), st.sampled_from([",", "--"]))
def test_what_is_joined_can_be_taken_apart(pieces: list[str], delimiter: str) -> None:
    assert split(concat([Filled(pieces, "{{x}}")], delimiter), [delimiter]) == pieces


# --- JSON ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ({"input": {"名": "李雷", "a": [1, None, "<&>"]}}, '{"a":[1,null,"<&>"],"名":"李雷"}'),
        ({"input": "a\nb"}, '"a\\nb"'),
        ({"input": None}, "null"),
        ({"input": MISSING}, "null"),
        ({}, "null"),
        ({"input": False}, "false"),
    ],
)
def test_a_value_becomes_json(inputs: dict[str, Any], text: str) -> None:
    assert run("json.to", inputs) == Computed({"output": text})


def test_a_value_by_reference_becomes_no_json() -> None:
    with pytest.raises(EngineError, match="must be loaded"):
        run("json.to", {"input": [BLOB]})


PERSON: JsonSchema = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("text", "schema", "value", "warnings"),
    [
        ('{"name": "李雷", "age": 7}', PERSON, {"name": "李雷", "age": 7}, 0),
        ('{"name": 5, "age": "old", "x": [1]}', PERSON, {"name": "5", "age": None, "x": [1]}, 1),
        ("[1, 2.5, null]", {}, [1, 2.5, None], 0),
        ('["1", "x", 2]', {"type": "array", "items": {"type": "integer"}}, [1, 2], 1),
        ("null", PERSON, None, 0),
        ("12", {"type": "integer"}, 12, 0),
        ("12", {"type": "string"}, "12", 0),
        ("[1]", {"type": "string"}, "[1]", 0),
        ('"x"', {"type": "integer"}, None, 1),
        (' {"a": 1}\n', None, {"a": 1}, 0),
    ],
)
def test_json_becomes_a_value_of_the_declared_type(
    text: str, schema: JsonSchema | None, value: Any, warnings: int
) -> None:
    computed = run("json.from", {"input": text}, None if schema is None else out(schema))
    assert computed.output == {"output": value}
    assert len(computed.warnings) == warnings


@pytest.mark.parametrize(
    ("text", "schema", "sentence"),
    [
        ("[1]", PERSON, "holds a list, but the output is declared as an object"),
        ('"{}"', PERSON, "holds a text, but the output is declared as an object"),
        ("{}", {"type": "array"}, "holds an object, but the output is declared as a list"),
        (5, {}, "but a number came"),
        (None, {}, "but null came"),
        ("[1e999]", {}, "a number beyond all limits"),
        ("NaN", {}, "a number beyond all limits"),
    ],
)
def test_json_of_another_shape_is_a_finding(text: Any, schema: JsonSchema, sentence: str) -> None:
    with pytest.raises(NodeFailed, match=sentence):
        run("json.from", {"input": text}, out(schema))


@pytest.mark.parametrize(
    ("text", "line", "column"), [("", 1, 1), ('{"a": 1,\n "b" 2}', 2, 6), ("[1, 2", 1, 6), ("中", 1, 1), ("{} x", 1, 4)]
)
def test_a_text_that_is_no_json_says_where(text: str, line: int, column: int) -> None:
    with pytest.raises(NodeFailed, match=rf"\(line {line}, column {column}\)") as caught:
        run("json.from", {"input": text})
    assert caught.value.facts == {"line": line, "column": column}


def test_json_too_deep_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="200 levels"):
        run("json.from", {"input": "[" * 201 + "]" * 201})


@given(VALUES)
def test_json_there_and_back_is_the_same(value: Any) -> None:
    text = run("json.to", {"input": value}).output["output"]
    assert run("json.from", {"input": text}).output == {"output": value}


@given(
    st.sampled_from(sorted(OPERATIONS.keys() - {"nothing"})),
    st.dictionaries(st.sampled_from(["input", "text", "template", "delimiters"]), VALUES, max_size=2),
    SCHEMAS,
)
def test_an_operation_ends_or_refuses(operation: str, inputs: dict[str, Any], schema: JsonSchema) -> None:
    computed = outcome(OPERATIONS[operation], inputs, {}, out(schema))
    if isinstance(computed, FlowError):
        assert computed.message.endswith(".")
    else:
        assert set(computed.output) == {"output"}
