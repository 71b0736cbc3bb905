"""A server of tools on loopback, and the document that describes them: it answers well, badly, and what it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.workers.egress.loopback import Asked, redirect, reply


def described(base_url: str, *, scheme: dict[str, Any] | None = None) -> dict[str, Any]:
    """The OpenAPI document of this server."""
    forecast = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "default": 0},
            "sky": {"type": "string"},
            "temperatures": {"type": "array", "items": {"type": "number"}},
        },
    }
    order = {
        "type": "object",
        "required": ["item"],
        "properties": {
            "item": {"type": "string", "description": "What is ordered."},
            "count": {"type": "integer", "default": 1},
            "extras": {"type": "array", "items": {"type": "string"}},
            "channel": {"type": "string", "default": "canvas", "x-global-disable": True},
        },
    }
    city = {"name": "city", "in": "path", "required": True, "schema": {"type": "string"}}
    document: dict[str, Any] = {
        "openapi": "3.0.3",
        "info": {"title": "Tools 工具", "version": "1.0", "description": "What the tests call."},
        "servers": [{"url": base_url}],
        "paths": {
            "/forecast/{city}": {
                "get": {
                    "operationId": "forecast",
                    "summary": "Forecast",
                    "description": "What the weather will be. 天气预报",
                    "parameters": [city, {"name": "days", "in": "query", "schema": {"type": "integer", "default": 1}}],
                    "responses": {"200": {"description": "", "content": {"application/json": {"schema": forecast}}}},
                }
            },
            "/orders": {
                "post": {
                    "operationId": "order",
                    "summary": "Order something.",
                    "requestBody": {"required": True, "content": {"application/json": {"schema": order}}},
                    "responses": {"201": {"description": "", "content": {"application/json": {"schema": {}}}}},
                }
            },
            "/photos": {
                "post": {
                    "operationId": "photo",
                    "requestBody": {
                        "content": {
                            "multipart/form-data": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "file": {"type": "string", "format": "binary"},
                                        "note": {"type": "string"},
                                    },
                                }
                            }
                        }
                    },
                }
            },
            "/echo": {"get": {"operationId": "echo"}, "post": {"operationId": "echo_form", **_form()}},
            "/answers/{kind}": {
                "get": {
                    "operationId": "answer",
                    "parameters": [{"name": "kind", "in": "path", "required": True, "schema": {"type": "string"}}],
                    "responses": {"200": {"description": "", "content": {"application/json": {"schema": forecast}}}},
                }
            },
            "/open": {"get": {"operationId": "open", "security": []}},
        },
    }
    if scheme is not None:
        document |= {"components": {"securitySchemes": {"key": scheme}}, "security": [{"key": []}]}
    return document


def _form() -> dict[str, Any]:
    members = {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "integer"}}}
    schema = {"type": "object", "properties": members}
    return {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}}


def tools(asked: Asked) -> Iterable[bytes]:
    """What the server answers, by path."""
    parts = urlsplit(asked.path)
    query = dict(parse_qsl(parts.query))
    match parts.path.split("/")[1:]:
        case ["forecast", city]:
            days = query.get("days", "")
            answer = {"city": unquote(city), "days": int(days) if days.isdecimal() else 0, "sky": "雨"}
            return told({**answer, "internal": "of no use"})
        case ["orders"]:
            return told({"id": "o-1", **json.loads(asked.body)}, 201)
        case ["photos"]:
            return told({"bytes": len(asked.body)})
        case ["echo"] | ["open"]:
            return told({"headers": asked.headers, "query": query, "body": asked.body.decode()})
        case ["answers", kind]:
            return _bad(kind, asked)
        case ["picture.png"]:
            return reply(body=b"\x89PNG", headers=[("Content-Type", "image/png")])
        case _:
            return reply(404, b"nothing here")


def _bad(kind: str, asked: Asked) -> Iterable[bytes]:
    """Answers that are not what the document says."""
    if kind.isdecimal():
        return reply(int(kind), b'{"error": "because \xe5\x9b\xa0\xe4\xb8\xba"}', [("Retry-After", "7")])
    match kind:
        case "list":
            return told([1, 2])
        case "text":
            return reply(body=b"<html>not a tool</html>")
        case "empty":
            return reply(204)
        case "types":
            return told({"city": {"name": "杭州"}, "days": "soon", "temperatures": "warm", "sky": 5})
        case "long":
            return reply(500, b"x" * 50_000)
        case "huge":
            return told({"city": "x" * 100_000})
        case "metadata":
            return redirect("http://169.254.169.254/latest/meta-data/")
        case "away":
            return redirect(f"http://other.example.test:{asked.headers['host'].rpartition(':')[2]}/echo", 307)
        case _:
            return reply(404, b"nothing here")


def told(answer: Any, status: int = 200) -> list[bytes]:
    """An answer in JSON."""
    body = json.dumps(answer, ensure_ascii=False).encode()
    return reply(status, body, [("Content-Type", "application/json")])
