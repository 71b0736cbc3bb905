"""Around every request: its id, a line in the log, headers on every answer, and an answer when something broke."""

from __future__ import annotations

import math
import re
import time
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.failures import broken
from api.language import language_wished
from api.rates import Room
from api.request_ids import request_begins
from api.security_headers import secure
from storage.ids import new_id

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_ID_HEADERS: Final = (b"x-request-id", b"x-tt-logid", b"x-log-id")
_QUIET: Final = ("/api/v1/health/",)
"""Asked every few seconds by whatever watches over us."""


class RequestLog:
    """The outermost layer of the application.

    What is logged: method, path, status, time. Never a header, a query or a body: they may hold secrets. What leaves a
    record of its own, as a run does (`request.state.recorded`), is told at the debug level alone: the line would cost
    as much as a short run itself.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _given_id(scope) or f"{new_id():x}"
        scope.setdefault("state", {})["request_id"] = request_id
        request_begins(request_id)
        language_wished(_header(scope, b"accept-language"))
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers: list[tuple[bytes, bytes]] = list(message["headers"])
                # One id under every name that programs look for.
                headers += [(name, request_id.encode()) for name in _ID_HEADERS]
                headers.append((b"x-content-type-options", b"nosniff"))
                if (room := scope["state"].get("room")) is not None and status != 429:
                    headers += _room(room)
                secured = secure(headers, https=scope.get("scheme") == "https")
                message = {**message, "headers": secured}
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            # The last one who can answer: whatever it was, the reader gets a problem and the log the rest.
            _log.exception("request broke", request_id=request_id, method=scope["method"], path=scope["path"])
            if status:
                raise
            await broken(scope["path"], request_id)(scope, receive, send_with_headers)
        finally:
            quiet = status < 400 and (scope["state"].get("recorded") or scope["path"].startswith(_QUIET))
            (_log.debug if quiet else _log.info)(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round((time.perf_counter() - began) * 1000, 1),
                request_id=request_id,
            )


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for found, value in scope["headers"] if found == name), "")


def _room(room: Room) -> list[tuple[bytes, bytes]]:
    """How often one may go on asking."""
    return [
        (b"x-ratelimit-limit", b"%d" % room.limit),
        (b"x-ratelimit-remaining", b"%d" % room.remaining),
        (b"x-ratelimit-reset", b"%d" % math.ceil(room.reset)),
    ]


def _given_id(scope: Scope) -> str:
    """The id that the caller brings, if it can stand in a log."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode() if _ID.fullmatch(value) else ""
    return ""
