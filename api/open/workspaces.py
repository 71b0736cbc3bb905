"""Spaces and their members, as `workspaces` of the SDK reads and changes them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.open.entering import require_in
from api.open.envelope import Done, done, failures
from api.open.fields import OpenBody, OpenId, OpenRoute, PageNum, PageSize20, QueryId
from api.provided import StoresDep
from api.roles.powers import dealing
from api.spaces.service import spaces_of
from engine.errors import InvalidInput, NotFound
from storage.ids import read_id
from storage.paging import Page
from storage.space_members import Invitation, SpaceMembers
from storage.stores import Stores

router = APIRouter(tags=["open API"], route_class=OpenRoute)
T = TypeVar("T")

_AT_ONCE: Final = 200
_ROLES: Final = {"owner": "owner", "admin": "admin", "editor": "member", "viewer": "member"}
_BECOMES: Final = {"member": "editor", "admin": "admin", "owner": "owner"}

Viewer = Annotated[Member, require_in(Permission.MEMBER_VIEW, "workspace_id")]


class OpenNewMember(OpenBody):
    """Whom to let in."""

    user_id: OpenId
    role_type: str = Field("member", description="`member`, who may edit, or `admin`, or `owner`.")


class OpenNewMembers(OpenBody):
    """Whom to let in."""

    users: Annotated[list[OpenNewMember], Field(max_length=100)] = Field(
        examples=[[{"user_id": "208134112739467264", "role_type": "member"}]]
    )


class OpenOldMembers(OpenBody):
    """Whom to remove."""

    user_ids: Annotated[list[OpenId], Field(max_length=100)] = Field(examples=[["208134112739467264"]])


@router.get("/v1/workspaces", response_model=Done, responses=failures(401, 403, 404, 422))
async def open_list_workspaces(
    member: Annotated[Member, require(Permission.PROFILE_VIEW)],
    stores: StoresDep,
    page_num: PageNum = 1,
    page_size: PageSize20 = 20,
    user_id: QueryId = "",
    coze_account_id: QueryId = "",
) -> Response:
    """The spaces that who asks may enter, the newest first."""
    # Of others, and of other accounts, nobody is told.
    elsewhere = (user_id and user_id != member.person) or (coze_account_id and read_id(coze_account_id) is None)

    async def some(cursor: str | None) -> Page[Any]:
        return await spaces_of(
            member, stores, everything=False, deleted=False, search="", cursor=cursor, limit=_AT_ONCE
        )

    seats = [] if elsewhere else await _all(some)
    if coze_account_id:
        # What they call an account is what we call an organisation.
        seats = [seat for seat in seats if seat.space.org_id == read_id(coze_account_id)]
    shown = [
        {
            "id": str(seat.space.id),
            "name": seat.space.name,
            "icon_url": seat.space.icon,
            "role_type": _ROLES.get(seat.role, "owner" if member.kind == "instance" else "admin"),
            "workspace_type": seat.space.kind,
            "enterprise_id": str(seat.space.org_id),
        }
        for seat in _page(seats, page_num, page_size)
    ]
    return done({"total_count": len(seats), "workspaces": shown})


@router.get("/v1/workspaces/{workspace_id}/members", response_model=Done, responses=failures(401, 403, 404, 422))
async def open_list_members(
    workspace_id: str, member: Viewer, stores: StoresDep, page_num: PageNum = 1, page_size: PageSize20 = 20
) -> Response:
    """The members of a space. Version 0.20.0 of the Python SDK cannot read any answer to this."""
    del workspace_id
    found = SpaceMembers(stores.database, member.space_id)

    async def some(cursor: str | None) -> Page[Any]:
        return await found.page(cursor=cursor, limit=_AT_ONCE)

    everybody = await _all(some)
    items = [
        {
            "user_id": str(one.account_id),
            "role_type": _ROLES.get(one.role, "member"),
            "user_nickname": one.name,
            "user_unique_name": one.unique_name or one.email,
            "avatar_url": one.avatar,
        }
        for one in _page(everybody, page_num, page_size)
    ]
    return done({"total_count": len(everybody), "items": items, "has_more": len(everybody) > page_num * page_size})


@router.post(
    "/v1/workspaces/{workspace_id}/members",
    response_model=Done,
    responses=failures(400, 401, 403, 404, 409, 413, 415, 422),
)
async def open_add_members(
    workspace_id: str,
    body: OpenNewMembers,
    member: Annotated[Member, require_in(Permission.MEMBER_INVITE, "workspace_id")],
    actor: ActorDep,
    stores: StoresDep,
) -> Response:
    """Let people into a space, by the ids of their accounts. Who is there already stays what he is."""
    del workspace_id
    may = dealing(member)
    wanted: list[Invitation] = []
    for one in body.users:
        role = _BECOMES.get(one.role_type or "member")
        if role is None:
            raise InvalidInput("role_type is member, admin or owner.", field="role_type")
        may(role)
        wanted.append(Invitation(role, read_id(one.user_id) or 0))
    invited = await SpaceMembers(stores.database, member.space_id).invite(wanted, actor)
    by: dict[str, list[str]] = {}
    for asked, became in zip(body.users, invited, strict=True):
        by.setdefault(became.outcome, []).append(asked.user_id)
    return done(
        {
            "added_success_user_ids": by.get("added", []),
            "invited_success_user_ids": [],
            "not_exist_user_ids": by.get("unknown", []) + by.get("disabled", []),
            "already_joined_user_ids": by.get("already_member", []),
            "already_invited_user_ids": [],
        }
    )


@router.delete(
    "/v1/workspaces/{workspace_id}/members",
    response_model=Done,
    responses=failures(400, 401, 403, 404, 409, 413, 415, 422),
)
async def open_remove_members(
    workspace_id: str,
    body: OpenOldMembers,
    member: Annotated[Member, require_in(Permission.MEMBER_REMOVE, "workspace_id")],
    actor: ActorDep,
    stores: StoresDep,
) -> Response:
    """Take people out of a space; owners stay."""
    del workspace_id
    removed, absent, owners = await _remove(body.user_ids, member, actor, stores)
    return done(
        {
            "removed_success_user_ids": removed,
            "not_in_workspace_user_ids": absent,
            "owner_not_support_remove_user_ids": owners,
        }
    )


async def _remove(
    user_ids: list[str], member: Member, actor: ActorDep, stores: Stores
) -> tuple[list[str], list[str], list[str]]:
    members, may = SpaceMembers(stores.database, member.space_id), dealing(member)
    removed: list[str] = []
    absent: list[str] = []
    owners: list[str] = []
    for one in dict.fromkeys(user_ids):
        try:
            if (await members.get(read_id(one) or 0)).role == "owner":
                owners.append(one)
                continue
            await members.remove(read_id(one) or 0, actor, may)
            removed.append(one)
        except NotFound:
            absent.append(one)
    return removed, absent, owners


async def _all(some: Callable[[str | None], Awaitable[Page[T]]]) -> list[T]:
    """Everything of a list: whoever counts pages must be told exactly how many there are."""
    items: list[T] = []
    cursor: str | None = None
    while True:
        page = await some(cursor)
        items += page.items
        if (cursor := page.next) is None:
            return items


def _page(items: list[T], number: int, size: int) -> list[T]:
    return items[(number - 1) * size : number * size]
