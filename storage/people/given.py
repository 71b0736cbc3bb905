"""The roles that people have through their departments: whoever places them there gives these."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, select
from sqlmodel import col

from storage.tables import Role, RoleGrant


@dataclass(frozen=True, slots=True)
class GivenRole:
    """A role that a department has: where it holds (organisation 0: the instance; space 0: not one alone), and what
    it lets one do when an organisation made it.
    """

    role_id: int
    org_id: int
    space_id: int
    permissions: tuple[str, ...]


MayGive = Callable[[Collection[GivenRole]], None]
"""Is told which roles a change lets people have, and raises when who makes it may not give one of them: else whoever
may place people could place himself where the rights are."""


def given_by(connection: Connection, departments: Iterable[int]) -> frozenset[GivenRole]:
    """The roles of these departments themselves."""
    return _given(
        connection, col(RoleGrant.subject_kind) == "department", col(RoleGrant.subject_id).in_([*departments])
    )


def holding_in(connection: Connection, organisations: Iterable[int]) -> frozenset[GivenRole]:
    """The roles that hold in these organisations and all that stand below them, whoever has them."""
    return _given(connection, col(RoleGrant.org_id).in_([*organisations]), col(RoleGrant.space_id) == 0)


def _given(connection: Connection, *which: ColumnElement[bool]) -> frozenset[GivenRole]:
    columns = (col(RoleGrant.role_id), col(RoleGrant.org_id), col(RoleGrant.space_id), col(Role.permissions))
    grants = select(*columns).outerjoin(Role, col(Role.id) == col(RoleGrant.role_id))
    return frozenset(
        GivenRole(row.role_id, row.org_id, row.space_id, tuple(map(str, row.permissions or ())))
        for row in connection.execute(grants.where(*which))
    )
