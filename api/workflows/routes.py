"""Workflows and their drafts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.json_response import JsonResponse
from api.parameters import Limit, WorkflowRef
from api.problems import problems
from api.provided import CatalogueDep, StoresDep
from api.reading import strict_route
from api.told import in_its_language
from api.workflows.etags import NOT_MODIFIED, IfMatch, IfNoneMatch, draft_tag, matcher, unchanged, workflow_tag
from api.workflows.schemas import (
    CanvasIn,
    DraftIn,
    DraftOut,
    DraftSaved,
    NewWorkflow,
    Validation,
    WorkflowChange,
    WorkflowIn,
    WorkflowOut,
    WorkflowPage,
)
from api.workflows.service import change, create, discard, folder_number, save_draft
from api.workflows.shown import listed, names_in, shown, workflow_out
from engine.diagnostics import Diagnostic
from storage.ids import parse_id
from storage.workflow_lists import Filters

router = APIRouter(
    tags=["workflows"], dependencies=[in_its_language], route_class=strict_route("canvas_bytes", once=True)
)

Viewer = Annotated[Member, require(Permission.WORKFLOW_VIEW)]
Editor = Annotated[Member, require(Permission.WORKFLOW_EDIT)]
Deleter = Annotated[Member, require(Permission.WORKFLOW_DELETE)]
LongCursor = Annotated[
    str | None, Query(max_length=2_000, description="`next_cursor` of the page before, in the same order.")
]


@router.post("/workflows", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def create_workflow(
    body: WorkflowIn, member: Editor, actor: ActorDep, stores: StoresDep, catalogue: CatalogueDep
) -> NewWorkflow:
    """Make a workflow; its canvas may be unfinished."""
    workflow, findings = await create(body, member, actor, stores, catalogue)
    return NewWorkflow(**shown(workflow, await names_in(member, stores, [workflow])), diagnostics=listed(findings))


@router.get("/workflows", response_model=WorkflowPage, responses=problems(401, 403, 422))
async def list_workflows(
    member: Viewer,
    stores: StoresDep,
    search: Annotated[str, Query(max_length=200, description="A part of a name, key or description.")] = "",
    folder: Annotated[str, Query(max_length=30, description="Only those in this folder; `0` is the top.")] = "",
    tag: Annotated[str, Query(max_length=100, description="Only those with this tag.")] = "",
    state: Annotated[Literal["draft", "published", "changed"] | None, Query(description="Only those.")] = None,
    created_by: Annotated[str, Query(max_length=30, description="Only those that this account made.")] = "",
    sort: Annotated[
        Literal["created", "updated", "name"], Query(description="Names go up; otherwise the newest comes first.")
    ] = "created",
    cursor: LongCursor = None,
    limit: Limit = 50,
) -> Response:
    """List workflows, the newest first unless another order is asked for."""
    filters = Filters(
        search=search,
        folder_id=folder_number(folder) if folder else None,
        tag=tag,
        state=state,
        created_by=parse_id(created_by, "account") if created_by else None,
    )
    workflows = stores.workflows(member.org_id, member.space_id)
    page = await workflows.page(filters=filters, sort=sort, cursor=cursor, limit=limit)
    names = await names_in(member, stores, page.items)
    return JsonResponse({"items": [shown(one, names) for one in page.items], "next_cursor": page.next})


@router.get("/workflows/{workflow}", response_model=WorkflowOut, responses={**NOT_MODIFIED, **problems(401, 403, 404)})
async def get_workflow(
    workflow: WorkflowRef,
    member: Viewer,
    stores: StoresDep,
    catalogue: CatalogueDep,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> Any:
    """One workflow, without its canvas."""
    found = await catalogue.summary(member, workflow)
    if (same := unchanged(if_none_match, workflow_tag(found))) is not None:
        return same
    response.headers["ETag"] = workflow_tag(found)
    return await workflow_out(found, member, stores)


@router.patch("/workflows/{workflow}", responses=problems(400, 401, 403, 404, 412, 413, 415, 422))
async def change_workflow(
    workflow: WorkflowRef,
    body: WorkflowChange,
    member: Editor,
    actor: ActorDep,
    stores: StoresDep,
    catalogue: CatalogueDep,
    response: Response,
    if_match: IfMatch = None,
) -> WorkflowOut:
    """Change what people read of a workflow, its tags, or the folder it is filed in."""
    changed = await change(workflow, body, member, actor, stores, catalogue, matcher(if_match))
    response.headers["ETag"] = workflow_tag(changed)
    return await workflow_out(changed, member, stores)


@router.delete("/workflows/{workflow}", status_code=204, responses=problems(401, 403, 404, 409, 412, 422))
async def delete_workflow(
    workflow: WorkflowRef,
    member: Deleter,
    actor: ActorDep,
    stores: StoresDep,
    catalogue: CatalogueDep,
    force: Annotated[bool, Query(description="Also when other workflows use it.")] = False,
    if_match: IfMatch = None,
) -> Response:
    """Put a workflow into the trash. Its runs stay readable, and those under way go on.

    While the draft or the latest version of another workflow calls it, only with `force`; what is published then goes
    on calling it.
    """
    await discard(workflow, member, actor, stores, catalogue, force=force, match=matcher(if_match))
    return Response(status_code=204)


@router.get(
    "/workflows/{workflow}/draft", response_model=DraftOut, responses={**NOT_MODIFIED, **problems(401, 403, 404)}
)
async def get_draft(
    workflow: WorkflowRef,
    member: Viewer,
    catalogue: CatalogueDep,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> Any:
    """The draft, and everything that is wrong with it. Its `ETag` is that of the canvas alone."""
    found = await catalogue.workflow(member, workflow)
    if (same := unchanged(if_none_match, draft_tag(found.revision))) is not None:
        return same
    response.headers["ETag"] = draft_tag(found.revision)
    findings = await catalogue.diagnose(member, found.draft, str(found.id))
    return DraftOut(canvas=found.draft, revision=found.revision, updated=found.updated, diagnostics=listed(findings))


@router.put("/workflows/{workflow}/draft", responses=problems(400, 401, 403, 404, 409, 412, 413, 415, 422))
async def put_draft(
    workflow: WorkflowRef,
    body: DraftIn,
    member: Editor,
    stores: StoresDep,
    catalogue: CatalogueDep,
    response: Response,
    if_match: IfMatch = None,
) -> DraftSaved:
    """Save the canvas as it is; a draft may be unfinished. What is wrong with it comes back."""
    revision, findings = await save_draft(workflow, body, member, stores, catalogue, matcher(if_match))
    response.headers["ETag"] = draft_tag(revision)
    return DraftSaved(revision=revision, diagnostics=listed(findings))


@router.post("/workflows/{workflow}/validate", responses=problems(401, 403, 404))
async def validate_draft(
    workflow: WorkflowRef,
    member: Viewer,
    catalogue: CatalogueDep,
    app_id: Annotated[str, Query(max_length=191, description="The application whose variables it sets.")] = "",
) -> Validation:
    """Say everything that is wrong with the draft."""
    found = await catalogue.workflow(member, workflow)
    return _validation(await catalogue.diagnose(member, found.draft, str(found.id), app_id=app_id))


@router.post("/validate", responses=problems(400, 401, 403, 413, 415, 422))
async def validate_canvas(body: CanvasIn, member: Viewer, catalogue: CatalogueDep) -> Validation:
    """Say everything that is wrong with a canvas, and store nothing."""
    return _validation(await catalogue.diagnose(member, body.canvas, app_id=body.app_id))


def _validation(findings: list[Diagnostic]) -> Validation:
    return Validation(valid=all(one.severity != "error" for one in findings), diagnostics=listed(findings))
