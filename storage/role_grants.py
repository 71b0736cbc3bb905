"""Roles given: to an account, or to everybody of a department and below, in organisations or in one space."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, NotFound
from engine.values import Json
from storage.accounts import INSTANCE_ADMIN_ROLE, spare_the_last_administrator
from storage.audit import Actor, Deed, record
from storage.callers import departments_of, rights_changed
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.paging import Page, cursor_id, page_size
from storage.spaces import account_in_tree, space_row, tree_of
from storage.tables import Account, Department, Role, RoleGrant
from storage.tables.identity import SubjectKind

MOST_GRANTS: Final = 200
"""That one account or department has: each is read whenever somebody is known anew."""


@dataclass(frozen=True, slots=True)
class NewGrant:
    """To whom which role is given, where (organisation 0: the instance; space 0: not one alone), and until when."""

    role_id: int
    role_name: str
    role_revision: int
    """Of a role that an organisation made, as it was looked at; 0 for a built-in one."""
    subject_kind: SubjectKind
    subject_id: int
    org_id: int
    space_id: int = 0
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as lists show it. Built-in roles have no name here."""

    id: int
    role_id: int
    role_key: str
    role_name: str
    subject_kind: SubjectKind
    subject_id: int
    subject_name: str
    org_id: int
    space_id: int
    expires: int | None
    granted_by: int
    created: int


@dataclass(frozen=True, slots=True)
class Source:
    """A role that somebody has, and through what."""

    grant_id: int
    role_id: int
    role_key: str
    role_name: str
    permissions: tuple[str, ...]
    """Of a role that an organisation made."""
    org_id: int
    space_id: int
    department_id: int
    """Through which he has it; 0: it is given to him."""
    department_name: str
    expires: int | None


MayTake = Callable[[int, int, int], str]
"""Role, organisation, space: the role's name; raises when who asks may not take such a grant away."""


