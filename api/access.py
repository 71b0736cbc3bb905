"""Who may do what: every route says in its signature which permission it asks for, and here alone it is looked up."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection, Request
from starlette.routing import BaseRoute

from api.browsers import check_same_site, session_cookie
from api.errors import PermissionDenied, Unauthenticated
from api.permissions import (
    BUILT_IN,
    EVERYTHING,
    OF_EVERYBODY,
    OF_ORGANISATIONS,
    OF_SPACES,
    OF_THE_INSTANCE,
    SPACE_ROLES,
    Permission,
    in_scope,
    read_permissions,
)
from api.rates import RateLimiter
from engine.errors import NotFound
from storage.callers import Caller, CallerKind, Guest, Held, Standing, credential_hash

T = TypeVar("T")

__all__ = ["EVERYTHING", "GUEST_PERMISSIONS", "Permission"]

SPACE_HEADER: Final = "x-space-id"
_KEPT_SECONDS: Final = 10.0
"""How long it is believed who somebody is, while no right has changed: what expires by itself is noticed so late."""
_KEPT: Final = 2_000
_LONGEST_TOKEN: Final = 512
_LONGEST_SPACE: Final = 100
GUEST_PERMISSIONS: Final = frozenset(
    {
        Permission.RUN_VIEW,
        Permission.RUN_START,
        Permission.RUN_ANSWER,
        Permission.RUN_CANCEL,
        Permission.CONVERSATION_VIEW,
        Permission.CONVERSATION_EDIT,
        Permission.FILE_VIEW,
        Permission.FILE_EDIT,
        Permission.WORKFLOW_VIEW,
    }
)
_BEFORE_A_NEW_PASSWORD: Final = frozenset({Permission.PROFILE_VIEW, Permission.PROFILE_EDIT})


@dataclass(frozen=True, slots=True)
class Member:
    """Who asks, in which space of which organisation, and what he may there.

    `space_id` is 0 for who is in no space: then `org_id` is where his account is at home.
    """

    token_id: int
    """Of the token or the session."""
    org_id: int
    space_id: int
    permissions: frozenset[Permission] = EVERYTHING
    account_id: int = 0
    name: str = ""
    kind: CallerKind = "instance"
    role: str = ""
    """In the space: `owner`, `admin`, `editor`, `viewer`; empty for who is there by another right."""
    reach: Mapping[Permission, frozenset[int]] = field(default_factory=dict)
    guest: Guest | None = None
    app_id: int = 0
    """The OAuth application that asks on the account's behalf."""
    change_password: bool = False
    """Somebody else gave the password: nothing is open before it is changed."""
    spaces: frozenset[int] = frozenset()
    """The only spaces that what he carries opens; empty: all that he may enter."""
    user: str = ""
    """The end user to whom an application keeps its token."""
    requests_per_minute: int | None = None
    """Instead of the setting; 0: no bound."""
    runs_per_minute: int | None = None
    expires: int | None = None
    """When what he carries ends by itself."""

    @property
    def person(self) -> str:
        """Whose variables, conversations and last inputs these are, when a request names nobody."""
        return self.confined_to or str(self.account_id or self.token_id)

    @property
    def confined_to(self) -> str | None:
        """The end user whose runs and conversations are all there are for him; None: everybody's are."""
        return self.guest.user if self.guest is not None else self.user or None

    def sees(self, user_id: str | None) -> bool:
        """Whether what belongs to this end user exists for him."""
        return self.confined_to is None or self.confined_to == user_id

    def converses(self, user_id: str, app_id: str) -> bool:
        """Whether a conversation of this end user of this application exists for him."""
        return self.sees(user_id) and (self.guest is None or self.guest.app == app_id)

    def may_run(self, workflow_id: int) -> bool:
        """Whether this workflow exists for him."""
        return self.guest is None or workflow_id in self.guest.workflows

    def organisations(self, permission: Permission) -> frozenset[int]:
        """The organisations in which he has a permission: what is in none of them does not exist for him."""
        return self.reach.get(permission, frozenset())


