"""Who asks, as the SDK's `users.me` reads it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from api.access import Member, Permission, require
from api.open.envelope import Done, done, failures
from api.open.fields import OpenRoute
from api.provided import StoresDep
from storage.faces import faces_of

router = APIRouter(tags=["open API"], route_class=OpenRoute)


@router.get("/v1/users/me", response_model=Done, responses=failures(401, 403, 404))
async def open_users_me(member: Annotated[Member, require(Permission.PROFILE_VIEW)], stores: StoresDep) -> Response:
    """Who asks: the account, or the token itself where it is nobody's."""
    face = (await faces_of(stores.database, [member.account_id])).get(member.account_id)
    name, login, avatar = (member.name, "", "") if face is None else (face.name, face.login, face.avatar)
    return done({"user_id": member.person, "user_name": login or name, "nick_name": name, "avatar_url": avatar})
