"""Tokens for programs. Only their hashes are kept; they are long and random, so that a plain hash is enough."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlmodel import col

from engine.errors import NotFound
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.naming import checked_name
from storage.paging import fetch
from storage.tables import AccessToken

_PREFIX: Final = "ms_"
_TOUCH_EVERY_MS: Final = 60_000

_BY_HASH: Final = select(
    col(AccessToken.id),
    col(AccessToken.org_id),
    col(AccessToken.space_id),
    col(AccessToken.name),
    col(AccessToken.last_used),
).where(col(AccessToken.hash) == bindparam("hash"))


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who holds a valid token."""

    token_id: int
    org_id: int
    space_id: int
    name: str


def new_token() -> str:
    """A fresh token, known to nobody yet."""
    return _PREFIX + secrets.token_urlsafe(32)


class TokenRepository:
    """All tokens: it is the token that says which organisation one may see."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, org_id: int, space_id: int, name: str, token: str) -> None:
        """Let a token open a space. A token that is registered already stays what it is."""
        row = {
            "id": new_id(),
            "org_id": org_id,
            "space_id": space_id,
            "name": checked_name(name),
            "hash": _hash(token),
            "created": now_ms(),
        }

        def job(connection: Connection) -> None:
            if connection.execute(_BY_HASH, {"hash": row["hash"]}).first() is None:
                connection.execute(insert(AccessToken).values(row))

        await self._database.write(job)

    async def authenticate(self, token: str) -> Bearer | None:
        """Who holds this token; None when it opens nothing."""
        hashed = _hash(token)
        found = await self._database.read(lambda connection: connection.execute(_BY_HASH, {"hash": hashed}).first())
        if found is None:
            return None
        token_id, org_id, space_id, name, last_used = found
        if last_used is None or now_ms() - last_used > _TOUCH_EVERY_MS:
            await self._database.write(lambda connection: _touch(connection, token_id))
        return Bearer(token_id, org_id, space_id, name)

    async def of(self, org_id: int) -> list[AccessToken]:
        """The tokens of an organisation, the newest first."""
        mine = select(AccessToken).where(col(AccessToken.org_id) == org_id).order_by(col(AccessToken.id).desc())
        return await self._database.read(lambda connection: fetch(connection, mine))

    async def revoke(self, org_id: int, token_id: int) -> None:
        """Make a token worthless at once. Raises `NotFound`."""
        statement = delete(AccessToken).where(col(AccessToken.org_id) == org_id, col(AccessToken.id) == token_id)
        if not await self._database.write(lambda connection: connection.execute(statement).rowcount):
            raise NotFound("There is no such token.", token_id=str(token_id))


def _touch(connection: Connection, token_id: int) -> None:
    connection.execute(update(AccessToken).where(col(AccessToken.id) == token_id).values(last_used=now_ms()))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
