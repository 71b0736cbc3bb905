"""OpenAPI documents of one operation each, and what becomes of them."""

from __future__ import annotations

from typing import Any

from engine.openapi.document import Described, read_document
from engine.openapi.request import ToolRequest, assemble
from engine.openapi.tool import HttpTool

Document = dict[str, Any]
JSON = "application/json"

SWAGGER: Document = {
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