class Callers(Protocol):
    """Where credentials and rights are known."""

    async def epoch(self) -> int: ...
    async def by_token(self, token: str, ip: str = "") -> Caller | None: ...
    async def by_id(self, kind: CallerKind, id_: int) -> Caller | None: ...
    async def by_session(self, cookie: str) -> Caller | None: ...
    async def standing(self, caller: Caller, space: str | int | None = None) -> Standing | None: ...


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    member: Member
    until: float
    epoch: int


_Key = tuple[str, str | int | None, Permission | None]
"""What somebody carries, the space, and the permission that lets him in from outside."""


class Gate:
    """Knows who asks. It remembers for a moment, and forgets as soon as any right has changed, in whatever process."""

    def __init__(self, callers: Callers, rates: RateLimiter | None = None) -> None:
        self._callers = callers
        self._rates = rates
        self._known: dict[_Key, _Known] = {}

    async def member(self, request: HTTPConnection) -> Member:
        """Who asks, in the space that the header `X-Space-ID` names or where he is at home.

        Raises `Unauthenticated`, or `NotFound` when he may not enter the space.
        """
        named = request.headers.get(SPACE_HEADER, "").strip()[:_LONGEST_SPACE]
        return (await self._look(request, named or None)).member

    async def enter(self, request: HTTPConnection, space: str | int, over: Permission | None = None) -> Member:
        """Who asks, in a space that the request means by what it names. Raises as `member`.

        With `over` he need not be in the space, if he has that permission in its organisation.
        """
        return (await self._look(request, space, over)).member

    async def caller(self, request: HTTPConnection) -> Caller:
        """Who asks, whatever he may. Raises `Unauthenticated`."""
        return await self._known_by(request, lambda credential: self._caller(credential, address_of(request)))

    async def again(self, member: Member) -> Member:
        """Who asked before, by what he carried then, and what he may by now. Raises as `member`."""

        async def find() -> Caller:
            caller = await self._callers.by_id(member.kind, member.token_id)
            if caller is None:
                raise Unauthenticated("What you signed in with has ended.")
            return caller

        space = member.space_id or None
        return (await self._ask((f"{member.kind} {member.token_id}", space, None), find)).member

    async def stand(self, caller: Caller, space: str | int | None) -> Member:
        """What somebody may in a space who does not ask himself. Raises `NotFound` when he may not enter it."""
        return (await self._stand(caller, space, None))[0]

    async def _look(self, request: HTTPConnection, space: str | int | None, over: Permission | None = None) -> _Known:
        def ask(credential: tuple[str, str]) -> Awaitable[_Known]:
            # What is kept is the hash: a table of tokens in memory would be worth stealing.
            key = (credential_hash("".join(credential)), space, over)
            return self._ask(key, lambda: self._caller(credential, address_of(request)))

        return await self._known_by(request, ask)

    async def _known_by(self, request: HTTPConnection, ask: Callable[[tuple[str, str]], Awaitable[T]]) -> T:
        """What is known by what a request carries. Who is not known may not try without end."""
        try:
            return await ask(_credential(request))
        except Unauthenticated:
            if self._rates is not None:
                self._rates.stranger(address_of(request))
            raise

    async def _ask(self, key: _Key, find: Callable[[], Awaitable[Caller]]) -> _Known:
        """Who somebody is, from memory while no right has changed."""
        epoch, now = await self._callers.epoch(), time.monotonic()
        known = self._known.get(key)
        if known is not None and known.epoch == epoch and known.until > now:
            return known
        self._known.pop(key, None)
        caller = await find()
        member, expires = await self._stand(caller, key[1], key[2])
        ends = min((one for one in (caller.expires, expires) if one is not None), default=None)
        kept = _KEPT_SECONDS if ends is None else min(_KEPT_SECONDS, ends / 1000 - time.time())
        if len(self._known) >= _KEPT:
            self._known.clear()
        found = self._known[key] = _Known(caller, member, now + kept, epoch)
        return found

    async def _stand(
        self, caller: Caller, space: str | int | None, over: Permission | None
    ) -> tuple[Member, int | None]:
        standing = await self._callers.standing(caller, space)
        member = None if standing is None else _member(caller, standing, over)
        if standing is None or member is None:
            raise NotFound("There is no such space.", space_id=str(space or caller.space_id or ""))
        return member, standing.expires

    async def _caller(self, credential: tuple[str, str], address: str) -> Caller:
        kind, secret = credential
        found = await (self._callers.by_token(secret, address) if kind == "token" else self._callers.by_session(secret))
        if found is None:
            raise Unauthenticated(
                "Nobody is known by this token: it is wrong, has expired or was revoked."
                if kind == "token"
                else "This browser is not logged in any more."
            )
        return found


