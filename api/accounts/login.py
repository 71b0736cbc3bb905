"""Coming and going: register, log in, log out. For everybody, and only from our own pages or from programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.access import anybody
from api.accounts.cookies import forget_session, keep_session
from api.accounts.schemas import AccountOut, LoginIn, RegistrationIn, RegistrationOut, shown
from api.accounts.service import AccountsDep
from api.actors import ActorDep
from api.browsers import check_same_site, session_cookie
from api.problems import problems
from api.provided import StoresDep
from api.reading import small_route
from conf.settings import Settings

router = APIRouter(tags=["accounts"], route_class=small_route)

Everybody = Annotated[None, anybody()]


@router.get("/registration")
async def get_registration(everybody: Everybody, request: Request) -> RegistrationOut:
    """Whether one can make an account for oneself here."""
    settings: Settings = request.app.state.settings
    return RegistrationOut(registration=settings.registration)


@router.post("/registration", status_code=201, responses=problems(400, 403, 409, 413, 415, 422, 429, 503))
async def register(
    body: RegistrationIn, everybody: Everybody, actor: ActorDep, accounts: AccountsDep, request: Request
) -> AccountOut:
    """Make an account for oneself, where that is allowed. Logging in is the next step."""
    check_same_site(request)
    return shown(await accounts.register(body.email, body.password, body.name, body.locale, actor))


@router.post("/login", responses=problems(400, 401, 403, 409, 413, 415, 422, 429, 503))
async def log_in(
    body: LoginIn, everybody: Everybody, actor: ActorDep, accounts: AccountsDep, request: Request, response: Response
) -> AccountOut:
    """Begin a session: the answer sets its cookie, and a session that the browser had before ends.

    With `change_password` nothing is open before the password has been changed.
    """
    # Else another site could have a browser log in as somebody else, and read what is then done there.
    check_same_site(request)
    before = session_cookie(request) or ""
    account, opened = await accounts.log_in(body.email, body.password, actor, instead_of=before)
    keep_session(request, response, opened.cookie)
    return shown(account)


@router.post("/logout", status_code=204, responses=problems(403))
async def log_out(
    everybody: Everybody, actor: ActorDep, stores: StoresDep, request: Request, response: Response
) -> None:
    """End the session of this browser. Without one nothing happens."""
    check_same_site(request)
    if cookie := session_cookie(request):
        await stores.account_sessions.log_out(cookie, actor)
        forget_session(request, response)
