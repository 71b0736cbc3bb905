"""JSON on its way out: bytes in one go, whatever the values are."""

from __future__ import annotations

import json
from typing import Any

import orjson
from starlette.responses import Response


def write_json(value: Any) -> bytes:
    """The bytes of a JSON value."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # Integers beyond 64 bits and half surrogates: rare, but a run may compute them, and an answer must not break.
        return json.dumps(value, separators=(",", ":")).encode()


class JsonResponse(Response):
    """An answer made from plain values."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return write_json(content)
