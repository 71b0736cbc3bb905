"""Workflows and their drafts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.parameters import Cursor, Limit, WorkflowRef
from api.problems import problems
from api.provided import CatalogueDep, StoresDep
from api.reading import strict_route
from api.workflows.schemas import (
    CanvasIn,
    DiagnosticOut,
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
from api.workflows.service import change, create, save_draft
from engine.diagnostics import Diagnostic
from storage.tables import Workflow
from storage.workflows import WorkflowSummary

router = APIRouter(tags=["workflows"], route_class=strict_route("canvas_bytes", once=True))

Viewer = Annotated[Member, require(Permission.WORKFLOW_VIEW)]
Editor = Annotated[Member, require(Permission.WORKFLOW_EDIT)]


@router.post("/workflows", status_code=201, responses=problems(400, 401, 403, 409, 413, 415, 422))
async def create_workflow(body: WorkflowIn, member: Editor, stores: StoresDep, catalogue: CatalogueDep) -> NewWorkflow:
    """Make a workflow; its canvas may be unfinished."""
    workflow, findings = await create(body, member, stores, catalogue)
    return NewWorkflow(**_shown(workflow), diagnostics=_listed(findings))


@router.get("/workflows", responses=problems(401, 403, 422))
async def list_workflows(
    member: Viewer,
    stores: StoresDep,
    search: Annotated[str, Query(max_length=200, description="A part of a name, key or description.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> WorkflowPage:
    """List workflows, the newest first."""
    page = await stores.workflows(member.org_id, member.space_id).page(search=search, cursor=cursor, limit=limit)
    return WorkflowPage(items=[WorkflowOut(**_shown(one)) for one in page.items], next_cursor=page.next)


@router.get("/workflows/{workflow}", responses=problems(401, 403, 404))
async def get_workflow(workflow: WorkflowRef, member: Viewer, catalogue: CatalogueDep) -> WorkflowOut:
    """One workflow, without its canvas."""
    return WorkflowOut(**_shown(await catalogue.workflow(member, workflow)))


@router.patch("/workflows/{workflow}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def change_workflow(
    workflow: WorkflowRef, body: WorkflowChange, member: Editor, stores: StoresDep, catalogue: CatalogueDep
) -> WorkflowOut:
    """Change what people read of a workflow."""
    return WorkflowOut(**_shown(await change(workflow, body, member, stores, catalogue)))


@router.delete("/workflows/{workflow}", status_code=204, responses=problems(401, 403, 404))
async def delete_workflow(
    workflow: WorkflowRef, member: Editor, stores: StoresDep, catalogue: CatalogueDep
) -> Response:
    """Take a workflow out of sight. Its runs stay readable, and those under way go on."""
    found = await catalogue.workflow(member, workflow)
    await stores.workflows(member.org_id, member.space_id).delete(found.id)
    catalogue.forget(member)
    return Response(status_code=204)


@router.get("/workflows/{workflow}/draft", responses=problems(401, 403, 404))
async def get_draft(workflow: WorkflowRef, member: Viewer, catalogue: CatalogueDep) -> DraftOut:
    """The draft, and everything that is wrong with it."""
    found = await catalogue.workflow(member, workflow)
    findings = await catalogue.diagnose(member, found.draft, str(found.id))
    return DraftOut(canvas=found.draft, revision=found.revision, updated=found.updated, diagnostics=_listed(findings))


@router.put("/workflows/{workflow}/draft", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def put_draft(
    workflow: WorkflowRef, body: DraftIn, member: Editor, stores: StoresDep, catalogue: CatalogueDep
) -> DraftSaved:
    """Save the canvas as it is; a draft may be unfinished. What is wrong with it comes back."""
    revision, findings = await save_draft(workflow, body, member, stores, catalogue)
    return DraftSaved(revision=revision, diagnostics=_listed(findings))


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


def _shown(workflow: Workflow | WorkflowSummary) -> dict[str, Any]:
    return {
        "id": str(workflow.id),
        "key": workflow.key,
        "name": workflow.name,
        "description": workflow.description,
        "revision": workflow.revision,
        "latest_version": workflow.latest_version,
        "created": workflow.created,
        "updated": workflow.updated,
    }


def _listed(findings: list[Diagnostic]) -> list[DiagnosticOut]:
    return [DiagnosticOut.model_validate(one, from_attributes=True) for one in findings]


def _validation(findings: list[Diagnostic]) -> Validation:
    return Validation(valid=all(one.severity != "error" for one in findings), diagnostics=_listed(findings))
