"""The members of a space: listed, let in, given another role, removed."""

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
from api.roles.powers import dealing
from api.spaces.schemas import (
    AccountId,
    InvitationsIn,
    InvitationsOut,
    InvitedOut,
    MemberChange,
    MemberOut,
    MemberPage,
    SpaceRef,
    SpaceRole,
    member_out,
)
from api.spaces.service import change_member, invite
from storage.ids import parse_id
from storage.space_members import SpaceMembers

router = APIRouter(tags=["spaces"], route_class=strict_route("run_input_bytes"))

MANAGES = Permission.SPACE_MANAGE
Viewer = Annotated[Member, require(Permission.MEMBER_VIEW, space="space", over=MANAGES)]
Inviter = Annotated[Member, require(Permission.MEMBER_INVITE, space="space", over=MANAGES)]
Changer = Annotated[Member, require(Permission.MEMBER_CHANGE_ROLE, space="space", over=MANAGES)]
Remover = Annotated[Member, require(Permission.MEMBER_REMOVE, space="space", over=MANAGES)]


@router.get("/spaces/{space}/members", responses=problems(401, 403, 404, 422))
async def list_members(
    space: SpaceRef,
    member: Viewer,
    stores: StoresDep,
    role: SpaceRole | None = None,
    search: Annotated[str, Query(max_length=200, description="A part of a name or an e-mail address.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> MemberPage:
    """List who works in a space. Memberships that have expired are not there."""
    members = SpaceMembers(stores.database, member.space_id)
    page = await members.page(role=role, search=search, cursor=cursor, limit=limit)
    return MemberPage(items=[member_out(one) for one in page.items], next_cursor=page.next)


@router.post("/spaces/{space}/members", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def invite_members(
    space: SpaceRef, body: InvitationsIn, member: Inviter, actor: ActorDep, stores: StoresDep
) -> InvitationsOut:
    """Let people in, at once and all in one go. Who is a member already stays what he is, and the answer says so."""
    done = await invite(body.members, member, actor, stores)
    return InvitationsOut(
        items=[
            InvitedOut(
                account_id=str(one.account_id or asked.account_id),
                email=asked.email,
                outcome=one.outcome,
                member=None if one.member is None else member_out(one.member),
            )
            for asked, one in done
        ]
    )


@router.get("/spaces/{space}/members/{account}", responses=problems(401, 403, 404))
async def get_member(space: SpaceRef, account: AccountId, member: Viewer, stores: StoresDep) -> MemberOut:
    """One member."""
    return member_out(await SpaceMembers(stores.database, member.space_id).get(parse_id(account, "member")))


@router.patch("/spaces/{space}/members/{account}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def alter_member(
    space: SpaceRef, account: AccountId, body: MemberChange, member: Changer, actor: ActorDep, stores: StoresDep
) -> MemberOut:
    """Change what a member is, up to what one may oneself, or when his membership ends. The last owner stays one."""
    return member_out(await change_member(parse_id(account, "member"), body, member, actor, stores))


@router.delete("/spaces/{space}/members/{account}", status_code=204, responses=problems(401, 403, 404, 409))
async def remove_member(
    space: SpaceRef, account: AccountId, member: Remover, actor: ActorDep, stores: StoresDep
) -> Response:
    """Take somebody out of a space, unless he may more there than oneself. The last owner stays."""
    members = SpaceMembers(stores.database, member.space_id)
    await members.remove(parse_id(account, "member"), actor, dealing(member))
    return Response(status_code=204)