class GrantRepository:
    """All grants. Whoever calls it has looked who may give what where."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def give(self, new: NewGrant, actor: Actor) -> Grant:
        """Raises `Conflict` when the subject has it already, `NotFound` when there is no such subject in the tree."""

        def job(connection: Connection) -> int:
            return _give(connection, new, actor)

        try:
            made = await self._database.write(job)
        except IntegrityError:
            raise _had() from None
        return await self.get(made)

    async def get(self, grant_id: int) -> Grant:
        """Raises `NotFound`."""
        statement = _GRANTS.where(col(RoleGrant.id) == grant_id)
        row = await self._database.read(lambda connection: connection.execute(statement).one_or_none())
        if row is None:
            raise _missing(grant_id)
        return Grant(**row._mapping)

    async def page(
        self,
        org_ids: Collection[int],
        *,
        role_id: int | None = None,
        subject: tuple[SubjectKind, int] | None = None,
        space_id: int | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Grant]:
        """The grants that hold in these organisations and have not expired, the newest first."""
        statement = _GRANTS.where(col(RoleGrant.org_id).in_(org_ids), _lasts())
        if role_id is not None:
            statement = statement.where(col(RoleGrant.role_id) == role_id)
        if subject is not None:
            kind, number = subject
            statement = statement.where(col(RoleGrant.subject_kind) == kind, col(RoleGrant.subject_id) == number)
        if space_id is not None:
            statement = statement.where(col(RoleGrant.space_id) == space_id)
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(RoleGrant.id) < before)
        statement = statement.order_by(col(RoleGrant.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        items = [Grant(**row._mapping) for row in rows[:limit]]
        return Page(items, str(items[-1].id) if len(rows) > limit else None)

    async def take(self, grant_id: int, org_ids: Collection[int], actor: Actor, may: MayTake) -> None:
        """Raises `NotFound`, and `Conflict` for the grant of the last administrator of the instance."""

        def job(connection: Connection) -> None:
            wanted = _GRANTS.where(col(RoleGrant.id) == grant_id, col(RoleGrant.org_id).in_(org_ids))
            row = connection.execute(wanted).one_or_none()
            if row is None:
                raise _missing(grant_id)
            _take(connection, Grant(**row._mapping), actor, may)

        await self._database.write(job)

    async def assign(
        self, account_id: int, org_id: int, wanted: Sequence[NewGrant], actor: Actor, may: MayTake
    ) -> list[Grant]:
        """Let an account have exactly these roles in an organisation; those in single spaces stay as they are.

        Raises as `give` and `take`; then nothing is changed.
        """
        mine = _GRANTS.where(
            col(RoleGrant.subject_kind) == "account",
            col(RoleGrant.subject_id) == account_id,
            col(RoleGrant.org_id) == org_id,
            col(RoleGrant.space_id) == 0,
        )

        def job(connection: Connection) -> list[Grant]:
            if org_id and account_in_tree(connection, org_id, account_id=account_id) is None:
                raise NotFound("There is no such account.", account_id=str(account_id))
            now, ids = now_ms(), {one.role_id for one in wanted}
            known = [Grant(**row._mapping) for row in connection.execute(mine)]
            kept = {one.role_id for one in known if one.expires is None or one.expires > now}
            for one in wanted:
                if one.role_id not in kept:
                    _give(connection, one, actor)
            for had in known:
                if had.role_id in kept and had.role_id not in ids:
                    _take(connection, had, actor, may)
            return [Grant(**row._mapping) for row in connection.execute(mine.where(_lasts()))]

        return await self._database.write(job)

    async def sources(self, account_id: int) -> list[Source]:
        """All that an account has been given, or has through its departments, and that holds now."""
        return await self._database.read(lambda connection: _sources(connection, account_id))

    async def account(self, account_id: int, org_ids: Collection[int]) -> Account:
        """An account of one of these organisations. Raises `NotFound`."""
        wanted = select(col(Account.id), col(Account.org_id), col(Account.name), col(Account.email)).where(
            col(Account.id) == account_id, col(Account.org_id).in_(org_ids)
        )
        row = await self._database.read(lambda connection: connection.execute(wanted).one_or_none())
        if row is None:
            raise NotFound("There is no such account.", account_id=str(account_id))
        return Account(id=row.id, org_id=row.org_id, name=row.name, email=row.email, created=0, updated=0)


def _lasts() -> Any:
    return or_(col(RoleGrant.expires).is_(None), col(RoleGrant.expires) > now_ms())


def _give(connection: Connection, new: NewGrant, actor: Actor) -> int:
    subject = _subject(connection, new)
    if new.space_id and space_row(connection, new.space_id).kind != "team":
        raise Conflict("A personal space has its owner as its only member: nothing is given there.")
    same = (
        col(RoleGrant.subject_kind) == new.subject_kind,
        col(RoleGrant.subject_id) == new.subject_id,
        col(RoleGrant.role_id) == new.role_id,
        col(RoleGrant.org_id) == new.org_id,
        col(RoleGrant.space_id) == new.space_id,
    )
    # One that has expired is in the way of a new one.
    connection.execute(delete(RoleGrant).where(*same, col(RoleGrant.expires) <= now_ms()))
    if connection.execute(select(col(RoleGrant.id)).where(*same)).first() is not None:
        raise _had()
    if len(connection.execute(select(col(RoleGrant.id)).where(*same[:2])).all()) >= MOST_GRANTS:
        raise Conflict(f"Nobody has more than {MOST_GRANTS} roles.", limit=MOST_GRANTS)
    if new.role_revision:
        revision = connection.execute(select(col(Role.revision)).where(col(Role.id) == new.role_id)).scalar()
        if revision != new.role_revision:
            raise Conflict("The role has changed meanwhile: look at it again.", revision=revision)
    id_ = new_id()
    row: dict[str, Any] = {"id": id_, "org_id": new.org_id, "space_id": new.space_id, "role_id": new.role_id}
    row |= {"expires": new.expires, "subject_kind": new.subject_kind, "subject_id": new.subject_id}
    connection.execute(insert(RoleGrant).values(granted_by=actor.account_id, created=now_ms(), **row))
    rights_changed(connection)
    after: Json = {"role": new.role_name, "role_id": str(new.role_id), "expires": new.expires}
    target = (new.subject_kind, new.subject_id, subject)
    deed = Deed("role.grant", *target, None, after, org_id=new.org_id, space_id=new.space_id)
    record(connection, actor, deed)
    return id_


def _subject(connection: Connection, new: NewGrant) -> str:
    """The name of the subject, which belongs to the tree in which the role shall hold."""
    table: Any = Account if new.subject_kind == "account" else Department
    wanted = select(table.org_id, table.name).where(table.id == new.subject_id)
    row = connection.execute(wanted).one_or_none()
    if row is None or (new.org_id and row.org_id not in tree_of(connection, new.org_id)):
        raise NotFound(f"There is no such {new.subject_kind}.", **{f"{new.subject_kind}_id": str(new.subject_id)})
    return str(row.name)


def _take(connection: Connection, grant: Grant, actor: Actor, may: MayTake) -> None:
    name = may(grant.role_id, grant.org_id, grant.space_id)
    if grant.role_id == INSTANCE_ADMIN_ROLE and grant.org_id == 0 and grant.subject_kind == "account":
        spare_the_last_administrator(connection, grant.subject_id)
    connection.execute(delete(RoleGrant).where(col(RoleGrant.id) == grant.id))
    rights_changed(connection)
    before: Json = {"role": name, "role_id": str(grant.role_id), "expires": grant.expires}
    target = (grant.subject_kind, grant.subject_id, grant.subject_name)
    deed = Deed("role.take", *target, before, None, org_id=grant.org_id, space_id=grant.space_id)
    record(connection, actor, deed)


def _sources(connection: Connection, account_id: int) -> list[Source]:
    departments = departments_of(connection, account_id)
    mine = (col(RoleGrant.subject_kind) == "account") & (col(RoleGrant.subject_id) == account_id)
    ours = (col(RoleGrant.subject_kind) == "department") & col(RoleGrant.subject_id).in_(departments)
    rows = connection.execute(
        _GRANTS.add_columns(col(Role.permissions), col(Role.disabled))
        .where(mine | ours if departments else mine, _lasts())
        .order_by(None)
        .order_by(col(RoleGrant.id))
    ).all()
    return [
        Source(
            grant_id=row.id,
            role_id=row.role_id,
            role_key=row.role_key,
            role_name=row.role_name,
            permissions=tuple(map(str, row.permissions or ())),
            org_id=row.org_id,
            space_id=row.space_id,
            department_id=row.subject_id if row.subject_kind == "department" else 0,
            department_name=row.subject_name if row.subject_kind == "department" else "",
            expires=row.expires,
        )
        for row in rows
        if not row.disabled
    ]


def _had() -> Conflict:
    return Conflict("That role is given already, there and to the same.", field="role_id")


def _missing(grant_id: int) -> NotFound:
    return NotFound("There is no such grant.", grant_id=str(grant_id))


def _named(kind: str, table: Any) -> Any:
    return (col(RoleGrant.subject_kind) == kind) & (col(table.id) == col(RoleGrant.subject_id))


_GRANTS: Final[Any] = (
    select(
        col(RoleGrant.id),
        col(RoleGrant.role_id),
        func.coalesce(col(Role.key), "").label("role_key"),
        func.coalesce(col(Role.name), "").label("role_name"),
        col(RoleGrant.subject_kind),
        col(RoleGrant.subject_id),
        func.coalesce(col(Account.name), col(Department.name), "").label("subject_name"),
        col(RoleGrant.org_id),
        col(RoleGrant.space_id),
        col(RoleGrant.expires),
        col(RoleGrant.granted_by),
        col(RoleGrant.created),
    )
    .outerjoin(Role, col(Role.id) == col(RoleGrant.role_id))
    .outerjoin(Account, _named("account", Account))
    .outerjoin(Department, _named("department", Department))
)
