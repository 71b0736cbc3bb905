"""The difference of two canvases says everything that is different, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.diff import ABSENT, CanvasDiff, EdgeOutline, FieldChange, diff
from engine.renaming import renamed_node
from engine.values import Json

Document = dict[str, Any]


def node(id: str, type: str = "text_concat", **data: Any) -> Document:
    return {"id": id, "type": type, "data": data}


def edge(source: str, target: str, port: str | None = None) -> Document:
    made = {"sourceNodeID": source, "targetNodeID": target}
    return made if port is None else {**made, "sourcePortID": port}


def canvas(*nodes: Document, edges: tuple[Document, ...] = ()) -> Document:
    return {"nodes": [*nodes], "edges": [*edges]}


def test_a_canvas_does_not_differ_from_itself() -> None:
    one = canvas(node("a", title="标题"), node("b"), edges=(edge("a", "b"),))
    assert diff(one, copy.deepcopy(one)) == CanvasDiff()
    assert diff(one, one).same


def test_nodes_and_edges_that_come_and_go_are_told() -> None:
    before = canvas(node("a"), node("b", "llm", title="写诗"), edges=(edge("a", "b"),))
    after = canvas(node("a"), node("c", "code", title="计算"), edges=(edge("a", "c", "true"),))
    told = diff(before, after)
    assert [(one.id, one.type, one.title) for one in told.added] == [("c", "code", "计算")]
    assert [(one.id, one.type, one.title) for one in told.removed] == [("b", "llm", "写诗")]
    assert told.edges_added == (EdgeOutline("", "a", "true", "c"),)
    assert told.edges_removed == (EdgeOutline("", "a", "", "b"),)
    assert not told.changed


def test_a_changed_field_is_told_by_its_path_with_both_values() -> None:
    before = node("a", inputs={"text": {"template": "你好"}, "n": {"value": 1}}, settings={"cases": [1, 2]})
    after = node(
        "a", inputs={"text": {"template": "再见"}, "n": {"value": True}}, settings={"cases": [1, 3]}, title="新"
    )
    (change,) = diff(canvas(before), canvas(after)).changed
    assert change.fields == (
        FieldChange(("data", "inputs", "text", "template"), "你好", "再见"),
        FieldChange(("data", "inputs", "n", "value"), 1, True),
        FieldChange(("data", "settings", "cases", 1), 2, 3),
        FieldChange(("data", "title"), ABSENT, "新"),
    )


def test_moving_a_box_changes_nothing_that_it_means() -> None:
    before, after = node("a"), node("a")
    before["meta"] = {"position": {"x": 1, "y": 2}}
    after["meta"] = {"position": {"x": 300, "y": 2}}
    told = diff(canvas(before), canvas(after))
    assert told.same
    assert told.repositioned == ("a",)
    after["meta"]["colour"] = "red"
    (change,) = diff(canvas(before), canvas(after)).changed
    assert [one.path for one in change.fields] == [("meta",)]


def test_the_order_of_nodes_and_edges_means_nothing() -> None:
    one = canvas(node("a"), node("b"), edges=(edge("a", "b"), edge("b", "a")))
    assert diff(one, canvas(*one["nodes"][::-1], edges=tuple(one["edges"][::-1]))) == CanvasDiff()


def loop(id: str, *blocks: Document, edges: tuple[Document, ...] = ()) -> Document:
    return {**node(id, "loop"), "blocks": [*blocks], "edges": [*edges]}


def test_what_stands_in_a_loop_is_compared_too() -> None:
    before = canvas(loop("each", node("in", title="旧"), edges=(edge("each", "in"), edge("in", "each"))))
    after = canvas(loop("each", node("in", title="新"), node("more"), edges=(edge("each", "in"), edge("in", "more"))))
    told = diff(before, after)
    assert [(one.id, one.container) for one in told.added] == [("more", "each")]
    assert [(one.id, one.container, one.fields[0].path) for one in told.changed] == [("in", "each", ("data", "title"))]
    assert told.edges_added == (EdgeOutline("each", "in", "", "more"),)
    assert told.edges_removed == (EdgeOutline("each", "in", "", "each"),)


def test_a_node_that_moves_into_a_loop_is_the_same_node() -> None:
    told = diff(canvas(loop("each"), node("a", title="A")), canvas(loop("each", node("a", title="A"))))
    (change,) = told.changed
    assert (change.id, change.moved, change.container_before, change.container) == ("a", True, "", "each")
    assert (change.fields, told.added, told.removed) == ((), (), ())


def test_a_node_with_another_id_alone_is_the_same_and_so_is_what_names_it() -> None:
    def drawn(id: str, composite: str) -> Document:
        reader = node(
            "end", "end", inputs={"x": {"ref": [id, "output"]}, "t": {"template": f"诗: {{{{{id}.output}}}}"}}
        )
        body = node("body", inputs={"x": {"ref": [id, "output"]}})
        return canvas(
            node(id, title="写诗"), reader, loop(composite, body, edges=(edge(composite, "body"),)),
            edges=(edge(id, "end"), edge(id, composite)),
        )  # fmt: skip

    told = diff(drawn("llm_1", "each"), drawn("poet", "every"))
    assert [(one.id_before, one.id, one.renamed, one.fields) for one in told.changed if one.renamed] == [
        ("llm_1", "poet", True, ()),
        ("each", "every", True, ()),
    ]
    assert (told.added, told.removed, told.edges_added, told.edges_removed) == ((), (), (), ())
    assert [one.id for one in told.changed] == ["poet", "every"]


def test_of_two_that_could_be_meant_none_is_taken_for_the_other() -> None:
    told = diff(canvas(node("a"), node("b")), canvas(node("c"), node("d")))
    assert ([one.id for one in told.removed], [one.id for one in told.added]) == (["a", "b"], ["c", "d"])


def test_the_name_of_an_input_is_no_node() -> None:
    def drawn(id: str, template: str) -> Document:
        return canvas(node(id, title="x"), node("t", inputs={"a": {"value": 1}, "template": {"template": template}}))

    told = diff(drawn("a", "{{a}}"), drawn("b", "{{b}}"))
    assert [(one.id, [field.before for field in one.fields]) for one in told.changed] == [("b", []), ("t", ["{{a}}"])]


def test_what_is_no_canvas_is_compared_as_well() -> None:
    told = diff({"nodes": "none", "edges": 7}, {"nodes": [{"no": "id"}, 3], "meta": {"zoom": 1}})
    assert {one.path: (one.before, one.after) for one in told.fields} == {
        ("nodes",): ("none", [{"no": "id"}, 3]),
        ("edges",): (7, ABSENT),
        ("meta",): (ABSENT, {"zoom": 1}),
    }
    assert diff({}, {"nodes": [], "edges": []}).same


# --- properties -------------------------------------------------------------------------------------------------------

IDS = st.sampled_from(["a", "b", "c", "d", "节点"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "中文", "{{a.output}}"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
    max_leaves=4,
)
EXPRESSIONS = st.one_of(
    st.builds(lambda id: {"ref": [id, "output"]}, IDS),
    st.builds(lambda id: {"template": f"{{{{{id}.output}}}} 和"}, IDS),
    st.builds(lambda value: {"value": value}, VALUES),
)


NESTED: st.SearchStrategy[Any] = st.booleans()
ODD: list[Any] = [[], [7], [{"id": 3}]]


@st.composite
def documents(draw: st.DrawFn) -> Document:
    ids = draw(st.lists(IDS, unique=True, max_size=5))
    made: list[Document] = []
    loops: list[Document] = []
    for id_ in ids:
        one: Document = {"id": id_, "type": draw(st.sampled_from(["text", "loop"]))}
        if draw(st.booleans()):
            one["data"] = {"inputs": draw(st.dictionaries(st.sampled_from(["x", "a"]), EXPRESSIONS, max_size=2))}
        if draw(st.booleans()):
            one["meta"] = {"position": {"x": draw(st.integers(0, 1))}}
        holder = draw(st.sampled_from(loops)) if loops and draw(NESTED) else None
        (made if holder is None else holder["blocks"]).append(one)
        if one["type"] == "loop":
            one |= {"blocks": [], "edges": draw(st.lists(st.builds(edge, IDS, IDS), max_size=2))}
            loops.append(one)
    odd: list[Any] = draw(st.sampled_from(ODD))
    edges = draw(st.lists(st.builds(edge, IDS, IDS, st.sampled_from([None, "true"])), max_size=4))
    return {"nodes": [*made, *odd], "edges": edges, **draw(st.dictionaries(st.just("meta"), VALUES))}


Flat = dict[str, Any]


def flat(document: Document) -> Flat:
    """A document as what it says: nodes by id, edges as a set, without where boxes lie."""
    nodes: dict[str, tuple[str, Document]] = {}
    edges: set[EdgeOutline] = set()
    odd: list[Any] = []

    def walk(holder: Mapping[str, Any], name: str, container: str) -> None:
        for line in holder.get("edges", []):
            edges.add(
                EdgeOutline(container, line["sourceNodeID"], line.get("sourcePortID") or "", line["targetNodeID"])
            )
        for one in holder.get(name, []):
            if not isinstance(one, dict) or not isinstance(one.get("id"), str):
                odd.append(one)
                continue
            nodes[one["id"]] = (container, {k: v for k, v in one.items() if k not in ("blocks", "edges", "meta")})
            walk(one, "blocks", one["id"])

    walk(document, "nodes", "")
    rest = {key: value for key, value in document.items() if key not in ("nodes", "edges")}
    return {"nodes": nodes, "edges": edges, "rest": {**rest, **({"nodes": odd} if odd else {})}}


def applied(one: Flat, told: CanvasDiff) -> Flat:
    """The flat document with the differences made to it."""
    renames = {change.id_before: change.id for change in told.changed if change.renamed}

    def name(id_: str) -> str:
        return renames.get(id_, id_)

    nodes = {name(id_): (name(place), renamed_node(content, renames)) for id_, (place, content) in one["nodes"].items()}
    for gone in told.removed:
        del nodes[gone.id]
    for change in told.changed:
        place, content = nodes[change.id]
        assert place == change.container_before
        nodes[change.id] = (change.container, changed(content, change.fields))
    for come in told.added:
        nodes[come.id] = (come.container, {k: v for k, v in come.node.items() if k != "meta"})
    edges = {EdgeOutline(name(e.container), name(e.source), e.port, name(e.target)) for e in one["edges"]}
    assert edges >= {*told.edges_removed}
    return {
        "nodes": nodes,
        "edges": (edges - {*told.edges_removed}) | {*told.edges_added},
        "rest": changed(one["rest"], told.fields),
    }


def changed(value: Any, fields: tuple[FieldChange, ...]) -> Any:
    made: Any = copy.deepcopy(value)
    for field in fields:
        holder = made
        for step in field.path[:-1]:
            holder = holder[step]
        last = field.path[-1]
        if field.before is ABSENT:
            assert last not in holder
        else:
            assert holder[last] == field.before
        if field.after is ABSENT:
            del holder[last]
        else:
            holder[last] = field.after
    return made


@given(documents())
def test_no_canvas_differs_from_itself(one: Document) -> None:
    assert diff(one, copy.deepcopy(one)) == CanvasDiff()


@given(documents(), documents())
def test_the_differences_lead_from_one_canvas_to_the_other(before: Document, after: Document) -> None:
    assert applied(flat(before), diff(before, after)) == flat(after)


@given(st.dictionaries(st.sampled_from(["nodes", "edges", "meta"]), VALUES), st.dictionaries(st.text(), VALUES))
def test_any_two_documents_can_be_compared(before: dict[str, Json], after: dict[str, Json]) -> None:
    told = diff(before, after)
    assert told.same == (not diff(after, before).fields)
