"""The audit log: who did what, for who may look into it. Nobody changes it: there is no such route."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.audit.export import csv_text, json_lines
from api.audit.schemas import AuditOut, AuditPage, EventId, Filters, FiltersDep, audit_out
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from engine.errors import NotFound
from storage.audit import Deed, record
from storage.audit_log import AuditRepository, Wanted
from storage.ids import parse_id

router = APIRouter(tags=["audit"])

Auditor = Annotated[Member, require(Permission.AUDIT_VIEW, anywhere=True)]

FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The log.", "content": {"text/csv": {}, "application/x-ndjson": {}}}
}


@router.get("/audit", responses=problems(401, 403, 404, 422))
async def list_deeds(
    member: Auditor, stores: StoresDep, filters: FiltersDep, cursor: Cursor = None, limit: Limit = 50
) -> AuditPage:
    """List what was done in the organisations into whose log one may look, the newest first."""
    page = await AuditRepository(stores.database).page(_wanted(member, filters), cursor=cursor, limit=limit)
    return AuditPage(items=[audit_out(one) for one in page.items], next_cursor=page.next)


@router.get("/audit/export", response_class=Response, responses={**FILE, **problems(401, 403, 404, 422)})
async def export_deeds(
    member: Auditor,
    actor: ActorDep,
    stores: StoresDep,
    filters: FiltersDep,
    form: Annotated[
        Literal["csv", "jsonl"], Query(alias="format", description="CSV for spreadsheets, or an object on each line.")
    ] = "csv",
) -> StreamingResponse:
    """All that fits, as a file, the newest first. That somebody took it along is written down too."""
    wanted = _wanted(member, filters)
    asked = filters.model_dump(exclude_none=True, exclude_defaults=True)
    told: dict[str, Any] = {"format": form, **{name: str(value) for name, value in asked.items() if value != ""}}
    deed = Deed("audit.export", "audit_log", after=told, org_id=filters.organisation)
    await stores.database.write(lambda connection: record(connection, actor, deed))
    pages = AuditRepository(stores.database).pages(wanted)
    headers = {"Content-Disposition": f'attachment; filename="audit.{form}"'}
    if form == "csv":
        return StreamingResponse(csv_text(pages), media_type="text/csv; charset=utf-8", headers=headers)
    return StreamingResponse(json_lines(pages), media_type="application/x-ndjson", headers=headers)


@router.get("/audit/{event}", responses=problems(401, 403, 404))
async def get_deed(event: EventId, member: Auditor, stores: StoresDep) -> AuditOut:
    """One of them."""
    here = member.organisations(Permission.AUDIT_VIEW)
    found = await AuditRepository(stores.database).get(parse_id(event, "event"), here)
    if found is None:
        raise NotFound("There is no such event.", event_id=event)
    return audit_out(found)


def _wanted(member: Member, filters: Filters) -> Wanted:
    here = member.organisations(Permission.AUDIT_VIEW)
    if filters.organisation is not None:
        if filters.organisation not in here:
            raise NotFound("There is no such organisation.", organisation_id=str(filters.organisation))
        here &= {filters.organisation}
    return Wanted(
        here,
        filters.space,
        filters.account,
        filters.action,
        filters.target_kind,
        filters.target,
        filters.outcome,
        filters.ip,
        filters.since,
        filters.until,
        filters.search,
    )
