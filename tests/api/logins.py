"""Browsers for tests of accounts: they keep cookies, come from an address, and send what our own pages send."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response
from sqlalchemy import Connection, insert

from api.accounts.passwords import Passwords
from storage.accounts import NewAccount, insert_account
from storage.callers import rights_changed
from storage.clock import now_ms
from storage.ids import new_id
from storage.tables import RoleGrant
from tests.api.serving import Serving

GOOD = "铁观音 tea at dawn 7"
"""A password that may be one."""
OTHER = "quite another one, 明天"


def quick() -> Passwords:
    """Hashes that cost next to nothing."""
    return Passwords(memory_kib=8, passes=1)


def browser(
    app: FastAPI,
    ip: str = "203.0.113.7",
    *,
    https: bool = False,
    cookie: str = "",
    headers: Mapping[str, str] | None = None,
) -> AsyncClient:
    """A browser with one of our pages open."""
    scheme = "https" if https else "http"
    sent = {"x-requested-with": "fetch", **({"cookie": cookie} if cookie else {}), **(headers or {})}
    return AsyncClient(
        transport=ASGITransport(app, client=(ip, 50_000)), base_url=f"{scheme}://test", headers=sent, timeout=30
    )


async def account(
    serving: Serving,
    email: str = "wang@example.com",
    password: str = GOOD,
    *,
    name: str = "王小明",
    org_id: int | None = None,
    grants: tuple[int, ...] = (),
    change_password: bool = False,
) -> int:
    """The id of an account with a password and with built-in roles."""
    home = await serving.stores.organisations.ensure_default()
    hashed = await serving.app.state.parts.passwords.hash(password) if password else ""
    org = org_id or home.org_id

    def job(connection: Connection) -> int:
        id_ = insert_account(connection, NewAccount(org, email, name, hashed, change_password=change_password))
        for role in grants:
            row: dict[str, Any] = {
                "id": new_id(),
                "org_id": 0 if role == 1 else org,
                "space_id": 0,
                "role_id": role,
                "granted_by": 0,
            }
            row |= {"subject_kind": "account", "subject_id": id_, "created": now_ms()}
            connection.execute(insert(RoleGrant).values(row))
        rights_changed(connection)
        return id_

    return await serving.stores.database.write(job)


async def log_in(client: AsyncClient, email: str = "wang@example.com", password: str = GOOD) -> Response:
    """Ask for a session."""
    return await client.post("/api/v1/login", json={"email": email, "password": password})


@asynccontextmanager
async def logged_in(
    serving: Serving, email: str = "wang@example.com", password: str = GOOD, ip: str = "203.0.113.7"
) -> AsyncIterator[AsyncClient]:
    """A browser in which somebody is logged in."""
    async with browser(serving.app, ip) as client:
        answer = await log_in(client, email, password)
        assert answer.status_code == 200, answer.text
        yield client


async def deeds(serving: Serving, action: str) -> list[Any]:
    """What was written down of an action, the oldest first."""
    from sqlmodel import col, select

    from storage.paging import fetch
    from storage.tables import AuditEvent

    wanted = select(AuditEvent).where(col(AuditEvent.action) == action).order_by(col(AuditEvent.id))
    return await serving.stores.database.read(lambda connection: fetch(connection, wanted))
