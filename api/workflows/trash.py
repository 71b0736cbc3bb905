"""The trash: workflows on the way out, and back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import CatalogueDep, StoresDep
from api.workflows.filing_schemas import DiscardedOut, EmptiedOut, RestoredOut, TrashPage
from api.workflows.shown import author, names_in, shown
from storage.audit import Deed, Note
from storage.clock import now_ms
from storage.ids import parse_id

router = APIRouter(prefix="/trash/workflows", tags=["trash"])

Viewer = Annotated[Member, require(Permission.WORKFLOW_VIEW)]
Deleter = Annotated[Member, require(Permission.WORKFLOW_DELETE)]
WorkflowId = Annotated[str, Path(max_length=30, description="The id of a workflow.", examples=["208134112739467264"])]
_DAY = 86_400_000


@router.get("", responses=problems(401, 403, 422))
async def list_trash(member: Viewer, stores: StoresDep, cursor: Cursor = None, limit: Limit = 50) -> TrashPage:
    """List the workflows in the trash; what was thrown away last comes first."""
    page = await stores.trash(member.org_id, member.space_id).page(cursor=cursor, limit=limit)
    workflows = stores.workflows(member.org_id, member.space_id)
    names = await workflows.names_of({one.deleted_by for one in page.items})
    items = [
        DiscardedOut(
            id=str(one.id),
            key=one.key,
            name=one.name,
            description=one.description,
            latest_version=one.latest_version,
            created=one.created,
            deleted=one.deleted_at,
            deleted_by=author(one.deleted_by, names),
        )
        for one in page.items
    ]
    return TrashPage(items=items, next_cursor=page.next)


@router.post("/{workflow}/restore", responses=problems(401, 403, 404))
async def restore_workflow(
    workflow: WorkflowId, member: Deleter, actor: ActorDep, stores: StoresDep, catalogue: CatalogueDep
) -> RestoredOut:
    """Bring a workflow back. When another has taken its key meanwhile, it gets one with its id behind it."""
    number = parse_id(workflow, "workflow")
    note = Note(actor, Deed("workflow.restore"))
    back = await stores.trash(member.org_id, member.space_id).restore(number, note=note)
    catalogue.forget(member)
    found = await catalogue.workflow(member, str(number))
    return RestoredOut(
        **shown(found, await names_in(member, stores, [found])),
        key_before=back.key_before,
        folder_gone=back.folder_id != back.folder_before,
    )


@router.delete("/{workflow}", status_code=204, responses=problems(401, 403, 404))
async def purge_workflow(workflow: WorkflowId, member: Deleter, actor: ActorDep, stores: StoresDep) -> Response:
    """End a workflow in the trash for good, with all its versions. Its runs stay readable."""
    note = Note(actor, Deed("workflow.purge"))
    await stores.trash(member.org_id, member.space_id).purge(parse_id(workflow, "workflow"), note=note)
    return Response(status_code=204)


@router.delete("", responses=problems(401, 403, 422))
async def empty_trash(
    member: Deleter,
    actor: ActorDep,
    stores: StoresDep,
    older_than_days: Annotated[
        int, Query(ge=0, le=36_500, description="Only what was thrown away longer ago.", examples=[30])
    ] = 0,
) -> EmptiedOut:
    """End everything in the trash for good, or what has been there for so many days."""
    note = Note(actor, Deed("workflow.purge"))
    before = now_ms() - older_than_days * _DAY if older_than_days else None
    return EmptiedOut(purged=await stores.trash(member.org_id, member.space_id).empty(older_than=before, note=note))
