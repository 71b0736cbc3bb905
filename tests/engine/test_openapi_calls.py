"""Calls of tools: arguments go where the document says, and answers are what it says."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.openapi.answer import trimmed
from engine.openapi.document import read_document
from engine.openapi.request import assemble
from engine.schema import properties_of
from tests.engine.openapi_documents import JSON, Document, body, document, found, parameter, query, sent, the_tool

LIST, OBJECT = ["b", "n", None, "g&x"], {"r": 100, "g": "a b", "none": None}


@pytest.mark.parametrize(
    ("more", "value", "query_"),
    [
        ({}, LIST, "c=b&c=n&c=g%26x"),
        ({"explode": False}, LIST, "c=b,n,g%26x"),
        ({"style": "spaceDelimited", "explode": False}, LIST, "c=b%20n%20g%26x"),
        ({"style": "pipeDelimited", "explode": False}, LIST, "c=b%7Cn%7Cg%26x"),
        ({}, OBJECT, "r=100&g=a%20b"),
        ({"explode": False}, OBJECT, "c=r,100,g,a%20b"),
        ({"style": "deepObject"}, OBJECT, "c[r]=100&c[g]=a%20b"),
        ({}, "a/b?c", "c=a%2Fb%3Fc"),
        ({"allowReserved": True}, "a/b?c#d&e", "c=a/b?c%23d%26e"),
        ({}, True, "c=true"),
        ({}, 1.0, "c=1"),
        ({}, "你", "c=%E4%BD%A0"),
        ({}, [], ""),
    ],
)
def test_a_query_is_written_in_its_style(more: Document, value: Any, query_: str) -> None:
    assert query(the_tool({"parameters": [parameter("c", "query", {}, **more)]}), c=value) == query_


@pytest.mark.parametrize(
    ("more", "value", "path"),
    [
        ({}, "a/b ../{x}", "/a%2Fb%20..%2F%7Bx%7D"),
        ({}, LIST, "/b,n,g%26x"),
        ({}, OBJECT, "/r,100,g,a%20b"),
        ({"explode": True}, OBJECT, "/r=100,g=a%20b"),
        ({"style": "label"}, LIST, "/.b.n.g%26x"),
        ({"style": "matrix"}, LIST, "/;c=b,n,,g%26x".replace(",,", ",")),
        ({"style": "matrix", "explode": True}, "v", "/;c=v"),
    ],
)
def test_a_path_is_written_in_its_style(more: Document, value: Any, path: str) -> None:
    tool = the_tool({"parameters": [parameter("c", "path", {}, **more)]}, "/{c}")
    assert sent(tool, c=value).url == f"https://api.example.com/v1{path}"


@pytest.mark.parametrize("value", ["", ".", "..", "..."])
def test_an_argument_cannot_make_the_path_another(value: str) -> None:
    tool = the_tool({"parameters": [parameter("c", "path")]}, "/things/{c}/secret")
    with pytest.raises(InvalidInput, match="part of the path"):
        sent(tool, c=value)


def test_headers_are_written_plainly() -> None:
    tool = the_tool({"parameters": [parameter("X-L", "header", {}), parameter("X-N", "header", "integer")]})
    assert sent(tool, **{"X-L": ["a", "b"], "X-N": "7"}).headers == (("X-L", "a,b"), ("X-N", "7"))


@pytest.mark.parametrize(
    ("type_", "given", "value"),
    [("integer", "123", 123), ("number", "1.5", 1.5), ("boolean", "true", True), ("string", 5, "5"),
     ({"type": "array", "items": {"type": "integer"}}, '["1", 2]', [1, 2]), ("object", '{"a": 1}', {"a": 1})],
)  # fmt: skip
def test_arguments_become_what_the_document_says(type_: Any, given: Any, value: Any) -> None:
    schema = type_ if isinstance(type_, dict) else {"type": type_}
    tool = the_tool(body({"type": "object", "properties": {"v": schema}}), method="post")
    assert sent(tool, v=given).body == {"v": value}


@pytest.mark.parametrize("given", ["three", [1], {"a": 1}])
def test_an_argument_that_does_not_fit_is_named(given: Any) -> None:
    tool = the_tool({"parameters": [parameter("n", "query", "integer")]})
    with pytest.raises(InvalidInput, match=r"inputs\.n must be a whole number") as error:
        sent(tool, n=given)
    assert error.value.facts["field"] == "inputs.n"


def test_a_required_argument_that_is_absent_or_null_is_named() -> None:
    tool = the_tool({"parameters": [parameter("n", required=True)]})
    for arguments in ({}, {"n": None}):
        with pytest.raises(InvalidInput, match="needs the argument n"):
            sent(tool, **arguments)


def test_an_argument_that_the_tool_does_not_take_is_left_out_and_told() -> None:
    request, warnings = assemble(the_tool({}), "https://api.example.com", {"x": 1, "y": None}, {})
    assert request.url == "https://api.example.com/things"
    assert warnings == ["The tool tool takes no x: it is left out."]


def test_what_is_given_comes_before_what_is_common_and_that_before_a_default() -> None:
    declared = parameter("a", "query", {"type": "integer", "default": 1})
    tool = the_tool({"parameters": [declared]})
    common: Any = {"query": {"a": "2", "b": "x y"}, "header": {"X-Team": "红"}, "body": {"not": "sent"}}
    assert sent(tool).url.endswith("?a=1")
    assert sent(tool, common).url.endswith("?a=2&b=x%20y")
    request = sent(tool, common, a=3)
    assert request.url.endswith("?a=3&b=x%20y")
    assert (request.headers, request.body) == ((("X-Team", "红"),), None)


def test_a_body_that_is_no_object_is_one_argument() -> None:
    tool = the_tool(body({"type": "array", "items": {"type": "integer"}}), method="post")
    assert tool.parameters()["properties"] == {"body": {"type": "array", "items": {"type": "integer"}}}
    assert sent(tool, body=["1"]).body == [1]


def test_an_optional_body_that_is_empty_is_not_sent() -> None:
    tool = the_tool(body({"type": "object", "properties": {"a": {}}}, required=False), method="post")
    assert (sent(tool).content_type, sent(tool, a=1).content_type) == ("", JSON)


def test_fields_of_a_form_that_hold_bytes_are_urls_of_files() -> None:
    fields = {"title": {"type": "string"}, "file": {"type": "string", "format": "binary"}}
    tool = the_tool(body({"type": "object", "properties": fields}, "multipart/form-data"), method="post")
    assert properties_of(tool.parameters())["file"] == {"type": "string", "format": "file"}
    assert sent(tool, title="t", file="https://a.example/b").files == {"file"}


def test_one_name_at_two_places_goes_to_both() -> None:
    operation = {
        "parameters": [parameter("id", "path")],
        **body({"type": "object", "properties": {"id": {"type": "string"}}}),
    }
    described = read_document(document(operation, "/{id}", "put"))
    assert ("warning", "paths./{id}.put", "name_twice") in found(described)
    request = sent(described.tools[0], id="7")
    assert (request.url, request.body) == ("https://api.example.com/v1/7", {"id": "7"})


# --- answers ----------------------------------------------------------------------------------------------------------

RESULT: Document = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "default": 1},
        "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}},
        "free": {"type": "object"},
        "secret": {"type": "string", "x-global-disable": True},
    },
}


def test_an_answer_is_trimmed_to_what_the_document_says() -> None:
    tool = the_tool({"responses": {"200": {"content": {JSON: {"schema": RESULT}}}}})
    answer: Document = {"city": "杭州", "more": 1, "secret": "s", "list": [{"a": "1", "b": 2}], "free": {"any": 1}}
    assert trimmed(answer, tool.result) == ({"city": "杭州", "list": [{"a": 1}], "free": {"any": 1}}, [])


def test_a_value_of_another_type_becomes_its_default_or_null_with_a_warning() -> None:
    tool = the_tool({"responses": {"200": {"content": {JSON: {"schema": RESULT}}}}})
    answer, warnings = trimmed({"city": "杭州", "days": "soon", "list": "x", "free": 3}, tool.result)
    assert answer == {"city": "杭州", "days": 1, "list": [], "free": None}
    assert len(warnings) == 3


def test_where_the_document_says_nothing_of_an_answer_it_is_kept_whole() -> None:
    assert trimmed({"a": [1]}, the_tool({}).result) == ({"a": [1]}, [])


@pytest.mark.parametrize("code", ["200", "201", "2XX", "default"])
def test_the_answer_is_that_of_success(code: str) -> None:
    responses = {"404": {"content": {JSON: {"schema": {"type": "object", "properties": {"e": {}}}}}}}
    responses[code] = {"content": {JSON: {"schema": RESULT}}}
    result = the_tool({"responses": responses}).result
    assert properties_of(result or {}).keys() == RESULT["properties"].keys()
