"""OAuth applications: made by whom they act for, and taken away by whoever administrates the organisation.

Whoever has a key of an application can be the account that it acts for. So nobody but that account adds keys or widens
what the application may, however much he administrates; everybody who does may narrow, disable and delete it.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.errors import PermissionDenied
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from api.reading import small_route
from api.tokens.app_schemas import (
    AppChange,
    AppId,
    AppOut,
    AppPage,
    KeyMade,
    KeysOut,
    Kid,
    NewAppIn,
    NewKeyIn,
    app_out,
    key_out,
)
from api.tokens.key_pairs import make_key_pair, read_public_key
from api.tokens.scopes import checked_scopes
from api.tokens.service import TokensDep
from storage.ids import parse_id
from storage.oauth_apps import NewApp
from storage.stores import Stores
from storage.tables import OAuthApp

router = APIRouter(prefix="/oauth-apps", tags=["oauth apps"], route_class=small_route)

Viewer = Annotated[Member, require(Permission.OAUTH_APP_VIEW, anywhere=True)]
# A token that could make applications could make others of itself.
Editor = Annotated[Member, require(Permission.OAUTH_APP_EDIT, session=True, anywhere=True)]


@router.post("", status_code=201, responses=problems(400, 401, 403, 404, 413, 415, 422))
async def create_oauth_app(
    body: NewAppIn, member: Editor, actor: ActorDep, tokens: TokensDep, stores: StoresDep
) -> AppOut:
    """Make an application that acts for one's own account, in the organisation where that is at home."""
    account = await tokens.owner(member, body.account)
    if account.org_id not in member.organisations(Permission.OAUTH_APP_EDIT):
        raise PermissionDenied(
            "An application belongs where its account is at home, and you make none there.",
            permission=Permission.OAUTH_APP_EDIT.value,
        )
    scopes = checked_scopes(body.scopes)
    home, spaces = await tokens.places(account, body.spaces, body.space_id)
    new = NewApp(
        org_id=account.org_id, name=body.name, account_id=account.id, space_id=home, scopes=scopes, spaces=spaces
    )
    return app_out(await stores.oauth_apps.create(new, actor))


@router.get("", responses=problems(401, 403, 404, 422))
async def list_oauth_apps(member: Viewer, stores: StoresDep, cursor: Cursor = None, limit: Limit = 50) -> AppPage:
    """List the applications of the organisations that one reaches, the newest first."""
    where = sorted(member.organisations(Permission.OAUTH_APP_VIEW))
    page = await stores.oauth_apps.page(where, cursor=cursor, limit=limit)
    return AppPage(items=[app_out(one) for one in page.items], next_cursor=page.next)


@router.get("/{app}", responses=problems(401, 403, 404))
async def get_oauth_app(app: AppId, member: Viewer, stores: StoresDep) -> AppOut:
    """One application."""
    return app_out(await _found(stores, member, app, Permission.OAUTH_APP_VIEW))


@router.patch("/{app}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def change_oauth_app(
    app: AppId, body: AppChange, member: Editor, actor: ActorDep, tokens: TokensDep, stores: StoresDep
) -> AppOut:
    """Change an application. The tokens that it has end, unless only its name is another."""
    known = await _found(stores, member, app, Permission.OAUTH_APP_EDIT)
    fields: dict[str, Any] = {}
    if body.name is not None:
        fields["name"] = body.name
    if body.disabled is not None:
        fields["disabled"] = int(body.disabled)
    if body.scopes is not None:
        fields["scopes"] = [*checked_scopes(body.scopes)]
    if body.spaces is not None or body.space_id is not None:
        account = await stores.accounts.get(known.account_id)
        spaces = body.spaces if body.spaces is not None else [str(one) for one in known.spaces or ()]
        home, opened = await tokens.places(account, spaces, body.space_id)
        fields |= {"space_id": home, "spaces": [str(one) for one in opened]}
    # Disabling takes nothing else along: it would be there when the account enables the application again.
    if fields.keys() - {"name", "disabled"} or fields.get("disabled") == 0:
        _check_own(member, known)
    return app_out(await stores.oauth_apps.change([known.org_id], known.id, actor, **fields))


@router.delete("/{app}", status_code=204, responses=problems(401, 403, 404))
async def delete_oauth_app(app: AppId, member: Editor, actor: ActorDep, stores: StoresDep) -> Response:
    """Delete an application. Its tokens are worthless from the next request on."""
    known = await _found(stores, member, app, Permission.OAUTH_APP_EDIT)
    await stores.oauth_apps.delete([known.org_id], known.id, actor)
    return Response(status_code=204)


@router.get("/{app}/keys", responses=problems(401, 403, 404))
async def list_oauth_keys(app: AppId, member: Viewer, stores: StoresDep) -> KeysOut:
    """The public keys of an application, the newest first."""
    known = await _found(stores, member, app, Permission.OAUTH_APP_VIEW)
    return KeysOut(items=[key_out(one) for one in await stores.oauth_apps.keys(known.id)])


@router.post("/{app}/keys", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def add_oauth_key(app: AppId, body: NewKeyIn, member: Editor, actor: ActorDep, stores: StoresDep) -> KeyMade:
    """Let an application be known by a public key; without one a pair is made, and its private half shown this once."""
    known = await _found(stores, member, app, Permission.OAUTH_APP_EDIT)
    _check_own(member, known)
    private = None
    if body.public_key is None:
        private, public = await make_key_pair()
    else:
        public = read_public_key(body.public_key)
    added = await stores.oauth_apps.add_key(known, public.kid, public.pem, body.name, actor)
    return KeyMade(**key_out(added).model_dump(), private_key=private)


@router.delete("/{app}/keys/{kid}", status_code=204, responses=problems(401, 403, 404))
async def remove_oauth_key(app: AppId, kid: Kid, member: Editor, actor: ActorDep, stores: StoresDep) -> Response:
    """Forget a key. What was given out for it is worthless from the next request on."""
    known = await _found(stores, member, app, Permission.OAUTH_APP_EDIT)
    await stores.oauth_apps.remove_key(known, kid, actor)
    return Response(status_code=204)


async def _found(stores: Stores, member: Member, app: str, permission: Permission) -> OAuthApp:
    return await stores.oauth_apps.get(sorted(member.organisations(permission)), parse_id(app, "OAuth application"))


def _check_own(member: Member, app: OAuthApp) -> None:
    if member.kind != "instance" and member.account_id != app.account_id:
        raise PermissionDenied("Only the account that it acts for widens what an application may, or adds keys.")
