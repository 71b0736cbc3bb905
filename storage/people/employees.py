"""The people of an organisation: where they work, and whether they do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, insert, or_, select, update
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from engine.values import Json
from storage.accounts import NewAccount, checked_email, insert_account, no_account
from storage.audit import Actor, Deed, record
from storage.callers import rights_changed
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.paging import Page, cursor_id, fetch, page_size
from storage.people.departments import below
from storage.people.given import MayGive
from storage.people.organisations import check_organisation
from storage.people.places import Place, Placed, check_places, drop_places, put_places, ranked
from storage.people.trees import checked_title, hold_trees
from storage.tables import Account, Department, Employee, EmployeeDepartment

_UNIQUE: Final = {"number": "number", "email": "e-mail address", "mobile": "mobile number"}
"""What no two employees of an organisation share, and what people call it."""
_LENGTHS: Final = {"number": 64, "mobile": 32, "en_name": 100, "nickname": 100, "avatar": 500}
CHANGED: Final = ("name", *_UNIQUE, "en_name", "nickname", "avatar")


@dataclass(frozen=True, slots=True)
class NewEmployee:
    """All that is known of somebody new: by the words of `CHANGED`, and where he works."""

    values: Mapping[str, Any]
    places: Sequence[Place]
    account: NewAccount | None = None
    """Make it with him, in one transaction."""
    account_id: int | None = None
    """Or link this one, of the same organisation."""


@dataclass(frozen=True, slots=True)
class Person:
    """An employee, and the departments he works in (or did, when he has resigned), the primary one first."""

    employee: Employee
    places: list[Placed]


class EmployeeRepository:
    """The people of one organisation."""

    def __init__(self, database: Database, org_id: int) -> None:
        self._database = database
        self._org_id = org_id

    async def get(self, employee_id: int) -> Person:
        """Raises `NotFound`."""
        found = await self._people(select(Employee).where(self._mine, col(Employee.id) == employee_id))
        if not found:
            raise no_employee(employee_id)
        return found[0]

    async def page(
        self,
        *,
        department_id: int | None = None,
        direct: bool = False,
        state: str | None = None,
        search: str = "",
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Person]:
        """The newest first, those of a department with those below it unless `direct`. Raises `NotFound` for one that
        is not there.
        """
        statement = select(Employee).where(self._mine)
        if department_id is not None:
            which = await self._database.read(lambda connection: below(connection, self._org_id, department_id))
            placed = select(col(EmployeeDepartment.employee_id)).where(
                col(EmployeeDepartment.department_id).in_([department_id] if direct else which)
            )
            statement = statement.where(col(Employee.id).in_(placed))
        if state is not None:
            statement = statement.where(col(Employee.state) == state)
        if search:
            columns = [col(getattr(Employee, word)) for word in CHANGED if word != "avatar"]
            statement = statement.where(or_(*(one.icontains(search, autoescape=True) for one in columns)))
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(Employee.id) < before)
        statement = statement.order_by(col(Employee.id).desc()).limit(page_size(limit) + 1)
        people = await self._people(statement)
        return Page(people[:limit], str(people[limit - 1].employee.id) if len(people) > limit else None)

    # --- changes ------------------------------------------------------------------------------------------------------

    async def create(self, new: NewEmployee, actor: Actor, may_give: MayGive) -> Person:
        """Somebody new, with an account when one is wanted: all or nothing.

        Raises `NotFound` for a department or account that is not there, `Conflict` naming the field that is taken.
        """
        (made,) = await self.create_all([new], actor, may_give)
        return await self.get(made)

    async def create_all(self, every: Sequence[NewEmployee], actor: Actor, may_give: MayGive) -> list[int]:
        """Some new people, all or none. An error has the fact `line`: the how-manieth it is about, from 0."""
        checked = [replace(new, values=checked_values(new.values), places=ranked(new.places)) for new in every]

        def job(connection: Connection) -> list[int]:
            hold_trees(connection)
            check_organisation(connection, self._org_id)
            made: list[int] = []
            for line, new in enumerate(checked):
                try:
                    made.append(self._insert(connection, new, actor, may_give))
                except (Conflict, NotFound) as error:
                    error.facts["line"] = line
                    raise
            rights_changed(connection)
            return made

        return await self._database.write(job)

    async def change(self, employee_id: int, changes: Mapping[str, Any], actor: Actor) -> Person:
        """Change what is named of `CHANGED`; the rest stays. Raises `NotFound`, or `Conflict` naming the field."""
        values = checked_values({word: changes[word] for word in CHANGED if word in changes})

        def job(connection: Connection) -> None:
            hold_trees(connection)
            old = self.row(connection, employee_id)
            made = {word: value for word, value in values.items() if value != getattr(old, word)}
            self._check_unique(connection, made)
            if made:
                self.write(connection, employee_id, made)
                before = {word: getattr(old, word) for word in made}
                self.tell(connection, actor, "change", old, before, made)

        await self._database.write(job)
        return await self.get(employee_id)

    async def place(self, employee_id: int, places: Sequence[Place], actor: Actor, may_give: MayGive) -> Person:
        """Let him work in these departments, instead of those before. Raises `NotFound` or `Conflict`."""
        places = ranked(places)

        def job(connection: Connection) -> None:
            hold_trees(connection)
            old = self.row(connection, employee_id)
            if old.state != "active":
                raise Conflict("Who has resigned works nowhere: restore first.", state=old.state)
            there = check_places(connection, self._org_id, places, may_give, employee_id=employee_id)
            put_places(connection, employee_id, places)
            rights_changed(connection)
            before: Json = [str(one) for one in sorted(there)]
            self.tell(connection, actor, "change_department", old, before, [one.told() for one in places])

        await self._database.write(job)
        return await self.get(employee_id)

    async def delete(self, employee_id: int, actor: Actor) -> None:
        """Forget him. His account, which he must have no more or be locked out of, stays. Raises `Conflict`."""

        def job(connection: Connection) -> None:
            hold_trees(connection)
            old = self.row(connection, employee_id)
            if old.account_id is not None and old.state == "active":
                raise Conflict(
                    "The employee works here and has an account: resign, or unlink the account, first.",
                    account_id=str(old.account_id),
                )
            drop_places(connection, self._org_id, employee_id)
            connection.execute(delete(Employee).where(col(Employee.id) == employee_id))
            rights_changed(connection)
            self.tell(connection, actor, "delete", old, before={word: getattr(old, word) for word in CHANGED})

        await self._database.write(job)

    # --- for those beside it ------------------------------------------------------------------------------------------

    def row(self, connection: Connection, employee_id: int) -> Any:
        """His row as it is now. Raises `NotFound`."""
        columns = [getattr(Employee, word) for word in ("id", "account_id", "state", "closed_account", *CHANGED)]
        found = connection.execute(select(*columns).where(self._mine, col(Employee.id) == employee_id)).one_or_none()
        if found is None:
            raise no_employee(employee_id)
        return found

    def write(self, connection: Connection, employee_id: int, values: Mapping[str, Any]) -> None:
        """Change his row."""
        change = update(Employee).where(self._mine, col(Employee.id) == employee_id)
        connection.execute(change.values(updated=now_ms(), **values))

    def tell(
        self, connection: Connection, actor: Actor, action: str, who: Any, before: Json = None, after: Json = None
    ) -> None:
        """Write down what was done with him."""
        where = Deed(f"employee.{action}", "employee", who.id, who.name, before, after, org_id=self._org_id, space_id=0)
        record(connection, actor, where)

    def check_account(self, connection: Connection, account_id: int) -> None:
        """Whether it is an account of this organisation that nobody has yet. Raises `NotFound` or `Conflict`."""
        mine = (col(Account.org_id) == self._org_id, col(Account.id) == account_id)
        if connection.scalar(select(col(Account.id)).where(*mine)) is None:
            raise no_account(account_id)
        if connection.scalar(select(col(Employee.id)).where(col(Employee.account_id) == account_id)) is not None:
            raise Conflict("Another employee has this account.", field="account_id", account_id=str(account_id))

    async def taken(self, word: str, values: Collection[str]) -> set[str]:
        """Which of these numbers, e-mail addresses or mobile numbers somebody has."""
        column = col(getattr(Employee, word))
        statement = select(column).where(self._mine, column.in_(values))
        return await self._database.read(lambda connection: {*connection.scalars(statement)})

    # --- within -------------------------------------------------------------------------------------------------------

    @property
    def _mine(self) -> Any:
        return col(Employee.org_id) == self._org_id

    async def _people(self, statement: Select[Any]) -> list[Person]:
        def query(connection: Connection) -> list[Person]:
            employees: list[Employee] = fetch(connection, statement)
            places = _places(connection, [one.id for one in employees])
            return [Person(one, places.get(one.id, [])) for one in employees]

        return await self._database.read(query)

    def _insert(self, connection: Connection, new: NewEmployee, actor: Actor, may_give: MayGive) -> int:
        id_, now = new_id(), now_ms()
        check_places(connection, self._org_id, new.places, may_give)
        self._check_unique(connection, new.values)
        account = new.account_id
        if account is not None:
            self.check_account(connection, account)
        elif new.account is not None:
            account = insert_account(connection, replace(new.account, org_id=self._org_id))
        row = {"id": id_, "org_id": self._org_id, "account_id": account, "state": "active", **_BLANK, **new.values}
        connection.execute(insert(Employee).values(created=now, updated=now, **row))
        put_places(connection, id_, new.places)
        after: dict[str, Json] = {word: row[word] for word in CHANGED}
        after |= {"departments": [one.told() for one in new.places], "account_id": str(account) if account else None}
        self.tell(connection, actor, "create", _Named(id_, row["name"]), after=after)
        return id_

    def _check_unique(self, connection: Connection, values: Mapping[str, Any]) -> None:
        for word, called in _UNIQUE.items():
            if (value := values.get(word)) is None:
                continue
            same = select(col(Employee.id)).where(self._mine, col(getattr(Employee, word)) == value)
            if connection.scalar(same) is not None:
                raise Conflict(f"Another employee of the organisation has this {called}.", field=word)


@dataclass(frozen=True, slots=True)
class _Named:
    id: int
    name: str


_BLANK: Final = {"number": None, "email": None, "mobile": None, "en_name": "", "nickname": "", "avatar": ""}


def no_employee(employee_id: int | str) -> NotFound:
    """There is none, or it is not yours to see."""
    return NotFound("There is no such employee.", employee_id=str(employee_id)[:64])


def checked_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of somebody, as it is kept: an empty number, address or mobile number is none. Raises
    `InvalidInput`.
    """
    made: dict[str, Any] = {}
    for word, value in values.items():
        text = (value or "").strip()
        if word == "name":
            made[word] = checked_title(text)
        elif word == "email":
            made[word] = checked_email(text) if text else None
        elif len(text) > _LENGTHS[word]:
            raise InvalidInput(f"This has {_LENGTHS[word]} characters at most.", field=word)
        else:
            made[word] = text or None if word in _UNIQUE else text
    return made


def _places(connection: Connection, employees: Iterable[int]) -> dict[int, list[Placed]]:
    statement = (
        select(
            col(EmployeeDepartment.employee_id),
            col(EmployeeDepartment.department_id),
            col(Department.name),
            col(EmployeeDepartment.job_title),
            col(EmployeeDepartment.is_primary),
            col(EmployeeDepartment.active),
        )
        .join(Department, col(Department.id) == col(EmployeeDepartment.department_id))
        .where(col(EmployeeDepartment.employee_id).in_([*employees]))
        .order_by(col(EmployeeDepartment.is_primary).desc(), col(EmployeeDepartment.department_id))
    )
    found: dict[int, list[Placed]] = {}
    for row in connection.execute(statement):
        placed = Placed(row.department_id, row.name, row.job_title, bool(row.is_primary), bool(row.active))
        found.setdefault(row.employee_id, []).append(placed)
    return found
