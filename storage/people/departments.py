"""The departments of an organisation: a tree, in which what a department is given all those below it have too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from engine.values import Json
from storage.audit import Actor, Deed, record
from storage.callers import descendants, rights_changed
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.paging import Page, cursor_id, fetch, page_size
from storage.people.given import MayGive, given_by
from storage.people.organisations import check_organisation
from storage.people.trees import chain, check_depth, check_move, check_order, checked_title, hold_trees
from storage.tables import Department, Employee, EmployeeDepartment, RoleGrant

DEEPEST: Final = 20
_LONGEST_CODE: Final = 32


@dataclass(frozen=True, slots=True)
class NewDepartment:
    """All that a department is made of. `parent_id` 0: it stands right below the organisation."""

    name: str
    parent_id: int = 0
    code: str | None = None
    description: str = ""
    leader_id: int | None = None


class DepartmentRepository:
    """The departments of one organisation."""

    def __init__(self, database: Database, org_id: int) -> None:
        self._database = database
        self._org_id = org_id

    async def get(self, department_id: int) -> Department:
        """Raises `NotFound`."""
        statement = select(Department).where(self._mine, col(Department.id) == department_id)
        found = await self._database.read(lambda connection: fetch(connection, statement))
        if not found:
            raise no_department(department_id)
        return found[0]

    async def all(self) -> list[Department]:
        """Every one, siblings in their order."""
        order = (col(Department.position), col(Department.id))
        statement = select(Department).where(self._mine).order_by(*order)
        return await self._database.read(lambda connection: fetch(connection, statement))

    async def page(
        self,
        *,
        search: str = "",
        parent_id: int | None = None,
        disabled: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Department]:
        """The newest first; `search` is a part of a name or code, `parent_id` 0 those right below the organisation."""
        statement = select(Department).where(self._mine)
        if search:
            places = (col(Department.name), col(Department.code))
            statement = statement.where(or_(*(place.icontains(search, autoescape=True) for place in places)))
        if parent_id is not None:
            statement = statement.where(col(Department.parent_id) == parent_id)
        if disabled is not None:
            statement = statement.where(col(Department.disabled) == int(disabled))
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(Department.id) < before)
        statement = statement.order_by(col(Department.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: fetch(connection, statement))
        return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)

    async def chains(self) -> dict[int, list[str]]:
        """The names of every department and of all above it, the topmost first."""
        statement = select(col(Department.id), col(Department.parent_id), col(Department.name)).where(self._mine)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return names_down_to(rows)

    async def employees(self) -> dict[int, int]:
        """How many people work in each department and in those below it; who works in two of them counts once."""
        places = (
            select(col(EmployeeDepartment.department_id), col(EmployeeDepartment.employee_id))
            .join(Department, col(Department.id) == col(EmployeeDepartment.department_id))
            .where(self._mine, col(EmployeeDepartment.active) == 1)
        )

        def query(connection: Connection) -> dict[int, int]:
            tree = _parents(connection, self._org_id)
            above = {one: chain(tree, one) for one in tree}
            people: dict[int, set[int]] = {one: set() for one in tree}
            for department, employee in connection.execute(places):
                for one in above[department]:
                    people[one].add(employee)
            return {one: len(found) for one, found in people.items()}

        return await self._database.read(query)

    # --- changes ------------------------------------------------------------------------------------------------------

    async def create(self, new: NewDepartment, actor: Actor) -> Department:
        """A new one, the last where it stands. Raises `NotFound` for a parent or leader who is not there, `Conflict`
        where the name or code is taken.
        """
        id_, now = new_id(), now_ms()
        row: dict[str, Any] = {"id": id_, "org_id": self._org_id, "name": checked_title(new.name)}
        row |= {"parent_id": new.parent_id, "code": _checked_code(new.code), "description": new.description}

        def job(connection: Connection) -> None:
            hold_trees(connection)
            check_organisation(connection, self._org_id)
            tree = _parents(connection, self._org_id)
            if new.parent_id and new.parent_id not in tree:
                raise no_department(new.parent_id, "parent_id")
            check_depth(len(chain(tree, new.parent_id)) + 1, DEEPEST)
            self._check_name(connection, row["name"], new.parent_id)
            self._check_code(connection, row["code"])
            self._check_leader(connection, new.leader_id)
            row["position"] = self._next_position(connection, new.parent_id)
            values = {**row, "leader_id": new.leader_id, "disabled": 0, "created": now, "updated": now}
            connection.execute(insert(Department).values(values))
            rights_changed(connection)
            record(connection, actor, self._deed("create", id_, row["name"], after=_told(values)))

        await self._database.write(job)
        return await self.get(id_)

    async def change(self, department_id: int, changes: Mapping[str, Any], actor: Actor) -> Department:
        """Change its `name`, `code`, `description`, `leader_id` or `disabled`; what is not named stays.

        Raises `NotFound` or `Conflict`.
        """
        values = {word: changes[word] for word in _CHANGED if word in changes}
        if "name" in values:
            values["name"] = checked_title(values["name"])
        if "code" in values:
            values["code"] = _checked_code(values["code"])
        if "disabled" in values:
            values["disabled"] = int(values["disabled"])

        def job(connection: Connection) -> None:
            hold_trees(connection)
            old = self._row(connection, department_id)
            made = {word: value for word, value in values.items() if value != getattr(old, word)}
            if "name" in made:
                self._check_name(connection, made["name"], old.parent_id)
            if "code" in made:
                self._check_code(connection, made["code"])
            if "leader_id" in made:
                self._check_leader(connection, made["leader_id"])
            if made:
                self._update(connection, department_id, made)
                before = {word: getattr(old, word) for word in made}
                record(connection, actor, self._deed("change", department_id, old.name, _told(before), _told(made)))

        await self._database.write(job)
        return await self.get(department_id)

    async def move(self, department_id: int, parent_id: int, actor: Actor, may_give: MayGive) -> Department:
        """Let it stand below another of the same organisation (0: below the organisation itself), as the last there.

        Raises `NotFound` or `Conflict`.
        """

        def job(connection: Connection) -> None:
            hold_trees(connection)
            old = self._row(connection, department_id)
            tree = _parents(connection, self._org_id)
            if parent_id and parent_id not in tree:
                raise no_department(parent_id, "parent_id")
            if parent_id == old.parent_id:
                return
            check_move(tree, department_id, parent_id, deepest=DEEPEST)
            self._check_name(connection, old.name, parent_id)
            may_give(given_by(connection, {*chain(tree, parent_id)} - {*chain(tree, old.parent_id)}))
            place = {"parent_id": parent_id, "position": self._next_position(connection, parent_id)}
            self._update(connection, department_id, place)
            rights_changed(connection)
            before, after = (_told({"parent_id": one}) for one in (old.parent_id, parent_id))
            record(connection, actor, self._deed("move", department_id, old.name, before, after))

        await self._database.write(job)
        return await self.get(department_id)

    async def sort(self, parent_id: int, order: Sequence[int], actor: Actor) -> None:
        """The order of what stands below one (0: below the organisation). Raises `InvalidInput` unless every child is
        named once.
        """

        def job(connection: Connection) -> None:
            hold_trees(connection)
            name = self._row(connection, parent_id).name if parent_id else ""
            there = select(col(Department.id)).where(self._mine, col(Department.parent_id) == parent_id)
            check_order([*connection.scalars(there)], order, "departments")
            for position, one in enumerate(order):
                self._update(connection, one, {"position": position})
            record(connection, actor, self._deed("sort", parent_id, name, after=[str(one) for one in order]))

        await self._database.write(job)

    async def delete(self, department_id: int, actor: Actor) -> None:
        """Take away an empty one, with the roles that it was given. Raises `Conflict`; its facts say what is in it."""
        places = col(EmployeeDepartment.department_id) == department_id
        below = select(func.count()).where(self._mine, col(Department.parent_id) == department_id)
        people = select(func.count()).select_from(EmployeeDepartment)
        grants = (col(RoleGrant.subject_kind) == "department", col(RoleGrant.subject_id) == department_id)

        def job(connection: Connection) -> None:
            hold_trees(connection)
            old = self._row(connection, department_id)
            counts: dict[str, Json] = {
                "departments": connection.scalar(below),
                "employees": connection.scalar(people.where(places, col(EmployeeDepartment.active) == 1)),
            }
            if found := {what: count for what, count in counts.items() if count}:
                told = ", ".join(f"{count} {what}" for what, count in found.items())
                raise Conflict(f"The department is not empty: {told}.", contents={**found})
            # Those who have resigned were here once.
            connection.execute(delete(EmployeeDepartment).where(places))
            connection.execute(delete(RoleGrant).where(*grants))
            connection.execute(delete(Department).where(col(Department.id) == department_id))
            rights_changed(connection)
            record(connection, actor, self._deed("delete", department_id, old.name, before=_told(old._asdict())))

        await self._database.write(job)

    # --- within -------------------------------------------------------------------------------------------------------

    @property
    def _mine(self) -> Any:
        return col(Department.org_id) == self._org_id

    def _row(self, connection: Connection, department_id: int) -> Any:
        columns = [getattr(Department, word) for word in ("id", "parent_id", *_CHANGED)]
        found = connection.execute(
            select(*columns).where(self._mine, col(Department.id) == department_id)
        ).one_or_none()
        if found is None:
            raise no_department(department_id)
        return found

    def _update(self, connection: Connection, department_id: int, values: Mapping[str, Any]) -> None:
        change = update(Department).where(self._mine, col(Department.id) == department_id)
        connection.execute(change.values(updated=now_ms(), **values))

    def _next_position(self, connection: Connection, parent_id: int) -> int:
        last = select(func.max(col(Department.position))).where(self._mine, col(Department.parent_id) == parent_id)
        found = connection.scalar(last)
        return 0 if found is None else int(found) + 1

    def _check_name(self, connection: Connection, name: str, parent_id: int) -> None:
        same = (self._mine, col(Department.parent_id) == parent_id, col(Department.name) == name)
        if connection.scalar(select(col(Department.id)).where(*same)) is not None:
            raise Conflict("Another department there has this name.", field="name", name=name)

    def _check_code(self, connection: Connection, code: str | None) -> None:
        same = select(col(Department.id)).where(self._mine, col(Department.code) == code)
        if code is not None and connection.scalar(same) is not None:
            raise Conflict("Another department of the organisation has this code.", field="code", given=code)

    def _check_leader(self, connection: Connection, leader_id: int | None) -> None:
        if leader_id is None:
            return
        who = select(col(Employee.state)).where(col(Employee.org_id) == self._org_id, col(Employee.id) == leader_id)
        state = connection.scalar(who)
        if state is None:
            raise NotFound("There is no such employee.", field="leader_id", employee_id=str(leader_id))
        if state != "active":
            raise Conflict("Who has resigned leads nothing.", field="leader_id", employee_id=str(leader_id))

    def _deed(self, action: str, id_: int, name: str, before: Json = None, after: Json = None) -> Deed:
        return Deed(f"department.{action}", "department", id_, name, before, after, org_id=self._org_id, space_id=0)


_CHANGED: Final = ("name", "code", "description", "leader_id", "disabled")


def no_department(department_id: int | str, field: str = "") -> NotFound:
    """There is none, or it is not yours to see."""
    facts: dict[str, Json] = {"field": field} if field else {}
    return NotFound("There is no such department.", department_id=str(department_id)[:64], **facts)


def names_down_to(rows: Iterable[Any]) -> dict[int, list[str]]:
    """The names from the topmost down, of rows with an id, a parent and a name."""
    known = {row.id: row for row in rows}
    parents = {one: row.parent_id for one, row in known.items()}
    return {one: [known[step].name for step in reversed(chain(parents, one)) if step in known] for one in known}


def below(connection: Connection, org_id: int, department_id: int) -> frozenset[int]:
    """A department and all below it. Raises `NotFound`."""
    tree = _parents(connection, org_id)
    if department_id not in tree:
        raise no_department(department_id, "department_id")
    return descendants(tree, [department_id])


def inherited(connection: Connection, org_id: int, departments: Iterable[int]) -> set[int]:
    """Departments, and those from which they have roles: all above them."""
    tree = _parents(connection, org_id)
    return {step for one in departments for step in chain(tree, one)}


def _parents(connection: Connection, org_id: int) -> dict[int, int | None]:
    statement = select(col(Department.id), col(Department.parent_id)).where(col(Department.org_id) == org_id)
    return {row.id: row.parent_id or None for row in connection.execute(statement)}


def _checked_code(code: str | None) -> str | None:
    code = (code or "").strip()
    if len(code) > _LONGEST_CODE:
        raise InvalidInput(f"A code has {_LONGEST_CODE} characters at most.", field="code")
    return code or None


def _told(values: Mapping[str, Any]) -> dict[str, Json]:
    ids = ("parent_id", "leader_id")
    kept = {word: value for word, value in values.items() if word in {*_CHANGED, *ids}}
    return {word: str(value) if word in ids and value else value for word, value in kept.items()}
