"""References: who uses a workflow, a plugin, a database, a knowledge base or a model, and what a workflow uses."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from api.access import Member, Permission, require
from api.parameters import Cursor, Limit, WorkflowRef
from api.problems import problems
from api.provided import CatalogueDep, StoresDep
from api.workflows.filing_schemas import HoldingOut, ReferencesOut, UseOut, UserOut, UserPage
from engine.errors import InvalidInput, NotFound
from storage.references import User
from storage.stores import Stores

router = APIRouter(tags=["references"])

Viewer = Annotated[Member, require(Permission.WORKFLOW_VIEW)]
Kind = Literal["workflow", "plugin", "database", "knowledge", "model"]


@router.get("/workflows/{workflow}/references", responses=problems(401, 403, 404, 422))
async def get_references(
    workflow: WorkflowRef,
    member: Viewer,
    stores: StoresDep,
    catalogue: CatalogueDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ReferencesOut:
    """Who uses a workflow, and what it uses, drafts and versions told apart."""
    found = await catalogue.workflow(member, workflow)
    references = stores.references(member.org_id, member.space_id)
    page = await references.users("workflow", (str(found.id), found.key), but=found.id, cursor=cursor, limit=limit)
    uses = await references.uses(found.id)
    return ReferencesOut(
        used_by=[_user(one) for one in page.items],
        next_cursor=page.next,
        uses=[
            UseOut(held_by=held_by, kind=one.kind, target=one.target, asked=one.asked, nodes=[*one.nodes])  # type: ignore[arg-type]
            for held_by, named in uses.items()
            for one in named
        ],
    )


@router.get("/references", responses=problems(401, 403, 422))
async def find_references(
    member: Viewer,
    stores: StoresDep,
    kind: Annotated[Kind, Query(description="What it is.", examples=["database"])],
    target: Annotated[
        str, Query(min_length=1, max_length=191, description="Its id, key or name.", examples=["weather"])
    ],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> UserPage:
    """Which workflows of the space use something, the newest first."""
    names = await names_of(member, stores, kind, target)
    page = await stores.references(member.org_id, member.space_id).users(kind, names, cursor=cursor, limit=limit)
    return UserPage(items=[_user(one) for one in page.items], next_cursor=page.next)


async def names_of(member: Member, stores: Stores, kind: Kind, target: str) -> frozenset[str]:
    """All that a canvas may call something by: what has an id and a key may be called by either."""
    try:
        if kind == "plugin":
            plugin = await stores.plugins(member.org_id, member.space_id).get(target)
            return frozenset({str(plugin.id), plugin.key})
        if kind == "database":
            table = await stores.tables.get(str(member.org_id), str(member.space_id), target)
            return frozenset({table.id, table.name})
        if kind == "workflow":
            workflows = stores.workflows(member.org_id, member.space_id)
            by_id = target.isascii() and target.isdecimal() and len(target) < 20
            found = await (workflows.get(int(target)) if by_id else workflows.get_by_key(target))
            return frozenset({str(found.id), found.key})
    except (NotFound, InvalidInput):
        # It is gone, or was never there: canvases may name it all the same.
        pass
    return frozenset({target})


async def refuse_used(member: Member, stores: Stores, kind: Kind, target: str, *, force: bool) -> None:
    """Raise `InUse` while a draft or latest version names it, unless somebody insists."""
    if not force:
        names = await names_of(member, stores, kind, target)
        await stores.references(member.org_id, member.space_id).refuse_used(kind, names)


def _user(user: User) -> UserOut:
    return UserOut(
        id=str(user.id),
        key=user.key,
        name=user.name,
        holdings=[
            HoldingOut(held_by=one.held_by, latest=one.latest, asked=one.asked, nodes=[*one.nodes])
            for one in user.holdings
        ],
    )
