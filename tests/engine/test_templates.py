"""Values become text where their placeholders stood."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import EngineError, FlowError, LimitExceeded, NodeFailed
from engine.json_text import read_json, write_json
from engine.references import split_template
from engine.templates import Filled, look_up, render, to_text
from engine.values import MISSING, BlobRef
from tests.engine.json_values import BLOB, TEXTS, VALUES, outcome

AMPLE = 1_000_000
DATA: dict[str, Any] = {
    "name": "李雷",
    "people": [{"name": "a"}, {"name": "b", "tags": ["x", ["y"]]}],
    "none": None,
    "empty": [],
    "blob": BLOB,
}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("中文 {{x}}", "中文 {{x}}"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-12, "-12"),
        (2**80, "1208925819614629174706176"),
        (1.5, "1.5"),
        (3.0, "3"),
        (1e22, "10000000000000000000000"),
        (1.5e-9, "0.0000000015"),
        ([], "[]"),
        ({"b": "é<", "a": [1, True, None, 2.5]}, '{"a":[1,true,null,2.5],"b":"é<"}'),
    ],
)
def test_a_value_reads_as_text(value: Any, text: str) -> None:
    assert to_text(value) == text
    assert render(["<", Filled(value, "{{x}}"), ">"], limit_bytes=AMPLE) == f"<{text}>"


def test_a_missing_value_leaves_its_placeholder_and_a_skipped_one_nothing() -> None:
    parts: list[str | Filled] = ["a ", Filled(MISSING, "{{x}}"), " b ", Filled(MISSING, "{{y}}", skipped=True), " c"]
    assert render(parts, limit_bytes=AMPLE) == "a {{x}} b  c"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("nan")], 10**4_000, {"a": 10**5_000}])
def test_a_number_that_cannot_be_written_is_a_finding(value: Any) -> None:
    with pytest.raises(NodeFailed, match="number that cannot be written"):
        to_text(value)


@pytest.mark.parametrize("value", [BLOB, [BLOB], {"a": {"b": BLOB}}])
def test_a_value_by_reference_is_not_rendered(value: Any) -> None:
    with pytest.raises(EngineError, match="must be loaded"):
        render([Filled(value, "{{x}}")], limit_bytes=AMPLE)


@pytest.mark.parametrize("parts", [["中" * 4], ["ab", Filled("中" * 4, "{{x}}")], [Filled([1] * 10, "{{x}}")]])
def test_a_text_has_a_limit_in_bytes(parts: list[str | Filled]) -> None:
    with pytest.raises(LimitExceeded, match="longer than 11 bytes") as caught:
        render(parts, limit_bytes=11)
    assert caught.value.facts == {"limit": 11, "setting": "MAINSPRING_RENDERED_BYTES"}


def test_a_text_as_long_as_the_limit_is_rendered() -> None:
    assert render(["中", Filled("中", "{{x}}"), "12345"], limit_bytes=11) == "中中12345"


def test_half_a_surrogate_pair_counts_three_bytes() -> None:
    assert render(["\ud83d"], limit_bytes=3) == "\ud83d"
    assert split_template("\ud83d{{a}}", limit_bytes=8) == ["\ud83d", (("a",), "{{a}}")]


def test_the_rendering_stops_at_the_limit() -> None:
    rendered: list[int] = []

    def parts() -> Any:
        for number in range(1_000):
            rendered.append(number)
            yield "x" * 10

    with pytest.raises(LimitExceeded):
        render(parts(), limit_bytes=100)
    assert len(rendered) == 11


@given(st.lists(TEXTS | st.builds(Filled, VALUES, st.just("{{x}}"))))
def test_a_text_is_its_parts_one_after_another(parts: list[str | Filled]) -> None:
    texts = [part if isinstance(part, str) else to_text(part.value) for part in parts]
    assert render(parts, limit_bytes=AMPLE) == "".join(texts)


@given(st.text("{}ab", max_size=20))
def test_what_a_value_says_is_never_a_template(value: str) -> None:
    parts = split_template("<{{a}}|{{b}}>")
    filled = [
        part if isinstance(part, str) else Filled({"a": value, "b": "B"}[str(part[0][0])], part[1]) for part in parts
    ]
    assert render(filled, limit_bytes=AMPLE) == f"<{value}|B>"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), DATA),
        (("name",), "李雷"),
        (("people", 1, "name"), "b"),
        (("people", "name"), "a"),
        (("people", "1", "name"), "b"),
        (("people", 1, "tags", 1, 0), "y"),
        (("none",), None),
        (("none", "x"), MISSING),
        (("unknown",), MISSING),
        (("unknown", "x"), MISSING),
        (("empty", "x"), MISSING),
        (("name", "x"), MISSING),
        (("name", 0), MISSING),
        (("people", 0, 0), MISSING),
        (("blob", 3, "x"), BLOB.at(3, "x")),
    ],
)
def test_a_path_leads_into_a_value(path: tuple[str | int, ...], value: Any) -> None:
    assert look_up(DATA, path) == value


@pytest.mark.parametrize(
    ("path", "sentence", "code"),
    [
        (("people", 2), "people has 2 items, so that there is no item 2", 720712014),
        (("people", 1, "tags", 5), "people.1.tags has 2 items, so that there is no item 5", 720712014),
        (("empty", 0), "empty has 0 items", 720712014),
        (("none", 0), "none is no list but null", 777777774),
        (("people", 0, "tags", 0), "people.0.tags is no list but null", 777777774),
    ],
)
def test_an_item_that_is_not_there_is_a_finding(path: tuple[str | int, ...], sentence: str, code: int) -> None:
    with pytest.raises(NodeFailed, match=sentence) as caught:
        look_up(DATA, path)
    assert caught.value.facts["number"] == code


# --- JSON as text ----------------------------------------------------------------------------------


@given(VALUES)
def test_what_is_written_as_json_is_read_again(value: Any) -> None:
    text = write_json(value)
    assert read_json(text) == value
    assert text == json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    value = outcome(read_json, text)
    if isinstance(value, FlowError):
        assert value.message.startswith("The text is not JSON: ")
    else:
        assert value == json.loads(text)


def test_half_a_surrogate_pair_is_read_as_the_sign_for_unreadable() -> None:
    assert read_json(r'{"\ud83d": "\ude00x\ud83d\ude00"}') == {"\ufffd": "\ufffdx😀"}


def test_a_reference_is_told_from_an_object_that_looks_like_one() -> None:
    assert isinstance(look_up(DATA, ("blob",)), BlobRef)
    assert to_text(BLOB.to_wire()).startswith('{"$blob":')
