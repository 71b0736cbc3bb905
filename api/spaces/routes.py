"""Spaces: one's own, those that one makes, and what becomes of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from api.reading import strict_route
from api.spaces.schemas import (
    MemberOut,
    SpaceChange,
    SpaceId,
    SpaceIn,
    SpaceOut,
    SpacePage,
    SpaceRef,
    TransferIn,
    member_out,
    space_out,
)
from api.spaces.service import create_space, spaces_of, transfer
from storage.ids import parse_id
from storage.space_members import SpaceMembers
from storage.spaces import SpaceRepository

router = APIRouter(tags=["spaces"], route_class=strict_route("run_input_bytes"))

MANAGES = Permission.SPACE_MANAGE
Creator = Annotated[Member, require(Permission.SPACE_CREATE)]
Viewer = Annotated[Member, require(Permission.SPACE_VIEW, space="space", over=MANAGES)]
Editor = Annotated[Member, require(Permission.SPACE_EDIT, space="space", over=MANAGES)]
Deleter = Annotated[Member, require(Permission.SPACE_DELETE, space="space", over=MANAGES)]
Giver = Annotated[Member, require(Permission.SPACE_TRANSFER, space="space", over=MANAGES)]
Leaver = Annotated[Member, require(Permission.SPACE_LEAVE, space="space")]
Manager = Annotated[Member, require(MANAGES, anywhere=True)]


@router.get("/spaces", responses=problems(401, 403, 404, 422))
async def list_spaces(
    member: Annotated[Member, require(Permission.SPACE_VIEW)],
    stores: StoresDep,
    all_: Annotated[
        bool, Query(alias="all", description="All of the organisations whose spaces one manages, not only one's own.")
    ] = False,
    deleted: Annotated[bool, Query(description="Of those, the deleted ones.")] = False,
    search: Annotated[str, Query(max_length=200, description="A part of a name, key or description.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SpacePage:
    """List the spaces that one may enter, the newest first."""
    page = await spaces_of(
        member, stores, everything=all_, deleted=deleted, search=search, cursor=cursor, limit=limit
    )  # fmt: skip
    return SpacePage(items=[space_out(one) for one in page.items], next_cursor=page.next)


@router.post("/spaces", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def make_space(body: SpaceIn, member: Creator, actor: ActorDep, stores: StoresDep) -> SpaceOut:
    """Make a team space. It belongs to whoever makes it."""
    return space_out(await create_space(body, member, actor, stores))


@router.get("/spaces/{space}", responses=problems(401, 403, 404))
async def get_space(space: SpaceRef, member: Viewer, stores: StoresDep) -> SpaceOut:
    """One space, and what one is in it."""
    return space_out(await SpaceRepository(stores.database).seat(member.space_id, member.account_id))


@router.patch("/spaces/{space}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def change_space(
    space: SpaceRef, body: SpaceChange, member: Editor, actor: ActorDep, stores: StoresDep
) -> SpaceOut:
    """Change the name of a space, its description or icon."""
    spaces = SpaceRepository(stores.database)
    await spaces.change(member.space_id, body.model_dump(exclude_none=True), actor)
    return space_out(await spaces.seat(member.space_id, member.account_id))


@router.delete("/spaces/{space}", status_code=204, responses=problems(401, 403, 404, 409))
async def delete_space(space: SpaceRef, member: Deleter, actor: ActorDep, stores: StoresDep) -> Response:
    """Take a team space out of sight, with all that is in it. What runs goes on, and it can be restored."""
    await SpaceRepository(stores.database).delete(member.space_id, actor)
    return Response(status_code=204)


@router.post("/spaces/{space}/restore", responses=problems(401, 403, 404))
async def restore_space(space: SpaceId, member: Manager, actor: ActorDep, stores: StoresDep) -> SpaceOut:
    """Bring a deleted space back, with its members, for who manages spaces where it was."""
    spaces = SpaceRepository(stores.database)
    managed = member.organisations(Permission.SPACE_MANAGE)
    made = await spaces.restore(parse_id(space, "deleted space"), managed, actor)
    return space_out(await spaces.seat(made.id, member.account_id))


@router.post("/spaces/{space}/transfer", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def transfer_space(
    space: SpaceRef, body: TransferIn, member: Giver, actor: ActorDep, stores: StoresDep
) -> MemberOut:
    """Let a space belong to somebody else, who need not be a member yet. Who gives it away becomes an administrator."""
    return member_out(await transfer(body.account, member, actor, stores))


@router.post("/spaces/{space}/leave", status_code=204, responses=problems(401, 403, 404, 409))
async def leave_space(space: SpaceRef, member: Leaver, actor: ActorDep, stores: StoresDep) -> Response:
    """Be a member no longer. The last owner cannot."""
    await SpaceMembers(stores.database, member.space_id).remove(member.account_id, actor)
    return Response(status_code=204)
