"""Who may do what: every route says in its signature which permission it asks for."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from starlette.requests import Request
from starlette.routing import BaseRoute

from api.errors import PermissionDenied, Unauthenticated

_KEPT_SECONDS: Final = 10.0
"""How long a token is believed without asking the store again: so long may a revoked one still open."""
_KEPT_TOKENS: Final = 1_000
_LONGEST_TOKEN: Final = 512


class Permission(StrEnum):
    """What a route may ask for."""

    WORKFLOW_VIEW = "workflow.view"
    WORKFLOW_EDIT = "workflow.edit"
    WORKFLOW_PUBLISH = "workflow.publish"
    RUN_VIEW = "run.view"
    RUN_START = "run.start"
    RUN_ANSWER = "run.answer"
    RUN_CANCEL = "run.cancel"
    CATALOGUE_VIEW = "catalogue.view"
    MODEL_VIEW = "model.view"
    MODEL_EDIT = "model.edit"
    MODEL_EDIT_INSTANCE = "model.edit_instance"
    USAGE_VIEW = "usage.view"
    CONVERSATION_VIEW = "conversation.view"
    CONVERSATION_EDIT = "conversation.edit"
    VARIABLE_VIEW = "variable.view"
    VARIABLE_EDIT = "variable.edit"
    PLUGIN_VIEW = "plugin.view"
    PLUGIN_EDIT = "plugin.edit"
    PLUGIN_PUBLISH = "plugin.publish"
    KNOWLEDGE_VIEW = "knowledge.view"
    KNOWLEDGE_EDIT = "knowledge.edit"
    DATABASE_VIEW = "database.view"
    DATABASE_EDIT = "database.edit"


EVERYTHING: Final = frozenset(Permission)


@dataclass(frozen=True, slots=True)
class Member:
    """Who asks: a token, the organisation and space it belongs to, and what it may."""

    token_id: int
    org_id: int
    space_id: int
    permissions: frozenset[Permission] = EVERYTHING


class Holder(Protocol):
    """Who holds a token, as the store knows it."""

    @property
    def token_id(self) -> int: ...
    @property
    def org_id(self) -> int: ...
    @property
    def space_id(self) -> int: ...


class Tokens(Protocol):
    """Where tokens are known, by their hashes alone."""

    async def authenticate(self, token: str) -> Holder | None: ...


class Gate:
    """Knows members by their tokens, and for a moment without asking the store."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._known: dict[bytes, tuple[Member, float]] = {}

    async def member(self, authorization: str) -> Member:
        """Who carries this header. Raises `Unauthenticated`."""
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
            raise Unauthenticated("This needs a token: send the header Authorization: Bearer <token>.")
        # What is kept is the hash: a table of tokens in memory would be worth stealing.
        hash_ = hashlib.sha256(token.encode(errors="replace")).digest()
        now = time.monotonic()
        known = self._known.get(hash_)
        if known is not None and known[1] > now:
            return known[0]
        found = await self._tokens.authenticate(token)
        if found is None:
            self._known.pop(hash_, None)
            raise Unauthenticated("Nobody is known by this token.")
        member = Member(token_id=found.token_id, org_id=found.org_id, space_id=found.space_id)
        if len(self._known) >= _KEPT_TOKENS:
            self._known.clear()
        self._known[hash_] = (member, now + _KEPT_SECONDS)
        return member


class Require(SecurityBase):
    """Lets through who has the permission, and hands on who it is."""

    def __init__(self, permission: Permission) -> None:
        self.model = HTTPBearer(description="The token made at the first start; the file is named in the log.")
        self.scheme_name = "token"
        self.permission = permission

    async def __call__(self, request: Request) -> Member:
        member: Member | None = getattr(request.state, "member", None)
        return await self.admit(request) if member is None else member

    async def admit(self, request: Request) -> Member:
        """Who asks. Raises `Unauthenticated` or `PermissionDenied`."""
        gate: Gate = request.app.state.gate
        member = await gate.member(request.headers.get("authorization", ""))
        if self.permission not in member.permissions:
            raise PermissionDenied("This token may not do that.", permission=self.permission.value)
        request.state.member = member
        return member


class Open:
    """Lets everybody through, on purpose."""

    async def __call__(self) -> None:
        return None


def require(permission: Permission) -> Any:
    """The route is for members who have this permission."""
    return Depends(Require(permission))


def anybody() -> Any:
    """The route is for everybody, also without a token: it must tell nothing."""
    return Depends(Open())


def check_declared(routes: Iterable[BaseRoute]) -> None:
    """Refuse to go on when a route does not say who may use it."""
    silent = [f"{route.methods} {route.path}" for route in api_routes(routes) if required(route.dependant) is None]
    if silent:
        raise TypeError(f"These routes declare no permission: {', '.join(silent)}.")


def api_routes(routes: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    """The routes, those of included routers too."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif (router := getattr(route, "original_router", None)) is not None:
            yield from api_routes(router.routes)
        else:
            raise TypeError(f"{route!r} is no route of the API: nothing can say who may use it.")


def required(dependant: Dependant) -> Require | Open | None:
    """What a route declares."""
    return next((one.call for one in dependant.dependencies if isinstance(one.call, Require | Open)), None)
