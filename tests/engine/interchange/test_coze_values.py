"""Values of a Coze document: literals, references, objects, types and templates as expressions of ours."""

from __future__ import annotations

from typing import Any

import pytest

from engine.interchange.coze import ExternalIds, import_canvas
from tests.engine.interchange.coze import (
    ENTRY,
    EXIT,
    around,
    become,
    document,
    entry,
    inside,
    leave,
    lit,
    made,
    node,
    params,
    ref,
    said,
    took,
    var,
    variable,
)


def code(**values: dict[str, Any]) -> dict[str, Any]:
    """A node that takes any inputs."""
    return node("1", "5", [var("out")], code="def main(args): ...", language=3, inputParameters=params(**values))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (lit("茶"), "茶"),
        (lit(5, "string"), "5"),
        (lit("12", "integer"), 12),
        (lit(12.9, "integer"), 12),
        (lit("1.5", "float"), 1.5),
        (lit(2, "float"), 2),
        (lit("T", "boolean"), True),
        (lit(False, "boolean"), False),
        (lit('{"a": [1]}', "object"), {"a": [1]}),
        (lit("[1, 2]", "list"), [1, 2]),
        (lit([3], "list"), [3]),
        (lit("2024-05-01", assistType=10000), "2024-05-01"),
    ],
)
def test_a_literal_has_the_type_it_declares(given: dict[str, Any], expected: Any) -> None:
    assert become(code(x=given))["inputs"]["x"] == {"value": expected}


@pytest.mark.parametrize(
    ("given", "code_of_finding"),
    [
        (lit("x", "integer"), "literal_type"),
        (lit("yes", "boolean"), "literal_type"),
        (lit("{", "object"), "literal_type"),
        (lit("[]", "object"), "literal_type"),
        (lit("", "list"), "literal_type"),
        (lit("[NaN]", "integer"), "literal_type"),
        (lit(None), "literal_null"),
        ({"type": "string", "value": {"type": "magic"}}, "unknown_value"),
        ({"type": "string"}, "no_value"),
        ({"type": "string", "value": {"type": "ref"}}, "empty_reference"),
        ({"type": "string", "value": {"type": "ref", "content": {"source": "elsewhere"}}}, "unknown_source"),
        (ref("", "x"), "empty_reference"),
        (ref("nobody", "x"), "unknown_node"),
        (ref(ENTRY, ".".join("x" * 40)), "path_too_long"),
        ({**lit("x"), "type": "tea"}, "unknown_type"),
        (lit("x", assistType=77), "unknown_assist_type"),
        (variable("user"), "empty_reference"),
        ({**lit("x"), "surprise": 1}, "unknown_key"),
        (None, "no_value"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(given: Any, code_of_finding: str) -> None:
    found = import_canvas(around(code(x=given)))
    assert [(one.code, one.node) for one in found.diagnostics] == [(code_of_finding, "1")]
    assert all(one.message.endswith((".", "?")) for one in found.diagnostics)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ref(ENTRY, "input"), [ENTRY, "input"]),
        (ref(ENTRY), [ENTRY]),
        (variable("user", "name"), ["user", "name"]),
        (variable("app", "a", "b"), ["app", "a", "b"]),
        (variable("system", "sys_uuid"), ["system", "sys_uuid"]),
    ],
)
def test_a_reference_leads_to_the_same_place(given: dict[str, Any], expected: list[str]) -> None:
    assert become(code(x=given))["inputs"]["x"] == {"ref": expected}


def test_a_reference_into_an_output_does_not_lead_through_null() -> None:
    assert become(code(x=ref(ENTRY, "a.b.c")))["inputs"]["x"] == {"ref": [ENTRY, "a", "b", "c"], "strict": True}


def test_an_object_is_put_together_of_its_leaves() -> None:
    got = become(code(x=made(a=lit("1", "integer"), b=made(c=ref(ENTRY, "input")))))
    assert got["inputs"]["x"] == {"object": {"a": {"value": 1}, "b": {"object": {"c": {"ref": [ENTRY, "input"]}}}}}
    assert got["types"]["x"] == {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "object", "properties": {"c": {"type": "string"}}}},
    }


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "file"), (2, "image"), (3, "doc"), (4, "code"), (5, "ppt"), (6, "txt"), (7, "excel"), (8, "audio"),
        (9, "zip"), (10, "video"), (11, "svg"), (12, "voice"), (10000, "time"),
    ],
)  # fmt: skip
def test_a_kind_of_file_is_a_format(number: int, name: str) -> None:
    got = become(code(x=ref(ENTRY, "input", assistType=number)))
    assert got["types"]["x"] == {"type": "string", "format": name}


def test_types_are_kept_whole() -> None:
    schema = [var("n", "integer", required=True, description="how many"), var("l", "list", schema=var("", "object"))]
    got = become(code(x=ref(ENTRY, "input", "object", schema=schema)))
    assert got["types"]["x"] == {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "description": "how many"},
            "l": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["n"],
    }


