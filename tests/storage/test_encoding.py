"""JSON in columns comes back as it went in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import encoding

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_every_json_value_comes_back_as_it_was(value: Any) -> None:
    text = encoding.dump(value)
    text.encode()  # what no database could store would fail here
    assert encoding.load(text) == value


def test_numbers_beyond_64_bits_keep_every_digit() -> None:
    assert encoding.load(encoding.dump({"big": 2**200 + 1})) == {"big": 2**200 + 1}


def test_deep_values_are_kept() -> None:
    deep: Any = "中文"
    for _ in range(400):
        deep = [deep]
    assert encoding.load(encoding.dump(deep)) == deep


def test_keys_keep_their_order() -> None:
    assert [*encoding.load(encoding.dump({"b": 1, "a": 2}))] == ["b", "a"]


@pytest.mark.parametrize("value", [{}, [], "", 0, False])
def test_an_empty_value_is_not_nothing(value: Any) -> None:
    assert encoding.load_or_none(encoding.dump_or_none(value)) == value


def test_null_is_an_empty_column() -> None:
    assert encoding.dump_or_none(None) is None
