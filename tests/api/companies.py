"""Organisations with departments and people in them, made over HTTP as their administrators make them."""

from __future__ import annotations

from typing import Any

from httpx2 import AsyncClient
from sqlalchemy import Connection, insert, select
from sqlmodel import col

from storage.callers import rights_changed
from storage.ids import new_id
from storage.paging import fetch
from storage.tables import AuditEvent, Role, RoleGrant
from tests.api.people import Somebody, somebody
from tests.api.serving import Document, Serving

_OF_CLERKS = [
    "organisation.view", "department.edit", "employee.view", "employee.create", "employee.edit",
    "employee.change_department", "employee.resign", "account.disable", "account.create",
]  # fmt: skip


async def root(serving: Serving) -> Somebody:
    """An administrator of the instance."""
    return await somebody(serving, grants=(1,))


async def admin_of(serving: Serving, org: Document) -> Somebody:
    """An administrator of an organisation, who is at home there."""
    return await somebody(serving, org_id=int(org["id"]), space_id=await space_of(serving, org), grants=(2,))


async def made(client: AsyncClient, name: str, parent: str | None = None, **more: Any) -> Document:
    """An organisation."""
    return await posted(client, "/organisations", name=name, parent_id=parent, **more)


async def department(client: AsyncClient, org: Document, name: str, parent: str | None = None, **more: Any) -> Document:
    """A department of it."""
    return await posted(client, f"/organisations/{org['id']}/departments", name=name, parent_id=parent, **more)


async def employee(client: AsyncClient, org: Document, name: str, *departments: Document, **more: Any) -> Document:
    """Somebody who works there, first of all in the first of the departments."""
    places = [{"department_id": one["id"], "primary": place == 0} for place, one in enumerate(departments)]
    return await posted(client, f"/organisations/{org['id']}/employees", name=name, departments=places, **more)


async def posted(client: AsyncClient, path: str, **body: Any) -> Document:
    """What a post made."""
    answer = await client.post(f"/api/v1{path}", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def space_of(serving: Serving, org: Document) -> int:
    """The first space of an organisation."""
    return (await serving.stores.organisations.spaces(int(org["id"])))[0].id


async def given_to(serving: Serving, department_id: str, org: Document, role: int) -> None:
    """A built-in role for everybody of a department."""

    def job(connection: Connection) -> None:
        row = {"id": new_id(), "org_id": int(org["id"]), "space_id": 0, "role_id": role, "granted_by": 0, "created": 1}
        connection.execute(insert(RoleGrant).values(subject_kind="department", subject_id=int(department_id), **row))
        rights_changed(connection)

    await serving.stores.database.write(job)


async def clerk_of(serving: Serving, org: Document) -> Somebody:
    """Somebody with a role of the organisation's own: nearly everything about people, nothing about roles."""
    one, role = await somebody(serving, org_id=int(org["id"])), new_id()

    def job(connection: Connection) -> None:
        row = {"id": role, "org_id": int(org["id"]), "key": f"hr-{role}", "name": "人事", "domain": "organisation"}
        connection.execute(insert(Role).values(**row, permissions=_OF_CLERKS, created=1, updated=1, description=""))
        grant = {"id": new_id(), "org_id": int(org["id"]), "role_id": role, "subject_kind": "account", "created": 1}
        connection.execute(insert(RoleGrant).values(subject_id=one.account_id, **grant))
        rights_changed(connection)

    await serving.stores.database.write(job)
    return one


async def deeds_about(serving: Serving, target: str) -> list[AuditEvent]:
    """What the audit log has of something, in order."""
    wanted = select(AuditEvent).where(col(AuditEvent.target_id) == target).order_by(col(AuditEvent.id))
    return await serving.stores.database.read(lambda connection: fetch(connection, wanted))
