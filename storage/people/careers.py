"""Leaving and coming back, and the account somebody logs in with: what opens and closes the door."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select
from sqlmodel import col

from engine.errors import Conflict
from engine.values import Json
from storage.accounts import NewAccount, insert_account, set_disabled
from storage.audit import Actor
from storage.callers import rights_changed
from storage.clock import now_ms
from storage.database import Database
from storage.people.departments import inherited
from storage.people.employees import EmployeeRepository, Person
from storage.people.given import MayGive, given_by
from storage.people.places import Place, check_places, leave_places, put_places, ranked
from storage.people.trees import hold_trees
from storage.tables import Account, EmployeeDepartment


class CareerRepository:
    """What becomes of the people of one organisation."""

    def __init__(self, database: Database, org_id: int) -> None:
        self._database = database
        self._org_id = org_id
        self._employees = EmployeeRepository(database, org_id)

    async def resign(self, employee_id: int, actor: Actor, *, reason: str = "") -> Person:
        """He works here no more: his places, what he leads and his login end now. What he started goes on.

        Raises `Conflict` when he has resigned already, or is the last who administers the instance.
        """

        def job(connection: Connection) -> None:
            hold_trees(connection)
            who = self._employees.row(connection, employee_id)
            if who.state != "active":
                raise Conflict("The employee has resigned already.", state=who.state)
            closed = who.account_id is not None and not _is_disabled(connection, who.account_id)
            if closed:
                set_disabled(connection, who.account_id, True)
            led = leave_places(connection, self._org_id, employee_id)
            values = {"state": "resigned", "resigned": now_ms(), "closed_account": int(closed)}
            self._employees.write(connection, employee_id, values)
            rights_changed(connection)
            after: Json = {"state": "resigned", "reason": reason, "led": [str(one) for one in led]}
            self._employees.tell(connection, actor, "resign", who, {"state": "active"}, after)

        await self._database.write(job)
        return await self._employees.get(employee_id)

    async def restore(self, employee_id: int, places: Sequence[Place], actor: Actor, may_give: MayGive) -> Person:
        """He is back, in these departments, and can log in again if it was resigning that ended this.

        Raises `NotFound` or `Conflict`.
        """
        places = ranked(places)

        def job(connection: Connection) -> None:
            hold_trees(connection)
            who = self._employees.row(connection, employee_id)
            if who.state == "active":
                raise Conflict("The employee has not resigned.", state=who.state)
            check_places(connection, self._org_id, places, may_give, employee_id=employee_id)
            put_places(connection, employee_id, places)
            if who.account_id is not None and who.closed_account:
                set_disabled(connection, who.account_id, False)
            values = {"state": "active", "resigned": None, "closed_account": 0}
            self._employees.write(connection, employee_id, values)
            rights_changed(connection)
            after: Json = {"state": "active", "departments": [one.told() for one in places]}
            self._employees.tell(connection, actor, "restore", who, {"state": "resigned"}, after)

        await self._database.write(job)
        return await self._employees.get(employee_id)

    async def link(self, employee_id: int, account: int | NewAccount, actor: Actor, may_give: MayGive) -> Person:
        """Give him an account: a new one, or one of the organisation that nobody has.

        Raises `NotFound` or `Conflict`.
        """

        def job(connection: Connection) -> None:
            hold_trees(connection)
            who = self._employees.row(connection, employee_id)
            if who.state != "active":
                raise Conflict("The employee has resigned: restore first.", state=who.state)
            if who.account_id is not None:
                raise Conflict(
                    "The employee has an account already.", field="account_id", account_id=str(who.account_id)
                )
            if isinstance(account, NewAccount):
                given = insert_account(connection, account)
            else:
                given = account
                self._employees.check_account(connection, given)
            # With the account the roles of his departments begin to mean something.
            may_give(given_by(connection, inherited(connection, self._org_id, _places(connection, employee_id))))
            self._employees.write(connection, employee_id, {"account_id": given})
            rights_changed(connection)
            self._employees.tell(connection, actor, "link_account", who, after={"account_id": str(given)})

        await self._database.write(job)
        return await self._employees.get(employee_id)

    async def unlink(self, employee_id: int, actor: Actor) -> Person:
        """Take his account off him; it stays as it is. Raises `NotFound`, or `Conflict` when he has none."""

        def job(connection: Connection) -> None:
            hold_trees(connection)
            who = self._employees.row(connection, employee_id)
            if who.account_id is None:
                raise Conflict("The employee has no account.", field="account_id")
            self._employees.write(connection, employee_id, {"account_id": None, "closed_account": 0})
            rights_changed(connection)
            self._employees.tell(connection, actor, "unlink_account", who, {"account_id": str(who.account_id)})

        await self._database.write(job)
        return await self._employees.get(employee_id)


def _is_disabled(connection: Connection, account_id: int) -> bool:
    return bool(connection.scalar(select(col(Account.disabled)).where(col(Account.id) == account_id)))


def _places(connection: Connection, employee_id: int) -> list[int]:
    mine = (col(EmployeeDepartment.employee_id) == employee_id, col(EmployeeDepartment.active) == 1)
    return [*connection.scalars(select(col(EmployeeDepartment.department_id)).where(*mine))]
