"""The departments of an organisation. What roles a department is given, all those below it have too."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.organisations.schemas import (
    Counts,
    DepartmentChange,
    DepartmentForest,
    DepartmentId,
    DepartmentIn,
    DepartmentMove,
    DepartmentOrder,
    DepartmentOut,
    DepartmentPage,
    Depth,
    OrganisationRef,
    Search,
)
from api.organisations.scope import giver, named, organisation_of
from api.organisations.views import department_nodes, shown_department, surroundings
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from api.reading import strict_route
from storage.ids import parse_id
from storage.people.departments import NewDepartment
from storage.stores import Stores
from storage.tables import Department

router = APIRouter(
    prefix="/organisations/{organisation}/departments",
    tags=["departments"],
    route_class=strict_route("canvas_bytes"),
)

Viewer = Annotated[Member, require(Permission.ORGANISATION_VIEW, anywhere=True)]
Creator = Annotated[Member, require(Permission.DEPARTMENT_CREATE, anywhere=True)]
Editor = Annotated[Member, require(Permission.DEPARTMENT_EDIT, anywhere=True)]
Deleter = Annotated[Member, require(Permission.DEPARTMENT_DELETE, anywhere=True)]

_CLEARED = frozenset({"code", "leader_id"})
"""What a null takes away; elsewhere it lets things be."""


@router.post("", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def create_department(
    organisation: OrganisationRef, body: DepartmentIn, member: Creator, stores: StoresDep, actor: ActorDep
) -> DepartmentOut:
    """Make a department, the last where it stands."""
    org = await organisation_of(stores, organisation, member, Permission.DEPARTMENT_CREATE)
    leader = None if body.leader_id is None else named(body.leader_id, "employee", "leader_id")
    new = NewDepartment(body.name, _parent(body.parent_id), body.code, body.description, leader)
    made = await stores.departments(org.id).create(new, actor)
    return (await _shown(stores, member, org.id, [made]))[0]


@router.get("", responses=problems(401, 403, 404, 422))
async def list_departments(
    organisation: OrganisationRef,
    member: Viewer,
    stores: StoresDep,
    search: Search = "",
    parent_id: Annotated[
        str | None, Query(max_length=30, description="Only those right below this one; 0: below the organisation.")
    ] = None,
    disabled: bool | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DepartmentPage:
    """List the departments of an organisation, the newest first."""
    org = await organisation_of(stores, organisation, member, Permission.ORGANISATION_VIEW)
    mine = stores.departments(org.id)
    parent = None if parent_id is None else named(parent_id, "department", "parent_id")
    if parent:
        await mine.get(parent)
    page = await mine.page(search=search, parent_id=parent, disabled=disabled, cursor=cursor, limit=limit)
    return DepartmentPage(items=await _shown(stores, member, org.id, page.items), next_cursor=page.next)


@router.get("/tree", responses=problems(401, 403, 404, 422))
async def get_department_tree(
    organisation: OrganisationRef, member: Viewer, stores: StoresDep, depth: Depth = None, counts: Counts = False
) -> DepartmentForest:
    """The departments of an organisation as a tree."""
    org = await organisation_of(stores, organisation, member, Permission.ORGANISATION_VIEW)
    mine = stores.departments(org.id)
    employees = await mine.employees() if counts else None
    return DepartmentForest(items=department_nodes(await mine.all(), employees, depth))


@router.put("/order", status_code=204, responses=problems(400, 401, 403, 404, 413, 415, 422))
async def sort_departments(
    organisation: OrganisationRef, body: DepartmentOrder, member: Editor, stores: StoresDep, actor: ActorDep
) -> Response:
    """Put siblings in an order, which names each of them."""
    org = await organisation_of(stores, organisation, member, Permission.DEPARTMENT_EDIT)
    order = [named(one, "department", "order") for one in body.order]
    await stores.departments(org.id).sort(_parent(body.parent_id), order, actor)
    return Response(status_code=204)


@router.get("/{department}", responses=problems(401, 403, 404))
async def get_department(
    organisation: OrganisationRef, department: DepartmentId, member: Viewer, stores: StoresDep
) -> DepartmentOut:
    """One department."""
    org = await organisation_of(stores, organisation, member, Permission.ORGANISATION_VIEW)
    found = await stores.departments(org.id).get(parse_id(department, "department"))
    return (await _shown(stores, member, org.id, [found]))[0]


@router.patch("/{department}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def change_department(
    organisation: OrganisationRef,
    department: DepartmentId,
    body: DepartmentChange,
    member: Editor,
    stores: StoresDep,
    actor: ActorDep,
) -> DepartmentOut:
    """Change its name, code, description or leader, or close it to new people."""
    org = await organisation_of(stores, organisation, member, Permission.DEPARTMENT_EDIT)
    given = body.model_dump(exclude_unset=True)
    changes = {word: value for word, value in given.items() if value is not None or word in _CLEARED}
    if changes.get("leader_id") is not None:
        changes["leader_id"] = named(changes["leader_id"], "employee", "leader_id")
    changed = await stores.departments(org.id).change(parse_id(department, "department"), changes, actor)
    return (await _shown(stores, member, org.id, [changed]))[0]


@router.post("/{department}/move", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def move_department(
    organisation: OrganisationRef,
    department: DepartmentId,
    body: DepartmentMove,
    member: Editor,
    stores: StoresDep,
    actor: ActorDep,
) -> DepartmentOut:
    """Let it stand below another department of its organisation, with all that is below it.

    Its people get the roles that are given above its new place: who moves it must be allowed to give them.
    """
    org = await organisation_of(stores, organisation, member, Permission.DEPARTMENT_EDIT)
    department_id, parent = parse_id(department, "department"), _parent(body.parent_id)
    moved = await stores.departments(org.id).move(department_id, parent, actor, giver(member))
    return (await _shown(stores, member, org.id, [moved]))[0]


@router.delete("/{department}", status_code=204, responses=problems(401, 403, 404, 409))
async def delete_department(
    organisation: OrganisationRef, department: DepartmentId, member: Deleter, stores: StoresDep, actor: ActorDep
) -> Response:
    """Delete one in which nothing stands and nobody works, with the roles that it was given."""
    org = await organisation_of(stores, organisation, member, Permission.DEPARTMENT_DELETE)
    await stores.departments(org.id).delete(parse_id(department, "department"), actor)
    return Response(status_code=204)


def _parent(parent_id: str | None) -> int:
    return 0 if parent_id is None else named(parent_id, "department", "parent_id")


async def _shown(stores: Stores, member: Member, org_id: int, found: list[Department]) -> list[DepartmentOut]:
    above = (await surroundings(stores, member)).path(org_id)
    names = await stores.departments(org_id).chains()
    return [shown_department(one, names.get(one.id, [one.name]), above) for one in found]
