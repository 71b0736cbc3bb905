"""Runs: start, read, answer, cancel."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.event_stream import EventStream
from api.json_response import JsonResponse
from api.parameters import Cursor, Limit, RunId, WorkflowRef
from api.problems import problems
from api.provided import CatalogueDep, RunsDep, StoresDep
from api.reading import strict_route
from api.runs.confinement import check_workflow, shown
from api.runs.schemas import (
    AnswerIn,
    CancelIn,
    NodePage,
    NodeStateName,
    RunOut,
    RunPage,
    RunStateName,
    StartRun,
)
from api.runs.service import RunService, one_key, read_run_id
from api.runs.values import read_value
from api.runs.views import node_view, summary_view
from storage.audit import Deed, record_after
from storage.run_search import RunFilter

router = APIRouter(tags=["runs"], route_class=strict_route("run_input_bytes"))

Viewer = Annotated[Member, require(Permission.RUN_VIEW)]
# Guests too: the service keeps them to what is theirs.
Reader = Annotated[Member, require(Permission.RUN_VIEW, guests=True)]
Starter = Annotated[Member, require(Permission.RUN_START, guests=True)]

EVENT_STREAM: dict[str, Any] = {
    "text/event-stream": {
        "schema": {
            "type": "object",
            "description": "The lines of one event: `id` is the offset, `event` the type, `data` the event as JSON.",
            "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": {"type": "string"}},
            "required": ["data"],
        }
    }
}


@router.post(
    "/workflows/{workflow}/runs",
    status_code=201,
    response_model=RunOut,
    responses={
        200: {"model": RunOut, "description": "The run that was started before with the same idempotency key."},
        201: {"description": "The run; with the mode `stream`, its events.", "content": EVENT_STREAM},
        **problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    },
)
async def start_run(
    workflow: WorkflowRef,
    request: Request,
    member: Starter,
    body: StartRun | None = None,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=191)] = None,
) -> Response:
    """Start a run. Its inputs are checked before anything happens; what does not fit is named."""
    # Not a dependency: this route is the busy one, and each costs it a few percent.
    runs: RunService = request.app.state.runs
    wanted = body or StartRun()
    started = await runs.start(member, workflow, wanted, one_key(idempotency_key, wanted.idempotency_key))
    request.state.recorded = True
    status, headers = 201 if started.fresh else 200, {"Location": f"/api/v1/runs/{started.run_id}"}
    if wanted.mode == "stream":
        events = shown(member, runs.events(started.run_id))
        return EventStream(events, request.app.state.streams, status_code=status, headers=headers)
    view = started.view
    if view is None:
        seconds = wanted.wait_seconds if wanted.mode == "sync" else 0
        view = (
            await runs.settled(member, started.run_id, seconds) if seconds else await runs.get(member, started.run_id)
        )
    return JsonResponse(view, status, headers)


@router.get("/runs", response_model=RunPage, responses=problems(401, 403, 404, 422))
async def list_runs(
    member: Reader,
    stores: StoresDep,
    catalogue: CatalogueDep,
    state: Annotated[list[RunStateName] | None, Query(description="One state, or several.")] = None,
    workflow: Annotated[str | None, Query(max_length=100, description="The id of a workflow, or its key.")] = None,
    version: Annotated[str | None, Query(max_length=32)] = None,
    kind: Annotated[str | None, Query(pattern="^(run|test|debug)$")] = None,
    since: Annotated[int | None, Query(ge=0, lt=2**53, description="Created at or after, UTC milliseconds.")] = None,
    until: Annotated[int | None, Query(ge=0, lt=2**53, description="Created before, UTC milliseconds.")] = None,
    search: Annotated[str, Query(max_length=200, description="A part of what went in or came out, or an id.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """List runs, the newest first."""
    workflow_id = (await catalogue.workflow(member, workflow)).id if workflow is not None else None
    if workflow_id is not None:
        check_workflow(member, workflow_id)
    wanted: Any = kind
    only = RunFilter(
        states=tuple(state or ()),
        workflow_id=workflow_id,
        version=version,
        kind=wanted,
        since=since,
        until=until,
        text=search,
        user_id=member.confined_to,
        workflow_ids=None if member.guest is None else tuple(member.guest.workflows),
    )
    page = await stores.runs(member.org_id, member.space_id).page(only, cursor=cursor, limit=limit)
    return JsonResponse({"items": [summary_view(one) for one in page.items], "next_cursor": page.next})


@router.get("/runs/{run_id}", response_model=RunOut, responses=problems(401, 403, 404))
async def get_run(run_id: RunId, member: Reader, runs: RunsDep) -> Response:
    """One run: what went in, what came out or went wrong, and which questions are open."""
    return JsonResponse(await runs.get(member, read_run_id(run_id)))


@router.get("/runs/{run_id}/nodes", response_model=NodePage, responses=problems(401, 403, 404, 422))
async def list_nodes(
    run_id: RunId,
    member: Viewer,
    runs: RunsDep,
    path: Annotated[str, Query(max_length=2_000, description="This place, and everything inside it.")] = "",
    node: Annotated[str, Query(max_length=64, description="The id of a node, at whatever place.")] = "",
    state: Annotated[list[NodeStateName] | None, Query(description="One state, or several.")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """The records of a run's steps, in the order in which they began."""
    wanted = {"place": path, "node": node, "states": tuple(state or ())}
    items, following = await runs.nodes(member, read_run_id(run_id), cursor=cursor, limit=limit, **wanted)
    return JsonResponse({"items": [node_view(one) for one in items], "next_cursor": following})


@router.get(
    "/runs/{run_id}/values/{sha}",
    response_model=None,
    responses={
        200: {"description": "The value, whole, as JSON.", "content": {"application/json": {}}},
        **problems(401, 403, 404),
    },
)
async def get_value(run_id: RunId, sha: str, member: Viewer, runs: RunsDep, stores: StoresDep) -> Response:
    """A large value, to which a run's records refer by the hash of its content."""
    await runs.find(member, read_run_id(run_id))
    return Response(await read_value(stores.blobs, member.org_id, sha), media_type="application/json")


@router.post(
    "/runs/{run_id}/answers", response_model=RunOut, responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503)
)
async def answer_run(
    run_id: RunId,
    body: AnswerIn,
    member: Annotated[Member, require(Permission.RUN_ANSWER, guests=True)],
    runs: RunsDep,
) -> Response:
    """Answer a question that a run asks. What does not fit is refused with a sentence, and the question stays open."""
    number = read_run_id(run_id)
    await runs.answer(member, number, body.wait_id, body.answer, body.answer_id)
    return JsonResponse(await runs.get(member, number))


@router.post("/runs/{run_id}/cancel", response_model=RunOut, responses=problems(400, 401, 403, 404, 413, 415, 422, 503))
async def cancel_run(
    run_id: RunId,
    member: Annotated[Member, require(Permission.RUN_CANCEL, guests=True)],
    actor: ActorDep,
    stores: StoresDep,
    runs: RunsDep,
    body: CancelIn | None = None,
) -> Response:
    """Stop a run. One that has ended stays as it is, so that cancelling twice does no harm."""
    number, reason = read_run_id(run_id), body.reason if body else ""
    found = await runs.find(member, number)
    view = await runs.cancel(member, number, reason)
    if found.finished is None:
        # After it: what stops is a process elsewhere.
        deed = Deed("run.cancel", "run", number, found.workflow_name, after={"reason": reason})
        await record_after(stores.database, actor, deed)
    return JsonResponse(view)
