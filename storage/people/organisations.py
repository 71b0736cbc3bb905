"""The tree of organisations: groups, their companies, their branches. Each is a tenant with spaces of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from engine.values import Json
from storage.audit import Actor, Deed, record
from storage.callers import rights_changed
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id, read_id
from storage.naming import checked_key, key_from
from storage.organisations import DEFAULT_KEY
from storage.paging import Page, cursor_id, fetch, page_size
from storage.people.contents import contents_of
from storage.people.given import MayGive, holding_in
from storage.people.trees import chain, check_depth, check_move, check_order, checked_title, hold_trees
from storage.tables import AccessToken, Department, Employee, Organisation, RoleGrant, Space

DEEPEST: Final = 10
_RANKS: Final = ("group", "company", "branch")


@dataclass(frozen=True, slots=True)
class NewOrganisation:
    """All that an organisation is made of. Without a key it gets one like its name."""

    name: str
    key: str = ""
    kind: str = "company"
    parent_id: int | None = None


class OrganisationTree:
    """All organisations. Which of them somebody may see is said with every call: `within`, their ids."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, ref: str, within: Collection[int]) -> Organisation:
        """One by its id or key. Raises `NotFound` also for one that is not within."""
        which = col(Organisation.key) == ref if (id_ := read_id(ref)) is None else col(Organisation.id) == id_
        statement = select(Organisation).where(which, _LIVES)
        found = await self._database.read(lambda connection: fetch(connection, statement))
        if not found or found[0].id not in within:
            raise no_organisation(ref)
        return found[0]

    async def all(self, within: Collection[int]) -> list[Organisation]:
        """Every one, siblings in their order."""
        statement = select(Organisation).where(_LIVES).order_by(col(Organisation.position), col(Organisation.id))
        found = await self._database.read(lambda connection: fetch(connection, statement))
        return [one for one in found if one.id in within]

    async def page(
        self,
        within: Collection[int],
        *,
        search: str = "",
        parent_id: int | None = None,
        kind: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Organisation]:
        """The newest first; `search` is a part of a name or key."""
        statement = select(Organisation).where(_LIVES, col(Organisation.id).in_(within))
        if search:
            places = (col(Organisation.name), col(Organisation.key))
            statement = statement.where(or_(*(place.icontains(search, autoescape=True) for place in places)))
        if parent_id is not None:
            statement = statement.where(col(Organisation.parent_id) == parent_id)
        if kind is not None:
            statement = statement.where(col(Organisation.kind) == kind)
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(Organisation.id) < before)
        statement = statement.order_by(col(Organisation.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: fetch(connection, statement))
        return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)

    async def departments(self, within: Collection[int]) -> dict[int, list[Department]]:
        """The departments of each, siblings in their order."""
        mine = select(Department).where(col(Department.org_id).in_(within))
        statement = mine.order_by(col(Department.position), col(Department.id))
        found: dict[int, list[Department]] = {}
        for one in await self._database.read(lambda connection: fetch(connection, statement)):
            found.setdefault(one.org_id, []).append(one)
        return found

    async def employees(self) -> dict[int, int]:
        """How many people work in each now, not in those below it."""
        working = select(col(Employee.org_id), func.count()).where(col(Employee.state) == "active")
        statement = working.group_by(col(Employee.org_id))
        return await self._database.read(lambda connection: {row[0]: row[1] for row in connection.execute(statement)})

    # --- changes ------------------------------------------------------------------------------------------------------

    async def create(self, new: NewOrganisation, actor: Actor) -> Organisation:
        """A new one, with a first space. Raises `NotFound` without the parent, and `Conflict` where a name or key is
        taken, or its kind does not stand there.
        """
        id_, now, name = new_id(), now_ms(), checked_title(new.name)
        key = _checked_key(new.key) if new.key else _key_from(name) or f"organisation-{id_}"

        def job(connection: Connection) -> None:
            hold_trees(connection)
            tree = _tree(connection)
            if new.parent_id is not None and new.parent_id not in tree:
                raise no_organisation(new.parent_id, "parent_id")
            check_depth(len(chain(_parents(tree), new.parent_id)) + 1 if new.parent_id else 1, DEEPEST)
            _check_kind(new.kind, tree[new.parent_id].kind if new.parent_id else None)
            _check_name(tree, new.parent_id, name)
            taken = connection.scalar(select(col(Organisation.id)).where(col(Organisation.key) == key))
            if taken is not None and new.key:
                raise Conflict("Another organisation has this key.", field="key", key=key)
            row = {"id": id_, "key": key if taken is None else f"{key[:43]}-{id_}", "name": name, "kind": new.kind}
            row |= {"parent_id": new.parent_id, "position": _next_position(tree, new.parent_id)}
            connection.execute(insert(Organisation).values(created=now, updated=now, **row))
            space = {"id": new_id(), "org_id": id_, "key": DEFAULT_KEY, "name": name, "created_by": actor.account_id}
            connection.execute(insert(Space).values(created=now, **space))
            rights_changed(connection)
            record(connection, actor, _deed("create", id_, name, after=_told(row)))

        await self._database.write(job)
        return await self.get(str(id_), {id_})

    async def change(
        self, org_id: int, *, name: str | None = None, kind: str | None = None, actor: Actor
    ) -> Organisation:
        """Change what is given; the rest stays. Raises `NotFound` or `Conflict`."""
        name = None if name is None else checked_title(name)

        def job(connection: Connection) -> None:
            hold_trees(connection)
            tree = _tree(connection)
            old = _standing(tree, org_id)
            values: dict[str, Any] = {}
            if name is not None and name != old.name:
                _check_name(tree, old.parent_id, name)
                values["name"] = name
            if kind is not None and kind != old.kind:
                _check_kind(kind, tree[old.parent_id].kind if old.parent_id else None)
                for child in tree.values():
                    if child.parent_id == org_id:
                        _check_kind(child.kind, kind)
                values["kind"] = kind
            if values:
                _update(connection, org_id, values)
                before = {word: getattr(old, word) for word in values}
                record(connection, actor, _deed("change", org_id, old.name, before, values))

        await self._database.write(job)
        return await self.get(str(org_id), {org_id})

    async def move(self, org_id: int, parent_id: int | None, actor: Actor, may_give: MayGive) -> Organisation:
        """Let it stand below another, as the last there, or at the top. Raises `NotFound`, `Conflict`, or as `may_give`
        about the roles that begin to hold in it.
        """

        def job(connection: Connection) -> None:
            hold_trees(connection)
            tree = _tree(connection)
            old = _standing(tree, org_id)
            if parent_id is not None and parent_id not in tree:
                raise no_organisation(parent_id, "parent_id")
            if parent_id == old.parent_id:
                return
            parents = _parents(tree)
            check_move(parents, org_id, parent_id, deepest=DEEPEST)
            _check_kind(old.kind, tree[parent_id].kind if parent_id else None)
            _check_name(tree, parent_id, old.name)
            above = [{*chain(parents, one)} if one else set() for one in (parent_id, old.parent_id)]
            may_give(holding_in(connection, above[0] - above[1]))
            _update(connection, org_id, {"parent_id": parent_id, "position": _next_position(tree, parent_id)})
            rights_changed(connection)
            before, after = _told({"parent_id": old.parent_id}), _told({"parent_id": parent_id})
            record(connection, actor, _deed("move", org_id, old.name, before, after))

        await self._database.write(job)
        return await self.get(str(org_id), {org_id})

    async def sort(self, parent_id: int | None, order: list[int], actor: Actor) -> None:
        """The order of what stands below one, or at the top. Raises `InvalidInput` unless every child is named once."""

        def job(connection: Connection) -> None:
            hold_trees(connection)
            tree = _tree(connection)
            if parent_id is not None:
                _standing(tree, parent_id)
            check_order([one.id for one in _below(tree, parent_id)], order, "organisations")
            for position, one in enumerate(order):
                _update(connection, one, {"position": position})
            name = tree[parent_id].name if parent_id else ""
            record(connection, actor, _deed("sort", parent_id or 0, name, after=[str(one) for one in order]))

        await self._database.write(job)

    async def delete(self, org_id: int, actor: Actor) -> None:
        """Take an empty one out of sight; its key is free again. Raises `Conflict`, whose facts say what is in it."""

        def job(connection: Connection) -> None:
            hold_trees(connection)
            tree = _tree(connection)
            old = _standing(tree, org_id)
            if old.key == DEFAULT_KEY:
                raise Conflict("The organisation of the first start cannot be deleted.", organisation=str(org_id))
            counts = Counter({"organisations": len(_below(tree, org_id)), **contents_of(connection, org_id)})
            if found := {what: count for what, count in counts.items() if count}:
                told = ", ".join(f"{count} {what}" for what, count in found.items())
                raise Conflict(f"The organisation is not empty: {told}.", contents={**found})
            now = now_ms()
            for grants in (RoleGrant, AccessToken):
                connection.execute(delete(grants).where(col(grants.org_id) == org_id))
            connection.execute(update(Space).where(col(Space.org_id) == org_id).values(deleted_at=now))
            # No key has a tilde, so that this one clashes with none.
            _update(connection, org_id, {"deleted_at": now, "key": f"{old.key}~{org_id}"})
            rights_changed(connection)
            # Told above: whoever saw it from there goes on seeing what became of it.
            deed = _deed("delete", org_id, old.name, before=_told(old._asdict()), where=old.parent_id or 0)
            record(connection, actor, deed)

        await self._database.write(job)


