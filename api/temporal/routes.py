"""What Temporal's pages and its command line ask, to show payloads in clear; and how a browser signs in for that."""

from __future__ import annotations

import time
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from api.access import Member, Permission, anybody, require
from api.json_response import JsonResponse
from api.parts import ApiParts
from api.problems import problems
from api.reading import strict_route
from api.temporal.guests import CODEC_PATH, require_guest, session_cookie
from api.temporal.page import welcome_page
from api.temporal.schemas import Payloads, SignIn
from api.temporal.sessions import CODE_SECONDS, Sessions
from workers.client import PayloadReader

router = APIRouter(prefix="/temporal", tags=["temporal"], route_class=strict_route("run_input_bytes"))

_MOST_SHOWN_BYTES: Final = 16 * 1024 * 1024
"""What one answer takes in clear; payloads behind that stay encrypted in it."""

_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


@router.post("/codec/decode", response_model=Payloads, responses=problems(400, 401, 403, 413, 415, 422))
async def decode_payloads(
    body: Payloads, member: Annotated[Member, require_guest(Permission.RUN_VIEW)], request: Request
) -> Response:
    """Show payloads of the own organisation in clear. All others, and what cannot be read, come back as they are."""
    reader: PayloadReader = request.app.state.payloads
    given = [one.model_dump() for one in body.payloads]
    return JsonResponse(
        {"payloads": await reader.decode(str(member.org_id), given, most_bytes=_MOST_SHOWN_BYTES)},
    )


@router.post("/codec/encode", response_model=Payloads, responses=problems(400, 401, 403, 413, 415, 422))
async def encode_payloads(
    body: Payloads, member: Annotated[Member, require_guest(Permission.RUN_ANSWER)], request: Request
) -> Response:
    """Encrypt payloads that are sent to a run by hand, with the key of the own organisation."""
    reader: PayloadReader = request.app.state.payloads
    given = [one.model_dump() for one in body.payloads]
    return JsonResponse({"payloads": await reader.encode(str(member.org_id), given)})


@router.post("/sign-ins", status_code=201, response_model=SignIn, responses=problems(401, 403))
async def make_sign_in(member: Annotated[Member, require(Permission.RUN_VIEW)], request: Request) -> Response:
    """Make a link that lets a browser read payloads in Temporal's pages, as whoever asks for it."""
    sessions: Sessions = request.app.state.sessions
    expires = time.time_ns() // 1_000_000 + CODE_SECONDS * 1_000
    return JsonResponse({"path": f"/api/v1/temporal/sign-in?code={sessions.offer(member)}", "expires": expires}, 201)


@router.get("/sign-in", include_in_schema=False)
async def sign_in(
    everybody: Annotated[None, anybody()], request: Request, code: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """What the link opens: the browser is given a session, and the person the way on."""
    sessions: Sessions = request.app.state.sessions
    parts: ApiParts = request.app.state.parts
    # A page over HTTPS may ask nobody without it, whatever a proxy between has made of the request.
    scheme = "https" if parts.temporal_ui.startswith("https:") else request.url.scheme
    cookie = session_cookie(sessions.enter(code), secure=scheme == "https")
    page = welcome_page(parts.temporal_ui, f"{scheme}://{request.url.netloc}{CODEC_PATH}")
    return HTMLResponse(page, headers={**_PAGE_HEADERS, "Set-Cookie": cookie})
