"""Inputs are read from the command line as people mean them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from cli.complaint import CommandFailed
from cli.run_inputs import read_inputs, read_value
from engine.values import Json

TEXT = {"type": "string"}
NUMBER = {"type": "number"}


def test_inputs_are_a_json_object_and_single_values_go_before_it() -> None:
    given = '{"name": "Ada", "amount": 1}'
    assert read_inputs(given, ["amount=2", "city=杭州"], {"amount": NUMBER}) == {
        "name": "Ada",
        "amount": 2,
        "city": "杭州",
    }


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("42", TEXT, "42"),
        ("42", NUMBER, 42),
        ("42", None, 42),
        ("true", {"type": "boolean"}, True),
        ('["a", "b"]', {"type": "array"}, ["a", "b"]),
        ("lots", NUMBER, "lots"),
        ("", TEXT, ""),
        ("a=b", TEXT, "a=b"),
        ("[" * 200_000, None, "[" * 200_000),
    ],
)
def test_a_value_is_a_text_where_a_text_is_wanted_and_else_what_its_json_says(
    text: str, schema: object, value: Json
) -> None:
    assert read_value(text, schema) == value


def test_only_the_first_sign_parts_the_name_from_the_value() -> None:
    assert read_inputs(None, ["query=a=b"], {}) == {"query": "a=b"}


def test_inputs_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text('{"name": "李雷"}', "utf-8")
    assert read_inputs(f"@{tmp_path}/in.json", (), {}) == {"name": "李雷"}


def test_inputs_may_come_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO('{"name": "李雷"}'.encode())))
    assert read_inputs("-", (), {}) == {"name": "李雷"}


@pytest.mark.parametrize(
    ("given", "pairs", "complaint"),
    [
        ("{", (), "What --input says is not JSON"),
        ("[1]", (), "must be a JSON object"),
        ("@/nowhere/in.json", (), "/nowhere/in.json cannot be read"),
        (None, ("name",), "--set takes key=value, but 'name' came"),
        (None, ("=Ada",), "--set takes key=value"),
    ],
)
def test_what_cannot_be_read_is_told(given: str | None, pairs: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(CommandFailed, match=complaint):
        read_inputs(given, pairs, {})
