"""Roles given and taken: to accounts and departments, in organisations and spaces."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from api.access import Gate, Member, Permission, require
from api.actors import ActorDep
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from api.reading import strict_route
from api.roles.schemas import GrantId, GrantIn, GrantOut, GrantPage, Number, RoleRef, RolesIn, RolesOut, grant_out
from api.roles.service import Enter, Roles
from api.spaces.schemas import AccountId
from engine.errors import InvalidInput, NotFound
from storage.ids import parse_id, read_id
from storage.role_grants import GrantRepository

router = APIRouter(tags=["roles"], route_class=strict_route("run_input_bytes"))

Viewer = Annotated[Member, require(Permission.ROLE_VIEW, anywhere=True)]
Giver = Annotated[Member, require(Permission.ROLE_GRANT, anywhere=True)]
Organisation = Annotated[str, Path(max_length=30, description="The id of an organisation; `0` is the instance.")]


@router.post("/roles/{role}/grants", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def give_role(
    role: RoleRef, body: GrantIn, request: Request, member: Giver, actor: ActorDep, stores: StoresDep
) -> GrantOut:
    """Give a role to an account, or to everybody of a department: in an organisation and below, or in one space.

    Nobody gives what he may not himself there.
    """
    return grant_out(await Roles(member, stores, actor).grant(role, body, _enter(request)))


@router.get("/role-grants", responses=problems(401, 403, 404, 422))
async def list_grants(
    member: Viewer,
    stores: StoresDep,
    actor: ActorDep,
    role: Annotated[str, Query(max_length=64, description="Of this role, by id or the key of a built-in one.")] = "",
    account: Annotated[Number, Query(description="To this account itself.")] = "",
    department: Annotated[Number, Query(description="To this department itself.")] = "",
    space: Annotated[Number, Query(description="In this space alone; `0`: in no single space.")] = "",
    organisation: Annotated[Number, Query(description="In this organisation; `0` is the instance.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> GrantPage:
    """List what is given in the organisations that one sees, the newest first. What has expired is not there."""
    if account and department:
        raise InvalidInput("Name an account or a department.", field="account")
    here = member.organisations(Permission.ROLE_VIEW)
    if organisation:
        if read_id(organisation) not in here:
            raise NotFound("There is no such organisation.", organisation_id=organisation)
        here &= {parse_id(organisation)}
    number = (await Roles(member, stores, actor).get(role)).id if role else None
    page = await GrantRepository(stores.database).page(
        here,
        role_id=number,
        subject=("account", parse_id(account, "account"))
        if account
        else ("department", parse_id(department, "department"))
        if department
        else None,
        space_id=parse_id(space, "space") if space else None,
        cursor=cursor,
        limit=limit,
    )
    return GrantPage(items=[grant_out(one) for one in page.items], next_cursor=page.next)


@router.delete("/role-grants/{grant}", status_code=204, responses=problems(401, 403, 404, 409))
async def take_role(grant: GrantId, request: Request, member: Giver, actor: ActorDep, stores: StoresDep) -> Response:
    """Take a role back. The last administrator of the instance stays one."""
    await Roles(member, stores, actor).take(grant, _enter(request))
    return Response(status_code=204)


@router.get("/organisations/{organisation}/accounts/{account}/roles", responses=problems(401, 403, 404))
async def get_roles_of(
    organisation: Organisation, account: AccountId, member: Viewer, actor: ActorDep, stores: StoresDep
) -> RolesOut:
    """The roles that are given to an account in an organisation, those in single spaces aside."""
    return RolesOut(
        items=[grant_out(one) for one in await Roles(member, stores, actor).assigned(account, organisation)]
    )


@router.put(
    "/organisations/{organisation}/accounts/{account}/roles",
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422),
)
async def assign_roles(
    organisation: Organisation,
    account: AccountId,
    body: RolesIn,
    member: Giver,
    actor: ActorDep,
    stores: StoresDep,
) -> RolesOut:
    """Let an account have exactly these roles in an organisation. Those in single spaces stay as they are."""
    given = await Roles(member, stores, actor).assign(account, organisation, body.role_ids)
    return RolesOut(items=[grant_out(one) for one in given])


def _enter(request: Request) -> Enter:
    gate: Gate = request.app.state.gate

    async def enter(space_id: int) -> Member:
        return await gate.enter(request, space_id)

    return enter
