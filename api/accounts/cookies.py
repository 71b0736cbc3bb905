"""The cookie of a session: no script reads it, no other site has it sent with a change, no other host gets it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from api.browsers import cookie_name
from storage.account_sessions import SESSION_SECONDS


def keep_session(request: Request, response: Response, cookie: str) -> None:
    """Have the browser keep a session."""
    _set(request, response, cookie, SESSION_SECONDS)


def forget_session(request: Request, response: Response) -> None:
    """Have the browser forget it."""
    _set(request, response, "", 0)


def _set(request: Request, response: Response, value: str, seconds: int) -> None:
    response.set_cookie(
        cookie_name(request),
        value,
        max_age=seconds,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
