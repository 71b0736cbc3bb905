"""A canvas is read from bytes, text or parsed JSON, and never in part."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.document import read_canvas
from engine.findings import ENOUGH, MAX_FINDINGS, did_you_mean
from engine.inspection import MAX_PARTS
from engine.limits import DEFAULT_LIMITS, Limits
from tests.canvases.table import big_document, deep_document

DOCUMENT: dict[str, Any] = {
    "nodes": [
        {"id": "start", "type": "start", "data": {"title": "开始"}},
        {"id": "end", "type": "end", "data": {"inputs": {"text": {"template": "你好 {{start.name}}"}}}},
    ],
    "edges": [{"sourceNodeID": "start", "targetNodeID": "end"}],
}


def codes(data: Any, limits: Limits = DEFAULT_LIMITS) -> list[str]:
    canvas, found = read_canvas(data, limits)
    assert canvas is None
    return [one.code for one in found]


@pytest.mark.parametrize("made", [json.dumps(DOCUMENT), json.dumps(DOCUMENT, ensure_ascii=False).encode(), DOCUMENT])
def test_text_bytes_and_parsed_json_are_one_canvas(made: Any) -> None:
    canvas, found = read_canvas(made)
    assert found == []
    assert canvas is not None
    assert canvas.nodes[0].title == "开始"


def test_a_byte_order_mark_does_not_matter() -> None:
    canvas, _ = read_canvas(json.dumps(DOCUMENT).encode("utf-8-sig"))
    assert canvas is not None


def test_what_is_read_can_be_written_and_read_again() -> None:
    canvas, _ = read_canvas(DOCUMENT)
    assert canvas is not None
    assert read_canvas(canvas.model_dump(mode="json", by_alias=True)) == (canvas, [])


def test_a_document_of_ten_megabytes_is_refused_with_the_setting_that_says_so() -> None:
    canvas, [found] = read_canvas(big_document(10 * 1024 * 1024))
    assert canvas is None
    assert found.code == "canvas_too_large"
    assert found.facts == {"limit": 5 * 1024 * 1024, "setting": "MAINSPRING_CANVAS_BYTES"}


def test_the_limit_is_a_setting() -> None:
    canvas, _ = read_canvas(big_document(10 * 1024 * 1024), Limits(canvas_bytes=11 * 1024 * 1024))
    assert canvas is not None


def test_parsed_json_is_measured_too() -> None:
    assert codes(json.loads(big_document(6 * 1024 * 1024))) == ["canvas_too_large"]


@pytest.mark.parametrize("depth", [100, 100_000, 2_000_000])
def test_brackets_without_end_are_refused_before_they_are_parsed(depth: int) -> None:
    canvas, [found] = read_canvas(deep_document(depth))
    assert canvas is None
    assert found.code == "canvas_too_deep"
    assert found.facts == {"limit": 64, "setting": "MAINSPRING_CANVAS_DEPTH"}


def test_brackets_that_never_close_are_too_deep_as_well() -> None:
    assert codes("[" * 100_000) == ["canvas_too_deep"]


def test_brackets_within_texts_do_not_count() -> None:
    document = json.loads(json.dumps(DOCUMENT))
    document["nodes"][1]["data"]["inputs"]["text"] = {"value": '["\\' * 10_000}
    canvas, found = read_canvas(json.dumps(document))
    assert found == []
    assert canvas is not None


def test_a_text_that_never_ends_is_not_json() -> None:
    assert codes('"' + '\\"' * 1_000_000) == ["not_json"]


def test_parsed_json_may_contain_itself() -> None:
    document: dict[str, Any] = {"nodes": []}
    document["meta"] = document
    assert codes(document) == ["canvas_too_deep"]


def test_a_mistake_in_json_has_line_and_column() -> None:
    _, [found] = read_canvas('{\n  "nodes": [}')
    assert found.facts == {"line": 2, "column": 13}


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    assert codes('{"nodes": [' + "9" * 5_000 + "]}") == ["number_too_large"]


def test_infinity_in_disguise_is_found() -> None:
    _, found = read_canvas('{"nodes": [], "meta": {"x": [1e999]}}')
    assert [(one.code, one.field) for one in found] == [("not_finite", "meta.x.0")]


def test_values_that_json_does_not_know_are_named() -> None:
    document = {**DOCUMENT, "meta": {"at": datetime(2026, 1, 1, tzinfo=UTC), "all": {1, 2}, 5: "five"}}
    _, found = read_canvas(document)
    assert [(one.code, one.field) for one in found if one.code == "not_json"] == [
        ("not_json", "meta.at"),
        ("not_json", "meta.all"),
        ("not_json", "meta"),
    ]


def test_a_key_that_stands_twice_is_found_wherever_it_is() -> None:
    _, found = read_canvas(
        '{"nodes": [{"id": "a", "type": "x", "blocks": [{"id": "b", "type": "y", "type": "z"}]}], "nodes": []}'
    )
    assert [(one.code, one.node, one.field) for one in found] == [("duplicate_key", "", "nodes")]
    _, found = read_canvas('{"nodes": [{"id": "a", "type": "x", "blocks": [{"id": "b", "type": "y", "type": "z"}]}]}')
    assert [(one.code, one.node, one.field) for one in found] == [("duplicate_key", "b", "type")]


def test_more_findings_than_anyone_reads_are_counted() -> None:
    document = {"nodes": [{"id": f"n{number}", "type": 5} for number in range(1_000)]}
    canvas, found = read_canvas(document)
    assert canvas is None
    assert len(found) == MAX_FINDINGS + 1
    assert found[-1].code == "more_findings"
    assert found[-1].facts == {"more": 1_000 - MAX_FINDINGS, "errors": 1_000 - MAX_FINDINGS}


def test_more_findings_than_anyone_counts_are_estimated() -> None:
    canvas, found = read_canvas({"nodes": [{"id": f"n{number}", "type": 5} for number in range(ENOUGH + 1)]})
    assert canvas is None
    assert found[-1].message.startswith(f"There are {ENOUGH - MAX_FINDINGS} or more further findings")


@pytest.mark.parametrize("value", ["NaN", "1e999", "99999999999999999999", '"\\udc00"'])
def test_what_is_odd_is_found_within_literals(value: str) -> None:
    _, found = read_canvas(f'{{"nodes": [{{"id": "a", "type": "x", "data": {{"settings": {{"b": [{value}]}}}}}}]}}')
    assert [(one.node, one.field) for one in found] == [("a", "data.settings.b.0")]


def test_a_pair_of_surrogates_is_a_character() -> None:
    canvas, _ = read_canvas('{"nodes": [], "meta": {"face": "\\ud83d\\ude00"}}')
    assert canvas is not None
    assert canvas.meta == {"face": "😀"}


def test_a_document_that_could_be_wrong_in_a_million_places_is_refused_first() -> None:
    document: dict[str, Any] = {"nodes": [], "edges": [[]] * (MAX_PARTS + 1)}
    _, [found] = read_canvas(document)
    assert (found.code, found.facts) == ("canvas_too_large", {"limit": MAX_PARTS})


def test_a_long_literal_is_no_million_places() -> None:
    document = json.loads(json.dumps(DOCUMENT))
    document["nodes"][1]["data"]["inputs"]["text"] = {"value": [1] * (MAX_PARTS + 1)}
    canvas, _ = read_canvas(document)
    assert canvas is not None


def test_a_name_of_a_megabyte_is_cut() -> None:
    document = {"nodes": [{"id": "a", "type": "x", "data": {"inputs": {"x" * 1_000_000: 5}}}]}
    _, [found] = read_canvas(document)
    assert len(found.field) < 200
    assert len(found.message) < 500


def test_a_word_is_not_meant_to_be_itself() -> None:
    assert did_you_mean("type", ["type", "types"]) == '; did you mean "types"?'
    assert did_you_mean("type", ["type"]) == "."
