"""Copies of workflows, and workflows that move to another space."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.requests import Request

from api.access import Gate, Member, Permission, require
from api.actors import ActorDep
from api.errors import PermissionDenied
from api.interchange.surroundings import Surroundings
from api.parameters import WorkflowRef
from api.problems import problems
from api.provided import CatalogueDep, PluginsDep, StoresDep
from api.reading import strict_route
from api.told import in_its_language
from api.workflows.copying import Copier, missing_here
from api.workflows.filing_schemas import CopiedOut, CopyIn, CopyOut, MovedOut, MoveIn
from api.workflows.service import folder_number
from api.workflows.shown import listed, names_in, shown
from storage.audit import Deed, Note
from storage.ids import parse_id

router = APIRouter(
    prefix="/workflows/{workflow}",
    tags=["workflows"],
    dependencies=[in_its_language],
    route_class=strict_route("run_input_bytes"),
)

Viewer = Annotated[Member, require(Permission.WORKFLOW_VIEW)]
Deleter = Annotated[Member, require(Permission.WORKFLOW_DELETE)]


@router.post("/copy", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def copy_workflow(
    workflow: WorkflowRef,
    body: CopyIn,
    request: Request,
    member: Viewer,
    actor: ActorDep,
    stores: StoresDep,
    catalogue: CatalogueDep,
    plugins: PluginsDep,
) -> CopyOut:
    """Copy a workflow, within its space or into another: a draft, without versions, runs and secrets.

    What the copy names is looked for in its own space, as if whoever copies had typed it there; what is missing comes
    back as diagnostics.
    """
    target = await _editor(request, member, body.space_id)
    copier = Copier(member, target, actor, stores, catalogue, Surroundings(target, stores, plugins))
    made, findings, called = await copier.copy(workflow, body)
    return CopyOut(
        **shown(made, await names_in(target, stores, [made])),
        space_id=str(target.space_id),
        diagnostics=listed(findings),
        called=[CopiedOut(from_id=str(before), id=str(id_), key=key) for before, id_, key in called],
    )


@router.post("/move", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def move_workflow(
    workflow: WorkflowRef,
    body: MoveIn,
    request: Request,
    member: Deleter,
    actor: ActorDep,
    stores: StoresDep,
    catalogue: CatalogueDep,
    plugins: PluginsDep,
) -> MovedOut:
    """Let a workflow belong to another space, with its versions. Into a folder of this space it moves by `PATCH`.

    Its runs stay in the space in which they were started, and those under way go on there. While others here call it,
    it moves only with `force`; what is published goes on calling it.
    """
    found = await catalogue.workflow(member, workflow)
    target = await _editor(request, member, body.space_id)
    note = Note(actor, Deed("workflow.move"))
    await stores.trash(member.org_id, member.space_id).move(
        found.id,
        target.org_id,
        target.space_id,
        folder_id=folder_number(body.folder_id),
        force=body.force,
        note=note,
    )
    catalogue.forget(member)
    catalogue.forget(target)
    moved = await catalogue.workflow(target, str(found.id))
    findings = [
        *await catalogue.diagnose(target, moved.draft, str(moved.id)),
        *await missing_here(Surroundings(target, stores, plugins), moved.draft),
    ]
    fields: dict[str, Any] = shown(moved, await names_in(target, stores, [moved]))
    return MovedOut(**fields, space_id=str(target.space_id), key_before=found.key, diagnostics=listed(findings))


async def _editor(request: Request, member: Member, space_id: str | None) -> Member:
    """Who asks, in the space that he names, where he may edit workflows. Raises `NotFound` and `PermissionDenied`."""
    target = member
    if space_id is not None:
        gate: Gate = request.app.state.gate
        target = await gate.enter(request, parse_id(space_id, "space"))
    if Permission.WORKFLOW_EDIT not in target.permissions:
        needed = Permission.WORKFLOW_EDIT.value
        raise PermissionDenied(f"This needs the permission {needed} in the space it goes to.", permission=needed)
    return target
