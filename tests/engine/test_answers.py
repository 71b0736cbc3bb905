"""Answers of people are taken or refused with a sentence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.answers import accept_answer, check_answer
from engine.canvas import JsonSchema
from engine.errors import FlowError
from engine.runtime import OpenWait
from tests.engine.json_values import SCHEMAS, VALUES, outcome

FORM: JsonSchema = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "copies": {"type": "integer", "default": 1},
        "tags": {"type": "array", "items": {"type": "string"}},
        "address": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
    "required": ["name", "copies"],
}
EMPTY = {"name": "李雷", "copies": 1, "tags": None, "address": {"city": None}}


def question(*options: str, free: bool = True) -> OpenWait:
    return OpenWait(wait_id="ask", kind="question", node="ask", title="Ask", prompt="?", options=options, free=free)


def form(schema: JsonSchema | None = FORM) -> OpenWait:
    return OpenWait(wait_id="form", kind="form", node="form", title="Form", schema=schema)


@pytest.mark.parametrize(
    ("answer", "text"), [("大海", "大海"), ("", ""), (" a\n", " a\n"), (5, "5"), (1.5, "1.5"), (True, "true")]
)
def test_a_free_question_takes_any_text(answer: Any, text: str) -> None:
    assert check_answer(question(), answer) is None
    assert accept_answer(question(), answer) == ({"answer": text}, None)


@pytest.mark.parametrize(("answer", "name"), [(None, "null"), (["a"], "a list"), ({"answer": "a"}, "an object")])
def test_a_question_takes_nothing_but_a_text(answer: Any, name: str) -> None:
    for wait in (question(), question("a", "b")):
        assert check_answer(wait, answer) == f"The answer must be a text, but {name} came."


@pytest.mark.parametrize(
    ("answer", "letter", "option", "port"),
    [
        ("是", "A", "是", "option_0"),
        (" 否 ", "B", " 否", "option_1"),
        ("3", "C", "3", "option_2"),
        (3, "C", "3", "option_2"),
        ("是的", "other", "是的", "other"),
        ("A", "other", "A", "other"),
        ("", "other", "", "other"),
    ],
)
def test_an_answer_is_one_of_the_options_or_another(answer: Any, letter: str, option: str, port: str) -> None:
    wait = question("是", " 否", "3")
    output = {"answer": str(answer), "option_id": letter, "option_content": option}
    assert check_answer(wait, answer) is None
    assert accept_answer(wait, answer) == (output, port)


def test_an_option_is_met_exactly_before_its_blanks_are_dropped() -> None:
    assert accept_answer(question("a", " a"), " a")[1] == "option_1"


@pytest.mark.parametrize("answer", ["c", "", "A", "option_0"])
def test_a_question_that_is_not_free_takes_only_its_options(answer: str) -> None:
    assert (
        check_answer(question("a", "b", free=False), answer)
        == f'The answer must be one of "a", "b", but "{answer}" came.'
    )
    assert check_answer(question("a", "b", free=False), "b") is None


def test_only_as_many_options_count_as_there_are_letters() -> None:
    wait = question(*(f"选项{number}" for number in range(30)), free=False)
    assert accept_answer(wait, "选项25")[0]["option_id"] == "Z"
    refusal = check_answer(wait, "选项26")
    assert refusal is not None
    assert refusal.endswith('but "选项26" came.')
    assert len(refusal) < 300


def test_a_declared_output_that_the_answer_does_not_give_is_null() -> None:
    schema: JsonSchema = {
        "type": "object",
        "properties": {"answer": {"type": "string"}, "option_id": {"type": "string"}},
        "required": ["option_id"],
    }
    assert accept_answer(question(), "a", schema) == ({"answer": "a", "option_id": None}, None)


@pytest.mark.parametrize(
    ("answer", "changed"),
    [
        ({"name": "李雷"}, {}),
        ({"name": "李雷", "copies": None, "tags": None}, {}),
        ({"name": "李雷", "unknown": 1}, {}),
        ({"name": "李雷", "copies": "2", "tags": '["a", 1]'}, {"copies": 2, "tags": ["a", "1"]}),
        ({"name": 5, "address": {"city": "北京", "zip": 1}}, {"name": "5", "address": {"city": "北京", "zip": 1}}),
        ({"name": None}, {"name": None}),
        ('{"name": "李雷", "copies": 3}', {"copies": 3}),
        ('  {"name": "{}"}', {"name": "{}"}),
        ("name: 李雷\ncopies: 4", {"copies": 4}),
        ("name: a\ncopies:\ntags: \n", {"name": "a"}),
        ("name:\ncopies: 2", {"name": "", "copies": 2}),
        ('{"name": "a", "address": "{\\"city\\": 1}"}', {"name": "a", "address": {"city": "1"}}),
        ('\nname：李雷\n\naddress: {"city": "a:b"}\nunknown: 1\n', {"address": {"city": "a:b"}}),
    ],
)
def test_a_form_gives_its_fields(answer: Any, changed: dict[str, Any]) -> None:
    assert check_answer(form(), answer) is None
    assert accept_answer(form(), answer) == ({**EMPTY, **changed}, None)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({}, "name is required and absent; it must be a text."),
        (
            {"name": "a", "copies": "many"},
            'copies must be a whole number of at most 64 bits, but the text "many" came.',
        ),
        ({"name": "a", "tags": [[], {}], "address": 5}, "address must be an object, but the number 5 came."),
        ({"name": "a", "address": {}}, "address.city is required and absent; it must be a text."),
        ({"name": "a", "tags": "a,b"}, 'tags must be a list, but the text "a,b" came.'),
        ([], "The answer must be an object with the fields of the form, but a list came."),
        (None, "The answer must be an object with the fields of the form, but null came."),
        ("[1]", "The answer must be an object with the fields of the form, but a list came."),
        ('{"name": ', "The text is not JSON: Expecting value (line 1, column 9)."),
        (
            "name: a\n你好",
            "Line 2 of the answer has no colon: write each field on a line of its own, as name: value.",
        ),
        ("", "name is required and absent; it must be a text."),
    ],
)
def test_a_form_that_is_not_filled_in_right_is_refused_with_the_field(answer: Any, sentence: str) -> None:
    assert check_answer(form(), answer) == sentence


def test_an_answer_nested_too_deep_is_refused() -> None:
    answer: Any = "a"
    for _ in range(1_000):
        answer = [answer]
    assert check_answer(form(), {"name": answer}) == "answer is nested more than 200 levels deep, which is the limit."


def test_a_form_without_fields_takes_any_object() -> None:
    schemas: tuple[JsonSchema | None, ...] = (None, {}, {"type": "object"})
    for schema in schemas:
        assert accept_answer(form(schema), {"a": [1]}) == ({"a": [1]}, None)


@given(VALUES, SCHEMAS, st.lists(st.text(max_size=3), max_size=3), st.booleans())
def test_an_answer_is_accepted_exactly_when_nothing_speaks_against_it(
    answer: Any, schema: JsonSchema, options: list[str], free: bool
) -> None:
    for wait in (question(*options, free=free), form({"type": "object", "properties": {"a": schema}})):
        complaint = check_answer(wait, answer)
        accepted = outcome(accept_answer, wait, answer)
        if isinstance(accepted, FlowError):
            assert complaint == accepted.message
        else:
            assert complaint is None
            assert "answer" in accepted[0] or wait.kind == "form"
