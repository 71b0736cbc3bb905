"""Runs of workflows, as `workflows.runs` of the SDK calls them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission
from api.event_stream import HEARTBEAT_SECONDS
from api.open.entering import require_where
from api.open.envelope import Done, done, failures
from api.open.fields import OpenRoute
from api.open.run_bodies import OpenResumeIn, OpenRunIn
from api.open.run_events import run_events
from api.open.sse import run_stream
from api.open.starting import OpenRuns, open_runs

router = APIRouter(tags=["open API"], route_class=OpenRoute)

Starter = Annotated[Member, require_where(Permission.RUN_START, "workflow", "workflow_id", guests=True)]
OpenRunsDep = Annotated[OpenRuns, open_runs()]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=191, description="The same key starts one run."),
]
EVENTS: Final[dict[str, Any]] = {
    "text/event-stream": {
        "schema": {
            "type": "object",
            "description": "The lines of one event: `id`, counted from 0, `event`, and `data`, which is JSON.",
            "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": {"type": "string"}},
            "required": ["event", "data"],
        }
    }
}


@router.post(
    "/v1/workflow/run", response_model=Done, responses=failures(400, 401, 403, 404, 409, 413, 415, 422, 503, 504)
)
async def open_run_workflow(
    request: Request, body: OpenRunIn, member: Starter, open_runs: OpenRunsDep, idempotency_key: Key = None
) -> Response:
    """Run a published workflow, and wait for its end unless `is_async` says otherwise.

    `data` is JSON in a text: the output, or `{"content_type": 1, "data": "…", "type_for_model": 2}` when the end
    answers with a text. Beside it stand `execute_id`, `debug_url`, `usage`, `token` and `cost`.
    """
    run = await open_runs.start(member, body, "async" if body.is_async else "sync", idempotency_key)
    if body.is_async:
        return done("", **open_runs.where(run))
    result = await open_runs.result(member, run, request.app.state.open_run_seconds)
    return done(**result)


@router.post(
    "/v1/workflow/stream_run",
    response_model=None,
    responses={200: {"content": EVENTS}, **failures(400, 401, 403, 404, 409, 413, 415, 422, 503)},
)
async def open_stream_workflow(
    request: Request, body: OpenRunIn, member: Starter, open_runs: OpenRunsDep, idempotency_key: Key = None
) -> Response:
    """Run a published workflow and tell what happens: `Message`, `Interrupt`, `Error`, `Done`, and `PING` meanwhile."""
    run = await open_runs.start(member, body, "sync", idempotency_key)
    where = open_runs.where(run)
    told = open_runs.telling(member, run).follow()
    events = run_events(told, where["execute_id"], where["debug_url"])
    return run_stream(events, request.app.state.streams, HEARTBEAT_SECONDS)


@router.post(
    "/v1/workflow/stream_resume",
    response_model=None,
    responses={200: {"content": EVENTS}, **failures(400, 401, 403, 404, 409, 413, 415, 422, 503)},
)
async def open_resume_workflow(
    request: Request,
    body: OpenResumeIn,
    member: Annotated[Member, require_where(Permission.RUN_ANSWER, "workflow", "workflow_id", guests=True)],
    open_runs: OpenRunsDep,
) -> Response:
    """Answer what a run asks, and tell what happens then. What does not fit is refused, and the question stays open."""
    run, seq = await open_runs.resume(member, body)
    where = open_runs.where(run)
    told = open_runs.telling(member, run).follow(seq)
    events = run_events(told, where["execute_id"], where["debug_url"])
    return run_stream(events, request.app.state.streams, HEARTBEAT_SECONDS)
