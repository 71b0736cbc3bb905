"""Files of a space: upload, list, look at, download, link to and delete them."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission, anybody, require
from api.actors import ActorDep
from api.files.answers import answer_with
from api.files.schemas import FileId, FileOut, FilePage, FileUsage, LinkOut, NewLink
from api.files.service import FileService
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from api.reading import strict_route
from conf.settings import Settings
from storage.files import no_file
from storage.tables import FileRow

router = APIRouter(tags=["files"], route_class=strict_route("run_input_bytes"))
uploads = APIRouter(tags=["files"])
"""Bodies that are no JSON."""

Viewer = Annotated[Member, require(Permission.FILE_VIEW)]
Editor = Annotated[Member, require(Permission.FILE_EDIT)]

FORM: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
_BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file.", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "The part that the header `Range` asks for."},
    304: {"description": "It is what the caller has already (`If-None-Match`)."},
    416: {"description": "The file has no such part."},
}


async def _service(request: Request) -> FileService:
    service: FileService = request.app.state.files
    return service


FilesDep = Annotated[FileService, Depends(_service)]


@uploads.post("/files", status_code=201, responses=problems(400, 401, 403, 404, 413, 415, 422), openapi_extra=FORM)
async def upload_file(request: Request, member: Editor, actor: ActorDep, files: FilesDep) -> FileOut:
    """Upload a file: the part `file` of a form. Its ending and its content have to agree."""
    return shown(await files.upload(request, member, actor))


@router.get("/files", responses=problems(401, 403, 404, 422))
async def list_files(
    member: Viewer,
    files: FilesDep,
    search: Annotated[str, Query(max_length=200, description="A part of the name.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> FilePage:
    """List the files of the space, the newest first."""
    page = await files.of(member).page(search=search, cursor=cursor, limit=limit)
    return FilePage(items=[shown(row) for row in page.items], next_cursor=page.next)


@router.get("/file-usage", responses=problems(401, 403, 404))
async def get_file_usage(member: Viewer, files: FilesDep) -> FileUsage:
    """How much room the files of the space take, and may take."""
    usage = await files.of(member).usage()
    return FileUsage(bytes=usage.bytes, limit=files.limits.space_bytes, largest_file=files.limits.file_bytes)


@router.get("/files/{file}", responses=problems(401, 403, 404))
async def get_file(file: FileId, member: Viewer, files: FilesDep) -> FileOut:
    """What is known of a file."""
    return shown(await files.get(member, file))


@router.get("/files/{file}/content", response_class=Response, responses={**_BYTES, **problems(401, 403, 404)})
async def download_file(file: FileId, request: Request, member: Viewer, files: FilesDep) -> Response:
    """Download a file, or with the header `Range` a part of it."""
    return answer_with(files, await files.get(member, file), request)


@router.post("/files/{file}/links", status_code=201, responses=problems(400, 401, 403, 404, 413, 415, 422))
async def create_file_link(
    file: FileId,
    body: NewLink,
    request: Request,
    member: Viewer,
    actor: ActorDep,
    files: FilesDep,
    stores: StoresDep,
) -> LinkOut:
    """Make a link by which whoever holds it can download the file for a while. Runs take it as the URL of a file."""
    row = await files.get(member, file)
    path, expires = stores.links.make(row.org_id, row.id, member.account_id, seconds=body.seconds)
    await files.of(member).linked(row, body.seconds, actor)
    return LinkOut(url=f"{base_url(request)}{path}", expires=expires * 1000)


@router.delete("/files/{file}", status_code=204, responses=problems(401, 403, 404))
async def delete_file(file: FileId, member: Editor, actor: ActorDep, files: FilesDep) -> Response:
    """Delete a file. Links to it lead nowhere from now on."""
    await files.delete(member, file, actor)
    return Response(status_code=204)


@router.get(
    "/file-links/{file}", response_class=Response, responses={**_BYTES, **problems(404)}, dependencies=[anybody()]
)
async def follow_file_link(
    file: FileId,
    request: Request,
    files: FilesDep,
    stores: StoresDep,
    org: Annotated[str, Query(max_length=20)] = "",
    account: Annotated[str, Query(max_length=20)] = "",
    expires: Annotated[str, Query(max_length=20)] = "",
    signature: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Download a file by a link that was made for it. Needs no token: the signature is what lets one in."""
    link = stores.links.read(file, org, account, expires, signature)
    if link is None:
        # The same for a link that has expired, one that was tampered with, and a file that is not there.
        raise no_file(file)
    return answer_with(files, await stores.files.of_organisation(link.org_id, link.file_id), request)


def base_url(request: Request) -> str:
    """By which address programs reach this server: as the operator says, or as the request did."""
    settings: Settings = request.app.state.settings
    known = settings.public_urls
    return (known[0] if known else str(request.base_url)).rstrip("/")


def shown(row: FileRow) -> FileOut:
    """A file as it is told."""
    return FileOut(
        id=str(row.id),
        name=row.name,
        extension=row.extension,
        mime_type=row.mime_type,
        size=row.size,
        sha256=row.sha256,
        width=row.width or None,
        height=row.height or None,
        account_id=str(row.account_id),
        created=row.created,
    )
