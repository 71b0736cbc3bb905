"""Roles: what there is to be allowed, roles of one's own, and what one may."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.language import current_language
from api.parameters import Cursor, Limit
from api.permissions import BUILT_IN, EVERYTHING, OF_ORGANISATIONS, OF_SPACES
from api.problems import problems
from api.provided import StoresDep
from api.reading import strict_route
from api.roles.catalogue import resource_title, texts_of
from api.roles.effective import effects
from api.roles.schemas import (
    CatalogueOut,
    DomainName,
    EffectiveOut,
    Number,
    OriginOut,
    PermissionsOut,
    PointOut,
    ResourceOut,
    RoleChange,
    RoleIn,
    RoleOut,
    RolePage,
    RoleRef,
    origins_out,
    role_out,
)
from api.roles.service import Roles
from api.spaces.schemas import AccountId
from engine.errors import NotFound
from storage.ids import parse_id
from storage.role_grants import GrantRepository
from storage.roles import RoleRepository
from storage.spaces import SpaceRepository
from storage.stores import Stores

router = APIRouter(tags=["roles"], route_class=strict_route("run_input_bytes"))

Known = Annotated[Member, require(Permission.CATALOGUE_VIEW)]
Viewer = Annotated[Member, require(Permission.ROLE_VIEW, anywhere=True)]
Creator = Annotated[Member, require(Permission.ROLE_CREATE, anywhere=True)]
Editor = Annotated[Member, require(Permission.ROLE_EDIT, anywhere=True)]
Deleter = Annotated[Member, require(Permission.ROLE_DELETE, anywhere=True)]


@router.get("/permissions", responses=problems(401, 403, 404))
async def list_permissions(member: Known) -> CatalogueOut:
    """All that there is to be allowed: the rows and cells of a matrix."""
    language, items = current_language(), []
    for (domain, resource), points in groupby(Permission, key=lambda one: (one.domain, one.resource)):
        shown = [
            PointOut(
                permission=one.value,
                resource=resource,
                action=one.action,
                domain=domain,
                title=(text := texts_of(one, language))[0],
                description=text[1],
                grantable=one in OF_ORGANISATIONS | OF_SPACES,
            )
            for one in points
        ]
        title = resource_title(resource, language)
        items.append(ResourceOut(resource=resource, domain=domain, title=title, permissions=shown))
    return CatalogueOut(items=items)


@router.get("/roles", responses=problems(401, 403, 404, 422))
async def list_roles(
    member: Viewer,
    stores: StoresDep,
    actor: ActorDep,
    organisation: Annotated[Number, Query(description="Those that can be given there: its own, and those above.")] = "",
    domain: DomainName | None = None,
    disabled: bool | None = None,
    search: Annotated[str, Query(max_length=200, description="A part of a name, key or description.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> RolePage:
    """List the built-in roles, and those of the organisations that one sees."""
    roles, repository = Roles(member, stores, actor), RoleRepository(stores.database)
    where = await roles.visible()
    if organisation:
        where &= await roles.holding_in(organisation)
    page = await repository.page(where, domain=domain, disabled=disabled, search=search, cursor=cursor, limit=limit)
    built_in = [] if cursor or disabled else [*BUILT_IN.values()]
    wanted = search.casefold()
    shown = [
        role_out(one)
        for one in built_in
        if domain in (None, one.domain) and (wanted in one.key or wanted in one.name.casefold())
    ]
    return RolePage(items=shown + [role_out(one) for one in page.items], next_cursor=page.next)


@router.post("/roles", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def create_role(body: RoleIn, member: Creator, actor: ActorDep, stores: StoresDep) -> RoleOut:
    """Make a role. Nothing can stand in it that one may not oneself there."""
    return role_out(await Roles(member, stores, actor).create(body))


@router.get("/roles/{role}", responses=problems(401, 403, 404))
async def get_role(role: RoleRef, member: Viewer, actor: ActorDep, stores: StoresDep) -> RoleOut:
    """One role."""
    return role_out(await Roles(member, stores, actor).get(role))


@router.patch("/roles/{role}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def change_role(role: RoleRef, body: RoleChange, member: Editor, actor: ActorDep, stores: StoresDep) -> RoleOut:
    """Change a role, or switch it off and on. Whoever has it may what it says from the next request on."""
    return role_out(await Roles(member, stores, actor).change(role, body))


@router.delete("/roles/{role}", status_code=204, responses=problems(401, 403, 404, 409))
async def delete_role(role: RoleRef, member: Deleter, actor: ActorDep, stores: StoresDep) -> Response:
    """Take a role away. One that somebody has cannot be: the answer says how often it is given."""
    await Roles(member, stores, actor).delete(role)
    return Response(status_code=204)


# --- what somebody may ------------------------------------------------------------------------------------------------


@router.get("/me/permissions", responses=problems(401, 403, 404))
async def my_permissions(
    member: Annotated[Member, require(Permission.PROFILE_VIEW)], stores: StoresDep
) -> PermissionsOut:
    """What one may in this space and its organisation, by what one has sent, and where each permission comes from."""
    if member.kind == "instance":
        origins = [OriginOut(kind="instance")]
        shown = [
            EffectiveOut(
                permission=one.value,
                domain=one.domain,
                here=True,
                organisation_ids=sorted(str(org) for org in member.organisations(one)),
                origins=origins,
            )
            for one in Permission
            if one in EVERYTHING
        ]
        return _of(member, shown)
    found = await _effective(stores, member.account_id, member.org_id, member.space_id)
    # A token may less than its account.
    kept = [one for one in found if one.permission in member.permissions or one.permission in member.reach]
    return _of(member, kept)


@router.get("/accounts/{account}/permissions", responses=problems(401, 403, 404, 422))
async def account_permissions(
    account: AccountId,
    member: Viewer,
    stores: StoresDep,
    space: Annotated[str, Query(max_length=30, description="The id of a space; without, outside of any.")] = "",
) -> PermissionsOut:
    """What an account may, and where each permission comes from."""
    here = member.organisations(Permission.ROLE_VIEW)
    who = await GrantRepository(stores.database).account(parse_id(account, "account"), here)
    space_id, role, org_id = 0, "", who.org_id
    if space:
        seat = await SpaceRepository(stores.database).seat(parse_id(space, "space"), who.id)
        if seat.space.org_id not in here:
            raise NotFound("There is no such space.", space_id=space)
        space_id, role, org_id = seat.space.id, seat.role, seat.space.org_id
    return PermissionsOut(
        account_id=account,
        organisation_id=str(org_id),
        space_id=str(space_id or ""),
        role=role,
        permissions=await _effective(stores, who.id, org_id, space_id),
    )


def _of(member: Member, permissions: list[EffectiveOut]) -> PermissionsOut:
    return PermissionsOut(
        account_id=str(member.account_id or ""),
        organisation_id=str(member.org_id),
        space_id=str(member.space_id or ""),
        role=member.role,
        permissions=permissions,
    )


async def _effective(stores: Stores, account_id: int, org_id: int, space_id: int) -> list[EffectiveOut]:
    sources = await GrantRepository(stores.database).sources(account_id)
    parents = await RoleRepository(stores.database).parents()
    seat = await SpaceRepository(stores.database).seat(space_id, account_id) if space_id else None
    found = effects(sources, parents, seat)
    return [
        EffectiveOut(
            permission=one.value,
            domain=one.domain,
            here=one.domain in ("self", "space") or org_id in effect.org_ids or one.domain == "instance",
            organisation_ids=sorted(str(number) for number in effect.org_ids),
            origins=origins_out(effect),
        )
        for one, effect in sorted(found.items(), key=lambda pair: [*Permission].index(pair[0]))
    ]