def no_organisation(ref: str | int, field: str = "") -> NotFound:
    """There is none, or it is not yours to see."""
    facts: dict[str, Json] = {"field": field} if field else {}
    return NotFound("There is no such organisation.", organisation=str(ref)[:100], **facts)


def check_organisation(connection: Connection, org_id: int) -> None:
    """Whether it is there to put something into. Raises `NotFound`."""
    if connection.scalar(select(col(Organisation.id)).where(col(Organisation.id) == org_id, _LIVES)) is None:
        raise no_organisation(org_id)


# --- within -----------------------------------------------------------------------------------------------------------

_LIVES: Final = col(Organisation.deleted_at).is_(None)
_COLUMNS: Final = (
    col(Organisation.id),
    col(Organisation.parent_id),
    col(Organisation.key),
    col(Organisation.name),
    col(Organisation.kind),
    col(Organisation.position),
)


def _tree(connection: Connection) -> dict[int, Any]:
    return {row.id: row for row in connection.execute(select(*_COLUMNS).where(_LIVES))}


def _parents(tree: Mapping[int, Any]) -> dict[int, int | None]:
    return {one: row.parent_id for one, row in tree.items()}


def _below(tree: Mapping[int, Any], parent_id: int | None) -> list[Any]:
    return [row for row in tree.values() if row.parent_id == parent_id]


