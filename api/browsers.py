"""What a browser sends by itself, and what it must send on purpose: the cookie of a session, and proof of the page."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request

from api.errors import PermissionDenied

SECURE_COOKIE: Final = "__Host-mainspring"
"""Over https: no other host, and no page without it, can set a cookie of this name."""
PLAIN_COOKIE: Final = "mainspring_session"
"""Over plain http, which is for one's own machine: browsers keep `__Host-` for https."""
PAGE_HEADER: Final = "x-requested-with"
"""A page of another site cannot send it without asking first, and is told no."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_PAGES: Final = frozenset({"same-origin", "none"})


def cookie_name(request: HTTPConnection) -> str:
    """The name of the session's cookie on this connection."""
    return SECURE_COOKIE if request.url.scheme == "https" else PLAIN_COOKIE


def session_cookie(request: HTTPConnection) -> str | None:
    """The session that the browser brings."""
    return request.cookies.get(cookie_name(request))


def check_same_site(request: Request) -> None:
    """Refuse a change that a page of another site has the browser ask for. Raises `PermissionDenied`."""
    if request.method in _SAFE:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    foreign = site is not None and site not in _OUR_PAGES
    if foreign or (origin is not None and not _is_ours(origin, request)):
        raise PermissionDenied("A page of another site may not ask for this.")
    if not request.headers.get(PAGE_HEADER):
        raise PermissionDenied("A page sends the header X-Requested-With with everything that changes something.")


def _is_ours(origin: str, request: Request) -> bool:
    """Whether a page at this origin was served by us: same host and port, and not in clear where we are not."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    host = request.headers.get("host", "")
    # A proxy that nobody told us of may have taken https off; the other way round somebody is in between.
    clear = request.url.scheme == "https" and parts.scheme != "https"
    return parts.scheme in {"http", "https"} and bool(host) and parts.netloc.lower() == host.lower() and not clear
