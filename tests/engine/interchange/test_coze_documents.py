"""Documents that are none, are hostile, or are merely wrapped: a canvas with findings, or one clear error."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.imports import document as measured
from engine.canvas import Canvas
from engine.document import read_canvas
from engine.errors import InvalidCanvas, InvalidInput
from engine.interchange.coze import ExternalIds, Imported, import_canvas
from engine.limits import Limits
from engine.validation import validate
from nodes.library import built_in_library
from tests.engine.interchange.coze import ENTRY, EXIT, around, document, entry, leave, lit, node, params, ref, var
from tests.engine.interchange.test_coze_nodes import IDS, SHAPES

SMALL = document(entry(), leave(output=ref(ENTRY, "input")), lines=f"{ENTRY}>{EXIT}")
LIBRARY = built_in_library().types


@pytest.mark.parametrize(
    "given",
    [
        SMALL,
        json.dumps(SMALL),
        json.dumps(SMALL).encode(),
        "\ufeff" + json.dumps(SMALL),
        json.dumps(json.dumps(SMALL)),
        {"schema": json.dumps(SMALL)},
        {"data": {"workflow": {"schema_json": json.dumps(SMALL)}}},
        {"Nodes": SMALL["nodes"], "EDGES": SMALL["edges"]},
    ],
)
def test_a_canvas_is_found_in_what_people_have(given: Any) -> None:
    found = import_canvas(given)
    assert [one["type"] for one in found.canvas["nodes"]] == ["start", "end"]
    assert found.canvas["meta"] == {"imported_from": "coze"}
    assert found.canvas["nodes"][0]["meta"] == {"position": {"x": 1, "y": 2}}
    assert found.diagnostics == ()
    assert Canvas.model_validate(found.canvas) == found.model


@pytest.mark.parametrize(
    "given",
    [
        "",
        "   ",
        "{",
        "[]",
        "null",
        "7",
        '"text"',
        "{}",
        '{"nodes": {}}',
        '{"a": 1}',
        b"\xff\xfe",
        "[" * 100_000,
        '{"nodes": [' + "[" * 5_000 + "]" * 5_000 + "]}",
        '{"nodes": ' + "9" * 6_000 + "}",
        json.dumps(SMALL)[:-30],
        {"nodes": [{1, 2}]},
        {"nodes": object()},
        7,
        None,
    ],
)
def test_what_is_no_canvas_is_refused_with_a_sentence(given: Any) -> None:
    with pytest.raises(InvalidCanvas) as refused:
        import_canvas(given)
    assert refused.value.message.startswith("The document cannot be imported: ")
    assert refused.value.facts["diagnostics"]


def test_an_endless_document_is_refused() -> None:
    endless: dict[str, Any] = {"nodes": []}
    endless["nodes"].append(endless)
    with pytest.raises(InvalidCanvas):
        import_canvas(endless)


@pytest.mark.parametrize("size", [6_000_000, 100_000_000])
def test_a_document_that_is_too_large_is_refused_at_once(size: int) -> None:
    huge = around(node("1", "13", content=lit("x" * size)))
    began = time.process_time()
    with pytest.raises(InvalidCanvas) as refused:
        import_canvas(huge)
    assert time.process_time() - began < 5
    assert "larger than" in refused.value.message


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (json.dumps(around(node("1", "13", content=lit("x")))).replace('"x"', '"\\ud800"'), "not_unicode"),
        (json.dumps(SMALL).replace('"versions"', '"x": NaN, "versions"'), "not_finite"),
        (json.dumps(SMALL).replace('"versions"', '"x": 99999999999999999999, "versions"'), "number_too_large"),
        (json.dumps(SMALL).replace('"versions"', '"versions": 1, "versions"'), "duplicate_key"),
    ],
)
def test_what_no_canvas_can_hold_is_mended_and_told(text: str, code: str) -> None:
    found = import_canvas(text)
    assert code in [one.code for one in found.diagnostics]
    assert stored(found)


def test_hostile_names_are_names() -> None:
    names = params(__proto__=ref(ENTRY, "input"), constructor=lit("x"))
    given = node("1", "5", [var("__class__")], code="x", language=3, inputParameters=names)
    assert stored(import_canvas(around(given)))


@pytest.mark.parametrize(
    "given",
    [
        document(*[node("1", "5") for _ in range(3_000)], lines=""),
        document(entry(), *[node(f"n {number}", "99") for number in range(2_000)], leave(), lines=""),
        {"nodes": [7, "x", None, []] * 5_000, "edges": [{}, 7, None] * 5_000},
        around(node("1", "13", content=lit("{{" * 60_000))),
        around(node("1", "13", content=lit("{{100001.x}}" * 5_000))),
        around(node("1", "13", content=lit("x"), inputParameters=[{"name": f"a{n}"} for n in range(8_000)])),
        document(entry(), *[node(f"{n}", "5") for n in range(900)], lines=" ".join(f"{a}>{a + 1}" for a in range(899))),
        around({"id": "1", "type": "5", "data": {"nodeMeta": {"title": "t" * 500_000}}}),
    ],
    ids=map(str, range(8)),
)
def test_a_large_document_takes_no_time_that_grows_with_its_square(given: dict[str, Any]) -> None:
    began = time.process_time()
    found = import_canvas(given)
    assert time.process_time() - began < 10
    assert len(found.diagnostics) <= 201


def test_deep_values_in_texts_are_bounded_by_the_canvas() -> None:
    deep = '{"a":' * 60 + "1" + "}" * 60
    given = around(node("1", "5", [], code="x", language=3, inputParameters=params(x=lit(deep, "object"))))
    with pytest.raises(InvalidCanvas):
        import_canvas(given)
    assert stored(import_canvas(given, limits=Limits(canvas_depth=150)), Limits(canvas_depth=150))


def test_a_node_that_is_kept_whole_has_room_for_its_depth() -> None:
    kept: Any = "x"
    for _ in range(59):
        kept = [kept]
    given = around({"id": "1", "type": "99", "data": {"nodeMeta": {}, "inputs": {}, "deep": kept}})
    with pytest.raises(InvalidCanvas):
        import_canvas(given)


# --- whatever is thrown at it ---

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BATCHES = node("1", "3", [var("outputList", "list", schema={"type": "object", "schema": [var("output")]})],
               batch={"batchEnable": True, "batchSize": 2, "inputLists": params(a=ref(ENTRY, "items", "list"))},
               llmParam=params(modelType=lit("17")), inputParameters=params(x=ref("1", "a.b")),
               settingOnError={"processType": 2, "dataOnErr": '{"output": ""}'})  # fmt: skip
INTENTS = node("1", "22", intents=[{"name": "buy"}], mode="all", inputParameters=params(query=ref(ENTRY, "input")),
               llmParam={"modelType": 17, "systemPrompt": lit("{{x}}")},
               chatHistorySetting={"enableChatHistory": True})  # fmt: skip
WHOLE = [*(around(given) for given in (*(shape for shape, _ in SHAPES.values()), BATCHES, INTENTS)), measured(14)]


def stored(found: Imported, limits: Limits | None = None) -> bool:
    """What comes out can be stored and read again, and validation has an opinion on it."""
    model, findings = read_canvas(json.dumps(found.canvas), limits or Limits())
    assert findings == []
    assert model == found.model
    validate(found.model, LIBRARY)
    return True


def answered(document: Any) -> bool:
    """Whether it is imported, or refused with the one error."""
    try:
        found = import_canvas(document, IDS)
    except InvalidCanvas as error:
        return bool(error.facts["diagnostics"])
    return stored(found) and all(one.message.rstrip().endswith((".", "?", ")")) for one in found.diagnostics)


def parts_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(one for key, inner in entries for one in parts_of(inner, (*path, key)))]


@settings(max_examples=300)
@given(st.sampled_from(WHOLE), st.data())
def test_a_document_with_anything_in_place_of_a_part_gives_findings_or_the_one_error(whole: Any, data: Any) -> None:
    changed = copy.deepcopy(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(parts_of(changed)))
        value = data.draw(JSON)
        if not path:
            changed = value
            break
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        if data.draw(st.booleans()) and isinstance(holder, dict):
            del holder[path[-1]]
        else:
            holder[path[-1]] = value
    assert answered(changed)


@settings(max_examples=200)
@given(st.one_of(JSON, st.text(), st.binary()))
def test_anything_at_all_gives_findings_or_the_one_error(anything: Any) -> None:
    assert answered(anything)


@settings(max_examples=100)
@given(st.sampled_from(WHOLE), st.data())
def test_a_document_that_is_cut_off_is_refused(whole: Any, data: Any) -> None:
    text = json.dumps(whole, ensure_ascii=False)
    with pytest.raises(InvalidCanvas):
        import_canvas(text[: data.draw(st.integers(0, len(text) - 1))])


# --- the table of ids ---


def test_a_table_is_read_from_json_and_written_again() -> None:
    table = {"model": {"17": "default"}, "field": {"d/1": "name"}}
    assert ExternalIds.read(table).to_json() == table
    assert ExternalIds({"model": {"*": "any"}}).find("model", "17") == "any"
    assert ExternalIds({"workflow": {"*": "any"}}).find("workflow", "17") is None


@pytest.mark.parametrize(
    "table", [7, {"tea": {}}, {"model": 7}, {"model": {"1": 2}}, {"model": {"1": ""}}, {"field": {"101": "name"}}]
)
def test_a_table_that_makes_no_sense_is_refused(table: Any) -> None:
    with pytest.raises(InvalidInput):
        ExternalIds.read(table)
