"""Every operator, on every pair of types."""

from collections.abc import Mapping
from typing import Any, Final, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.conditions import holds, same
from engine.errors import EngineError, NodeFailed
from engine.plan import Operator
from engine.values import MISSING
from tests.engine.json_values import BLOB, NUMBERS, VALUES

OPERATORS: Final[tuple[Operator, ...]] = get_args(Operator)
NEGATIONS: Final[tuple[tuple[Operator, Operator], ...]] = (
    ("equal", "not_equal"),
    ("contains", "not_contains"),
    ("empty", "not_empty"),
    ("is_true", "is_false"),
)
SAMPLES: Final[Mapping[str, Any]] = {
    "null": None,
    "truth": True,
    "number": 2,
    "text": "ab",
    "list": ["ab", 2],
    "object": {"ab": 1},
    "missing": MISSING,
}
COLUMNS: Final = tuple(SAMPLES)

# One line per type of the left value, one sign per type of the right one in the order of COLUMNS:
# + holds, - does not, ! is an error. A missing right value is a null one.
TABLE: Final[Mapping[Operator, Mapping[str, str]]] = {
    "equal": {
        "null": "+-----+", "truth": "-+!!!!-", "number": "-!+!!!-", "text": "---+---",
        "list": "!!!!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
    "not_equal": {
        "null": "-+++++-", "truth": "+-!!!!+", "number": "+!-!!!+", "text": "+++-+++",
        "list": "!!!!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
    "length_greater": {
        "null": "-!-!!!-", "truth": "!!!!!!!", "number": "!!!!!!!", "text": "!!-!!!!",
        "list": "!!-!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
    "length_greater_equal": {
        "null": "-!-!!!-", "truth": "!!!!!!!", "number": "!!!!!!!", "text": "!!+!!!!",
        "list": "!!+!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
    "length_less": {
        "null": "+!+!!!+", "truth": "!!!!!!!", "number": "!!!!!!!", "text": "!!-!!!!",
        "list": "!!-!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
    "length_less_equal": {
        "null": "+!+!!!+", "truth": "!!!!!!!", "number": "!!!!!!!", "text": "!!+!!!!",
        "list": "!!+!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
    "contains": {
        "null": "-------", "truth": "!!!!!!!", "number": "!!!!!!!", "text": "!!!+!!!",
        "list": "!-++--!", "object": "!!!+!!!", "missing": "!!!!!!!",
    },
    "not_contains": {
        "null": "+++++++", "truth": "!!!!!!!", "number": "!!!!!!!", "text": "!!!-!!!",
        "list": "!+--++!", "object": "!!!-!!!", "missing": "!!!!!!!",
    },
    "empty": {
        "null": "+!!!!!+", "truth": "-!!!!!-", "number": "-!!!!!-", "text": "-!!!!!-",
        "list": "-!!!!!-", "object": "-!!!!!-", "missing": "+!!!!!+",
    },
    "not_empty": {
        "null": "-!!!!!-", "truth": "+!!!!!+", "number": "+!!!!!+", "text": "+!!!!!+",
        "list": "+!!!!!+", "object": "+!!!!!+", "missing": "-!!!!!-",
    },
    "is_true": {
        "null": "-!!!!!-", "truth": "+!!!!!+", "number": "!!!!!!!", "text": "!!!!!!!",
        "list": "!!!!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
    "is_false": {
        "null": "+!!!!!+", "truth": "-!!!!!-", "number": "!!!!!!!", "text": "!!!!!!!",
        "list": "!!!!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
    "greater": {
        "null": "-!-!!!-", "truth": "!!!!!!!", "number": "+!-!!!+", "text": "!!!!!!!",
        "list": "!!!!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
    "greater_equal": {
        "null": "+!-!!!+", "truth": "!!!!!!!", "number": "+!+!!!+", "text": "!!!!!!!",
        "list": "!!!!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
    "less": {
        "null": "-!+!!!-", "truth": "!!!!!!!", "number": "-!-!!!-", "text": "!!!!!!!",
        "list": "!!!!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
    "less_equal": {
        "null": "+!+!!!+", "truth": "!!!!!!!", "number": "-!+!!!-", "text": "!!!!!!!",
        "list": "!!!!!!!", "object": "!!!!!!!", "missing": "!!!!!!!",
    },
}  # fmt: skip
CASES: Final = [
    (operator, left, right, sign)
    for operator, rows in TABLE.items()
    for left, row in rows.items()
    for right, sign in zip(COLUMNS, row, strict=True)
]


def sign_of(operator: Operator, left: object, right: object) -> str:
    try:
        return "+" if holds(operator, left, right) else "-"
    except NodeFailed:
        return "!"


def test_the_table_has_every_operator_and_every_pair_of_types() -> None:
    assert len(CASES) == len(OPERATORS) * len(SAMPLES) ** 2 == 16 * 49
    assert set(TABLE) == set(OPERATORS)
    assert all(tuple(rows) == COLUMNS for rows in TABLE.values())


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_says_of_every_pair_of_types_what_the_table_says(operator: Operator) -> None:
    said = {
        left: "".join(sign_of(operator, SAMPLES[left], SAMPLES[right]) for right in COLUMNS) for left in TABLE[operator]
    }
    assert said == TABLE[operator]


@pytest.mark.parametrize(
    ("left", "operator", "right", "verdict"),
    [
        (1, "equal", 1.0, True),
        (2**53 + 1, "equal", float(2**53), False),
        ("1", "equal", 1, False),
        ("", "equal", "", True),
        ("中文", "equal", "中文", True),
        ("A", "equal", "a", False),
        (0, "equal", -0.0, True),
        (False, "not_equal", True, True),
        ("中文", "length_greater", 1, True),
        ("中文", "length_less_equal", 2, True),
        ("中文", "length_greater", 2, False),
        ([1, 2], "length_greater_equal", 2.0, True),
        ([1, 2], "length_less", 2.5, True),
        ("", "length_less", 0, False),
        (None, "length_greater_equal", 0, True),
        (None, "length_greater_equal", 0.0, True),
        (None, "length_less", 0, False),
        (None, "length_less", -1, True),
        (None, "length_less_equal", -1, True),
        ("我爱你", "contains", "爱", True),
        ("abc", "contains", "", True),
        ([1, 2], "contains", 2.0, True),
        ([1, 2], "contains", True, False),
        ([[1], {"a": 1}], "contains", {"a": 1.0}, True),
        ([[1], {"a": 1}], "contains", [True], False),
        ([None], "contains", "", False),
        ({"键": None}, "contains", "键", True),
        ({"a": "b"}, "contains", "b", False),
        ({"a": "b"}, "not_contains", "b", True),
        (None, "not_contains", "a", True),
        ("None", "empty", None, False),
        (" ", "empty", None, False),
        ("", "empty", None, True),
        ([], "empty", None, True),
        ({}, "empty", None, True),
        (0, "empty", None, True),
        (0.0, "empty", None, True),
        (False, "empty", None, True),
        ([None], "not_empty", None, True),
        (False, "is_false", None, True),
        (False, "is_true", None, False),
        (3, "greater", 2.9, True),
        (2**63, "greater", float(2**62), True),
        (-(10**400), "greater", None, True),
        (2, "greater_equal", 2.0, True),
        (2.0, "less", 2, False),
        (1, "less_equal", 1.5, True),
    ],
)
def test_an_operator_holds(left: Any, operator: Operator, right: Any, verdict: bool) -> None:
    assert holds(operator, left, right) is verdict


@pytest.mark.parametrize(
    ("operator", "left", "right", "sentence"),
    [
        (
            "equal",
            1,
            "1",
            "equal compares two numbers, two booleans, or a text with anything; left is a number and right is a text.",
        ),
        ("greater", True, 1, "greater compares two numbers; left is a boolean and right is a number."),
        ("contains", "a", None, "in an object; left is a text and right is null."),
        ("empty", [], {}, "empty takes no right value; left is a list and right is an object."),
        ("less", MISSING, 1, "The left value of the condition less is missing"),
    ],
)
def test_an_error_names_the_operator_and_the_types(operator: Operator, left: Any, right: Any, sentence: str) -> None:
    with pytest.raises(NodeFailed) as caught:
        holds(operator, left, right)
    assert sentence in caught.value.message
    assert caught.value.facts["operator"] == operator


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_value_by_reference_is_not_compared(operator: Operator) -> None:
    for left, right in ((BLOB, 1), ("a", BLOB)):
        with pytest.raises(EngineError, match="must be loaded"):
            holds(operator, left, right)


def test_equality_looks_as_deep_as_it_must() -> None:
    one: Any = []
    other: Any = []
    for _ in range(10_000):
        one, other = [one], [other]
    assert same(one, other)
    assert not same(one, [other])


@given(st.sampled_from(OPERATORS), VALUES, VALUES)
def test_an_operator_answers_or_refuses(operator: Operator, left: Any, right: Any) -> None:
    assert sign_of(operator, left, right) in "+-!"


@given(st.sampled_from(NEGATIONS), VALUES, st.none() | VALUES)
def test_a_negation_is_always_the_opposite(pair: tuple[Operator, Operator], left: Any, right: Any) -> None:
    operator, negation = pair
    opposite = {"+": "-", "-": "+", "!": "!"}
    assert sign_of(negation, left, right) == opposite[sign_of(operator, left, right)]


@given(st.none() | NUMBERS, st.none() | NUMBERS)
def test_numbers_and_null_stand_in_one_order(left: Any, right: Any) -> None:
    assert holds("greater", left, right) is holds("less", right, left)
    assert holds("greater_equal", left, right) is not holds("less", left, right)
    assert [holds("less", left, right), holds("equal", left, right), holds("greater", left, right)].count(True) == 1


@given(VALUES)
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    assert same(value, value)
    assert not same(value, [value])