def test_a_default_has_the_type_of_its_input() -> None:
    found = import_canvas(
        document(
            entry(var("n", "integer", defaultValue="7"), var("o", "object", defaultValue='{"a":1}'), var("s")),
            leave(),
            lines=f"{ENTRY}>{EXIT}",
        )
    )
    properties = took(found, ENTRY)["outputs"]["properties"]
    assert (properties["n"]["default"], properties["o"]["default"]) == (7, {"a": 1})
    assert "default" not in properties["s"]


def test_the_name_of_a_file_travels_with_its_url() -> None:
    given = lit("https://x.test/f?a=1#p", assistType=1)
    given["value"]["rawMeta"] = {"fileName": "茶.pdf"}
    several = lit(["https://x.test/1", "https://x.test/2"], "list", schema={"type": "string", "assistType": 2})
    several["value"]["rawMeta"] = {"fileName": ["a.png", "b.png"]}
    got = become(code(x=given, y=several))["inputs"]
    assert got["x"] == {"value": "https://x.test/f?a=1&x-wf-file_name=%E8%8C%B6.pdf#p"}
    assert got["y"]["value"][1] == "https://x.test/2?x-wf-file_name=b.png"


def test_a_file_without_a_name_is_named() -> None:
    given = lit("https://x.test/f", assistType=1)
    given["value"]["rawMeta"] = {"type": 1}
    assert said(import_canvas(around(code(x=given))))[0][0] == "no_file_name"


def test_children_read_elements_variables_and_the_number_of_their_turn() -> None:
    child = code(
        a=ref("each", "list.deep"), b=ref("each", "index", "integer"), c=ref("each", "sum"), d=ref(ENTRY, "input"),
        e=ref("each", "text"),
    )  # fmt: skip
    given = params(list=ref(ENTRY, "items", "list"), text=ref(ENTRY, "input"))
    loop = node("each", "21", [], loopType="array", inputParameters=given, variableParameters=params(sum=lit("0")))
    found = import_canvas(
        document(entry(), inside(loop, child, lines="each>1>each"), leave(), lines=f"{ENTRY}>each>{EXIT}")
    )
    assert {name: one["ref"] for name, one in took(found, "1")["inputs"].items()} == {
        "a": ["item", "list", "deep"],
        "b": ["index"],
        "c": ["loop", "sum"],
        "d": [ENTRY, "input"],
        "e": ["item", "text"],
    }
    assert {code for code, _, _ in said(found)} == {"not_kept", "unreadable_in_body"}
    assert took(found, "each")["inputs"]["items"] == {"object": {"list": {"ref": [ENTRY, "items"]}}}


@pytest.mark.parametrize(
    ("template", "expected", "hidden"),
    [
        ("{{x}} and {{ x.y[0] }}", "{{x}} and {{ x.y[0] }}", False),
        ("{{nobody}}", "{{nobody}}", False),
        ("{{100001.input}}", "{{_braces}}100001.input}}", True),
        ("{{item}}{{loop.a}}", "{{_braces}}item}}{{_braces}}loop.a}}", True),
        ("{{ template }}", "{{_braces}}template}}", True),
        ("{{}} {{a[b]}} {{ }} {x}", "{{}} {{a[b]}} {{ }} {x}", False),
        ("{{x", "{{x", False),
        ("{{_braces}}", "{{_braces}}_braces}}", True),
    ],
)
def test_a_placeholder_names_only_what_it_named_there(template: str, expected: str, hidden: bool) -> None:
    concat = node("1", "15", [var("output")], method="concat", inputParameters=params(x=ref(ENTRY, "input")),
                  concatParams=params(concatResult=lit(template), arrayItemConcatChar=lit(",")))  # fmt: skip
    got = become(concat)
    written = got["inputs"]["template"]
    assert written.get("template", written.get("value")) == expected
    assert ("_braces" in got["inputs"]) is hidden


def test_an_input_that_is_called_like_one_of_the_node_type_is_renamed_with_its_placeholders() -> None:
    found = import_canvas(
        around(
            node("1", "3", [var("output")], inputParameters=params(prompt=ref(ENTRY, "input"), prompt_2=lit("x")),
                 llmParam=params(modelType=lit("1", "integer"), prompt=lit("{{ prompt.a }} {{prompt_2}} {{model}}")))
        ),
        ExternalIds({"model": {"1": "m"}}),
    )  # fmt: skip
    inputs = took(found, "1")["inputs"]
    assert inputs["prompt"] == {"template": "{{prompt_3.a}} {{prompt_2}} {{_braces}}model}}"}
    assert inputs["prompt_3"] == {"ref": [ENTRY, "input"]}
    assert [one[0] for one in said(found)] == ["renamed_input"]


def test_keys_may_be_written_in_any_case() -> None:
    odd = {"ID": "1", "Type": "5", "DATA": {"NodeMeta": {"Title": "t"}, "Inputs": {"CODE": "x", "Language": 3}}}
    found = import_canvas({"Nodes": [entry(), odd, leave()], "EDGES": document(lines=f"{ENTRY}>1>{EXIT}")["edges"]})
    assert took(found, "1")["settings"] == {"language": "python", "source": "x"}
    assert said(found) == []