def address_of(request: HTTPConnection) -> str:
    """Where a request comes from."""
    return request.client.host if request.client is not None else ""


def _credential(request: HTTPConnection) -> tuple[str, str]:
    """What the request carries: a token before a cookie. Raises `Unauthenticated`."""
    authorization = request.headers.get("authorization")
    if authorization is None and (cookie := session_cookie(request)):
        return "session", cookie
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
        raise Unauthenticated("This needs a token: send the header Authorization: Bearer <token>, or log in.")
    return "token", token


def _member(caller: Caller, standing: Standing, over: Permission | None = None) -> Member | None:
    """What somebody may where he stands; None when the space is not open to him."""
    if caller.spaces and standing.space_id not in caller.spaces:
        return None
    permissions, reach = _everything(standing) if caller.kind == "instance" else _rights(standing)
    if caller.guest is not None and not caller.account_id:
        # The operator's own token admitted him: there is no account whose rights could end.
        permissions |= GUEST_PERMISSIONS
    if caller.guest is not None or caller.spaces:
        # What opens some spaces alone opens nothing of the organisations around them.
        reach = {}
    inside = standing.space_id and permissions & OF_SPACES
    if standing.space_id and not inside and (over is None or standing.org_id not in reach.get(over, ())):
        return None
    for one, where in reach.items():
        if standing.org_id in where or one in OF_THE_INSTANCE:
            permissions |= {one}
    allowed = in_scope(caller.scopes)
    if caller.guest is not None:
        allowed &= GUEST_PERMISSIONS
    return Member(
        token_id=caller.token_id,
        org_id=standing.org_id,
        space_id=standing.space_id,
        permissions=frozenset((permissions | OF_EVERYBODY) & allowed),
        account_id=caller.account_id,
        name=caller.name,
        kind=caller.kind,
        role=standing.role,
        reach={one: where for one, where in reach.items() if one in allowed},
        guest=caller.guest,
        app_id=caller.app_id,
        change_password=caller.change_password,
        spaces=caller.spaces,
        user=caller.user,
        requests_per_minute=caller.requests_per_minute,
        runs_per_minute=caller.runs_per_minute,
        expires=caller.expires,
    )


def _everything(standing: Standing) -> tuple[set[Permission], dict[Permission, frozenset[int]]]:
    every = standing.org_ids | {0}
    return {*EVERYTHING}, dict.fromkeys(OF_ORGANISATIONS | OF_THE_INSTANCE, every)


def _rights(standing: Standing) -> tuple[set[Permission], dict[Permission, frozenset[int]]]:
    permissions = {*SPACE_ROLES.get(standing.role, frozenset())}
    reach: dict[Permission, frozenset[int]] = {}
    for held in standing.held:
        granted = _granted(held)
        if held.space_id:
            permissions |= granted & OF_SPACES if held.space_id == standing.space_id else set()
            continue
        if standing.space_kind == "team" and standing.org_id in held.org_ids:
            permissions |= granted & OF_SPACES
        if 0 not in held.org_ids:
            granted -= OF_THE_INSTANCE
        for one in granted & (OF_ORGANISATIONS | OF_THE_INSTANCE):
            reach[one] = reach.get(one, frozenset()) | held.org_ids
    return permissions, reach


