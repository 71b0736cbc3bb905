"""What validation says of canvases, beyond the table of broken ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from engine.canvas import Canvas, Expression, JsonSchema, Node
from engine.diagnostics import Diagnostic
from engine.findings import ENOUGH, MAX_FINDINGS
from engine.limits import Limits
from engine.node_type import NodeLibrary, NodeType
from engine.prune import prune
from engine.validation import WorkflowFace, validate
from tests.engine.draw import canvas, choose, end, node, start
from tests.engine.library import LIBRARY

OUT: JsonSchema = {"type": "object", "properties": {"text": {"type": "string"}, "list": {"type": "array", "items": {}}}}


def said(drawn: Canvas, library: NodeLibrary = LIBRARY, **more: Any) -> list[tuple[str, str, str]]:
    return [(one.code, one.node, one.field) for one in validate(drawn, library, **more)]


def work(name: str, inputs: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    return node(name, "work", inputs or {}, outputs=OUT, **data)


def loop(name: str, *blocks: dict[str, Any], lines: str, **data: Any) -> dict[str, Any]:
    inputs = {"items": [1, 2], **data.pop("inputs", {})}
    return node(name, "loop", inputs, blocks=list(blocks), lines=lines, **data)


# --- nothing to find ---


def test_a_canvas_with_everything_has_no_findings() -> None:
    drawn = canvas(
        start({"name": "string", "people": {"type": "array", "items": {"type": "object", "properties": {"age": {}}}}}),
        choose("which", long=("=start.name", "length_greater", 5), empty=("=start.name", "empty")),
        work("a", {"text": "Hi {{start.name}}, {{first}} {{user.language}}", "first": "=start.people.age"}),
        work("b", {"count": 3}, on_error={"policy": "branch"}),
        work("c", on_error={"policy": "default", "default": {"text": ""}}),
        loop(
            "each",
            work("inner", {"text": "=item.name", "n": "=index", "sum": "=loop.total", "outer": "=start.name"}),
            node("set", "set_variable", {"total": "=inner.text"}),
            node("stop", "break"),
            lines="each>inner>set>each inner>stop",
            inputs={"variables": {"object": {"total": {"value": 0}}}},
            results={"all": "=inner.text", "total": "=loop.total"},
        ),
        node("ask", "ask", {"question": "Go on?"}),
        end({"a": "=a.text", "ok": "=c.isSuccess", "why": "=b.errorBody.errorMessage", "all": "=each.all.0"}),
        lines="start>which which:long>a>each which:empty>b>each b:error>c which:otherwise>c>each each>ask>end",
    )
    assert said(drawn) == []


def test_a_node_may_read_what_comes_before_it_by_another_reading() -> None:
    drawn = canvas(
        start(),
        work("a"),
        work("b", {"text": "=a.text"}),
        work("c", {"text": "=b.text", "more": "=a.text"}),
        end(),
        lines="start>a>end start>b>end start>c>end",
    )
    assert said(drawn) == [
        ("not_upstream", "b", "data.inputs.text"),
        ("not_upstream", "c", "data.inputs.text"),
    ]


def test_a_body_may_read_what_comes_before_its_loop() -> None:
    inner = [work("x", {"text": "=a.text"}), work("y", {"text": "=b.text"})]
    drawn = canvas(
        start(),
        work("a"),
        loop("each", *inner, lines="each>x>y>each"),
        work("b"),
        end(),
        lines="start>a>each>b>end",
    )
    assert said(drawn) == [("cycle", "each", ""), ("not_upstream", "y", "data.inputs.text")]


def test_variables_that_are_known_only_when_the_loop_runs_are_not_judged() -> None:
    inner = work("x", {"text": "=loop.whatever"})
    drawn = canvas(
        start({"first": "object"}),
        loop("each", inner, lines="each>x>each", inputs={"variables": "=start.first"}),
        end(),
        lines="start>each>end",
    )
    assert said(drawn) == []


def test_an_output_that_nobody_declares_may_have_any_key() -> None:
    drawn = canvas(start(), node("a", "work"), end({"x": "=a.anything.at.all"}), lines="start>a>end")
    assert said(drawn) == []


def test_a_port_without_a_name_is_no_port() -> None:
    drawn = canvas(start(), work("a"), end(), lines="start>a>end")
    empty = drawn.model_copy(update={"edges": [edge.model_copy(update={"port": ""}) for edge in drawn.edges]})
    assert said(empty) == []


# --- order and number ---


def test_findings_stand_in_the_order_of_the_document() -> None:
    drawn = canvas(
        start(),
        work("a", {"text": "=nobody.x"}),
        loop("each", work("inner", {"text": "=nobody.x"}), lines="each>inner"),
        work("b", {"text": "=nobody.x"}),
        end(),
        lines="start>a>each>b>end ghost>end",
    )
    assert said(drawn) == [
        ("unknown_node", "a", "data.inputs.text"),
        ("unknown_node", "inner", "data.inputs.text"),
        ("not_connected", "inner", ""),
        ("unknown_node", "b", "data.inputs.text"),
        ("unknown_edge_node", "", "edges.4.sourceNodeID"),
    ]


def test_too_many_nodes_are_said_and_nothing_else() -> None:
    drawn = canvas(*(work(f"w{number}") for number in range(11)), lines="")
    [found] = validate(drawn, LIBRARY, limits=Limits(canvas_nodes=10))
    assert found.code == "too_many_nodes"
    assert found.facts == {"nodes": 11, "limit": 10, "setting": "MAINSPRING_CANVAS_NODES"}


def test_nodes_of_bodies_count() -> None:
    inner = [work(f"w{number}") for number in range(9)]
    drawn = canvas(start(), loop("each", *inner, lines="each>w0>each"), end(), lines="start>each>end")
    assert "too_many_nodes" in [one.code for one in validate(drawn, LIBRARY, limits=Limits(canvas_nodes=11))]
    assert "too_many_nodes" not in [one.code for one in validate(drawn, LIBRARY, limits=Limits(canvas_nodes=12))]


def test_an_error_is_not_lost_among_the_findings_that_are_not_shown() -> None:
    lost = [work(f"w{number}") for number in range(MAX_FINDINGS)]
    drawn = canvas(start(), *lost, end({"x": "=nobody.x"}), lines="start>end")
    found = validate(drawn, LIBRARY)
    assert [one.severity for one in found] == ["warning"] * MAX_FINDINGS + ["error"]
    assert found[-1].facts == {"more": 1, "errors": 1}
    without = validate(canvas(start(), *lost, work("w"), end(), lines="start>end"), LIBRARY)
    assert [one.severity for one in without] == ["warning"] * (MAX_FINDINGS + 1)


def test_where_too_much_is_wrong_to_look_on_that_is_an_error() -> None:
    text = "".join(f"{{{{a{number}}}}}" for number in range(ENOUGH + 500))
    drawn = canvas(start(), work("a", {"text": text}), end(), lines="start>a>end")
    found = validate(drawn, LIBRARY)
    assert {one.code for one in found[:-1]} == {"unknown_placeholder"}
    assert (found[-1].code, found[-1].severity) == ("more_findings", "error")


def test_a_placeholder_is_judged_once_in_a_template() -> None:
    drawn = canvas(start(), work("a", {"text": "{{x}} {{ x }} {{x}} {{}} {{}}"}), end(), lines="start>a>end")
    assert [code for code, _, _ in said(drawn)] == ["malformed_placeholder", "unknown_placeholder"]


def test_a_chain_may_be_long() -> None:
    names = [f"w{number}" for number in range(3_000)]
    nodes = [work(name, {"text": f"={before}.text"}) for before, name in zip(["w0", *names], names, strict=False)]
    drawn = canvas(start(), *nodes, end(), lines=f"start>{'>'.join(names)}>end")
    assert said(drawn, limits=Limits(canvas_nodes=5_000)) == [("self_reference", "w0", "data.inputs.text")]


# --- cycles ---


def test_every_cycle_is_said_once_with_its_nodes() -> None:
    drawn = canvas(
        start(),
        *(work(name) for name in "abcd"),
        end(),
        lines="start>a>b>a b>c>d>c d>d d>end",
    )
    found = [(one.code, one.node, one.facts.get("nodes")) for one in validate(drawn, LIBRARY)]
    assert found == [("cycle", "a", ["a", "b"]), ("cycle", "c", ["c", "d"]), ("cycle", "d", ["d"])]


def test_a_circle_of_edges_and_a_reading_is_a_cycle() -> None:
    drawn = canvas(start(), work("a", {"text": "=c.text"}), work("b"), work("c"), end(), lines="start>a>b>c>end")
    found = [(one.code, one.node, one.facts.get("nodes")) for one in validate(drawn, LIBRARY)]
    assert found == [("cycle", "a", ["a", "b", "c"]), ("not_upstream", "a", None)]


def test_a_reading_along_a_cycle_of_edges_is_not_blamed() -> None:
    drawn = canvas(start(), work("a"), work("b", {"text": "=a.text"}), end(), lines="start>a>b>a b>end")
    assert said(drawn) == [("cycle", "a", "")]


def test_a_knot_is_told_by_some_of_its_cycles() -> None:
    names = [f"w{number}" for number in range(40)]
    lines = [f"{source}>{target}" for source in names for target in names]
    drawn = canvas(start(), *map(work, names), end(), lines=f"start>w0 w1>end {' '.join(lines)}")
    found = said(drawn)
    assert {code for code, _, _ in found} == {"cycle"}
    assert 10 < len(found) <= 50


# --- isolated nodes ---


def test_isolated_nodes_are_left_out_with_their_edges_in_one_look() -> None:
    drawn = canvas(
        start(),
        work("lost"),
        work("after"),
        loop("each", work("x"), work("note"), lines="each>x>each note>x"),
        end(),
        lines="start>each>end lost>after>end",
    )
    pruned = prune(drawn)
    assert [one.id for one in pruned.nodes] == ["start", "after", "each", "end"]
    assert [(one.source, one.target) for one in pruned.edges] == [
        ("start", "each"),
        ("each", "end"),
        ("after", "end"),
    ]
    assert [one.id for one in pruned.nodes[2].blocks] == ["x"]
    assert [(one.source, one.target) for one in pruned.nodes[2].edges] == [("each", "x"), ("x", "each")]


def test_what_is_left_out_may_be_unfinished() -> None:
    drawn = canvas(start(), work("lost", {"text": "=nobody.x"}, settings={"tier": 5}), end(), lines="start>end")
    [found] = validate(drawn, LIBRARY)
    assert (found.code, found.severity) == ("isolated_node", "warning")


def test_a_canvas_without_isolated_nodes_stays_as_it_is() -> None:
    drawn = canvas(start(), loop("each", work("x"), lines="each>x>each"), end(), lines="start>each>end")
    assert prune(drawn) == drawn


# --- edges ---


def test_the_plain_way_out_of_a_chooser_replaces_none_of_its_ports() -> None:
    drawn = canvas(start(), choose("which", yes=(1, "equal", 1)), end(), lines="start>which>end which:yes>end")
    [found] = validate(drawn, LIBRARY)
    assert (found.code, found.facts) == ("port_not_connected", {"port": "otherwise"})


def test_a_chooser_that_branches_on_errors_keeps_its_own_ports() -> None:
    chooser = choose("which", yes=(1, "equal", 1))
    chooser["data"]["on_error"] = {"policy": "branch"}
    drawn = canvas(start(), chooser, end(), lines="start>which which:yes>end which:otherwise>end which:error>end")
    assert said(drawn) == []


def test_ports_are_not_judged_while_the_settings_do_not_tell_them() -> None:
    drawn = canvas(start(), node("which", "choose", settings={"cases": 5}), end(), lines="start>which which:a>end")
    assert said(drawn) == [("wrong_type", "which", "data.settings.cases")]


def test_an_edge_from_the_beginning_of_a_body_to_its_end_does_nothing() -> None:
    drawn = canvas(start(), loop("each", work("x"), lines="each>x>each each>each"), end(), lines="start>each>end")
    [found] = validate(drawn, LIBRARY)
    assert (found.code, found.node, found.field, found.severity) == ("useless_edge", "each", "edges.2", "warning")


# --- inputs ---


def test_a_literal_deep_inside_an_input_is_found() -> None:
    drawn = canvas(
        start(),
        node("a", "strict_work", {"url": "x", "tags": {"list": [{"value": "a"}, {"object": {}}]}}),
        node("b", "strict_work", {"url": "x", "tags": [["a"], "b"], "tries": "7"}),
        node("c", "strict_work", {"url": "x", "tries": "seven"}),
        end(),
        lines="start>a>b>c>end",
    )
    assert said(drawn) == [("wrong_type", "c", "data.inputs.tries")]


def test_the_variables_of_an_end_have_the_types_it_declares() -> None:
    drawn = canvas(start(), end({"count": "many", "free": "x"}, count="integer"), lines="start>end")
    assert said(drawn) == [("wrong_type", "end", "data.inputs.count")]


def test_a_template_that_is_too_long_is_refused() -> None:
    drawn = canvas(start(), work("a", {"text": "{{start.x}}" + "甲" * 50}), end(), lines="start>a>end")
    [found] = validate(drawn, LIBRARY, limits=Limits(template_bytes=100))
    assert (found.code, found.severity) == ("template_too_long", "error")
    assert found.facts == {"limit": 100, "setting": "MAINSPRING_TEMPLATE_BYTES"}
    assert said(drawn) == []


def test_a_placeholder_names_an_input_before_it_names_a_node() -> None:
    drawn = canvas(start(), work("a", {"text": "{{end.x}}", "end": "x"}), end(), lines="start>a>end")
    assert said(drawn) == []


def test_a_placeholder_that_reads_what_comes_later_is_an_error() -> None:
    drawn = canvas(start(), work("a", {"text": "{{b.text}}"}), work("b"), end(), lines="start>a>b>end")
    assert ("not_upstream", "a", "data.inputs.text") in said(drawn)


# --- sub-workflows ---

FACE = WorkflowFace(
    "77",
    "v1.0.0",
    inputs={"type": "object", "properties": {"topic": {"type": "string"}, "名字": {}}, "required": ["topic"]},
    outputs=OUT,
    uses=("78",),
)


def caller(inputs: dict[str, Any], workflow: str = "77") -> Canvas:
    call = node("call", "subworkflow", inputs, settings={"workflow": workflow})
    return canvas(start(), call, end({"x": "=call.text"}), lines="start>call>end")


def test_a_sub_workflow_is_called_by_its_own_inputs() -> None:
    assert said(caller({"topic": "x", "名字": "y"}), workflows=lambda *_: FACE) == []
    assert said(caller({"about": "x"}), workflows=lambda *_: FACE) == [
        ("unknown_input", "call", "data.inputs.about"),
        ("missing_input", "call", "data.inputs.topic"),
    ]


def test_without_a_way_to_look_workflows_up_they_are_taken_as_they_are() -> None:
    assert said(caller({"about": "x"})) == []


def test_a_workflow_is_looked_up_once() -> None:
    asked: list[tuple[str, str]] = []

    def find(workflow: str, version: str) -> WorkflowFace:
        asked.append((workflow, version))
        return FACE

    calls = [node(f"c{number}", "subworkflow", {"topic": "x"}, settings={"workflow": "77"}) for number in range(3)]
    drawn = canvas(start(), *calls, end(), lines="start>c0>c1>c2>end")
    assert said(drawn, workflows=find) == []
    assert asked == [("77", "")]


@pytest.mark.parametrize("own_id", ["77", "78"])
def test_a_call_that_leads_back_is_found(own_id: str) -> None:
    found = said(caller({"topic": "x"}), workflows=lambda *_: FACE, own_id=own_id)
    assert found == [("recursive_workflow", "call", "data.settings.workflow")]


def test_a_workflow_that_is_called_by_another_name_is_still_itself() -> None:
    found = said(caller({"topic": "x"}, "by-its-key"), workflows=lambda *_: FACE, own_id="77")
    assert found == [("recursive_workflow", "call", "data.settings.workflow")]


# --- node types of others ---


def with_type(**changes: Any) -> NodeLibrary:
    return {**LIBRARY, "work": replace(LIBRARY["work"], source="elsewhere", **changes)}


ONE = canvas(start(), node("a", "work"), end(), lines="start>a>end")


def test_a_node_types_own_findings_are_included() -> None:
    def check(one: Node, settings: BaseModel | None) -> Iterable[Diagnostic]:
        yield Diagnostic("too_dull", "The node is dull.", field="data.title", severity="warning")

    assert said(ONE, with_type(check=check)) == [("too_dull", "a", "data.title")]


def fails(*_: object) -> Any:
    raise KeyError("oops")


def yields_then_fails(*_: object) -> Iterable[Any]:
    yield from ()
    raise KeyError("oops")


@pytest.mark.parametrize(
    "changes",
    [
        {"check": fails},
        {"check": yields_then_fails},
        {"check": lambda *_: [5]},
        {"ports": fails},
        {"ports": lambda _: 5},
        {"expressions": fails},
        {"expressions": yields_then_fails},
        {"expressions": lambda _: [5]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_node_type_that_fails_is_named_and_hides_nothing(changes: dict[str, Any]) -> None:
    broken = canvas(start(), node("a", "work"), end({"x": "=nobody.x"}), lines="start>a>end")
    found = validate(broken, with_type(**changes))
    assert [(one.code, one.node) for one in found] == [("node_type_failed", "a"), ("unknown_node", "end")]
    assert "elsewhere" in found[0].message


def test_expressions_in_settings_are_validated_with_their_place() -> None:
    def expressions(_: BaseModel) -> Iterable[tuple[str, Expression]]:
        read = canvas(node("x", "y", {"z": {"object": {"k": {"ref": ["nobody"]}}}}), lines="")
        yield "some.place", read.nodes[0].data.inputs["z"]

    assert said(ONE, with_type(expressions=expressions)) == [("unknown_node", "a", "data.settings.some.place.object.k")]


def test_of_a_node_of_unknown_type_nothing_else_is_said() -> None:
    found = said(ONE, {})
    assert [code for code, _, _ in found] == ["missing_start", "missing_end", *["unknown_node_type"] * 3]


def test_a_type_of_another_package_may_be_the_closest() -> None:
    mine: NodeType = replace(LIBRARY["work"], name="translate")
    drawn = canvas(start(), node("a", "translte"), end(), lines="start>a>end")
    [found] = validate(drawn, {**LIBRARY, "translate": mine})
    assert found.message == 'There is no node type "translte"; did you mean "translate"?'
