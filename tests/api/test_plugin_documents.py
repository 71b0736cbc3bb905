"""The text of a document is read as YAML 1.2 says, or refused in a sentence, and takes no more than its bounds."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import InvalidRequest
from api.plugins.document_text import read_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: [1, -2, +3, 0o17, 0x1F, 1.5, .5, 1e3, -1.0E-2]", {"a": [1, -2, 3, 15, 31, 1.5, 0.5, 1000.0, -0.01]}),
        ("a: [true, True, FALSE, yes, no, on, off, y]", {"a": [True, True, False, "yes", "no", "on", "off", "y"]}),
        ("a: [~, null, NULL, '', 'null', \"1\"]", {"a": [None, None, None, "", "null", "1"]}),
        ("a: 2026-11-22\nb: 12:30:00\nc: 1_000", {"a": "2026-11-22", "b": "12:30:00", "c": "1_000"}),
        ("a: 18446744073709551615\nb: -9223372036854775808", {"a": 2**64 - 1, "b": -(2**63)}),
        ("a: " + "9" * 5_000, {"a": "9" * 5_000}),
        ("a: .inf\nb: .nan\nc: 1e999", {"a": ".inf", "b": ".nan", "c": "1e999"}),
        ("200: ok\ntrue: b\n~: n\n1.5: f", {"200": "ok", "true": "b", "null": "n", "1.5": "f"}),
        ("a: !!str 1\nb: !!int '2'\nc: ! 3", {"a": "1", "b": 2, "c": "3"}),
        ("a: |\n  两\n  行\nb: >\n  one\n  line\n", {"a": "两\n行\n", "b": "one line\n"}),
        ("a: &x {p: 1}\nb: *x\nc: {<<: *x, q: 2}", {"a": {"p": 1}, "b": {"p": 1}, "c": {"p": 1, "q": 2}}),
        ("a: &x {p: 1}\nb: &y {q: 2, p: 9}\nc: {p: 3, <<: [*x, *y]}",
         {"a": {"p": 1}, "b": {"q": 2, "p": 9}, "c": {"p": 3, "q": 2}}),
        ("b: &y {p: 9}\nc: {<<: *y, p: 3}", {"b": {"p": 9}, "c": {"p": 3}}),
        ("\ufeff{\"a\": 1}", {"a": 1}),
        ("%YAML 1.2\n---\na: 1\n...\n", {"a": 1}),
    ],
)  # fmt: skip
def test_yaml_is_read_as_its_newer_edition_says(text: str, value: Any) -> None:
    assert read_text(text) == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: *nobody", "(line 1, column 4)"),
        ("a: {<<: 1}", "<< takes an object"),
        ("a: 0o" + "7" * 30, "has more than 64 bits"),
        ("a: 18446744073709551616", "has more than 64 bits"),
        ('{"a": [-9223372036854775809]}', "has more than 64 bits"),
        ("a: [1,, 2]", "neither JSON nor YAML"),
        ("a: !own x", "the tag !own is not taken"),
        ("a: !!binary aGk=", "the tag tag:yaml.org,2002:binary is not taken"),
        ("a: !!python/name:os.system x", "is not taken"),
        ("a: [1, 2\nb: 3", "neither JSON nor YAML"),
        ("a:\n\t- b", "neither JSON nor YAML"),
        ('{"a": 1,}', "The text is not JSON"),
        ('{"a": ' * 250 + "1" + "}" * 250, "nested more than"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_text(text)
    assert sentence in error.value.message
    assert error.value.facts["errors"][0]["field"] == "document"  # type: ignore[index, call-overload]


@given(st.text("ab:{}[]&*!|>-? \n'\"#,1<~", max_size=60))
def test_any_text_is_an_object_or_refused(text: str) -> None:
    with suppress(InvalidRequest):
        assert isinstance(read_text(text), dict)


def test_a_large_document_is_read_whole() -> None:
    text = "paths:\n" + "".join(
        f"  /things/{number}:\n    get: {{operationId: t{number}, summary: 事物}}\n" for number in range(5_000)
    )
    assert len(read_text(text)["paths"]) == 5_000  # type: ignore[arg-type]
