"""Browsers of people who are logged in already, made straight in the store."""

from __future__ import annotations

import secrets

from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import Connection, insert

from api.browsers import PLAIN_COOKIE
from storage.callers import credential_hash
from storage.clock import now_ms
from storage.ids import new_id
from storage.tables import AccountSession
from tests.api.people import Somebody
from tests.api.serving import Serving


async def at_a_browser(serving: Serving, one: Somebody) -> AsyncClient:
    """A client that carries a session of somebody, and what our own pages send."""
    cookie, now = secrets.token_urlsafe(32), now_ms()

    def job(connection: Connection) -> None:
        row = {"id": new_id(), "account_id": one.account_id, "hash": credential_hash(cookie), "created": now}
        connection.execute(
            insert(AccountSession).values(last_used=now, expires=now + 3_600_000, ip="", user_agent="", **row)
        )

    await serving.stores.database.write(job)
    return AsyncClient(
        transport=ASGITransport(serving.app),
        base_url="http://test",
        headers={"x-requested-with": "fetch"},
        cookies={PLAIN_COOKIE: cookie},
        timeout=30,
    )
