"""Databases: tables that authors make, and the rows in them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.databases.schemas import (
    DatabaseChange,
    DatabaseIn,
    DatabaseOut,
    DatabasePage,
    DatabaseRef,
    Draft,
    RowChange,
    RowError,
    RowId,
    RowPage,
    RowsIn,
    RowsOut,
    SheetIn,
    SheetOut,
    User,
    Values,
    shown,
)
from api.parameters import Cursor, Force, Limit
from api.problems import problems
from api.provided import DatabasesDep, StoresDep
from api.reading import strict_route
from api.told import in_its_language
from api.workflows.references import refuse_used
from storage.audit import Deed, record_after

router = APIRouter(tags=["databases"], dependencies=[in_its_language], route_class=strict_route("run_input_bytes"))

Viewer = Annotated[Member, require(Permission.DATABASE_VIEW)]
Editor = Annotated[Member, require(Permission.DATABASE_EDIT)]

CSV: dict[int | str, dict[str, Any]] = {200: {"description": "The rows.", "content": {"text/csv": {}}}}


@router.post("/databases", status_code=201, responses=problems(400, 401, 403, 409, 413, 415, 422))
async def create_database(
    body: DatabaseIn, member: Editor, actor: ActorDep, stores: StoresDep, databases: DatabasesDep
) -> DatabaseOut:
    """Make a database. Its test data and its online data lie apart; both are empty."""
    made = await databases.create(body, member)
    # After it: user tables lie in a file of their own.
    deed = Deed("database.create", "database", made.id, made.name, after={"access": made.access})
    await record_after(stores.database, actor, deed)
    return shown(made)


@router.get("/databases", responses=problems(401, 403, 422))
async def list_databases(
    member: Viewer,
    stores: StoresDep,
    search: Annotated[str, Query(max_length=200, description="A part of a name.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DatabasePage:
    """List the databases of the space, the newest first."""
    page = await stores.tables.page(
        str(member.org_id), str(member.space_id), search=search, cursor=cursor, limit=limit
    )  # fmt: skip
    return DatabasePage(items=[shown(one) for one in page.items], next_cursor=page.next)


@router.get("/databases/{database}", responses=problems(401, 403, 404))
async def get_database(database: DatabaseRef, member: Viewer, databases: DatabasesDep) -> DatabaseOut:
    """One database."""
    return shown(await databases.get(database, member))


@router.patch("/databases/{database}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def change_database(
    database: DatabaseRef, body: DatabaseChange, member: Editor, databases: DatabasesDep
) -> DatabaseOut:
    """Change a database with what is in it. A field that got another type is refused when a value does not fit it."""
    return shown(await databases.change(database, body, member))


@router.delete("/databases/{database}", status_code=204, responses=problems(401, 403, 404, 409, 422))
async def delete_database(
    database: DatabaseRef,
    member: Editor,
    actor: ActorDep,
    stores: StoresDep,
    databases: DatabasesDep,
    force: Force = False,
) -> Response:
    """Take a database away, with all that is in it."""
    await refuse_used(member, stores, "database", database, force=force)
    found = await databases.get(database, member)
    await stores.tables.delete(str(member.org_id), str(member.space_id), found.id)
    await record_after(stores.database, actor, Deed("database.delete", "database", found.id, found.name))
    return Response(status_code=204)


@router.get("/databases/{database}/rows", responses=problems(401, 403, 404, 422))
async def list_rows(
    database: DatabaseRef,
    member: Viewer,
    databases: DatabasesDep,
    draft: Draft = False,
    user: User = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> RowPage:
    """List rows, the newest first, those of all users. Very large ones come fewer at a time."""
    rows, following = await databases.row_page(
        database, member, draft=draft, user=user, cursor=cursor, limit=limit
    )  # fmt: skip
    return RowPage(items=rows, next_cursor=following)


@router.post("/databases/{database}/rows", status_code=201, responses=problems(400, 401, 403, 404, 413, 415, 422))
async def add_rows(database: DatabaseRef, body: RowsIn, member: Editor, databases: DatabasesDep) -> RowsOut:
    """Add rows, all or none; they come back as they are then."""
    found = await databases.add(database, body.rows, member, draft=body.draft, user=body.user)
    return RowsOut(items=found.rows)


@router.patch("/databases/{database}/rows/{row}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def change_row(
    database: DatabaseRef, row: RowId, body: RowChange, member: Editor, databases: DatabasesDep
) -> Values:
    """Change a row; it comes back as it is then."""
    return await databases.change_row(database, row, body.values, member, draft=body.draft)


@router.delete("/databases/{database}/rows/{row}", status_code=204, responses=problems(401, 403, 404, 422))
async def delete_row(
    database: DatabaseRef, row: RowId, member: Editor, databases: DatabasesDep, draft: Draft = False
) -> Response:
    """Take a row away."""
    await databases.remove_row(database, row, member, draft=draft)
    return Response(status_code=204)


@router.post("/databases/{database}/import", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def import_rows(database: DatabaseRef, body: SheetIn, member: Editor, databases: DatabasesDep) -> SheetOut:
    """Add the rows of a file. When some do not fit nothing is added, unless bad rows are to be skipped."""
    sheet = await databases.bring_in(database, body, member)
    errors = [RowError.model_validate(one) for one in sheet.errors]
    return SheetOut(added=len(sheet.rows), skipped=sheet.bad, errors=errors)


@router.get("/databases/{database}/export", response_class=Response, responses={**CSV, **problems(401, 403, 404)})
async def export_rows(
    database: DatabaseRef, member: Viewer, databases: DatabasesDep, draft: Draft = False
) -> StreamingResponse:
    """All rows as CSV, the oldest first. A text that a spreadsheet would take for a formula has a `'` before it."""
    table = await databases.get(database, member)
    headers = {"Content-Disposition": f'attachment; filename="database-{table.id}.csv"'}
    lines = databases.take_out(table, member, draft=draft)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
