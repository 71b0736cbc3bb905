"""One's own account: profile, password, and the browsers that are logged in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission, require
from api.accounts.cookies import keep_session
from api.accounts.schemas import (
    Me,
    PasswordIn,
    ProfileIn,
    SessionId,
    SessionsOut,
    fields_of,
    shown_session,
)
from api.accounts.service import AccountsDep
from api.actors import ActorDep
from api.problems import problems
from api.provided import StoresDep
from api.reading import small_route
from storage.ids import parse_id
from storage.tables import Account

router = APIRouter(prefix="/me", tags=["accounts"], route_class=small_route)

Reader = Annotated[Member, require(Permission.PROFILE_VIEW)]
Viewer = Annotated[Member, require(Permission.PROFILE_VIEW, session=True)]
Editor = Annotated[Member, require(Permission.PROFILE_EDIT, session=True)]


@router.get("", responses=problems(401, 403, 404))
async def get_me(member: Reader, accounts: AccountsDep) -> Me:
    """Who one is, and what one may in the space of this request."""
    return _me(await accounts.mine(member), member)


@router.patch("", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def change_me(body: ProfileIn, member: Editor, actor: ActorDep, accounts: AccountsDep, stores: StoresDep) -> Me:
    """Change what one says of oneself; what is absent stays as it is."""
    account = await accounts.mine(member)
    changes = body.model_dump(exclude_unset=True)
    return _me(await stores.accounts.change_profile(account.id, changes, actor), member)


@router.put("/password", status_code=204, responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503))
async def change_password(
    body: PasswordIn, member: Editor, actor: ActorDep, accounts: AccountsDep, request: Request, response: Response
) -> None:
    """Change one's own password. All other browsers are logged out, and this one gets another cookie."""
    account, browser = await accounts.mine(member), member.kind == "session"
    opened = await accounts.change_password(account, body.current, body.new, actor, reopen=browser)
    if opened is not None:
        keep_session(request, response, opened.cookie)


@router.get("/sessions", responses=problems(401, 403, 404))
async def list_sessions(member: Viewer, accounts: AccountsDep, stores: StoresDep) -> SessionsOut:
    """Where one is logged in."""
    account = await accounts.mine(member)
    found = await stores.account_sessions.of(account.id)
    return SessionsOut(items=[shown_session(one, _session(member)) for one in found])


@router.delete("/sessions", status_code=204, responses=problems(401, 403, 404))
async def end_sessions(member: Editor, actor: ActorDep, accounts: AccountsDep, stores: StoresDep) -> None:
    """Log out everywhere else."""
    account = await accounts.mine(member)
    await stores.account_sessions.end_others(account.id, _session(member), actor)


@router.delete("/sessions/{session}", status_code=204, responses=problems(401, 403, 404))
async def end_session(
    session: SessionId, member: Editor, actor: ActorDep, accounts: AccountsDep, stores: StoresDep
) -> None:
    """Log out in one browser."""
    account = await accounts.mine(member)
    await stores.account_sessions.end(account.id, parse_id(session, "session"), actor)


def _session(member: Member) -> int:
    return member.token_id if member.kind == "session" else 0


def _me(account: Account, member: Member) -> Me:
    return Me(
        **fields_of(account),
        session_id=str(member.token_id) if member.kind == "session" else None,
        space_id=str(member.space_id) if member.space_id else None,
        role=member.role,
        permissions=sorted(one.value for one in member.permissions),
    )
