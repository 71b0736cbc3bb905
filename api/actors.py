"""Who does what a request asks for, as the audit log keeps it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from api.access import Member
from storage.audit import Actor


async def actor_of(request: Request) -> Actor:
    """Who asks, and from where. Before anybody is known (at a login), only from where."""
    member: Member | None = getattr(request.state, "member", None)
    where: dict[str, Any] = {
        "ip": request.client.host if request.client is not None else "",
        "user_agent": request.headers.get("user-agent", ""),
        "request_id": str(request.state.request_id),
    }
    if member is None:
        return Actor(**where)
    return Actor(member.org_id, member.space_id, member.account_id, member.token_id, member.name, **where)


ActorDep = Annotated[Actor, Depends(actor_of)]
"""Stands behind the member in a route's signature: FastAPI asks in that order, and who asks must be known first."""
