"""Requests that come from Temporal's pages: only theirs may, and a browser that signed in needs no token for them."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.access import Member, Permission, Require
from api.errors import PermissionDenied, Unauthenticated
from api.temporal.sessions import SESSION_SECONDS, Sessions

CODEC_PATH: Final = "/api/v1/temporal/codec"
COOKIE: Final = "mainspring_temporal"

_ASKED: Final = b"POST"
_HEADERS: Final = b"authorization, content-type, x-namespace"
_REMEMBERED_SECONDS: Final = b"600"


def origin_of(address: str) -> str:
    """What a browser says of itself when it comes from a page at this address; nothing for no address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def session_cookie(session: str, *, secure: bool) -> str:
    """The header that makes a browser keep a session: no script reads it, no other site sends it, nothing but the codec
    gets it.
    """
    flags = f"Path={CODEC_PATH}; Max-Age={SESSION_SECONDS}; HttpOnly; SameSite=Strict"
    return f"{COOKIE}={session}; {flags}{'; Secure' if secure else ''}"


class RequireGuest(Require):
    """Like `Require`; a browser may show a session instead of a token, if it is Temporal's page that asks."""

    async def admit(self, request: Request) -> Member:
        session = request.cookies.get(COOKIE, "")
        if not session or "authorization" in request.headers:
            return await super().admit(request)
        # A cookie goes along whoever lets the browser ask.
        pages: str = request.app.state.temporal_origin
        if not pages or request.headers.get("origin") != pages:
            raise Unauthenticated("A session is for Temporal's pages alone: others need a token.")
        sessions: Sessions = request.app.state.sessions
        member = await sessions.member(session)
        self.count(request, member)
        if self.permission not in member.permissions:
            raise PermissionDenied("This session may not do that.", permission=self.permission.value)
        request.state.member = member
        return member


def require_guest(permission: Permission) -> Any:
    """The route is for members who have this permission, in Temporal's pages too."""
    return Depends(RequireGuest(permission))


class ForTemporalPages:
    """Lets the pages at one origin, and nobody else's, read the answers of the codec in a browser (CORS)."""

    def __init__(self, app: ASGIApp, origin: str) -> None:
        self._app = app
        self._origin = origin.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(CODEC_PATH + "/"):
            await self._app(scope, receive, send)
            return
        theirs = bool(self._origin) and (b"origin", self._origin) in scope["headers"]
        allowed = [(b"vary", b"origin")]
        if theirs:
            allowed += [
                (b"access-control-allow-origin", self._origin),
                (b"access-control-allow-credentials", b"true"),
            ]
        if theirs and scope["method"] == "OPTIONS":
            allowed += [
                (b"access-control-allow-methods", _ASKED),
                (b"access-control-allow-headers", _HEADERS),
                (b"access-control-max-age", _REMEMBERED_SECONDS),
            ]
            await send({"type": "http.response.start", "status": 204, "headers": allowed})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *allowed]}
            await send(message)

        await self._app(scope, receive, send_allowed)
