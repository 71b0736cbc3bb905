"""Imports and exports."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.interchange.bundles import export_bundle
from api.interchange.schemas import ExternalIdsIn, ExternalIdsOut, ImportIn, ImportOut
from api.interchange.service import Importer
from api.interchange.surroundings import Surroundings
from api.parameters import WorkflowRef
from api.problems import problems
from api.provided import CatalogueDep, PluginsDep, StoresDep
from api.reading import strict_route
from api.told import in_its_language
from engine.errors import NotFound
from engine.interchange.external_ids import KINDS
from engine.limits import Limits
from storage.audit import Deed, record_after

router = APIRouter(
    tags=["import and export"], dependencies=[in_its_language], route_class=strict_route("import_bytes", once=True)
)

Viewer = Annotated[Member, require(Permission.WORKFLOW_VIEW)]
Editor = Annotated[Member, require(Permission.WORKFLOW_EDIT)]
Kind = Annotated[str, Path(max_length=32, description=f"One of {', '.join(KINDS)}.", examples=["model"])]
External = Annotated[str, Path(max_length=191, description="The id there.", examples=["1737521813"])]


@router.post("/workflows/import", responses=problems(400, 401, 403, 409, 413, 415, 422))
async def import_workflows(
    body: ImportIn,
    request: Request,
    member: Editor,
    actor: ActorDep,
    stores: StoresDep,
    catalogue: CatalogueDep,
    plugins: PluginsDep,
) -> ImportOut:
    """Make workflows of documents that another system saved, or of a bundle: all of them, or none.

    What could not be kept comes back as diagnostics. A node that cannot run here stays in its place and fails only
    when a run reaches it.
    """
    limits: Limits = request.app.state.limits
    return await Importer(member, actor, stores, catalogue, Surroundings(member, stores, plugins, actor), limits).run(
        body
    )


@router.get("/workflows/{workflow}/export", responses=problems(401, 403, 404))
async def export_workflow(
    workflow: WorkflowRef,
    member: Viewer,
    actor: ActorDep,
    stores: StoresDep,
    catalogue: CatalogueDep,
    plugins: PluginsDep,
) -> dict[str, Any]:
    """A workflow as a bundle: its draft and latest version, and what they call; without any secret."""
    surroundings = Surroundings(member, stores, plugins)
    found = await catalogue.workflow(member, workflow)
    bundle = await export_bundle(workflow, member, stores, catalogue, surroundings)
    # Reading changes nothing that it could be a part of.
    await record_after(stores.database, actor, Deed("workflow.export", "workflow", found.id, found.name))
    return bundle.model_dump(mode="json")


@router.get("/external-ids", responses=problems(401, 403))
async def list_external_ids(member: Viewer, stores: StoresDep) -> ExternalIdsOut:
    """What things of this space are called in Coze: imports find them by that."""
    return ExternalIdsOut(table=await stores.external_ids(member.org_id, member.space_id).table())


@router.put("/external-ids", responses=problems(400, 401, 403, 413, 415, 422))
async def put_external_ids(body: ExternalIdsIn, member: Editor, stores: StoresDep) -> ExternalIdsOut:
    """Say what things are called there, from now on."""
    repository = stores.external_ids(member.org_id, member.space_id)
    await repository.put(body.table)
    return ExternalIdsOut(table=await repository.table())


@router.delete("/external-ids/{kind}/{external:path}", status_code=204, responses=problems(401, 403, 404))
async def forget_external_id(kind: Kind, external: External, member: Editor, stores: StoresDep) -> Response:
    """Forget what a thing is called there."""
    if not await stores.external_ids(member.org_id, member.space_id).forget(kind, external):
        raise NotFound("Nothing is known by that id.", kind=kind, external_id=external)
    return Response(status_code=204)
