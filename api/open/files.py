"""Files, as `files` of the SDK calls them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.files.routes import FORM, FilesDep, base_url
from api.open.entering import require_where
from api.open.envelope import Done, done, failures
from api.provided import StoresDep
from storage.file_links import LONGEST_SECONDS
from storage.stores import Stores
from storage.tables import FileRow

router = APIRouter(tags=["open API"])
"""An upload is no JSON, and the rest has no body."""

Sender = Annotated[Member, require(Permission.FILE_EDIT, guests=True)]
Viewer = Annotated[Member, require_where(Permission.FILE_VIEW, "file", "file_id", guests=True)]


@router.post(
    "/v1/files/upload",
    response_model=Done,
    responses=failures(400, 401, 403, 404, 413, 415, 422),
    openapi_extra=FORM,
)
async def open_upload_file(
    request: Request, member: Sender, actor: ActorDep, files: FilesDep, stores: StoresDep
) -> Response:
    """Upload a file: the only file of a form, in its part `file`. Its `url` and its `id` are inputs for runs."""
    return done(_file(await files.upload(request, member, actor), request, member, stores))


@router.get("/v1/files/retrieve", response_model=Done, responses=failures(401, 403, 404, 422))
async def open_retrieve_file(
    file_id: Annotated[str, Query(max_length=30, description="The id of a file.")],
    request: Request,
    member: Viewer,
    files: FilesDep,
    stores: StoresDep,
) -> Response:
    """What is known of a file, with a link to it that lives for a week."""
    return done(_file(await files.get(member, file_id), request, member, stores))


def _file(row: FileRow, request: Request, member: Member, stores: Stores) -> dict[str, Any]:
    path, _ = stores.links.make(row.org_id, row.id, member.account_id, seconds=LONGEST_SECONDS)
    return {
        "id": str(row.id),
        "bytes": row.size,
        "created_at": row.created // 1000,
        "file_name": row.name,
        "uri": str(row.id),
        "url": f"{base_url(request)}{path}",
    }