def _standing(tree: Mapping[int, Any], org_id: int) -> Any:
    if org_id not in tree:
        raise no_organisation(org_id)
    return tree[org_id]


def _next_position(tree: Mapping[int, Any], parent_id: int | None) -> int:
    return max((row.position for row in _below(tree, parent_id)), default=-1) + 1


def _check_name(tree: Mapping[int, Any], parent_id: int | None, name: str) -> None:
    if any(row.name == name for row in _below(tree, parent_id)):
        raise Conflict("Another organisation there has this name.", field="name", name=name)


def _check_kind(kind: str, above: str | None) -> None:
    """Groups hold anything, companies hold companies and branches, branches hold branches and stand in something."""
    if kind not in _RANKS:
        raise InvalidInput("An organisation is a group, a company or a branch.", field="kind")
    if above is None and kind == "branch":
        raise Conflict("A branch stands below a group, a company or another branch.", field="kind")
    if above is not None and _RANKS.index(kind) < _RANKS.index(above):
        raise Conflict(f"A {kind} does not stand below a {above}.", field="kind", kind=kind, above=above)


def _checked_key(key: str) -> str:
    if read_id(key) is not None:
        raise InvalidInput("The key of an organisation is no number: that would be taken for an id.", field="key")
    return checked_key(key)


def _key_from(name: str) -> str:
    key = key_from(name)
    return key if read_id(key) is None else ""


def _update(connection: Connection, org_id: int, values: Mapping[str, Any]) -> None:
    change = update(Organisation).where(col(Organisation.id) == org_id)
    connection.execute(change.values(updated=now_ms(), **values))


def _text(id_: int | None) -> str | None:
    return None if id_ is None else str(id_)


def _told(row: Mapping[str, Any]) -> dict[str, Json]:
    words = [word for word in ("key", "name", "kind", "parent_id") if word in row]
    return {word: _text(row[word]) if word == "parent_id" else row[word] for word in words}


def _deed(
    action: str, org_id: int, name: str, before: Json = None, after: Json = None, where: int | None = None
) -> Deed:
    place = org_id if where is None else where
    return Deed(f"organisation.{action}", "organisation", org_id, name, before, after, org_id=place, space_id=0)
