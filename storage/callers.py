"""Who calls, by what he carries, and where he stands: the one place where rights are read from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, bindparam, insert, or_, select, update
from sqlmodel import col

from engine.values import Json
from storage.clock import now_ms
from storage.database import Database
from storage.ids import read_id
from storage.tables import (
    AccessEpoch,
    AccessToken,
    Account,
    AccountSession,
    Department,
    Employee,
    EmployeeDepartment,
    Organisation,
    Role,
    RoleGrant,
    Space,
    SpaceMember,
)

CallerKind = Literal["instance", "personal", "oauth", "guest", "session"]

SESSION_IDLE_MS: Final = 12 * 3_600_000
"""A session that nobody used for so long has ended."""
_TOUCH_EVERY_MS: Final = 60_000
_EPOCH_ID: Final = 1
EPOCH: Final = f"SELECT value FROM access_epoch WHERE id = {_EPOCH_ID}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Guest:
    """An end user of something published: whom a token is for, and which workflows it may run."""

    user: str
    workflows: frozenset[int]
    app: str = ""
    """The application whose variables and conversations he uses."""
    origins: frozenset[str] = frozenset()
    """The sites whose pages may carry the token; none named: those of any."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds a valid credential. `token_id` is of the token or of the session."""

    kind: CallerKind
    token_id: int
    account_id: int
    """0: nobody's account."""
    name: str
    org_id: int
    space_id: int | None
    """Where he is at home, when the credential says so."""
    scopes: tuple[str, ...] = ("*",)
    spaces: frozenset[int] = frozenset()
    """The spaces that the credential opens; none named: all that the account may enter."""
    expires: int | None = None
    app_id: int = 0
    guest: Guest | None = None
    change_password: bool = False
    """The password was given by somebody else: nothing is open before it is changed."""
    user: str = ""
    """The end user to whom an application keeps its token."""
    requests_per_minute: int | None = None
    """Instead of the setting; 0: no bound."""
    runs_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A role that somebody holds, through whatever grant."""

    role_id: int
    permissions: tuple[str, ...]
    """Of a role that an organisation made; empty for built-in ones, which are known by their ids."""
    org_ids: frozenset[int]
    """The organisations in which it holds; the instance is 0, and then all are here too."""
    space_id: int
    """The one space in which it holds; 0: not one alone."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands: a space (0: none), its organisation, and all he holds."""

    org_id: int
    space_id: int
    space_kind: str
    role: str
    """His role as a member of the space; empty when he is none."""
    held: tuple[Held, ...]
    org_ids: frozenset[int]
    """All organisations there are."""
    expires: int | None = None
    """When the first of these rights ends by itself."""


class CallerRepository:
    """Reads credentials and rights. Everything that changes one of them calls `rights_changed` in its transaction."""

    def __init__(self, database: Database, glimpse: Callable[[], int | None] | None = None) -> None:
        self._database = database
        self._glimpse = glimpse
        """Reads the epoch (`EPOCH`) without waiting; None when it cannot now."""

    async def epoch(self) -> int:
        """A number that grows with every change of rights."""
        seen = None if self._glimpse is None else self._glimpse()
        return await self._database.read(_epoch) if seen is None else seen

    async def by_token(self, token: str, ip: str = "") -> Caller | None:
        """Who holds this token; None when it opens nothing: unknown, expired, or of an account that is disabled."""
        hashed = credential_hash(token)
        found = await self._database.read(lambda connection: _by_token(connection, hashed))
        if found is None:
            return None
        caller, last_used = found
        if last_used is None or now_ms() - last_used > _TOUCH_EVERY_MS:
            mine = col(AccessToken.id) == caller.token_id
            touch = update(AccessToken).where(mine).values(last_used=now_ms(), last_ip=ip[:64])
            await self._database.write(lambda connection: connection.execute(touch).close())
        return caller

    async def by_id(self, kind: CallerKind, id_: int) -> Caller | None:
        """Who holds the token or session of this id, as long as it opens anything."""

        def look(connection: Connection) -> Caller | None:
            found = _by_session(connection, id_) if kind == "session" else _by_token(connection, id_)
            return None if found is None else found[0]

        return await self._database.read(look)

    async def by_session(self, cookie: str) -> Caller | None:
        """Whose browser this is; None when the session has ended or the account is disabled."""
        hashed = credential_hash(cookie)
        found = await self._database.read(lambda connection: _by_session(connection, hashed))
        if found is None:
            return None
        caller, last_used = found
        if now_ms() - last_used > _TOUCH_EVERY_MS:
            touch = update(AccountSession).where(col(AccountSession.id) == caller.token_id).values(last_used=now_ms())
            await self._database.write(lambda connection: connection.execute(touch).close())
        return caller

    async def standing(self, caller: Caller, space: str | int | None = None) -> Standing | None:
        """Where he stands in a space, by its id or the key it has in his organisation; without one, where he is at
        home. None when there is no such space. Whether what he holds opens it is not said here.
        """
        return await self._database.read(lambda connection: _standing(connection, caller, space))


