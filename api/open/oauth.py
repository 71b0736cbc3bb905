"""Tokens for OAuth applications: each signs who it is, and gets a token for some minutes."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.access import Gate, address_of, anybody
from api.errors import NotBuilt, PermissionDenied, Unauthenticated
from api.json_response import JsonResponse
from api.open.envelope import failures
from api.open.fields import OpenBody
from api.open.signed_claims import claimed, verified
from api.provided import StoresDep
from api.rates import RateLimiter
from api.reading import small_route
from api.tokens.scopes import both
from conf.settings import Settings
from engine.errors import Conflict, InvalidInput, NotFound
from storage.callers import Caller
from storage.oauth_apps import Signer
from storage.tokens import NewToken

router = APIRouter(tags=["open API"], route_class=small_route)

GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_DEFAULT_SECONDS: Final = 900
_MOST_SECONDS: Final = 86_400
# What programs written for Coze call a right there, and what it is here.
_THEIR_NAMES: Final = {
    "Connector.botChat": (
        "workflow.view", "run.start", "run.view", "run.answer", "run.cancel",
        "conversation.view", "conversation.edit", "file.view", "file.edit",
    ),
}  # fmt: skip


class OpenGrantIn(OpenBody):
    """What an application asks for. What it signed is in the header `Authorization`."""

    grant_type: str = Field(max_length=200, description=f"`{GRANT}`.", examples=[GRANT])
    duration_seconds: int = Field(
        _DEFAULT_SECONDS, ge=1, le=_MOST_SECONDS, description="For how long the token is good.", examples=[900]
    )
    scope: dict[str, Any] = Field(
        {},
        description="What it may at most, besides what the application may: "
        "`account_permission.permission_list` names permissions of ours.",
        examples=[{"account_permission": {"permission_list": ["run.start", "run.view"]}}],
    )


class OpenGrantOut(BaseModel):
    """A token for an application."""

    access_token: str = Field(description="The token itself.", repr=False)
    expires_in: int = Field(description="When it ends: the second, counted from 1970.", examples=[1_795_000_900])
    token_type: str = Field(examples=["Bearer"])


@router.post(
    "/api/permission/oauth2/token",
    response_model=OpenGrantOut,
    responses=failures(400, 401, 403, 413, 415, 422, 429, 501),
)
async def issue_oauth_token(
    body: OpenGrantIn, everybody: Annotated[None, anybody()], request: Request, stores: StoresDep
) -> Response:
    """Give an application a token for what it signed: a JWT (RS256) that names it, its key and this server, once."""
    if body.grant_type != GRANT:
        raise NotBuilt(f"Tokens are given for what an application signs: grant_type is {GRANT}, and no other.")
    rates: RateLimiter = request.app.state.rates
    rates.stranger(address_of(request))
    text = _bearer(request)
    who = claimed(text)
    signer = await stores.oauth_apps.signer(who.client_id, who.kid)
    if signer is None:
        # The same for an application, a key and an account that are not there.
        raise Unauthenticated("No application is known by this name and key.")
    signed = verified(text, signer.key.pem, signer.app.client_id, accepted_hosts(request))
    if signer.account_disabled:
        raise PermissionDenied("The account that the application acts for is disabled.")
    expires = int(time.time()) + body.duration_seconds
    token = NewToken(
        kind="oauth",
        org_id=signer.app.org_id,
        space_id=await _home(request, signer),
        account_id=signer.app.account_id,
        name=signer.app.name,
        expires=expires * 1_000,
        scopes=_narrowed(signer.app.scopes or (), body.scope),
        spaces=[int(str(one)) for one in signer.app.spaces or ()],
        app_id=signer.app.id,
        issuer_id=signer.key.id,
        guest={"user": signed.session_name} if signed.session_name else None,
    )
    try:
        secret = await stores.oauth_apps.issue(signer, signed.jti, signed.expires, token)
    except (Conflict, NotFound) as error:
        raise Unauthenticated(error.message) from None
    return JsonResponse({"access_token": secret, "expires_in": expires, "token_type": "Bearer"})


def accepted_hosts(request: Request) -> Collection[str]:
    """By which names this server may be meant. Raises `PermissionDenied` when nobody has said so.

    Whoever relays what was signed for another server chooses the Host header too. So it counts only where no addresses
    are set, and never in production: there what is signed for a test system must not open this one.
    """
    settings: Settings = request.app.state.settings
    if settings.public_urls:
        return {urlsplit(one if "//" in one else f"//{one}").netloc for one in settings.public_urls}
    if settings.mode == "production":
        raise PermissionDenied("The operator has to say where this server is: MAINSPRING_PUBLIC_URLS.")
    return {request.headers.get("host", "")} - {""}


def _bearer(request: Request) -> str:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Send what the application signed: Authorization: Bearer <JWT>.")
    return text.strip()


async def _home(request: Request, signer: Signer) -> int:
    """Where the tokens are at home, if the account may still be there. Raises `PermissionDenied`."""
    gate: Gate = request.app.state.gate
    app = signer.app
    try:
        return (await gate.stand(Caller("oauth", 0, app.account_id, app.name, app.org_id, None), app.space_id)).space_id
    except NotFound:
        raise PermissionDenied("The account that the application acts for is in its space no more.") from None


def _narrowed(scopes: Collection[Any], wanted: dict[str, Any]) -> tuple[str, ...]:
    """What the application may, as far as it asks for it. Raises `InvalidInput` for a bound that is not kept here."""
    own = tuple(str(one) for one in scopes)
    constraint = wanted.get("attribute_constraint")
    bots = constraint.get("connector_bot_chat_attribute") if isinstance(constraint, dict) else None
    if isinstance(bots, dict) and bots.get("bot_id_list"):
        # To leave it out would give more than was asked for.
        raise InvalidInput("A token that is bound to some bots is not given here.", field="scope")
    permission = wanted.get("account_permission")
    listed = permission.get("permission_list") if isinstance(permission, dict) else None
    if not listed:
        return own
    if not isinstance(listed, list):
        raise InvalidInput("permission_list is a list of permissions.", field="scope")
    asked = [name for one in listed for name in _THEIR_NAMES.get(str(one), (str(one),))]
    return both(own, asked)
