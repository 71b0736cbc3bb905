"""What stands in an organisation and would be lost with it."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select
from sqlmodel import col

from storage.tables import Account, Department, Employee, Model, Organisation, Space

_OF_THE_SPACE: Final = frozenset({"access_token", "audit_event", "role_grant", "space", "space_member"})
"""Tables whose rows are about a space, or let people into it: nobody has worked there because of them."""
_PEOPLE: Final[dict[str, Any]] = {
    "departments": Department,
    "employees": Employee,
    "accounts": Account,
    "models": Model,
}


def contents_of(connection: Connection, org_id: int) -> Counter[str]:
    """How many departments, employees, accounts, models, and spaces in which there is something."""
    found = Counter({what: _count(connection, row.__table__, org_id=org_id) for what, row in _PEOPLE.items()})
    mine = select(col(Space.id)).where(col(Space.org_id) == org_id, col(Space.deleted_at).is_(None))
    found["spaces with content"] = sum(_filled(connection, space) for space in connection.scalars(mine))
    return found


def _filled(connection: Connection, space_id: int) -> bool:
    # Every table that says of a row in which space it is: one that comes later is looked at too.
    tables = (one for one in Organisation.metadata.sorted_tables if one.name not in _OF_THE_SPACE)
    return any("space_id" in one.c and _count(connection, one, space_id=space_id) for one in tables)


def _count(connection: Connection, table: Table, **where: int) -> int:
    statement = select(func.count()).select_from(table).where(*(table.c[name] == id_ for name, id_ in where.items()))
    if "deleted_at" in table.c:
        statement = statement.where(table.c.deleted_at.is_(None))
    return connection.scalar(statement) or 0
