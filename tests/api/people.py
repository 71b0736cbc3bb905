"""People for tests: accounts with a token, made straight in the store, because hashing passwords takes its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from httpx2 import AsyncClient
from sqlalchemy import Connection, delete, insert
from sqlmodel import col

from storage.callers import credential_hash, rights_changed
from storage.clock import now_ms
from storage.ids import new_id
from storage.tables import AccessToken, Account, Organisation, RoleGrant, Space, SpaceMember
from storage.tokens import new_token
from tests.api.serving import Serving, client_of


@dataclass(frozen=True)
class Somebody:
    """An account, a token of it, and a client that carries the token."""

    account_id: int
    org_id: int
    space_id: int
    token: str
    client: AsyncClient


async def somebody(
    serving: Serving,
    role: str = "",
    *,
    name: str = "王小明",
    org_id: int | None = None,
    space_id: int | None = None,
    grants: tuple[int, ...] = (),
    **token: Any,
) -> Somebody:
    """An account with a role in a space (the default one), with built-in roles in its organisation (0 for the
    instance's own, see `api.permissions.BUILT_IN`), and with a token; more is said of the token by its columns.
    """
    home = await serving.stores.organisations.ensure_default()
    org, space = org_id or home.org_id, space_id or home.space_id
    account, own, secret, now = new_id(), new_id(), new_token(), now_ms()

    def job(connection: Connection) -> None:
        connection.execute(
            insert(Account).values(
                id=account, org_id=org, email=f"a{account}@example.com", name=name, password="", change_password=0,
                disabled=0, locale="", avatar="", created=now, updated=now, created_by=0, description="",
            )
        )  # fmt: skip
        row = {"id": own, "org_id": org, "key": f"own-{account}", "name": name, "kind": "personal", "created": now}
        connection.execute(insert(Space).values(row))
        join(connection, own, account, "owner")
        if role:
            join(connection, space, account, role)
        for given in grants:
            connection.execute(
                insert(RoleGrant).values(
                    id=new_id(), org_id=0 if given == 1 else org, space_id=0, role_id=given, subject_kind="account",
                    subject_id=account, granted_by=0, created=now,
                )
            )  # fmt: skip
        row = {"id": new_id(), "org_id": org, "space_id": space if role else own, "name": "a test", "created": now}
        row |= {"hash": credential_hash(secret), "kind": "personal", "account_id": account, **token}
        connection.execute(insert(AccessToken).values(row))
        rights_changed(connection)

    await serving.stores.database.write(job)
    return Somebody(account, org, space if role else own, secret, client_of(serving.app, secret))


async def another_organisation(serving: Serving, name: str = "另一家", parent_id: int | None = None) -> tuple[int, int]:
    """The ids of an organisation and of a space of it."""
    org, space, now = new_id(), new_id(), now_ms()

    def job(connection: Connection) -> None:
        row = {"id": org, "key": f"o{org}", "name": name, "created": now, "parent_id": parent_id}
        connection.execute(insert(Organisation).values(row))
        connection.execute(insert(Space).values(id=space, org_id=org, key="default", name=name, created=now))
        rights_changed(connection)

    await serving.stores.database.write(job)
    return org, space


async def leaves(serving: Serving, one: Somebody) -> None:
    """He is no member of any space any more."""

    def job(connection: Connection) -> None:
        connection.execute(delete(SpaceMember).where(col(SpaceMember.account_id) == one.account_id))
        rights_changed(connection)

    await serving.stores.database.write(job)


def join(connection: Connection, space_id: int, account_id: int, role: str) -> None:
    """Make an account a member of a space."""
    now = now_ms()
    row = {"space_id": space_id, "account_id": account_id, "role": role, "invited_by": 0, "created": now}
    connection.execute(insert(SpaceMember).values(updated=now, **row))
