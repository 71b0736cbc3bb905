"""The tree of organisations: who sees an organisation sees those below it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.errors import PermissionDenied
from api.organisations.schemas import (
    Counts,
    Depth,
    OrganisationChange,
    OrganisationForest,
    OrganisationIn,
    OrganisationMove,
    OrganisationOrder,
    OrganisationOut,
    OrganisationPage,
    OrganisationRef,
    Search,
)
from api.organisations.scope import check_also, named, opener, organisation_of
from api.organisations.views import department_nodes, organisation_nodes, surroundings
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from api.reading import strict_route
from storage.people.organisations import NewOrganisation, no_organisation
from storage.tables.tenancy import OrganisationKind

router = APIRouter(tags=["organisations"], route_class=strict_route("canvas_bytes"))

Viewer = Annotated[Member, require(Permission.ORGANISATION_VIEW, anywhere=True)]
Creator = Annotated[Member, require(Permission.ORGANISATION_CREATE, anywhere=True)]
Editor = Annotated[Member, require(Permission.ORGANISATION_EDIT, anywhere=True)]
Deleter = Annotated[Member, require(Permission.ORGANISATION_DELETE, anywhere=True)]


@router.post("/organisations", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def create_organisation(
    body: OrganisationIn, member: Creator, stores: StoresDep, actor: ActorDep
) -> OrganisationOut:
    """Make an organisation with a first space. One at the top is for administrators of the instance."""
    parent = _place(body.parent_id, member, Permission.ORGANISATION_CREATE)
    new = NewOrganisation(body.name, body.key, body.kind, parent)
    made = await stores.organisation_tree().create(new, actor)
    return (await surroundings(stores, member, made.id)).shown(made)


@router.get("/organisations", responses=problems(401, 403, 404, 422))
async def list_organisations(
    member: Viewer,
    stores: StoresDep,
    search: Search = "",
    parent_id: Annotated[str | None, Query(max_length=30, description="Only those right below this one.")] = None,
    kind: OrganisationKind | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> OrganisationPage:
    """List the organisations one may see, the newest first."""
    within = member.organisations(Permission.ORGANISATION_VIEW)
    parent = None
    if parent_id is not None and (parent := named(parent_id, "organisation", "parent_id")) not in within:
        raise no_organisation(parent_id, "parent_id")
    tree = stores.organisation_tree()
    page = await tree.page(within, search=search, parent_id=parent, kind=kind, cursor=cursor, limit=limit)
    around = await surroundings(stores, member)
    return OrganisationPage(items=[around.shown(one) for one in page.items], next_cursor=page.next)


@router.get("/organisation-tree", responses=problems(401, 403, 404, 422))
async def get_organisation_tree(
    member: Viewer,
    stores: StoresDep,
    root: Annotated[str | None, Query(max_length=100, description="From this one on: its id or key.")] = None,
    depth: Depth = None,
    departments: Annotated[bool, Query(description="With the departments, to the same depth.")] = False,
    counts: Counts = False,
) -> OrganisationForest:
    """The organisations one may see, as trees."""
    tree = stores.organisation_tree()
    within = member.organisations(Permission.ORGANISATION_VIEW)
    start = None if root is None else (await tree.get(root, within)).id
    known = await tree.all(within)
    employees = await tree.employees() if counts else None
    nodes = None
    if departments:
        rows = await tree.departments(within)
        nodes = {}
        for org_id, mine in rows.items():
            people = await stores.departments(org_id).employees() if counts else None
            nodes[org_id] = department_nodes(mine, people, depth)
    return OrganisationForest(items=organisation_nodes(known, start, depth, employees, nodes))


@router.put("/organisation-order", status_code=204, responses=problems(400, 401, 403, 404, 413, 415, 422))
async def sort_organisations(body: OrganisationOrder, member: Editor, stores: StoresDep, actor: ActorDep) -> Response:
    """Put siblings in an order, which names each of them."""
    parent = _place(body.parent_id, member, Permission.ORGANISATION_EDIT)
    order = [named(one, "organisation", "order") for one in body.order]
    await stores.organisation_tree().sort(parent, order, actor)
    return Response(status_code=204)


@router.get("/organisations/{organisation}", responses=problems(401, 403, 404))
async def get_organisation(organisation: OrganisationRef, member: Viewer, stores: StoresDep) -> OrganisationOut:
    """One organisation."""
    found = await organisation_of(stores, organisation, member, Permission.ORGANISATION_VIEW)
    return (await surroundings(stores, member)).shown(found)


@router.patch("/organisations/{organisation}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def change_organisation(
    organisation: OrganisationRef, body: OrganisationChange, member: Editor, stores: StoresDep, actor: ActorDep
) -> OrganisationOut:
    """Rename it, or make it one of another kind. It stays where it stands."""
    found = await organisation_of(stores, organisation, member, Permission.ORGANISATION_EDIT)
    changed = await stores.organisation_tree().change(found.id, name=body.name, kind=body.kind, actor=actor)
    return (await surroundings(stores, member)).shown(changed)


@router.post("/organisations/{organisation}/move", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def move_organisation(
    organisation: OrganisationRef, body: OrganisationMove, member: Editor, stores: StoresDep, actor: ActorDep
) -> OrganisationOut:
    """Let it stand below another one, with all that is below it.

    Whoever has rights there has them here from now on: who moves it must have them here already.
    """
    found = await organisation_of(stores, organisation, member, Permission.ORGANISATION_EDIT)
    parent = _place(body.parent_id, member, Permission.ORGANISATION_EDIT)
    if found.parent_id is not None and found.parent_id != parent:
        # Who administers a branch alone does not take it away from its company.
        check_also(member, Permission.ORGANISATION_EDIT, found.parent_id)
    moved = await stores.organisation_tree().move(found.id, parent, actor, opener(member, found.id))
    return (await surroundings(stores, member)).shown(moved)


@router.delete("/organisations/{organisation}", status_code=204, responses=problems(401, 403, 404, 409))
async def delete_organisation(
    organisation: OrganisationRef, member: Deleter, stores: StoresDep, actor: ActorDep
) -> Response:
    """Delete an empty one: without organisations, departments, employees, accounts, models or filled spaces."""
    found = await organisation_of(stores, organisation, member, Permission.ORGANISATION_DELETE)
    await stores.organisation_tree().delete(found.id, actor)
    return Response(status_code=204)


def _place(parent_id: str | None, member: Member, permission: Permission) -> int | None:
    """Where something shall stand. Raises `PermissionDenied` at the top, `NotFound` below what he has no right in."""
    if parent_id is None:
        if 0 not in member.organisations(Permission.ORGANISATION_CREATE_ROOT):
            raise PermissionDenied(
                "Only administrators of the instance decide what stands at the top.",
                permission=Permission.ORGANISATION_CREATE_ROOT.value,
            )
        return None
    parent = named(parent_id, "organisation", "parent_id")
    if parent not in member.organisations(permission):
        raise no_organisation(parent_id, "parent_id")
    return parent
