"""End users of what is published: let in for some hours, by who may, to run some workflows and see what is theirs."""

from __future__ import annotations

import time
from typing import Annotated, Final

from fastapi import APIRouter
from starlette.responses import Response

from api.access import GUEST_PERMISSIONS, Member, Permission, require
from api.actors import ActorDep
from api.errors import PermissionDenied
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import CatalogueDep, StoresDep
from api.reading import small_route
from api.tokens.schemas import GuestMade, GuestPage, NewGuest, TokenId, guest_out
from engine.errors import InvalidInput
from storage.ids import parse_id
from storage.tokens import NewToken

router = APIRouter(prefix="/guest-tokens", tags=["tokens"], route_class=small_route)

Admitter = Annotated[Member, require(Permission.GUEST_ADMIT)]

_SCOPES: Final = tuple(sorted(one.value for one in GUEST_PERMISSIONS))


@router.post("", status_code=201, responses=problems(400, 401, 403, 404, 413, 415, 422))
async def admit_guest(
    body: NewGuest, member: Admitter, actor: ActorDep, catalogue: CatalogueDep, stores: StoresDep
) -> GuestMade:
    """Make a token for an end user. It may run these workflows as they are published, and sees what is this user's.

    It ends with the token that asked for it, and with the right of its account to be in the space.
    """
    user = body.user_id.strip()
    if not user:
        raise InvalidInput("The end user has no name.", field="user_id")
    if not member.sees(user):
        raise PermissionDenied("An application that is kept to one end user lets no other in.", field="user_id")
    workflows = [(await catalogue.workflow(member, one)).id for one in body.workflows]
    expires = time.time_ns() // 1_000_000 + body.seconds * 1_000
    if member.expires is not None:
        expires = min(expires, member.expires)
    new = NewToken(
        kind="guest",
        org_id=member.org_id,
        space_id=member.space_id,
        # The operator's token acts for nobody whose rights could end.
        account_id=0 if member.kind == "instance" else member.account_id,
        name=user,
        expires=expires,
        scopes=_SCOPES,
        spaces=(member.space_id,),
        app_id=member.app_id,
        issuer_id=member.token_id,
        guest={
            "user": user,
            "workflows": [str(one) for one in dict.fromkeys(workflows)],
            "app": body.app_id,
            "origins": [*body.origins],
        },
    )
    made, secret = await stores.tokens.admit(new, actor)
    return GuestMade(**guest_out(made).model_dump(), token=secret)


@router.get("", responses=problems(401, 403, 404, 422))
async def list_guests(member: Admitter, stores: StoresDep, cursor: Cursor = None, limit: Limit = 50) -> GuestPage:
    """List the tokens of end users of the space that have not expired, the newest first."""
    page = await stores.tokens.guests(member.space_id, cursor=cursor, limit=limit)
    return GuestPage(items=[guest_out(one) for one in page.items], next_cursor=page.next)


@router.delete("/{token}", status_code=204, responses=problems(401, 403, 404))
async def dismiss_guest(token: TokenId, member: Admitter, actor: ActorDep, stores: StoresDep) -> Response:
    """Make an end user's token worthless, from the next request on."""
    await stores.tokens.dismiss(member.space_id, parse_id(token, "token"), actor)
    return Response(status_code=204)
