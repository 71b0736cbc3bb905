"""Who may do what, where a request names a thing by its id alone: the permission is asked for in the space of it."""

from __future__ import annotations

from typing import Any

from fastapi import Depends
from starlette.requests import Request

from api.access import Gate, Member, Require
from api.permissions import Permission
from engine.errors import InvalidInput, NotFound
from storage.ids import read_id
from storage.places import Places, Thing


class Entering(Require):
    """Lets through who has the permission in the space where the thing lies that the request names."""

    def __init__(self, permission: Permission, thing: Thing | None, name: str, *, guests: bool = False) -> None:
        super().__init__(permission, guests=guests)
        self.thing = thing
        self.name = name

    async def before_the_body(self, request: Request) -> None:
        """Whether anybody is known; where he goes may only stand in the body."""
        if self.name in request.path_params or self.name in request.query_params or request.method == "GET":
            await self.admit(request)
        else:
            gate: Gate = request.app.state.gate
            await gate.caller(request)

    async def admit(self, request: Request) -> Member:
        """Who asks, in the space that the request means."""
        gate: Gate = request.app.state.gate
        try:
            named = await self._named(request)
        except InvalidInput:
            # Who is not known learns that first.
            await gate.caller(request)
            raise
        if self.thing is None and not named:
            member = await gate.member(request)
        else:
            member = await self._enter(request, gate, named)
        self.check(request, member)
        request.state.member = member
        return member

    async def _enter(self, request: Request, gate: Gate, named: str) -> Member:
        what = self.thing or "workspace"
        places: Places = request.app.state.places
        space = read_id(named) if self.thing is None else await places.space_of(self.thing, named)
        if space is not None:
            try:
                return await gate.enter(request, space)
            except NotFound:
                # The same as for what is not there: that it is somewhere is nobody else's business.
                pass
        # Who is not known learns that, and nothing of what there is.
        await gate.caller(request)
        raise NotFound(f"There is no such {what}.", **{self.name: named[:64]})

    async def _named(self, request: Request) -> str:
        """What the request names: in its path, its query, or its body."""
        value: Any = request.path_params.get(self.name) or request.query_params.get(self.name)
        if value is None and request.method not in {"GET", "HEAD"}:
            body = await request.json() if await request.body() else None
            value = body.get(self.name) if isinstance(body, dict) else None
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise InvalidInput(f"{self.name} is an id, written as a text.", field=self.name)
        if not value and self.thing is not None:
            raise InvalidInput(f"{self.name} is missing.", field=self.name)
        return value or ""


def require_where(permission: Permission, thing: Thing, by: str, *, guests: bool = False) -> Any:
    """The route is for those who have this permission in the space of the thing that `by` names: a parameter of the
    path or of the query, or a field of the body. What is not there, and what is elsewhere, is not found alike.
    """
    return Depends(Entering(permission, thing, by, guests=guests))


def require_in(permission: Permission, by: str, *, guests: bool = False) -> Any:
    """The route is for those who have this permission in the space that `by` names; without it, where they are at
    home or where `X-Space-ID` says.
    """
    return Depends(Entering(permission, None, by, guests=guests))
