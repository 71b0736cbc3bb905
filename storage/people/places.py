"""The places of employees: the departments they work in, of which one is the primary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlmodel import col

from engine.errors import Conflict, InvalidInput
from engine.values import Json
from storage.clock import now_ms
from storage.people.departments import inherited, no_department
from storage.people.given import MayGive, given_by
from storage.people.trees import LONGEST_TITLE
from storage.tables import Department, EmployeeDepartment

_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody shall work, and as what."""

    department_id: int
    job_title: str = ""
    primary: bool = False

    def told(self) -> Json:
        """As the audit log keeps it."""
        return {"department_id": str(self.department_id), "job_title": self.job_title, "primary": self.primary}


@dataclass(frozen=True, slots=True)
class Placed:
    """Where somebody works, or did."""

    department_id: int
    name: str
    job_title: str
    primary: bool
    active: bool


def ranked(places: Sequence[Place]) -> list[Place]:
    """The places, of which one is the primary: where there is but one, that one. Raises `InvalidInput`."""
    if not 1 <= len(places) <= _MOST:
        raise InvalidInput(f"An employee works in 1 to {_MOST} departments.", field="departments")
    if len({one.department_id for one in places}) < len(places):
        raise InvalidInput("A department stands there twice.", field="departments")
    if any(len(one.job_title) > LONGEST_TITLE for one in places):
        raise InvalidInput(f"A job title has {LONGEST_TITLE} characters at most.", field="departments")
    if len(places) == 1:
        return [replace(places[0], primary=True)]
    if sum(one.primary for one in places) != 1:
        raise InvalidInput("One of the departments is the primary one, and one only.", field="departments")
    return [*places]


def check_places(
    connection: Connection, org_id: int, places: Sequence[Place], may_give: MayGive, *, employee_id: int = 0
) -> set[int]:
    """Whether somebody may work there; gives where he works now. Raises `NotFound`, `Conflict`, or as `may_give`."""
    mine = select(col(EmployeeDepartment.department_id)).where(
        col(EmployeeDepartment.employee_id) == employee_id, col(EmployeeDepartment.active) == 1
    )
    before = {*connection.scalars(mine)} if employee_id else set()
    wanted = {one.department_id for one in places}
    there = select(col(Department.id), col(Department.disabled)).where(
        col(Department.org_id) == org_id, col(Department.id).in_(wanted)
    )
    known = {row.id: bool(row.disabled) for row in connection.execute(there)}
    for one in wanted - before:
        if one not in known:
            raise no_department(one, "departments")
        if known[one]:
            raise Conflict("The department is disabled: nobody new comes into it.", field="departments", id=str(one))
    may_give(given_by(connection, inherited(connection, org_id, wanted) - inherited(connection, org_id, before)))
    return before


def put_places(connection: Connection, employee_id: int, places: Sequence[Place]) -> None:
    """Let him work there, and nowhere else."""
    connection.execute(delete(EmployeeDepartment).where(col(EmployeeDepartment.employee_id) == employee_id))
    now = now_ms()
    rows = [
        {
            "employee_id": employee_id,
            "department_id": one.department_id,
            "job_title": one.job_title.strip(),
            "is_primary": int(one.primary),
            "active": 1,
            "created": now,
        }
        for one in places
    ]
    connection.execute(insert(EmployeeDepartment), rows)


def leave_places(connection: Connection, org_id: int, employee_id: int) -> list[int]:
    """Take his places out of force, and what he leads from him; gives the departments he led."""
    mine = update(EmployeeDepartment).where(col(EmployeeDepartment.employee_id) == employee_id)
    connection.execute(mine.values(active=0))
    leads = (col(Department.org_id) == org_id, col(Department.leader_id) == employee_id)
    led = [*connection.scalars(select(col(Department.id)).where(*leads))]
    connection.execute(update(Department).where(*leads).values(leader_id=None, updated=now_ms()))
    return led


def drop_places(connection: Connection, org_id: int, employee_id: int) -> None:
    """Forget where he worked."""
    leave_places(connection, org_id, employee_id)
    connection.execute(delete(EmployeeDepartment).where(col(EmployeeDepartment.employee_id) == employee_id))
