"""Reading the audit log: what was done, the newest first, within the organisations that somebody may look into."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, or_, select
from sqlmodel import col

from storage.database import Database
from storage.paging import Page, cursor_id, fetch, page_size
from storage.tables import AuditEvent

_EXPORT_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deeds: those of these organisations, and of them what all the rest fits."""

    org_ids: Collection[int]
    space_id: int | None = None
    account_id: int | None = None
    action: str = ""
    """An action, or the beginning of some: `role.`."""
    target_kind: str = ""
    target_id: str = ""
    outcome: str = ""
    ip: str = ""
    since: int | None = None
    until: int | None = None
    """UTC milliseconds; it does not belong to them any more."""
    search: str = ""
    """A part of the name of who did it or of what it was done to, or of the action."""


class AuditRepository:
    """Reads what was done. Nothing here, or anywhere, changes it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, wanted: Wanted, *, cursor: str | None = None, limit: int = 50) -> Page[AuditEvent]:
        """The newest first."""
        statement = _statement(wanted, cursor_id(cursor)).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: fetch(connection, statement))
        return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)

    async def get(self, event_id: int, org_ids: Collection[int]) -> AuditEvent | None:
        """One, of these organisations."""
        statement = _statement(Wanted(org_ids), None).where(col(AuditEvent.id) == event_id)
        rows = await self._database.read(lambda connection: fetch(connection, statement))
        return rows[0] if rows else None

    async def pages(self, wanted: Wanted) -> AsyncIterator[list[AuditEvent]]:
        """All of them in pieces, the newest first: what is added meanwhile is not among them."""
        before: int | None = None
        while True:
            statement = _statement(wanted, before).limit(_EXPORT_PAGE)
            rows = await self._database.read(lambda connection, one=statement: fetch(connection, one))  # type: ignore[misc]
            if rows:
                yield rows
            if len(rows) < _EXPORT_PAGE:
                return
            before = rows[-1].id


def _statement(wanted: Wanted, before: int | None) -> Any:
    statement = select(AuditEvent)
    same = {
        AuditEvent.space_id: wanted.space_id,
        AuditEvent.account_id: wanted.account_id,
        AuditEvent.target_kind: (wanted.target_id and wanted.target_kind) or None,
        AuditEvent.target_id: wanted.target_id or None,
        AuditEvent.outcome: wanted.outcome or None,
        AuditEvent.ip: wanted.ip or None,
    }
    for column, value in same.items():
        if value is not None:
            statement = statement.where(col(column) == value)
    statement = statement.where(col(AuditEvent.org_id).in_(wanted.org_ids))
    if wanted.target_kind and not wanted.target_id:
        # A kind alone is no help in finding: its index would give all of that kind, to be put in order for every page.
        statement = statement.where(func.coalesce(col(AuditEvent.target_kind), "") == wanted.target_kind)
    if wanted.action:
        statement = statement.where(col(AuditEvent.action).startswith(wanted.action, autoescape=True))
    if wanted.since is not None:
        statement = statement.where(col(AuditEvent.at) >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(col(AuditEvent.at) < wanted.until)
    if wanted.search:
        places = (col(AuditEvent.actor), col(AuditEvent.target_name), col(AuditEvent.action))
        found = [place.icontains(wanted.search, autoescape=True) for place in places]
        statement = statement.where(or_(*found))
    if before is not None:
        statement = statement.where(col(AuditEvent.id) < before)
    return statement.order_by(col(AuditEvent.id).desc())
