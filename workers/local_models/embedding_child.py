"""The process that serves the local embedding model, in the way of OpenAI's endpoint for embeddings."""

from __future__ import annotations

import hmac
import importlib
import json
import secrets
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any, Final

from workers.local_models.installed import EMBEDDER, EMBEDDING_MODEL, has_embedder
from workers.local_models.telling import Listening, tell

_LARGEST_REQUEST: Final = 16 * 1024 * 1024


class _Model:
    """The engine, which does one thing at a time."""

    def __init__(self) -> None:
        self._engine: Any = importlib.import_module(EMBEDDER).E5()
        self._busy = Lock()

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request. Raises `ValueError` for one that cannot be understood."""
        texts = asked.get("input")
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise ValueError("input must be a text, or a list of texts that is not empty")
        is_query = asked.get("input_type") == "query"
        with self._busy:
            vectors: list[list[float]] = self._engine.encode(texts, is_query=is_query).tolist()
            tokens = sum(int(self._engine.token_count(text, is_query=is_query)) for text in texts)
        return {
            "object": "list",
            "model": EMBEDDING_MODEL,
            "data": [{"object": "embedding", "index": n, "embedding": one} for n, one in enumerate(vectors)],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }


def _handler(model: _Model, key: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > _LARGEST_REQUEST:
                self.close_connection = True
                self._say(413, _error("the request must say how long it is, and be no longer than 16 MiB"))
                return
            body = self.rfile.read(int(length))
            if not hmac.compare_digest(self.headers.get("Authorization", ""), f"Bearer {key}"):
                self._say(401, _error("the key is wrong"))
            elif self.path != "/v1/embeddings":
                self._say(404, _error("there is nothing here"))
            else:
                self._embed(body)

        def log_message(self, format: str, *values: Any) -> None:
            """Nothing: requests hold people's texts."""

        def _embed(self, body: bytes) -> None:
            try:
                asked = json.loads(body)
                answer = model.answer(asked if isinstance(asked, dict) else {})
            except ValueError as error:
                self._say(400, _error(str(error)))
            else:
                self._say(200, answer)

        def _say(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error"}}


def main(descriptor: int) -> None:
    """Load the model and serve it on a free port of loopback until one is told to go."""
    if not has_embedder():
        sys.exit("The local embedding model is not installed.")
    key = secrets.token_urlsafe(24)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(_Model(), key))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    tell(descriptor, Listening(f"http://127.0.0.1:{server.server_port}/v1", key))
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
