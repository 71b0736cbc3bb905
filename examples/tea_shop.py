"""A tea shop with two tools, for the page on plugins: `python3 examples/tea_shop.py`, and nothing else is needed."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KEY = "open-sesame"
TEAS = {"龙井": 90, "铁观音": 75, "普洱": 120, "Earl Grey": 40}

TEA = {"type": "object", "properties": {"name": {"type": "string"}, "price": {"type": "integer"}}}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Tea shop 茶铺", "version": "1", "description": "Teas, their prices, and orders."},
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Shop-Key"}}},
    "security": [{"key": []}],
    "paths": {
        "/teas": {
            "get": {
                "operationId": "find_teas",
                "summary": "Find teas and what they cost.",
                "security": [],
                "parameters": [
                    {"name": "search", "in": "query", "description": "A part of a name.", "schema": {"type": "string"}},
                    {"name": "most", "in": "query", "description": "The highest price.", "schema": {"type": "integer"}},
                ],
                "responses": {
                    "200": {
                        "description": "The teas.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {"teas": {"type": "array", "items": TEA}},
                                }
                            }
                        },
                    }
                },
            }
        },
        "/teas/{name}/orders": {
            "post": {
                "operationId": "order_tea",
                "summary": "Order a tea.",
                "parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "grams": {"type": "integer", "default": 100, "description": "How much."}
                                },
                            }
                        }
                    },
                },
                "responses": {
                    "201": {
                        "description": "What was ordered.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "name": {"type": "string"},
                                        "grams": {"type": "integer"},
                                        "total": {"type": "number"},
                                    },
                                }
                            }
                        },
                    }
                },
            }
        },
    },
}


class Shop(BaseHTTPRequestHandler):
    """Answers what its document describes, and the document."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/openapi.json":
            # Wherever it was asked, it is.
            self._say(200, {**DOCUMENT, "servers": [{"url": f"http://{self.headers['Host']}"}]})
        elif parts.path == "/teas":
            asked = parse_qs(parts.query)
            search, most = asked.get("search", [""])[0], int(asked.get("most", ["1000"])[0])
            found = [{"name": n, "price": p} for n, p in TEAS.items() if search.lower() in n.lower() and p <= most]
            self._say(200, {"teas": found, "of_no_use": True})
        else:
            self._say(404, {"error": "There is nothing here."})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        name = unquote(self.path.removeprefix("/teas/").removesuffix("/orders"))
        if self.headers.get("X-Shop-Key") != KEY:
            self._say(401, {"error": "Who are you?"})
        elif name not in TEAS:
            self._say(404, {"error": f"There is no tea {name}."})
        else:
            grams = body.get("grams", 0)
            self._say(201, {"name": name, "grams": grams, "total": TEAS[name] * grams / 100})

    def _say(self, status: int, answer: dict[str, Any]) -> None:
        data = json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main() -> None:
    """Serve on loopback, on the port that is named or 8090."""
    shop = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8090), Shop)
    sys.stdout.write(f"The tea shop is open: http://127.0.0.1:{shop.server_address[1]}/openapi.json\n")
    sys.stdout.flush()
    try:
        shop.serve_forever()
    except KeyboardInterrupt:
        shop.server_close()


if __name__ == "__main__":
    main()
