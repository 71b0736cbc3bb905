"""Published versions: publishing compiles, so that what is published can never fail to compile at run time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.access import Member, Permission, require
from api.parameters import Cursor, Limit, WorkflowRef
from api.problems import problems
from api.provided import CatalogueDep, StoresDep
from api.reading import strict_route
from api.workflows.catalogue import Catalogue
from api.workflows.schemas import PublishIn, VersionDetail, VersionOut, VersionPage
from engine.errors import Conflict
from storage.stores import Stores
from storage.tables import WorkflowVersion
from storage.workflows import VersionSummary

router = APIRouter(
    prefix="/workflows/{workflow}/versions", tags=["versions"], route_class=strict_route("canvas_bytes", once=True)
)

Viewer = Annotated[Member, require(Permission.WORKFLOW_VIEW)]
Publisher = Annotated[Member, require(Permission.WORKFLOW_PUBLISH)]
Version = Annotated[str, Path(max_length=32, description="A version, or `latest`.", examples=["v1.4.0"])]


@router.post("", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def publish_version(
    workflow: WorkflowRef,
    member: Publisher,
    stores: StoresDep,
    catalogue: CatalogueDep,
    body: PublishIn | None = None,
) -> VersionOut:
    """Compile the draft and freeze it as a version. When it has errors, every one of them comes back."""
    version = await publish(workflow, body or PublishIn(), member, stores, catalogue)
    return _shown(version.workflow_id, version)


@router.get("", responses=problems(401, 403, 404, 422))
async def list_versions(
    workflow: WorkflowRef,
    member: Viewer,
    stores: StoresDep,
    catalogue: CatalogueDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> VersionPage:
    """List the published versions, the newest first."""
    found = await catalogue.workflow(member, workflow)
    page = await stores.workflows(member.org_id, member.space_id).versions(found.id, cursor=cursor, limit=limit)
    return VersionPage(items=[_shown(found.id, one) for one in page.items], next_cursor=page.next)


@router.get("/{version}", responses=problems(401, 403, 404, 422))
async def get_version(
    workflow: WorkflowRef, version: Version, member: Viewer, stores: StoresDep, catalogue: CatalogueDep
) -> VersionDetail:
    """A published version with its canvas, and what it takes and gives."""
    found = await catalogue.workflow(member, workflow)
    wanted = None if version == "latest" else version
    frozen = await stores.workflows(member.org_id, member.space_id).version(found.id, wanted)
    plan = (await catalogue.published(member, str(found.id), frozen.version)).plan
    return VersionDetail(
        **_shown(found.id, frozen).model_dump(), canvas=frozen.canvas, inputs=plan.inputs, outputs=plan.outputs
    )


async def publish(ref: str, body: PublishIn, member: Member, stores: Stores, catalogue: Catalogue) -> WorkflowVersion:
    """Compile the draft as it is now, and freeze canvas and plan. What it calls must be published too."""
    workflow = await catalogue.workflow(member, ref)
    if body.revision not in (None, workflow.revision):
        raise Conflict("The draft has changed since you opened it.", revision=workflow.revision)
    _, plan_hash = await catalogue.compile(member, workflow, drafts=False, app_id=body.app_id)
    version = await stores.workflows(member.org_id, member.space_id).publish(
        workflow.id, workflow.draft, plan_hash, version=body.version, notes=body.notes
    )
    catalogue.forget(member)
    return version


def _shown(workflow_id: int, version: VersionSummary | WorkflowVersion) -> VersionOut:
    return VersionOut(
        workflow_id=str(workflow_id),
        version=version.version,
        notes=version.notes,
        plan_hash=version.plan_hash,
        created=version.created,
    )
