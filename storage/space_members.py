"""Who works in a space: invited, given another role, removed. The last owner stays, whatever happens side by side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, case, delete, func, insert, or_, select, update
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from storage.audit import Actor, Deed, record
from storage.callers import rights_changed
from storage.clock import now_ms
from storage.database import Database
from storage.paging import Page, cursor_id, page_size
from storage.spaces import account_in_tree, lasting, space_row
from storage.tables import Account, Space, SpaceMember

Outcome = Literal["added", "already_member", "unknown", "disabled"]

MOST_MEMBERS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom to let in, by id or by e-mail, as what, and until when."""

    role: str
    account_id: int | None = None
    email: str = ""
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """A member as lists show him."""

    account_id: int
    name: str
    email: str
    unique_name: str | None
    avatar: str
    disabled: bool
    role: str
    expires: int | None
    invited_by: int
    created: int


@dataclass(frozen=True, slots=True)
class Invited:
    """What became of an invitation."""

    outcome: Outcome
    account_id: int = 0
    member: Membership | None = None


May = Callable[[str], None]
"""Raises when who asks may not deal with a member of this role, or make somebody one."""


class SpaceMembers:
    """The members of one space."""

    def __init__(self, database: Database, space_id: int) -> None:
        self._database = database
        self._space_id = space_id
        self._here = col(SpaceMember.space_id) == space_id

    async def page(
        self, *, role: str | None = None, search: str = "", cursor: str | None = None, limit: int = 50
    ) -> Page[Membership]:
        """Those whose membership lasts, the latest accounts first. `search` is a part of a name or e-mail."""
        statement = _MEMBERS.where(self._here, lasting(now_ms()))
        if role is not None:
            statement = statement.where(col(SpaceMember.role) == role)
        if search:
            places = (col(Account.name), col(Account.email), col(Account.unique_name))
            statement = statement.where(or_(*(place.icontains(search, autoescape=True) for place in places)))
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(SpaceMember.account_id) < before)
        statement = statement.order_by(col(SpaceMember.account_id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        items = [_membership(row) for row in rows[:limit]]
        return Page(items, str(items[-1].account_id) if len(rows) > limit else None)

    async def get(self, account_id: int) -> Membership:
        """Raises `NotFound`."""
        return await self._database.read(lambda connection: self._member(connection, account_id))

    async def invite(self, invitations: Sequence[Invitation], actor: Actor) -> list[Invited]:
        """Let people of the same tree of organisations in, all in one go. Who is there already stays what he is.

        Raises `Conflict` for a personal space.
        """

        def job(connection: Connection) -> list[Invited]:
            space = self._team(connection)
            return [self._invite(connection, space, one, actor) for one in invitations]

        return await self._database.write(job)

    async def change(
        self, account_id: int, actor: Actor, may: May, *, role: str | None = None, expires: int | None = 0
    ) -> Membership:
        """Give a member another role or another end (0: as it is). Raises `Conflict` for the last owner."""

        def job(connection: Connection) -> Membership:
            space, before = self._team(connection), self._member(connection, account_id)
            may(before.role)
            becomes = before.role if role is None else role
            may(becomes)
            ends = before.expires if expires == 0 else expires
            if becomes == "owner":
                # Nobody would be left to whom it belongs when it ends by itself.
                if expires:
                    raise _owners_stay()
                ends = None
            elif before.role == "owner":
                self._spare_last_owner(connection, account_id)
            if (becomes, ends) != (before.role, before.expires):
                values = {"role": becomes, "expires": ends, "updated": now_ms()}
                connection.execute(update(SpaceMember).where(self._here, _of(account_id)).values(values))
                rights_changed(connection)
                changed = _told(before.role, before.expires), _told(becomes, ends)
                record(connection, actor, _deed("member.change", space, before, *changed))
            return self._member(connection, account_id)

        return await self._database.write(job)

    async def remove(self, account_id: int, actor: Actor, may: May | None = None) -> None:
        """Take somebody out of the space; without `may` he leaves himself. Raises `Conflict` for the last owner."""

        def job(connection: Connection) -> None:
            space, before = self._team(connection), self._member(connection, account_id)
            if may is not None:
                may(before.role)
            if before.role == "owner":
                self._spare_last_owner(connection, account_id)
            connection.execute(delete(SpaceMember).where(self._here, _of(account_id)))
            rights_changed(connection)
            action = "member.leave" if may is None else "member.remove"
            record(connection, actor, _deed(action, space, before, _told(before.role, before.expires), None))

        await self._database.write(job)

    async def transfer(self, account_id: int, actor: Actor) -> Membership:
        """Make somebody of the same tree the owner. The owner who gives it away becomes an administrator; when it is
        given away from outside, all owners do.
        """

        def job(connection: Connection) -> Membership:
            space = self._team(connection)
            found = account_in_tree(connection, space.org_id, account_id=account_id)
            if found is None or found.disabled:
                raise _no_account(account_id)
            owners = {*connection.scalars(select(col(SpaceMember.account_id)).where(self._here, _OWNS))} - {account_id}
            giving = owners & {actor.account_id} or owners
            now = now_ms()
            if giving:
                down = update(SpaceMember).where(self._here, col(SpaceMember.account_id).in_(giving))
                connection.execute(down.values(role="admin", updated=now))
            connection.execute(delete(SpaceMember).where(self._here, _of(account_id)))
            self._insert(connection, account_id, "owner", None, actor.account_id, now)
            rights_changed(connection)
            made = self._member(connection, account_id)
            before = {"owners": [str(one) for one in sorted(giving)]}
            record(connection, actor, _deed("space.transfer", space, made, before, _told("owner", None)))
            return made

        return await self._database.write(job)

    # --- within -------------------------------------------------------------------------------------------------------

    def _team(self, connection: Connection) -> Space:
        space = space_row(connection, self._space_id)
        if space.kind != "team":
            raise Conflict("A personal space has its owner as its only member.")
        return space

    def _member(self, connection: Connection, account_id: int) -> Membership:
        one = _MEMBERS.where(self._here, _of(account_id), lasting(now_ms()))
        row = connection.execute(one).one_or_none()
        if row is None:
            raise NotFound("The space has no such member.", account_id=str(account_id))
        return _membership(row)

    def _invite(self, connection: Connection, space: Space, one: Invitation, actor: Actor) -> Invited:
        if one.role == "owner" and one.expires is not None:
            raise _owners_stay()
        found = account_in_tree(connection, space.org_id, account_id=one.account_id, email=one.email)
        if found is None:
            return Invited("unknown")
        if found.disabled:
            return Invited("disabled", found.id)
        row = connection.execute(_MEMBERS.where(self._here, _of(found.id), lasting(now_ms()))).one_or_none()
        if row is not None:
            return Invited("already_member", found.id, _membership(row))
        count = connection.execute(select(func.count()).select_from(SpaceMember).where(self._here)).scalar() or 0
        if count >= MOST_MEMBERS:
            raise Conflict(f"A space has at most {MOST_MEMBERS} members.", limit=MOST_MEMBERS)
        # A membership that has expired is in the way of a new one.
        connection.execute(delete(SpaceMember).where(self._here, _of(found.id)))
        self._insert(connection, found.id, one.role, one.expires, actor.account_id, now_ms())
        rights_changed(connection)
        made = self._member(connection, found.id)
        record(connection, actor, _deed("member.invite", space, made, None, _told(one.role, one.expires)))
        return Invited("added", found.id, made)

    def _insert(
        self, connection: Connection, account_id: int, role: str, expires: int | None, by: int, now: int
    ) -> None:
        row = {"space_id": self._space_id, "account_id": account_id, "role": role, "expires": expires}
        connection.execute(insert(SpaceMember).values(invited_by=by, created=now, updated=now, **row))

    def _spare_last_owner(self, connection: Connection, account_id: int) -> None:
        others = (
            select(col(SpaceMember.account_id))
            .join(Account, col(Account.id) == col(SpaceMember.account_id))
            .where(self._here, _OWNS, col(SpaceMember.account_id) != account_id, col(Account.disabled) == 0)
            # So that of two owners who leave at once one waits for the other; SQLite has one writer anyway.
            .with_for_update()
        )
        if connection.execute(others).first() is None:
            raise Conflict(
                "The last owner stays: make somebody else an owner first, or delete the space.",
                account_id=str(account_id),
            )


_OWNS: Final = col(SpaceMember.role) == "owner"
_COLUMNS: Final[Collection[Any]] = (
    col(SpaceMember.account_id),
    func.coalesce(col(Account.name), "").label("name"),
    func.coalesce(col(Account.email), "").label("email"),
    col(Account.unique_name),
    func.coalesce(col(Account.avatar), "").label("avatar"),
    case((col(Account.disabled) == 0, 0), else_=1).label("disabled"),
    col(SpaceMember.role),
    col(SpaceMember.expires),
    col(SpaceMember.invited_by),
    col(SpaceMember.created),
)
_MEMBERS: Final[Any] = select(*_COLUMNS).outerjoin(Account, col(Account.id) == col(SpaceMember.account_id))


def _of(account_id: int) -> Any:
    return col(SpaceMember.account_id) == account_id


def _membership(row: Any) -> Membership:
    return Membership(**{**row._mapping, "disabled": bool(row.disabled)})


def _told(role: str, expires: int | None) -> dict[str, Any]:
    return {"role": role, "expires": expires}


def _deed(action: str, space: Space, who: Membership, before: Any, after: Any) -> Deed:
    return Deed(action, "account", who.account_id, who.name, before, after, org_id=space.org_id, space_id=space.id)


def _owners_stay() -> InvalidInput:
    return InvalidInput("Owners stay until somebody removes them: give no end.", field="expires")


def _no_account(account_id: int) -> NotFound:
    return NotFound("There is no such account.", account_id=str(account_id))
