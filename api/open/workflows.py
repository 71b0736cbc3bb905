"""Workflows, as `workflows` and `workflows.versions` of the SDK list and describe them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission
from api.open.entering import require_in, require_where
from api.open.envelope import Done, done, failures
from api.open.fields import OpenRoute, PageNum, PageSize100, word
from api.open.guests import check_workflow
from api.provided import CatalogueDep, StoresDep
from engine.errors import InvalidInput
from storage.faces import Face, faces_of
from storage.ids import parse_id
from storage.tables import Workflow
from storage.workflow_lists import WorkflowSummary
from storage.workflow_pages import Published, Wanted, workflow_page

router = APIRouter(tags=["open API"], route_class=OpenRoute)

_STATES: Final[dict[str, Published]] = {
    "": "published",
    "published_online": "published",
    "published_draft": "changed",
    "unpublished_draft": "draft",
    "all": "all",
}
_MODES: Final[dict[str, bool | None]] = {"": None, "workflow": False, "chatflow": True}
_MOST_ON_A_PAGE: Final = 100

Viewer = Annotated[Member, require_where(Permission.WORKFLOW_VIEW, "workflow", "workflow_id", guests=True)]
PublishStatus = Annotated[
    str, Query(max_length=100, description="`published_online`, `published_draft`, `unpublished_draft` or `all`.")
]


@router.get("/v1/workflows", response_model=Done, responses=failures(401, 403, 404, 422))
async def open_list_workflows(
    member: Annotated[Member, require_in(Permission.WORKFLOW_VIEW, "workspace_id", guests=True)],
    stores: StoresDep,
    workspace_id: Annotated[str, Query(max_length=30, description="Without it: where the token is at home.")] = "",
    workflow_mode: Annotated[str, Query(max_length=100, description="`workflow` or `chatflow`.")] = "",
    app_id: Annotated[str, Query(max_length=191, description="No workflow belongs to an application yet.")] = "",
    publish_status: PublishStatus = "",
    page_num: PageNum = 1,
    page_size: PageSize100 = 100,
) -> Response:
    """The workflows of a space, the newest first: those that are published, unless told otherwise."""
    # The space was entered by it.
    del workspace_id
    wanted = Wanted(
        _one_of(_STATES, publish_status, "publish_status"),
        _one_of(_MODES, workflow_mode, "workflow_mode"),
        None if member.guest is None else member.guest.workflows,
    )
    if app_id and app_id != "0":
        return done({"items": [], "has_more": False})
    items, more = await workflow_page(
        stores.database, member.org_id, member.space_id, wanted, number=page_num, size=page_size
    )
    faces = await faces_of(stores.database, [one.created_by for one in items])
    return done({"items": [_shown(one, faces) for one in items], "has_more": more})


@router.get("/v1/workflows/{workflow_id}", response_model=Done, responses=failures(401, 403, 404))
async def open_get_workflow(workflow_id: str, member: Viewer, catalogue: CatalogueDep, stores: StoresDep) -> Response:
    """One workflow."""
    check_workflow(member, workflow_id)
    found = await catalogue.workflow(member, workflow_id)
    faces = await faces_of(stores.database, [found.created_by])
    return done({"workflow_detail": _shown(found, faces)})


@router.get("/v1/workflows/{workflow_id}/versions", response_model=Done, responses=failures(401, 403, 404, 422))
async def open_list_workflow_versions(
    workflow_id: str,
    member: Viewer,
    stores: StoresDep,
    page_token: Annotated[str, Query(max_length=200, description="`next_page_token` of the page before.")] = "",
    page_size: Annotated[str, Query(max_length=3, description="1 to 100; 10 when empty.")] = "",
    publish_status: PublishStatus = "",
) -> Response:
    """The published versions of a workflow, the newest first."""
    check_workflow(member, workflow_id)
    size = int(page_size) if page_size.isascii() and page_size.isdecimal() else 0
    if page_size and not 1 <= size <= _MOST_ON_A_PAGE:
        raise InvalidInput(f"page_size is 1 to {_MOST_ON_A_PAGE}.", field="page_size")
    number = parse_id(workflow_id, "workflow")
    workflows = stores.workflows(member.org_id, member.space_id)
    if _one_of(_STATES, publish_status, "publish_status") == "draft":
        await workflows.get(number)
        return done({"items": [], "has_more": False, "next_page_token": ""})
    page = await workflows.versions(number, cursor=page_token or None, limit=size or 10)
    faces = await faces_of(stores.database, [one.created_by for one in page.items])
    items = [
        {
            "version": one.version,
            "description": one.notes,
            "created_at": str(one.created // 1000),
            "updated_at": str(one.created // 1000),
            "workflow_id": workflow_id,
            "creator": _creator(one.created_by, faces),
        }
        for one in page.items
    ]
    return done({"items": items, "has_more": page.next is not None, "next_page_token": page.next or ""})


def _shown(one: WorkflowSummary | Workflow, faces: dict[int, Face]) -> dict[str, Any]:
    return {
        "workflow_id": str(one.id),
        "workflow_name": one.name,
        "description": one.description,
        "icon_url": "",
        "app_id": "",
        "created_at": one.created // 1000,
        "updated_at": one.updated // 1000,
        "creator": _creator(one.created_by, faces),
    }


def _creator(account_id: int, faces: dict[int, Face]) -> dict[str, str]:
    face = faces.get(account_id)
    return {"id": str(account_id), "name": "" if face is None else face.name}


def _one_of(known: dict[str, Any], text: str, name: str) -> Any:
    """What a word stands for. The SDK sends some as `PublishStatus.ALL`."""
    found = word(text)
    if found not in known:
        raise InvalidInput(f"{name} is one of {', '.join(one for one in known if one)}.", field=name)
    return known[found]