def rights_changed(connection: Connection) -> None:
    """Let everybody, in every process, ask anew who may do what. Part of each transaction that changes a right."""
    grow = update(AccessEpoch).where(col(AccessEpoch.id) == _EPOCH_ID).values(value=col(AccessEpoch.value) + 1)
    if not connection.execute(grow).rowcount:
        connection.execute(insert(AccessEpoch).values(id=_EPOCH_ID, value=1))


def credential_hash(credential: str) -> str:
    """Under which a token or cookie is kept. They are long and random, so that a plain hash is enough."""
    return hashlib.sha256(credential.encode(errors="replace")).hexdigest()


def descendants(parents: Mapping[int, int | None], roots: Iterable[int]) -> frozenset[int]:
    """The roots and everything below them, of a tree given by its parents."""
    children: dict[int, list[int]] = {}
    for one, parent in parents.items():
        if parent:
            children.setdefault(parent, []).append(one)
    found: set[int] = set()
    waiting = [*roots]
    while waiting:
        if (one := waiting.pop()) not in found:
            found.add(one)
            waiting += children.get(one, ())
    return frozenset(found)


def departments_of(connection: Connection, account_id: int) -> frozenset[int]:
    """Those of an account's employee, and those above them: what a department is given, the ones below have too."""
    own = connection.scalars(
        select(col(EmployeeDepartment.department_id))
        .join(Employee, col(Employee.id) == col(EmployeeDepartment.employee_id))
        .where(
            col(Employee.account_id) == account_id,
            col(Employee.state) == "active",
            col(EmployeeDepartment.active) == 1,
        )
    ).all()
    found: set[int] = set()
    waiting = {*own}
    while waiting:
        found |= waiting
        above = select(col(Department.parent_id)).where(col(Department.id).in_(waiting))
        waiting = {one for one in connection.scalars(above) if one} - found
    return frozenset(found)


# --- within -----------------------------------------------------------------------------------------------------------

_EPOCH: Final = select(col(AccessEpoch.value)).where(col(AccessEpoch.id) == _EPOCH_ID)

_TOKENS: Final[Any] = select(
    AccessToken.__table__,  # type: ignore[attr-defined]
    col(Account.disabled).label("disabled"),
    col(Account.name).label("account_name"),
).outerjoin(Account, col(Account.id) == col(AccessToken.account_id))
_TOKEN: Final = _TOKENS.where(col(AccessToken.hash) == bindparam("hash"))
_TOKEN_BY_ID: Final = _TOKENS.where(col(AccessToken.id) == bindparam("id"))
_SESSIONS: Final = select(
    col(AccountSession.id),
    col(AccountSession.account_id),
    col(AccountSession.last_used),
    col(AccountSession.expires),
    col(Account.name),
    col(Account.org_id),
    col(Account.disabled),
    col(Account.change_password),
).join(Account, col(Account.id) == col(AccountSession.account_id))
_SESSION: Final = _SESSIONS.where(col(AccountSession.hash) == bindparam("hash"))
_SESSION_BY_ID: Final = _SESSIONS.where(col(AccountSession.id) == bindparam("id"))


def _epoch(connection: Connection) -> int:
    return connection.execute(_EPOCH).scalar() or 0


def _by_token(connection: Connection, which: str | int) -> tuple[Caller, int | None] | None:
    """`which`: its hash, or its id."""
    row: Any = (
        connection.execute(_TOKEN, {"hash": which}).one_or_none()
        if isinstance(which, str)
        else connection.execute(_TOKEN_BY_ID, {"id": which}).one_or_none()
    )
    if row is None or (row.expires is not None and row.expires <= now_ms()):
        return None
    # An account that is gone opens as little as one that is disabled; but the operator is never locked out.
    if row.account_id and row.disabled != 0 and row.kind != "instance":
        return None
    caller = Caller(
        kind=row.kind,
        token_id=row.id,
        account_id=row.account_id,
        name=row.account_name or row.name,
        org_id=row.org_id,
        space_id=row.space_id or None,
        scopes=("*",) if row.scopes is None else tuple(map(str, row.scopes)),
        spaces=frozenset(map(int, row.spaces or ())),
        expires=row.expires,
        app_id=row.app_id,
        guest=_guest(row.guest) if row.kind == "guest" else None,
        user=_user(row.guest) if row.kind == "oauth" else "",
        requests_per_minute=row.requests_per_minute,
        runs_per_minute=row.runs_per_minute,
    )
    return caller, row.last_used