def _granted(held: Held) -> frozenset[Permission]:
    built_in = BUILT_IN.get(held.role_id)
    return read_permissions(held.permissions) if built_in is None else built_in.permissions


class Require(SecurityBase):
    """Lets through who has the permission, and hands on who it is."""

    def __init__(
        self,
        permission: Permission,
        *,
        session: bool = False,
        guests: bool = False,
        anywhere: bool = False,
        space: str = "",
        over: Permission | None = None,
    ) -> None:
        self.model = HTTPBearer(description="A personal access token, or the one made at the first start.")
        self.scheme_name = "token"
        self.permission = permission
        self.session = session
        self.guests = guests
        self.anywhere = anywhere
        self.space = space
        self.over = over

    async def __call__(self, request: Request) -> Member:
        member: Member | None = getattr(request.state, "member", None)
        return await self.admit(request) if member is None else member

    async def before_the_body(self, request: Request) -> None:
        """Refuse whom a body need not be read for. Raises as `admit`."""
        await self.admit(request)

    async def admit(self, request: Request) -> Member:
        """Who asks. Raises `Unauthenticated`, `PermissionDenied` or `NotFound`."""
        gate: Gate = request.app.state.gate
        named = request.path_params.get(self.space, "")[:_LONGEST_SPACE] if self.space else ""
        member = await (gate.enter(request, named, self.over) if named else gate.member(request))
        self.check(request, member)
        request.state.member = member
        return member

    def count(self, request: Request, member: Member) -> None:
        """Count that he asks. Raises `TooManyRequests`."""
        rates: RateLimiter = request.app.state.rates
        request.state.room = rates.request(member)
        if self.permission is Permission.RUN_START:
            rates.run(member)

    def check(self, request: Request, member: Member) -> None:
        """Whether he may, and not too often. Raises `PermissionDenied` or `TooManyRequests`."""
        self.count(request, member)
        if member.kind == "session":
            check_same_site(request)
        elif self.session and member.kind != "instance":
            raise PermissionDenied("No token may do that: log in.", permission=self.permission.value)
        if member.guest is not None and not self.guests:
            raise PermissionDenied("A guest's token may not do that.", permission=self.permission.value)
        if member.guest is not None and member.guest.origins:
            origin = request.headers.get("origin")
            if origin is not None and origin not in member.guest.origins:
                raise PermissionDenied("This token is not for pages of that site.", origin=origin[:200])
        if member.change_password and self.permission not in _BEFORE_A_NEW_PASSWORD:
            raise PermissionDenied("Change the password first: it was given to you by somebody else.")
        has = member.reach if self.anywhere else member.permissions
        if self.permission not in has and (self.over is None or self.over not in has):
            raise PermissionDenied(
                f"This needs the permission {self.permission.value}.", permission=self.permission.value
            )


class Open:
    """Lets everybody through, on purpose."""

    async def __call__(self) -> None:
        return None


def require(
    permission: Permission,
    *,
    session: bool = False,
    guests: bool = False,
    anywhere: bool = False,
    space: str = "",
    over: Permission | None = None,
) -> Any:
    """The route is for members who have this permission.

    With `session` not for tokens, but for people who are logged in (and the instance's own token); with `guests` also
    for end users of something published, and the route itself keeps them to what is theirs; with `anywhere` for those
    who have a permission of organisations in any, and the route takes care of which (`Member.organisations`).
    With `space` it is about the space that this parameter of the path names, whatever the header says; and who has the
    permission `over` in its organisation needs no place in it.
    """
    return Depends(Require(permission, session=session, guests=guests, anywhere=anywhere, space=space, over=over))


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
