"""Spaces: made, found, changed, taken out of sight and brought back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from storage.audit import Actor, Deed, record
from storage.callers import descendants, rights_changed
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id, read_id
from storage.naming import checked_key, checked_name, key_from
from storage.organisations import DEFAULT_KEY
from storage.paging import Page, cursor_id, fetch, page_size
from storage.tables import Account, Organisation, Space, SpaceMember

MOST_OF_ONE: Final = 500
"""Team spaces that one account makes: each costs little, but nobody means thousands."""

_CHANGED: Final = frozenset({"name", "description", "icon"})
_TREE: Final = select(col(Organisation.id), col(Organisation.parent_id)).where(col(Organisation.deleted_at).is_(None))


@dataclass(frozen=True, slots=True)
class NewSpace:
    """All that a team space is made of. Owner 0: nobody yet."""

    org_id: int
    owner_id: int
    name: str
    key: str = ""
    description: str = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Seat:
    """A space, and what somebody is in it: empty when he is no member."""

    space: Space
    role: str = ""
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """Spaces that somebody may enter without being a member: some by themselves, and all team spaces of some
    organisations.
    """

    space_ids: Collection[int] = ()
    org_ids: Collection[int] = ()


NOWHERE: Final = Reach()


class SpaceRepository:
    """All spaces. Whoever calls it has looked which of them may be seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewSpace, actor: Actor) -> Space:
        """A new team space, with its owner in it. Without a key it gets one like its name.

        Raises `Conflict` when the key is taken, or its maker has made very many.
        """
        id_, now = new_id(), now_ms()
        row: dict[str, Any] = {
            "id": id_,
            "org_id": new.org_id,
            "key": _checked(new.key) if new.key else _key_from(new.name) or f"space-{id_}",
            "name": checked_name(new.name),
            "kind": "team",
            "description": new.description,
            "icon": new.icon,
            "created_by": actor.account_id,
            "created": now,
            "updated": now,
        }

        def job(connection: Connection) -> None:
            _check_number(connection, actor.account_id)
            connection.execute(insert(Space).values(row))
            if new.owner_id:
                member = {"space_id": id_, "account_id": new.owner_id, "role": "owner", "created": now, "updated": now}
                connection.execute(insert(SpaceMember).values(invited_by=actor.account_id, **member))
            rights_changed(connection)
            after = {"key": row["key"], "name": row["name"], "owner_id": str(new.owner_id or "")}
            record(connection, actor, _deed("space.create", row, after=after))

        try:
            await self._database.write(job)
        except IntegrityError:
            if new.key:
                sentence = "Another space of this organisation has this key."
                raise Conflict(sentence, field="key", key=row["key"]) from None
            row["key"] = f"{row['key'][:43]}-{id_}"
            await self._database.write(job)
        return await self.get(id_)

    async def get(self, space_id: int) -> Space:
        """Raises `NotFound`."""
        return await self._database.read(lambda connection: space_row(connection, space_id))

    async def seat(self, space_id: int, account_id: int) -> Seat:
        """A space, and what an account is in it. Raises `NotFound`."""

        def query(connection: Connection) -> Seat:
            found = space_row(connection, space_id)
            role = connection.execute(
                select(col(SpaceMember.role), col(SpaceMember.expires)).where(
                    col(SpaceMember.space_id) == space_id,
                    col(SpaceMember.account_id) == account_id,
                    lasting(now_ms()),
                )
            ).one_or_none()
            return Seat(found) if role is None else Seat(found, role.role, role.expires)

        return await self._database.read(query)

    async def mine(
        self,
        account_id: int,
        *,
        reach: Reach = NOWHERE,
        only: Collection[int] = (),
        search: str = "",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Seat]:
        """The spaces that an account may enter, the newest first; `only` names those that its token opens."""
        here = col(SpaceMember.role).is_not(None)
        also: list[Any] = [col(Space.id).in_(reach.space_ids)] if reach.space_ids else []
        if reach.org_ids:
            also.append(col(Space.org_id).in_(reach.org_ids) & (col(Space.kind) == "team"))
        wanted: list[Any] = [or_(here, *also), col(Space.deleted_at).is_(None)]
        if only:
            wanted.append(col(Space.id).in_(only))
        return await self._page(account_id, wanted, search, cursor, limit)

    async def all(
        self,
        account_id: int,
        org_ids: Collection[int],
        *,
        deleted: bool = False,
        search: str = "",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Seat]:
        """The spaces of some organisations, the newest first, with what an account is in each."""
        gone = col(Space.deleted_at)
        wanted: list[Any] = [col(Space.org_id).in_(org_ids), gone.is_not(None) if deleted else gone.is_(None)]
        return await self._page(account_id, wanted, search, cursor, limit)

    async def change(self, space_id: int, changes: Mapping[str, str], actor: Actor) -> Space:
        """Change its name, description or icon. Raises `NotFound`."""
        values = {name: value for name, value in changes.items() if name in _CHANGED}
        if "name" in values:
            values["name"] = checked_name(values["name"])

        def job(connection: Connection) -> None:
            before = space_row(connection, space_id)
            if values:
                change = update(Space).where(col(Space.id) == space_id).values(updated=now_ms(), **values)
                connection.execute(change)
                known = {name: getattr(before, name) for name in values}
                deed = _deed("space.change", before.model_dump(), before=known, after=dict(values))
                record(connection, actor, deed)

        await self._database.write(job)
        return await self.get(space_id)

    async def delete(self, space_id: int, actor: Actor) -> None:
        """Take a team space out of sight; its key is free again, its rows stay, and its runs go on.

        Raises `NotFound`, or `Conflict` for a personal or the default space.
        """

        def job(connection: Connection) -> None:
            space = space_row(connection, space_id)
            if space.kind != "team":
                raise Conflict("A personal space lives as long as its account: it cannot be deleted.")
            if space.key == DEFAULT_KEY:
                raise Conflict("The default space of an organisation cannot be deleted.")
            # No key has a tilde, so that this one clashes with none.
            gone = {"deleted_at": now_ms(), "key": f"{space.key}~{space_id}"}
            connection.execute(update(Space).where(col(Space.id) == space_id).values(gone))
            rights_changed(connection)
            record(connection, actor, _deed("space.delete", space.model_dump()))

        await self._database.write(job)

    async def restore(self, space_id: int, org_ids: Collection[int], actor: Actor) -> Space:
        """Bring a deleted space of some organisations back, with its members; when its key is another's by now it gets
        a longer one. Raises `NotFound`.
        """

        def job(connection: Connection) -> None:
            gone = select(Space).where(
                col(Space.id) == space_id, col(Space.org_id).in_(org_ids), col(Space.deleted_at).is_not(None)
            )
            found = fetch(connection, gone)
            if not found:
                raise NotFound("There is no such deleted space.", space_id=str(space_id))
            key = found[0].key.partition("~")[0]
            taken = select(col(Space.id)).where(col(Space.org_id) == found[0].org_id, col(Space.key) == key)
            if connection.execute(taken).first() is not None:
                key = f"{key[:43]}-{space_id}"
            back = {"deleted_at": None, "key": key, "updated": now_ms()}
            connection.execute(update(Space).where(col(Space.id) == space_id).values(back))
            rights_changed(connection)
            record(connection, actor, _deed("space.restore", found[0].model_dump(), after={"key": key}))

        await self._database.write(job)
        return await self.get(space_id)

    async def home_of(self, account_id: int) -> int:
        """The organisation in which an account is at home. Raises `NotFound`."""
        wanted = select(col(Account.org_id)).where(col(Account.id) == account_id)
        found = await self._database.read(lambda connection: connection.execute(wanted).scalar())
        if found is None:
            raise _no_account()
        return int(found)

    async def account_in(self, org_id: int, who: int | str) -> int:
        """The id of an account, named by id or e-mail, of an organisation's tree. Raises `NotFound`."""

        def query(connection: Connection) -> Any:
            if isinstance(who, int):
                return account_in_tree(connection, org_id, account_id=who)
            return account_in_tree(connection, org_id, email=who)

        found = await self._database.read(query)
        if found is None:
            raise _no_account()
        return int(found.id)

    async def _page(
        self, account_id: int, wanted: Iterable[Any], search: str, cursor: str | None, limit: int
    ) -> Page[Seat]:
        join = (col(SpaceMember.space_id) == col(Space.id)) & (col(SpaceMember.account_id) == account_id)
        statement = (
            select(*Space.__table__.columns, col(SpaceMember.role), col(SpaceMember.expires).label("ends"))  # type: ignore[attr-defined]
            .outerjoin(SpaceMember, join & lasting(now_ms()))
            .where(*wanted)
        )
        if search:
            places = (col(Space.name), col(Space.key), col(Space.description))
            statement = statement.where(or_(*(place.icontains(search, autoescape=True) for place in places)))
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(Space.id) < before)
        statement = statement.order_by(col(Space.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: connection.execute(statement).mappings().all())
        items = [
            Seat(Space(**{one.name: row[one.name] for one in Space.__table__.columns}), row["role"] or "", row["ends"])  # type: ignore[attr-defined]
            for row in rows[:limit]
        ]
        return Page(items, str(items[-1].space.id) if len(rows) > limit else None)


def space_row(connection: Connection, space_id: int) -> Space:
    """A space that is not deleted. Raises `NotFound`."""
    found = fetch(connection, select(Space).where(col(Space.id) == space_id, col(Space.deleted_at).is_(None)))
    if not found:
        raise NotFound("There is no such space.", space_id=str(space_id))
    return found[0]


def lasting(now: int) -> Any:
    """The memberships that have not expired."""
    return or_(col(SpaceMember.expires).is_(None), col(SpaceMember.expires) > now)


def tree_of(connection: Connection, org_id: int) -> frozenset[int]:
    """An organisation with all that stand in one tree with it: whose people may work together."""
    parents: dict[int, int | None] = {row.id: row.parent_id for row in connection.execute(_TREE)}
    root, seen = org_id, {org_id}
    while (above := parents.get(root)) and above not in seen:
        root = above
        seen.add(root)
    return descendants(parents, [root])


def account_in_tree(connection: Connection, org_id: int, *, account_id: int | None = None, email: str = "") -> Any:
    """Id, name, e-mail and `disabled` of an account of an organisation's tree; None when there is none."""
    which = col(Account.email) == email if account_id is None else col(Account.id) == account_id
    row = connection.execute(
        select(
            col(Account.id), col(Account.org_id), col(Account.name), col(Account.email), col(Account.disabled)
        ).where(which)
    ).one_or_none()
    return row if row is not None and row.org_id in tree_of(connection, org_id) else None


def _check_number(connection: Connection, account_id: int) -> None:
    made = (
        select(func.count())
        .select_from(Space)
        .where(col(Space.created_by) == account_id, col(Space.kind) == "team", col(Space.deleted_at).is_(None))
    )
    if account_id and (connection.execute(made).scalar() or 0) >= MOST_OF_ONE:
        raise Conflict(f"An account makes at most {MOST_OF_ONE} spaces: delete some first.", limit=MOST_OF_ONE)


def _no_account() -> NotFound:
    return NotFound("There is no such account.")


def _checked(key: str) -> str:
    if read_id(key) is not None:
        raise InvalidInput("The key of a space is no number: that would be taken for an id.", field="key")
    if key == DEFAULT_KEY:
        raise InvalidInput("That key is for the space an organisation begins with.", field="key")
    return checked_key(key)


def _key_from(name: str) -> str:
    key = key_from(name)
    return key if read_id(key) is None and key != DEFAULT_KEY else ""


def _deed(action: str, row: Mapping[str, Any], **what: Any) -> Deed:
    return Deed(action, "space", row["id"], row["name"], org_id=row["org_id"], space_id=row["id"], **what)
