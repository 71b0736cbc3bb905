"""Personal tokens: made, listed, named, made anew and revoked by whom they act for; and the operator's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.errors import PermissionDenied
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from api.reading import small_route
from api.tokens.schemas import (
    InstanceTokenMade,
    NewTokenIn,
    Regenerate,
    TokenChange,
    TokenId,
    TokenMade,
    TokenOut,
    TokenPage,
    token_out,
)
from api.tokens.scopes import checked_scopes
from api.tokens.service import TokensDep, in_days
from engine.errors import InvalidInput
from storage.ids import parse_id
from storage.tables import AccessToken
from storage.tokens import NewToken, new_token

router = APIRouter(tags=["tokens"], route_class=small_route)

Viewer = Annotated[Member, require(Permission.TOKEN_VIEW)]
# What makes tokens is open to no token: a stolen one would make others of itself.
Editor = Annotated[Member, require(Permission.TOKEN_EDIT, session=True)]
Owner = Annotated[
    str | None, Query(max_length=191, description="The address of an account, with the operator's token.")
]


@router.post("/tokens", status_code=201, responses=problems(400, 401, 403, 404, 413, 415, 422))
async def create_token(
    body: NewTokenIn, member: Editor, actor: ActorDep, tokens: TokensDep, stores: StoresDep
) -> TokenMade:
    """Make a personal token. It acts for the account, and never may more than the account may at that moment."""
    account = await tokens.owner(member, body.account)
    scopes = checked_scopes(body.scopes)
    home, spaces = await tokens.places(account, body.spaces, body.space_id)
    settings = tokens.bounds
    new = NewToken(
        kind="personal",
        org_id=account.org_id,
        space_id=home,
        account_id=account.id,
        name=body.name,
        expires=in_days(body.days),
        scopes=scopes,
        spaces=spaces,
        requests_per_minute=_lower(body.requests_per_minute, settings.token, member, "requests_per_minute"),
        runs_per_minute=_lower(body.runs_per_minute, settings.token_runs, member, "runs_per_minute"),
    )
    made, secret = await stores.tokens.create(new, actor)
    return _made(made, secret)


@router.get("/tokens", responses=problems(401, 403, 404, 422))
async def list_tokens(
    member: Viewer,
    tokens: TokensDep,
    stores: StoresDep,
    account: Owner = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> TokenPage:
    """List one's personal tokens, the newest first, those that have expired too."""
    owner = await tokens.owner(member, account)
    page = await stores.tokens.page(owner.id, cursor=cursor, limit=limit)
    return TokenPage(items=[token_out(one) for one in page.items], next_cursor=page.next)


@router.get("/tokens/{token}", responses=problems(401, 403, 404, 422))
async def get_token(
    token: TokenId, member: Viewer, tokens: TokensDep, stores: StoresDep, account: Owner = None
) -> TokenOut:
    """One of one's personal tokens."""
    owner = await tokens.owner(member, account)
    return token_out(await stores.tokens.get(owner.id, parse_id(token, "token")))


@router.patch("/tokens/{token}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def rename_token(
    token: TokenId,
    body: TokenChange,
    member: Editor,
    actor: ActorDep,
    tokens: TokensDep,
    stores: StoresDep,
    account: Owner = None,
) -> TokenOut:
    """Name a token anew. What it may never changes: make another."""
    owner = await tokens.owner(member, account)
    return token_out(await stores.tokens.change(owner.id, parse_id(token, "token"), actor, name=body.name))


@router.post("/tokens/{token}/regenerate", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def regenerate_token(
    token: TokenId,
    body: Regenerate,
    member: Editor,
    actor: ActorDep,
    tokens: TokensDep,
    stores: StoresDep,
    account: Owner = None,
) -> TokenMade:
    """Give a token another text, which is shown this once; the old one opens nothing from now on."""
    owner = await tokens.owner(member, account)
    number = parse_id(token, "token")
    return _made(*await stores.tokens.regenerate(owner.id, number, in_days(body.days), actor))


@router.delete("/tokens/{token}", status_code=204, responses=problems(401, 403, 404, 422))
async def revoke_token(
    token: TokenId, member: Editor, actor: ActorDep, tokens: TokensDep, stores: StoresDep, account: Owner = None
) -> Response:
    """Make a token worthless, from the next request on, with all guests whom it admitted."""
    owner = await tokens.owner(member, account)
    await stores.tokens.revoke(owner.id, parse_id(token, "token"), actor)
    return Response(status_code=204)


@router.post("/instance-token", status_code=201, responses=problems(401, 403, 404))
async def replace_instance_token(member: Editor, actor: ActorDep, stores: StoresDep) -> InstanceTokenMade:
    """Put another token in the place of the operator's own, with which one asks. The old one is worthless at once.

    `mainspring tokens replace-instance` asks for this, and keeps the new one where the old one was.
    """
    if member.kind != "instance":
        raise PermissionDenied("Only the operator's own token replaces itself.")
    token = new_token()
    await stores.tokens.replace(member.token_id, token, actor)
    return InstanceTokenMade(token=token)


def _made(token: AccessToken, secret: str) -> TokenMade:
    return TokenMade(**token_out(token).model_dump(), token=secret)


def _lower(wanted: int | None, setting: int, member: Member, field: str) -> int | None:
    """What somebody wants for his own token: no more than all have."""
    if wanted is not None and setting and wanted > setting and member.kind != "instance":
        raise InvalidInput(f"The server's setting is {setting}: only an administrator gives more.", field=field)
    return wanted
