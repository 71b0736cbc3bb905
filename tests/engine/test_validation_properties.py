"""Whatever a document says, reading and validating it ends in findings or in a canvas that compiles."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.canvas import Canvas
from engine.compile import compile_canvas
from engine.diagnostics import Diagnostic
from engine.document import read_canvas
from engine.findings import MAX_FINDINGS
from engine.prune import prune
from engine.validation import WorkflowFace, validate
from tests.engine.generate import canvases
from tests.engine.library import LIBRARY

Place = tuple[str | int, ...]

FACE: Final = WorkflowFace("7", "v1.0.0", {"type": "object", "properties": {"x": {"type": "string"}}}, {}, ("8",))
JUNK: Final = st.one_of(
    st.sampled_from(
        [None, True, 0, -1, 1.5, "", "x", "甲", [], {}, [[]], {"ref": []}, {"ref": ["item"]}, {"value": None}]
    ),
    st.sampled_from(
        [{"template": "{{a}} {{"}, {"ref": ["loop", "x"]}, {"object": {"a": {"list": []}}}, 2**70, "{{end}}"]
    ),
    st.sampled_from([*LIBRARY, "start", "error", "object", "array", "branch", "default"]),
)


def places(document: Any) -> list[Place]:
    """Every place in the document that can be changed."""
    found: list[Place] = []
    stack: list[tuple[Place, Any]] = [((), document)]
    while stack:
        here, value = stack.pop()
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in entries:
            found.append((*here, key))
            stack.append(((*here, key), inner))
    return sorted(found, key=str)


def at(document: Any, place: Place) -> Any:
    for part in place:
        document = document[part]
    return document


def change(document: Any, place: Place, value: Any) -> None:
    at(document, place[:-1])[place[-1]] = value


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """A valid canvas in which a few things were deleted, doubled, exchanged or replaced."""
    whole: dict[str, Any] = json.loads(draw(canvases(people=True)).model_dump_json(by_alias=True))
    for _ in range(draw(st.integers(1, 4))):
        where = places(whole)
        if not where:
            break
        place = draw(st.sampled_from(where))
        other = draw(st.sampled_from(where))
        around: Any = at(whole, place[:-1])
        key: Any = place[-1]
        words = [one for one in where if isinstance(at(whole, one), str)]
        match draw(st.sampled_from(["delete", "double", "exchange", "reword", "reword", "reword", "replace"])):
            case "delete":
                del around[key]
            case "double" if isinstance(around, list):
                around.append(json.loads(json.dumps(around[key])))
            case "exchange":
                change(whole, place, json.loads(json.dumps(at(whole, other))))
            case "reword" if len(words) > 1:
                # Ids, types and ports: the document keeps its shape and changes its meaning.
                wrong, word = draw(st.sampled_from(words)), at(whole, draw(st.sampled_from(words)))
                change(whole, wrong, word)
            case _:
                change(whole, place, json.loads(json.dumps(draw(JUNK))))
    return whole


def check_form(findings: list[Diagnostic], names: set[str]) -> None:
    assert len(findings) <= MAX_FINDINGS + 1
    for one in findings:
        assert one.code.isidentifier()
        assert one.code.islower()
        assert one.message
        assert one.node in names
        json.dumps(one.to_json())


def ids(document: Any) -> set[str]:
    stack, found = [document], {""}
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.values())
            if isinstance(value.get("id"), str):
                found.add(value["id"])
        elif isinstance(value, list):
            stack.extend(value)
    return found


def look(canvas: Canvas) -> list[Diagnostic]:
    return validate(canvas, LIBRARY, workflows=lambda workflow, _: FACE if workflow == "7" else None, own_id="9")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(spoilt())
def test_a_spoilt_canvas_gets_findings_or_compiles(document: dict[str, Any]) -> None:
    canvas, found = read_canvas(document)
    check_form(found, ids(document))
    if canvas is None:
        assert any(one.severity == "error" for one in found)
        return
    findings = look(canvas)
    check_form(findings, ids(document))
    assert look(canvas) == findings
    assert read_canvas(json.dumps(document).encode()) == (canvas, [])
    if not any(one.severity == "error" for one in findings):
        compile_canvas(canvas, LIBRARY, lambda *_: None)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(canvases(people=True))
def test_a_valid_canvas_has_no_errors_and_nothing_to_prune(canvas: Canvas) -> None:
    assert [one for one in look(canvas) if one.severity == "error"] == []
    assert prune(canvas) == canvas


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200), st.text('[]{}":,\\a1 ', max_size=60)))
def test_whatever_comes_is_read_or_refused_in_words(data: bytes | str) -> None:
    canvas, found = read_canvas(data)
    assert (canvas is None) == bool(found)
    check_form(found, {""})


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(
                st.sampled_from(["nodes", "edges", "id", "type", "data", "blocks", "inputs", "ref", "value", "object"]),
                inner,
                max_size=5,
            ),
        ),
        max_leaves=20,
    )
)
def test_any_json_is_read_or_refused_in_words(value: Any) -> None:
    document = {"nodes": [value], "edges": [value], "meta": {"x": value}}
    canvas, found = read_canvas(document)
    assert (canvas is None) == bool(found)
    check_form(found, ids(document))
