"""Folders: where the workflows of a space are filed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.problems import problems
from api.provided import CatalogueDep, StoresDep
from api.reading import strict_route
from api.workflows.filing_schemas import FolderChange, FolderIn, FolderOut, FolderTree
from api.workflows.service import folder_number
from storage.audit import Deed, Note
from storage.folders import FolderSummary

router = APIRouter(prefix="/folders", tags=["folders"], route_class=strict_route("run_input_bytes"))

Viewer = Annotated[Member, require(Permission.WORKFLOW_VIEW)]
Editor = Annotated[Member, require(Permission.WORKFLOW_EDIT)]
FolderId = Annotated[str, Path(max_length=30, description="The id of a folder.", examples=["208134112739467264"])]


@router.post("", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def create_folder(body: FolderIn, member: Editor, actor: ActorDep, stores: StoresDep) -> FolderOut:
    """Make a folder. Folders of one parent have different names, and stand in each other at most ten deep."""
    folders = stores.folders(member.org_id, member.space_id)
    note = Note(actor, Deed("folder.create"))
    made = await folders.create(body.name, parent_id=folder_number(body.parent_id), note=note)
    return _shown(await folders.get(made))


@router.get("", responses=problems(401, 403))
async def list_folders(member: Viewer, stores: StoresDep) -> FolderTree:
    """All folders of the space, by their names; `parent_id` makes them trees."""
    found = await stores.folders(member.org_id, member.space_id).all()
    return FolderTree(items=[_shown(one) for one in found])


@router.get("/{folder}", responses=problems(401, 403, 404))
async def get_folder(folder: FolderId, member: Viewer, stores: StoresDep) -> FolderOut:
    """One folder."""
    return _shown(await stores.folders(member.org_id, member.space_id).get(folder_number(folder)))


@router.patch("/{folder}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def change_folder(
    folder: FolderId, body: FolderChange, member: Editor, actor: ActorDep, stores: StoresDep
) -> FolderOut:
    """Give a folder another name, or another place, with all that is in it."""
    folders, number = stores.folders(member.org_id, member.space_id), folder_number(folder)
    parent = None if body.parent_id is None else folder_number(body.parent_id)
    await folders.change(number, name=body.name, parent_id=parent, note=Note(actor, Deed("folder.change")))
    return _shown(await folders.get(number))


@router.delete("/{folder}", status_code=204, responses=problems(401, 403, 404, 409))
async def delete_folder(
    folder: FolderId, member: Editor, actor: ActorDep, stores: StoresDep, catalogue: CatalogueDep
) -> Response:
    """Take a folder away. What is in it goes one up; where a folder of the same name is already, nothing is done."""
    note = Note(actor, Deed("folder.delete"))
    await stores.folders(member.org_id, member.space_id).delete(folder_number(folder), note=note)
    catalogue.forget(member)
    return Response(status_code=204)


def _shown(folder: FolderSummary) -> FolderOut:
    return FolderOut(
        id=str(folder.id),
        parent_id=str(folder.parent_id),
        name=folder.name,
        workflows=folder.workflows,
        created=folder.created,
        updated=folder.updated,
    )
