"""OpenAPI documents are read as tools: what is taken, where it goes, and a finding for everything that is not."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidInput, LimitExceeded
from engine.openapi.answer import trimmed
from engine.openapi.document import Described, KeyPlace, read_document
from engine.openapi.request import ToolRequest, assemble
from engine.openapi.tool import HttpTool
from engine.schema import properties_of

Document = dict[str, Any]
JSON = "application/json"


def document(operation: Document, path: str = "/things", method: str = "get", **more: Any) -> Document:
    named = {"operationId": "tool", **operation}
    return {
        "openapi": "3.0.3",
        "info": {"title": "Things", "version": "1"},
        "servers": [{"url": "https://api.example.com/v1/"}],
        "paths": {path: {method: named}},
        **more,
    }


def the_tool(operation: Document, path: str = "/things", method: str = "get", **more: Any) -> HttpTool:
    described = read_document(document(operation, path, method, **more))
    assert len(described.tools) == 1, described.findings
    return described.tools[0]


def parameter(name: str, place: str = "query", type_: Any = "string", **more: Any) -> Document:
    schema = type_ if isinstance(type_, dict) else {"type": type_}
    return {"name": name, "in": place, "schema": schema, **({"required": True} if place == "path" else {}), **more}


def body(schema: Document, kind: str = JSON, **more: Any) -> Document:
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema}}, **more}}


def found(described: Described) -> set[tuple[str, str, str]]:
    return {(one.severity, one.place, one.code) for one in described.findings}


def sent(tool: HttpTool, common: Any = None, /, **arguments: Any) -> ToolRequest:
    return assemble(tool, "https://api.example.com/v1", arguments, common or {})[0]


def query(tool: HttpTool, **arguments: Any) -> str:
    return sent(tool, **arguments).url.partition("?")[2]


# --- what a tool is ---------------------------------------------------------------------------------------------------


def test_an_operation_is_a_tool_with_the_words_of_the_document() -> None:
    described = read_document(document({"summary": "Look.", "description": "Look at things. 看看"}))
    (tool,) = described.tools
    assert (tool.name, tool.title, tool.description) == ("tool", "Look.", "Look at things. 看看")
    assert (tool.method, tool.path) == ("GET", "/things")
    assert (described.title, described.base_url) == ("Things", "https://api.example.com/v1")
    assert described.findings == ()


def test_arguments_come_from_path_query_headers_and_body_as_one_object() -> None:
    operation = {
        "parameters": [
            parameter("id", "path", "integer", description="Which one."),
            parameter("lang", "query", {"type": "string", "default": "zh", "enum": ["zh", "en"]}),
            parameter("X-Trace", "header"),
        ],
        **body({"type": "object", "required": ["note"], "properties": {"note": {"type": "string"}, "n": {}}}),
    }
    tool = the_tool(operation, "/things/{id}", "post")
    assert tool.parameters() == {
        "type": "object",
        "properties": {
            "id": {"type": "integer", "description": "Which one."},
            "lang": {"type": "string", "default": "zh", "enum": ["zh", "en"]},
            "X-Trace": {"type": "string"},
            "note": {"type": "string"},
            "n": {},
        },
        "required": ["id", "note"],
        "additionalProperties": False,
    }


def test_parameters_of_a_path_hold_for_its_operations_unless_these_say_otherwise() -> None:
    made = document({"parameters": [parameter("a", "query", "integer")]})
    made["paths"]["/things"]["parameters"] = [parameter("a"), parameter("b")]
    (tool,) = read_document(made).tools
    assert {one.name: one.type for one in tool.arguments} == {"a": {"type": "integer"}, "b": {"type": "string"}}


def test_a_tool_without_an_operation_id_is_named_after_its_address_and_told() -> None:
    made = document({}, "/a/{b}")
    del made["paths"]["/a/{b}"]["get"]["operationId"]
    made["paths"]["/a/{b}"]["get"]["parameters"] = [parameter("b", "path")]
    described = read_document(made)
    assert described.tools[0].name == "get_a_b"
    assert found(described) == {("warning", "paths./a/{b}.get", "no_operation_id")}


def test_models_get_a_name_that_their_apis_take() -> None:
    assert the_tool({"operationId": "repos/list things·东西" + "x" * 80}).function_name.startswith(
        "repos_list_things_x"
    )
    assert len(the_tool({"operationId": "x" * 100}).function_name) == 64
    assert the_tool({"operationId": "查询"}).function_name == "_"


def test_hidden_parameters_are_shown_to_nobody_and_send_their_default() -> None:
    operation = {
        "parameters": [
            parameter("a", "query", {"type": "string", "default": "1"}, **{"x-global-disable": True}),
            parameter("b", "query", {"type": "string", "x-local-disable": True}),
            parameter("c"),
        ],
        **body({
            "type": "object",
            "properties": {
                "deep": {
                    "type": "object",
                    "properties": {"open": {"type": "string"}, "shut": {"default": 5, "x-global-disable": True}},
                },
                "gone": {"type": "string", "default": "g", "x-local-disable": True},
            },
        }),
    }  # fmt: skip
    tool = the_tool(operation, method="post")
    assert tool.parameters()["properties"] == {
        "c": {"type": "string"},
        "deep": {"type": "object", "properties": {"open": {"type": "string"}}},
    }
    request = sent(tool, a="mine", b="mine", c="x", gone="mine", deep={"open": "o", "shut": "mine"})
    assert request.url.endswith("?a=1&c=x")
    assert request.body == {"deep": {"open": "o", "shut": 5}, "gone": "g"}


# --- types ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "read"),
    [
        ({"type": ["string", "null"]}, {"type": "string"}),
        ({"type": "string", "nullable": True}, {"type": "string"}),
        ({"type": ["integer", "number"]}, {"type": "number"}),
        ({"const": "a"}, {"enum": ["a"]}),
        ({"enum": ["a", None]}, {"enum": ["a"]}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"type": "integer"}),
        ({"properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}),
        ({"items": {"type": "string"}}, {"type": "array", "items": {"type": "string"}}),
        ({"type": "integer", "minimum": 1, "maximum": 9}, {"type": "integer", "minimum": 1, "maximum": 9}),
        ({"x-assist-type": "image"}, {"type": "string", "format": "image"}),
        ({"type": "boolean", "default": False}, {"type": "boolean", "default": False}),
        (
            {"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {}}}]},
            {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]},
        ),
        (
            {"type": "object", "properties": {"a": {"readOnly": True}, "b": {"writeOnly": True}}},
            {"type": "object", "properties": {"b": {}}},
        ),
        ({"type": "object", "additionalProperties": {"type": "integer"}},
         {"type": "object", "additionalProperties": {"type": "integer"}}),
        ({"type": "object", "additionalProperties": False}, {"type": "object", "additionalProperties": False}),
        ({"allOf": [{"$ref": "#/components/schemas/Name"}], "description": "Mine."},
         {"type": "string", "description": "Mine."}),
        ({"$ref": "#/components/schemas/Name"}, {"type": "string", "description": "A name."}),
    ],
)  # fmt: skip
def test_types_are_read_as_canvases_know_them(schema: Document, read: Document) -> None:
    components = {"schemas": {"Name": {"type": "string", "description": "A name."}}}
    described = read_document(document({"parameters": [parameter("a", "query", schema)]}, components=components))
    assert described.tools[0].arguments[0].type == read
    assert described.findings == ()


@pytest.mark.parametrize(
    ("schema", "read", "code"),
    [
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, {}, "union"),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, {"type": "number"}, "union"),
        ({"type": ["string", "array"]}, {}, "union"),
        ({"type": "string", "not": {}}, {"type": "string"}, "not_read"),
        ({"type": "string", "x-assist-type": "hologram"}, {"type": "string"}, "unknown_assist_type"),
        ({"type": "string", "x-variable-ref": "v"}, {"type": "string"}, "variable_not_read"),
    ],
)
def test_what_a_type_loses_is_told(schema: Document, read: Document, code: str) -> None:
    described = read_document(document({"parameters": [parameter("a", "query", schema)]}))
    assert described.tools[0].arguments[0].type == read
    assert code in {one.code for one in described.findings}
    assert all(one.place.startswith("paths./things.get.parameters.0.schema") for one in described.findings)


def test_a_type_that_contains_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}, "v": {"type": "string"}}}
    described = read_document(
        document(body({"$ref": "#/components/schemas/Node"}), method="post", components={"schemas": {"Node": node}})
    )
    assert described.tools[0].parameters()["properties"] == {"next": {"type": "object"}, "v": {"type": "string"}}
    assert [one.code for one in described.findings] == ["type_repeats"]


def test_a_type_that_unfolds_without_end_costs_its_tool_alone() -> None:
    bomb = {
        f"L{level}": {"type": "object", "properties": {
            side: {"$ref": f"#/components/schemas/L{level + 1}"} for side in "abcdefgh"
        }}
        for level in range(12)
    } | {"L12": {"type": "string"}}  # fmt: skip
    made = document(body({"$ref": "#/components/schemas/L0"}), method="post", components={"schemas": bomb})
    made["paths"]["/small"] = {"get": {"operationId": "small"}}
    described = read_document(made)
    assert [one.name for one in described.tools] == ["small"]
    assert [one.code for one in described.findings] == ["type_too_large"]


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("https://elsewhere.example.com/a.json#/A", "reference_elsewhere"),
        ("other.yaml#/A", "reference_elsewhere"),
        ("#/components/schemas/Missing", "reference_missing"),
        ("#/info/title", "reference_missing"),
    ],
)
def test_a_reference_that_leads_nowhere_costs_its_tool(reference: str, code: str) -> None:
    described = read_document(document({"parameters": [parameter("a", "query", {"$ref": reference})]}))
    assert described.tools == ()
    assert ("error", "paths./things.get.parameters.0.schema", code) in found(described)


def test_parameters_and_bodies_may_be_references() -> None:
    components = {
        "parameters": {"P": {"$ref": "#/components/parameters/Q"}, "Q": parameter("q")},
        "requestBodies": {"B": body({"type": "object", "properties": {"n": {}}})["requestBody"]},
    }
    operation = {
        "parameters": [{"$ref": "#/components/parameters/P"}],
        "requestBody": {"$ref": "#/components/requestBodies/B"},
    }
    tool = the_tool(operation, method="post", components=components)
    assert [one.name for one in tool.arguments] == ["q", "n"]


# --- what cannot be read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        ({}, "/a/{b}", ("paths./a/{b}.get", "path_parameter_missing")),
        ({"parameters": [{"in": "query"}]}, "/a", ("paths./a.get.parameters.0", "parameter_unnamed")),
        ({"parameters": {}}, "/a", ("paths./a.get.parameters", "not_a_list")),
        ({"parameters": [parameter("c", "cookie", required=True)]}, "/a",
         ("paths./a.get.parameters.0", "parameter_unusable")),
        ({"parameters": [parameter("a", "query", {"type": "date"})]}, "/a",
         ("paths./a.get.parameters.0.schema", "unknown_type")),
        ({"parameters": [parameter("a", style="odd")]}, "/a", ("paths./a.get.parameters.0", "unknown_style")),
        (body({}, "application/xml"), "/a", ("paths./a.get.requestBody.content", "body_unusable")),
        ({"requestBody": {}}, "/a", ("paths./a.get.requestBody", "body_without_content")),
    ],
)  # fmt: skip
def test_an_operation_that_cannot_be_called_is_left_out_and_told(
    operation: Document, path: str, expected: tuple[str, str]
) -> None:
    described = read_document(document(operation, path))
    assert described.tools == ()
    assert ("error", *expected) in found(described)


@pytest.mark.parametrize(
    ("operation", "more", "expected"),
    [
        ({"parameters": [parameter("c", "cookie")]}, {}, ("paths./things.get.parameters.0", "parameter_left_out")),
        ({"parameters": [parameter("Accept", "header")]}, {}, ("paths./things.get.parameters.0", "header_is_ours")),
        ({"parameters": [parameter("x", "path")]}, {}, ("paths./things.get.parameters.0", "not_in_the_path")),
        ({"callbacks": {}}, {}, ("paths./things.get.callbacks", "not_read")),
        ({}, {"webhooks": {}}, ("webhooks", "not_read")),
        ({}, {"servers": [{"url": "https://a.example"}, {"url": "https://b.example"}]}, ("servers.1", "not_read")),
        ({"responses": {"200": {"content": {"text/csv": {}}}}}, {},
         ("paths./things.get.responses.200.content", "answer_is_not_json")),
        ({"responses": {"200": {"content": {JSON: {"schema": {"type": "array"}}}}}}, {},
         ("paths./things.get.responses.200.content.application/json.schema", "answer_is_no_object")),
        ({"x-auth-mode": "maybe"}, {}, ("paths./things.get.x-auth-mode", "unknown_auth_mode")),
    ],
)  # fmt: skip
def test_what_a_tool_does_without_is_told(operation: Document, more: Document, expected: tuple[str, str]) -> None:
    described = read_document(document(operation, **more))
    assert len(described.tools) == 1
    assert ("warning", *expected) in found(described)


@pytest.mark.parametrize(
    ("made", "code"),
    [
        ({}, "unknown_version"),
        ({"openapi": "4.0"}, "unknown_version"),
        ({"openapi": "3.1.0"}, "not_an_object"),
        ({"openapi": "3.0.0", "paths": {}}, "no_tools"),
        ({"openapi": "3.0.0", "paths": {"a": {"get": {}}}}, "not_a_path"),
        ({"openapi": "3.0.0", "paths": {"/a": []}}, "not_an_object"),
        ({"openapi": "3.0.0", "paths": {"/a": {"get": 1, "trace": {}}}}, "not_an_operation"),
        ({"openapi": 3, "info": 7, "servers": 8, "components": 9}, "unknown_version"),
    ],
)
def test_a_document_that_is_none_says_what_is_wrong(made: Document, code: str) -> None:
    described = read_document(made)
    assert described.tools == ()
    assert code in {one.code for one in described.findings if one.severity == "error"}


def test_a_document_that_is_nested_without_end_is_refused() -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    with pytest.raises(LimitExceeded):
        read_document(document({}, components=deep))


def test_of_two_tools_of_one_name_the_first_stays() -> None:
    made = document({})
    made["paths"]["/other"] = {"get": {"operationId": "tool"}}
    described = read_document(made)
    assert [one.path for one in described.tools] == ["/things"]
    assert ("error", "paths./other.get.operationId", "name_taken") in found(described)


# --- who asks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "key"),
    [
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, KeyPlace("api_key", "header", "X-Key")),
        ({"type": "apiKey", "in": "query", "name": "key"}, KeyPlace("api_key", "query", "key")),
        ({"type": "http", "scheme": "Bearer"}, KeyPlace("bearer")),
        ({"type": "oauth2", "flows": {}}, KeyPlace("oauth")),
        ({"type": "apiKey", "in": "cookie", "name": "s"}, KeyPlace()),
    ],
)
def test_the_document_says_how_a_caller_says_who_it_is(scheme: Document, key: KeyPlace) -> None:
    described = read_document(document({}, components={"securitySchemes": {"s": scheme}}, security=[{"s": []}]))
    assert described.key == key


@pytest.mark.parametrize(
    ("operation", "more", "auth"),
    [
        ({}, {"security": [{"s": []}]}, "required"),
        ({"security": []}, {"security": [{"s": []}]}, "disabled"),
        ({"security": [{}, {"s": []}]}, {"security": [{"s": []}]}, "supported"),
        ({"security": [{"s": []}]}, {}, "required"),
        ({}, {}, "supported"),
        ({"x-auth-mode": "disabled"}, {"security": [{"s": []}]}, "disabled"),
    ],
)
def test_an_operation_says_whether_it_needs_the_key(operation: Document, more: Document, auth: str) -> None:
    components = {"securitySchemes": {"s": {"type": "http", "scheme": "bearer"}}}
    assert the_tool(operation, components=components, **more).auth == auth


def test_where_the_document_speaks_of_no_key_one_that_is_set_up_is_sent_everywhere() -> None:
    assert the_tool({}).auth == "required"


# --- requests ---------------------------------------------------------------------------------------------------------

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


# --- Swagger 2 --------------------------------------------------------------------------------------------------------


def test_swagger_is_read_as_what_it_became() -> None:
    made: Document = {
        "swagger": "2.0",
        "info": {"title": "Old", "version": "1"},
        "host": "old.example.com",
        "basePath": "/v2",
        "schemes": ["http", "https"],
        "consumes": [JSON],
        "securityDefinitions": {"k": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "security": [{"k": []}],
        "parameters": {
            "Tags": {"name": "tags", "in": "query", "type": "array", "items": {"type": "string"},
                     "collectionFormat": "pipes"},
            "Pet": {"name": "pet", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Pet"}},
        },
        "definitions": {"Pet": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}},
        "paths": {
            "/pets/{id}": {
                "parameters": [{"name": "id", "in": "path", "required": True, "type": "integer"}],
                "post": {
                    "operationId": "savePet",
                    "parameters": [{"$ref": "#/parameters/Tags"}, {"$ref": "#/parameters/Pet"}],
                    "responses": {200: {"description": "", "schema": {"$ref": "#/definitions/Pet"}}},
                },
                "put": {
                    "operationId": "sendPhoto",
                    "consumes": ["multipart/form-data"],
                    "parameters": [
                        {"name": "photo", "in": "formData", "type": "file", "required": True},
                        {"name": "note", "in": "formData", "type": "string"},
                    ],
                },
            }
        },
    }  # fmt: skip
    described = read_document(made)
    save, send = described.tools
    assert (described.base_url, described.key) == ("https://old.example.com/v2", KeyPlace("api_key", "header", "X-Key"))
    request = sent(save, id="7", tags=["a", "b"], name="旺财")
    assert request.url.endswith("/pets/7?tags=a%7Cb")
    assert (request.body, request.content_type) == ({"name": "旺财"}, JSON)
    assert save.result == {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    assert sent(send, id=1, photo="https://a.example/p.png").files == {"photo"}
    assert described.findings == ()
