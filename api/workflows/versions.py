"""Published versions: publishing compiles, so that what is published can never fail to compile at run time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.parameters import Cursor, Limit, WorkflowRef
from api.problems import problems
from api.provided import CatalogueDep, StoresDep
from api.reading import strict_route
from api.workflows.catalogue import Catalogue
from api.workflows.schemas import NextVersions, PublishIn, VersionChange, VersionDetail, VersionOut, VersionPage
from api.workflows.shown import names_in, version_out
from engine.errors import Conflict
from storage.audit import Actor, Deed, Note
from storage.stores import Stores
from storage.tables import WorkflowVersion
from storage.versions import versions_after

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
    actor: ActorDep,
    stores: StoresDep,
    catalogue: CatalogueDep,
    body: PublishIn | None = None,
) -> VersionOut:
    """Compile the draft and freeze it as a version. When it has errors, every one of them comes back."""
    version = await publish(workflow, body or PublishIn(), member, actor, stores, catalogue)
    return version_out(version.workflow_id, version, await names_in(member, stores, [version]))


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
    names = await names_in(member, stores, page.items)
    return VersionPage(items=[version_out(found.id, one, names) for one in page.items], next_cursor=page.next)


@router.get("/next", responses=problems(401, 403, 404))
async def suggest_versions(
    workflow: WorkflowRef, member: Viewer, stores: StoresDep, catalogue: CatalogueDep
) -> NextVersions:
    """What the next version could be called: after repairs, with something new, or when callers have to change."""
    found = await catalogue.workflow(member, workflow)
    newest = await stores.workflows(member.org_id, member.space_id).newest(found.id)
    patch, minor, major = versions_after(newest)
    return NextVersions(newest=newest, patch=patch, minor=minor, major=major)


@router.get("/{version}", responses=problems(401, 403, 404, 422))
async def get_version(
    workflow: WorkflowRef, version: Version, member: Viewer, stores: StoresDep, catalogue: CatalogueDep
) -> VersionDetail:
    """A published version with its canvas, and what it takes and gives."""
    found = await catalogue.workflow(member, workflow)
    wanted = None if version == "latest" else version
    frozen = await stores.workflows(member.org_id, member.space_id).version(found.id, wanted)
    plan = (await catalogue.published(member, str(found.id), frozen.version)).plan
    names = await names_in(member, stores, [frozen])
    return VersionDetail(
        **version_out(found.id, frozen, names).model_dump(),
        canvas=frozen.canvas,
        inputs=plan.inputs,
        outputs=plan.outputs,
    )


@router.patch("/{version}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def change_version(
    workflow: WorkflowRef,
    version: Version,
    body: VersionChange,
    member: Publisher,
    actor: ActorDep,
    stores: StoresDep,
    catalogue: CatalogueDep,
) -> VersionOut:
    """Write other notes to a version, or take it back. One that is taken back still runs for who names it."""
    found = await catalogue.workflow(member, workflow)
    workflows = stores.workflows(member.org_id, member.space_id)
    frozen = await workflows.version(found.id, None if version == "latest" else version)
    note = Note(actor, Deed("workflow.change_version"))
    await workflows.change_version(found.id, frozen.version, notes=body.notes, withdrawn=body.withdrawn, note=note)
    catalogue.forget(member)
    changed = await workflows.version(found.id, frozen.version)
    return version_out(found.id, changed, await names_in(member, stores, [changed]))


async def publish(
    ref: str, body: PublishIn, member: Member, actor: Actor, stores: Stores, catalogue: Catalogue
) -> WorkflowVersion:
    """Compile the draft as it is now, and freeze canvas and plan. What it calls must be published too."""
    workflow = await catalogue.workflow(member, ref)
    if body.revision not in (None, workflow.revision):
        raise Conflict("The draft has changed since you opened it.", revision=workflow.revision)
    _, plan_hash = await catalogue.compile(member, workflow, drafts=False, app_id=body.app_id)
    version = await stores.workflows(member.org_id, member.space_id).publish(
        workflow.id,
        workflow.draft,
        plan_hash,
        version=body.version,
        notes=body.notes,
        revision=workflow.revision,
        note=Note(actor, Deed("workflow.publish")),
    )
    catalogue.forget(member)
    return version
