"""What routes about the audit log take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Path, Query
from pydantic import BaseModel, Field, JsonValue

from api.parameters import Id, Millis
from storage.ids import parse_id
from storage.tables import AuditEvent

EventId = Annotated[str, Path(max_length=30, description="The id of an event.", examples=["208134112739467264"])]


class AuditOut(BaseModel):
    """Something that was done."""

    id: Id
    at: Millis
    action: str = Field(examples=["workflow.publish"])
    outcome: Literal["done", "refused"]
    actor: str = Field(description="What he was called then.")
    account_id: str | None
    token_id: str | None = Field(description="The token or session with which it was done.")
    organisation_id: str = Field(description="`0`: of the instance.")
    space_id: str | None
    target_kind: str
    target_id: str
    target_name: str
    ip: str
    user_agent: str
    request_id: str
    before: JsonValue
    after: JsonValue


class AuditPage(BaseModel):
    """Some of what was done, the newest first."""

    items: list[AuditOut]
    next_cursor: str | None


class Filters(BaseModel):
    """What of the log is wanted."""

    organisation: int | None
    space: int | None
    account: int | None
    action: str
    target_kind: str
    target: str
    outcome: str
    ip: str
    since: int | None
    until: int | None
    search: str


async def _filters(
    organisation: Annotated[
        str, Query(max_length=30, description="The id of an organisation; `0` is the instance.")
    ] = "",
    space: Annotated[str, Query(max_length=30, description="The id of a space.")] = "",
    account: Annotated[str, Query(max_length=30, description="Who did it, by id.")] = "",
    action: Annotated[
        str, Query(max_length=64, description="An action, or the beginning of some.", examples=["role."])
    ] = "",
    target_kind: Annotated[str, Query(max_length=32, description="What it was done to.", examples=["workflow"])] = "",
    target: Annotated[str, Query(max_length=191, description="The id of what it was done to.")] = "",
    outcome: Annotated[Literal["", "done", "refused"], Query(description="How it ended.")] = "",
    ip: Annotated[str, Query(max_length=64, description="From where.")] = "",
    since: Annotated[int | None, Query(ge=0, le=2**62, description="UTC milliseconds.")] = None,
    until: Annotated[int | None, Query(ge=0, le=2**62, description="UTC milliseconds, not included.")] = None,
    search: Annotated[
        str, Query(max_length=200, description="A part of the name of who did it or of what it was done to.")
    ] = "",
) -> Filters:
    return Filters(
        organisation=parse_id(organisation, "organisation") if organisation else None,
        space=parse_id(space, "space") if space else None,
        account=parse_id(account, "account") if account else None,
        action=action,
        target_kind=target_kind,
        target=target,
        outcome=outcome,
        ip=ip,
        since=since,
        until=until,
        search=search,
    )


FiltersDep = Annotated[Filters, Depends(_filters)]


def audit_out(one: AuditEvent) -> AuditOut:
    """An event as answers show it."""
    return AuditOut(
        id=str(one.id),
        at=one.at,
        action=one.action,
        outcome="refused" if one.outcome == "refused" else "done",
        actor=one.actor,
        account_id=str(one.account_id) if one.account_id else None,
        token_id=str(one.token_id) if one.token_id else None,
        organisation_id=str(one.org_id),
        space_id=str(one.space_id) if one.space_id else None,
        target_kind=one.target_kind,
        target_id=one.target_id,
        target_name=one.target_name,
        ip=one.ip,
        user_agent=one.user_agent,
        request_id=one.request_id,
        before=one.before,
        after=one.after,
    )
