"""The roles that organisations make themselves: permissions under a name, as texts that the API understands."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, NotFound
from storage.audit import Actor, Deed, record
from storage.callers import rights_changed
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.naming import checked_key, checked_name, key_from
from storage.paging import Page, cursor_id, fetch, page_size
from storage.tables import Organisation, Role, RoleGrant
from storage.tables.identity import RoleDomain

MOST_ROLES: Final = 500
"""Of one organisation."""

_CHANGED: Final = frozenset({"name", "description", "permissions", "disabled"})


@dataclass(frozen=True, slots=True)
class NewRole:
    """All that a role is made of."""

    org_id: int
    name: str
    domain: RoleDomain
    permissions: Collection[str]
    key: str = ""
    description: str = ""


class RoleRepository:
    """The roles of organisations. Whoever calls it has looked which of them may be seen, and what may stand in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewRole, actor: Actor) -> Role:
        """A new role. Without a key it gets one like its name. Raises `Conflict` when the key is taken."""
        id_, now = new_id(), now_ms()
        row: dict[str, Any] = {
            "id": id_,
            "org_id": new.org_id,
            "key": checked_key(new.key) if new.key else key_from(new.name) or f"role-{id_}",
            "name": checked_name(new.name),
            "domain": new.domain,
            "description": new.description,
            "permissions": sorted(new.permissions),
            "disabled": 0,
            "revision": 1,
            "created_by": actor.account_id,
            "created": now,
            "updated": now,
        }

        def job(connection: Connection) -> None:
            count = select(func.count()).select_from(Role).where(col(Role.org_id) == new.org_id)
            if (connection.execute(count).scalar() or 0) >= MOST_ROLES:
                raise Conflict(f"An organisation has at most {MOST_ROLES} roles of its own.", limit=MOST_ROLES)
            connection.execute(insert(Role).values(row))
            record(connection, actor, _deed("role.create", row, None, _told(row)))

        try:
            await self._database.write(job)
        except IntegrityError:
            if new.key:
                sentence = "Another role of this organisation has this key."
                raise Conflict(sentence, field="key", key=row["key"]) from None
            row["key"] = f"{row['key'][:43]}-{id_}"
            await self._database.write(job)
        return await self.get(id_, [new.org_id])

    async def get(self, role_id: int, org_ids: Collection[int]) -> Role:
        """A role of one of these organisations. Raises `NotFound`."""
        return await self._database.read(lambda connection: role_row(connection, role_id, org_ids))

    async def page(
        self,
        org_ids: Collection[int],
        *,
        domain: str | None = None,
        disabled: bool | None = None,
        search: str = "",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Role]:
        """The roles of these organisations, the newest first."""
        statement = select(Role).where(col(Role.org_id).in_(org_ids))
        if domain is not None:
            statement = statement.where(col(Role.domain) == domain)
        if disabled is not None:
            statement = statement.where(col(Role.disabled) == int(disabled))
        if search:
            places = (col(Role.name), col(Role.key), col(Role.description))
            statement = statement.where(or_(*(place.icontains(search, autoescape=True) for place in places)))
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(Role.id) < before)
        statement = statement.order_by(col(Role.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: fetch(connection, statement))
        return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)

    async def change(self, role_id: int, org_ids: Collection[int], changes: Mapping[str, Any], *, revision: int,
                     actor: Actor) -> Role:  # fmt: skip
        """Change some of it; whoever has the role has what it says from the next request on.

        Raises `NotFound`, and `Conflict` when `revision` is no longer the stored one.
        """
        values = {name: value for name, value in changes.items() if name in _CHANGED}
        if "name" in values:
            values["name"] = checked_name(values["name"])
        if "permissions" in values:
            values["permissions"] = sorted(values["permissions"])
        if "disabled" in values:
            values["disabled"] = int(values["disabled"])

        def job(connection: Connection) -> None:
            before = role_row(connection, role_id, org_ids)
            change = update(Role).where(col(Role.id) == role_id, col(Role.revision) == revision)
            made = {**values, "revision": revision + 1, "updated": now_ms()}
            if connection.execute(change.values(made)).rowcount == 0:
                raise Conflict("The role has changed since you opened it.", revision=before.revision)
            rights_changed(connection)
            known = {name: getattr(before, name) for name in values}
            record(connection, actor, _deed("role.change", before.model_dump(), known, values))

        await self._database.write(job)
        return await self.get(role_id, org_ids)

    async def delete(self, role_id: int, org_ids: Collection[int], actor: Actor) -> None:
        """Take a role away that nobody has. Raises `NotFound`, and `Conflict` with how many have it."""

        def job(connection: Connection) -> None:
            role = role_row(connection, role_id, org_ids)
            lasts = or_(col(RoleGrant.expires).is_(None), col(RoleGrant.expires) > now_ms())
            used = select(func.count()).select_from(RoleGrant).where(col(RoleGrant.role_id) == role_id, lasts)
            if count := connection.execute(used).scalar() or 0:
                given = "is given once" if count == 1 else f"is given {count} times"
                raise Conflict(f"The role {given}: take it from whoever has it first, or disable it.", grants=count)
            connection.execute(delete(RoleGrant).where(col(RoleGrant.role_id) == role_id))
            connection.execute(delete(Role).where(col(Role.id) == role_id))
            rights_changed(connection)
            row = role.model_dump()
            record(connection, actor, _deed("role.delete", row, _told(row), None))

        await self._database.write(job)

    async def parents(self) -> dict[int, int | None]:
        """The tree of all organisations, by their parents."""
        lives = col(Organisation.deleted_at).is_(None)
        tree = select(col(Organisation.id), col(Organisation.parent_id)).where(lives)
        return await self._database.read(lambda connection: {row.id: row.parent_id for row in connection.execute(tree)})


def role_row(connection: Connection, role_id: int, org_ids: Collection[int]) -> Role:
    """A role of one of these organisations. Raises `NotFound`."""
    found = fetch(connection, select(Role).where(col(Role.id) == role_id, col(Role.org_id).in_(org_ids)))
    if not found:
        raise NotFound("There is no such role.", role_id=str(role_id))
    return found[0]


def above(parents: Mapping[int, int | None], org_ids: Collection[int]) -> frozenset[int]:
    """The organisations and all that stand above them."""
    found: set[int] = set()
    for one in org_ids:
        here: int | None = one
        while here and here not in found:
            found.add(here)
            here = parents.get(here)
    return frozenset(found)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("key", "name", "domain", "permissions", "disabled")}


def _deed(action: str, row: Mapping[str, Any], before: Any, after: Any) -> Deed:
    return Deed(action, "role", row["id"], row["name"], before, after, org_id=row["org_id"], space_id=0)