def _guest(said: Json) -> Guest:
    told: Any = said if isinstance(said, dict) else {}
    workflows, origins = told.get("workflows") or (), told.get("origins") or ()
    return Guest(_user(said), frozenset(map(int, workflows)), str(told.get("app") or ""), frozenset(map(str, origins)))


def _user(said: Json) -> str:
    return str(said.get("user") or "") if isinstance(said, dict) else ""


def _by_session(connection: Connection, which: str | int) -> tuple[Caller, int] | None:
    """`which`: its hash, or its id."""
    row: Any = (
        connection.execute(_SESSION, {"hash": which}).one_or_none()
        if isinstance(which, str)
        else connection.execute(_SESSION_BY_ID, {"id": which}).one_or_none()
    )
    now = now_ms()
    if row is None or row.disabled or row.expires <= now or row.last_used + SESSION_IDLE_MS <= now:
        return None
    caller = Caller(
        kind="session",
        token_id=row.id,
        account_id=row.account_id,
        name=row.name,
        org_id=row.org_id,
        space_id=None,
        expires=min(row.expires, row.last_used + SESSION_IDLE_MS),
        change_password=bool(row.change_password),
    )
    return caller, row.last_used


def _standing(connection: Connection, caller: Caller, space: str | int | None) -> Standing | None:
    now = now_ms()
    tree = select(col(Organisation.id), col(Organisation.parent_id)).where(col(Organisation.deleted_at).is_(None))
    parents: dict[int, int | None] = {row.id: row.parent_id for row in connection.execute(tree)}
    everything = frozenset(parents)
    found = _space(connection, caller, space, now)
    if found is None and (space is not None or caller.space_id is not None):
        return None
    org_id, space_id, kind = (caller.org_id, 0, "") if found is None else found
    role, expires = "", None
    if space_id and caller.account_id:
        member = connection.execute(
            select(col(SpaceMember.role), col(SpaceMember.expires)).where(
                col(SpaceMember.space_id) == space_id,
                col(SpaceMember.account_id) == caller.account_id,
                _lasts(SpaceMember.expires, now),
            )
        ).one_or_none()
        if member is not None:
            role, expires = member.role, member.expires
    held, ends = _held(connection, caller.account_id, parents, now) if caller.account_id else ((), None)
    expires = min((one for one in (expires, ends) if one is not None), default=None)
    return Standing(org_id, space_id, kind, role, held, everything, expires)


def _space(connection: Connection, caller: Caller, space: str | int | None, now: int) -> tuple[int, int, str] | None:
    wanted = select(col(Space.org_id), col(Space.id), col(Space.kind)).where(col(Space.deleted_at).is_(None))
    ref = caller.space_id if space is None else space
    if isinstance(ref, str) and (number := read_id(ref)) is not None:
        ref = number
    if isinstance(ref, str):
        wanted = wanted.where(col(Space.org_id) == caller.org_id, col(Space.key) == ref)
    elif ref is not None:
        wanted = wanted.where(col(Space.id) == ref)
    else:
        # At home: in the space of one's own, else in the one joined first.
        wanted = (
            wanted.join(SpaceMember, col(SpaceMember.space_id) == col(Space.id))
            .where(col(SpaceMember.account_id) == caller.account_id, _lasts(SpaceMember.expires, now))
            .order_by(col(Space.kind) != "personal", col(SpaceMember.created), col(Space.id))
            .limit(1)
        )
    row = connection.execute(wanted).one_or_none()
    return None if row is None else (row.org_id, row.id, row.kind)


def _held(
    connection: Connection, account_id: int, parents: Mapping[int, int | None], now: int
) -> tuple[tuple[Held, ...], int | None]:
    departments = departments_of(connection, account_id)
    mine = (col(RoleGrant.subject_kind) == "account") & (col(RoleGrant.subject_id) == account_id)
    ours = (col(RoleGrant.subject_kind) == "department") & col(RoleGrant.subject_id).in_(departments)
    rows: Any = connection.execute(
        select(
            col(RoleGrant.role_id),
            col(RoleGrant.org_id),
            col(RoleGrant.space_id),
            col(RoleGrant.expires),
            col(Role.permissions),
            col(Role.disabled),
        )
        .outerjoin(Role, col(Role.id) == col(RoleGrant.role_id))
        .where(mine | ours if departments else mine, _lasts(RoleGrant.expires, now))
    ).all()
    held = [
        Held(
            row.role_id,
            tuple(map(str, row.permissions or ())),
            descendants(parents, [row.org_id]) if row.org_id else frozenset({0, *parents}),
            row.space_id,
        )
        for row in rows
        if not row.disabled
    ]
    return tuple(held), min((row.expires for row in rows if row.expires is not None), default=None)


def _lasts(expires: Any, now: int) -> Any:
    return or_(col(expires).is_(None), col(expires) > now)
