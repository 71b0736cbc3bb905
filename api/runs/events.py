"""What happened in a run: in pages, or as a stream that can be taken up again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission, require
from api.event_stream import EventStream
from api.json_response import JsonResponse
from api.parameters import RunId
from api.problems import problems
from api.provided import RunsDep, StoresDep
from api.reading import strict_route
from api.runs.confinement import is_shown, shown
from api.runs.routes import EVENT_STREAM
from api.runs.schemas import EventPage
from api.runs.service import read_run_id
from engine.errors import InvalidInput
from engine.events import RUN_ENDS

router = APIRouter(prefix="/runs/{run_id}/events", tags=["events"], route_class=strict_route("run_input_bytes"))

# Guests too: they see their own runs, and nothing of the steps.
Viewer = Annotated[Member, require(Permission.RUN_VIEW, guests=True)]
After = Annotated[int, Query(ge=0, lt=2**53, description="The offset of the last event seen.")]
LastEventId = Annotated[
    str | None, Header(description="The offset of the last event seen; browsers send it when they come back.")
]


@router.get(
    "",
    response_model=EventPage,
    responses={
        200: {"content": EVENT_STREAM, "description": "A page; or a stream, with `Accept: text/event-stream`."},
        **problems(401, 403, 404, 422),
    },
)
async def list_events(
    run_id: RunId,
    request: Request,
    member: Viewer,
    stores: StoresDep,
    runs: RunsDep,
    after: After = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 500,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    last_event_id: LastEventId = None,
) -> Response:
    """The events of a run behind an offset."""
    if "text/event-stream" in accept:
        return await stream_events(run_id, request, member, stores, runs, after, last_event_id)
    number = read_run_id(run_id)
    await runs.find(member, number)
    while True:
        events = await stores.events.read(str(number), after=after, limit=limit)
        ended = bool(events) and events[-1].event.type in RUN_ENDS
        items = [stored.to_json() for stored in events if is_shown(member, stored)]
        if items or len(events) < limit:
            return JsonResponse({"items": items, "ended": ended})
        # Nothing on this page is for who asks, and from an empty one nobody could go on.
        after = events[-1].seq


@router.get(
    "/stream",
    response_model=None,
    responses={
        200: {"content": EVENT_STREAM, "description": "Events as they happen, until the run has ended."},
        **problems(401, 403, 404, 422),
    },
)
async def stream_events(
    run_id: RunId,
    request: Request,
    member: Viewer,
    stores: StoresDep,
    runs: RunsDep,
    after: After = 0,
    last_event_id: LastEventId = None,
) -> Response:
    """Follow a run: what has happened behind the offset, then everything as it happens."""
    number = read_run_id(run_id)
    await runs.find(member, number)
    events = shown(member, runs.events(number, _offset(last_event_id, after)))
    return EventStream(events, request.app.state.streams)


def _offset(header: str | None, after: int) -> int:
    if header is None or not header.strip():
        return after
    if not (header.isascii() and header.isdecimal() and len(header) <= 15):
        raise InvalidInput("Last-Event-ID is the offset of an event: a number.", field="Last-Event-ID")
    return int(header)
