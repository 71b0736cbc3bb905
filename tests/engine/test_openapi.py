"""OpenAPI documents are read as tools: what is taken, where it goes, and a finding for everything that is not."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import LimitExceeded
from engine.openapi.document import KeyPlace, read_document
from tests.engine.openapi_documents import JSON, SWAGGER, Document, body, document, found, parameter, sent, the_tool

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


# --- Swagger 2 --------------------------------------------------------------------------------------------------------


def test_swagger_is_read_as_what_it_became() -> None:
    described = read_document(SWAGGER)
    save, send = described.tools
    assert (described.base_url, described.key) == ("https://old.example.com/v2", KeyPlace("api_key", "header", "X-Key"))
    request = sent(save, id="7", tags=["a", "b"], name="旺财")
    assert request.url.endswith("/pets/7?tags=a%7Cb")
    assert (request.body, request.content_type) == ({"name": "旺财"}, JSON)
    assert save.result == {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    assert sent(send, id=1, photo="https://a.example/p.png").files == {"photo"}
    assert described.findings == ()
