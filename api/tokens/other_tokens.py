"""The tokens of other people: seen, bounded and revoked by who administrates their accounts, and made by nobody."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from api.access import Member, Permission, require
from api.accounts.schemas import AccountId
from api.accounts.service import AccountsDep
from api.actors import ActorDep
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from api.reading import small_route
from api.tokens.schemas import RateChange, TokenId, TokenOut, TokenPage, token_out
from storage.ids import parse_id

router = APIRouter(prefix="/accounts/{account}/tokens", tags=["tokens"], route_class=small_route)

Viewer = Annotated[Member, require(Permission.ACCOUNT_VIEW, anywhere=True)]
Disabler = Annotated[Member, require(Permission.ACCOUNT_DISABLE, anywhere=True)]


@router.get("", responses=problems(401, 403, 404, 422))
async def list_tokens_of(
    account: AccountId, member: Viewer, stores: StoresDep, cursor: Cursor = None, limit: Limit = 50
) -> TokenPage:
    """List the personal tokens of an account, the newest first."""
    reach = member.organisations(Permission.ACCOUNT_VIEW)
    owner = await stores.accounts.get(parse_id(account, "account"), reach)
    page = await stores.tokens.page(owner.id, cursor=cursor, limit=limit)
    return TokenPage(items=[token_out(one) for one in page.items], next_cursor=page.next)


@router.patch("/{token}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def bound_token_of(
    account: AccountId,
    token: TokenId,
    body: RateChange,
    member: Disabler,
    actor: ActorDep,
    accounts: AccountsDep,
    stores: StoresDep,
) -> TokenOut:
    """Say how often a token of an account may ask, more or less than the server's settings say."""
    owner = await accounts.of_others(parse_id(account, "account"), member, Permission.ACCOUNT_DISABLE)
    fields = body.model_dump(exclude_unset=True)
    return token_out(await stores.tokens.change(owner.id, parse_id(token, "token"), actor, **fields))


@router.delete("/{token}", status_code=204, responses=problems(401, 403, 404))
async def revoke_token_of(
    account: AccountId, token: TokenId, member: Disabler, actor: ActorDep, accounts: AccountsDep, stores: StoresDep
) -> Response:
    """Make a token of an account worthless, from the next request on."""
    owner = await accounts.of_others(parse_id(account, "account"), member, Permission.ACCOUNT_DISABLE)
    await stores.tokens.revoke(owner.id, parse_id(token, "token"), actor)
    return Response(status_code=204)
