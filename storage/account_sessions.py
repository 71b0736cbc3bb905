"""Browsers that are logged in: what they carry is random, and only its hash is kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Update, delete, insert, or_, select, update
from sqlmodel import col

from engine.errors import Conflict, NotFound
from storage.accounts import LOGIN, end_sessions
from storage.audit import Actor, Deed, record
from storage.callers import SESSION_IDLE_MS, credential_hash, rights_changed
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.paging import fetch
from storage.tables import Account, AccountSession

SESSION_SECONDS: Final = 7 * 24 * 3_600
"""However much it is used, a session ends then."""
MOST_SESSIONS: Final = 50
"""Of one account: the one that was used longest ago makes room."""
_CLEANED: Final = 200


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that has just begun: its cookie is known here and to the browser alone."""

    id: int
    cookie: str


class AccountSessionRepository:
    """The sessions of all accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, account: Account, actor: Actor, *, rehashed: str = "", instead_of: str = "") -> OpenSession:
        """Log in whose password was found to be that of `account` as it was read; the browser's former session ends.

        `rehashed` is a hash of the same password with the parameters of today. Raises `Conflict` when the account
        changed meanwhile: it was disabled, or has another password.
        """
        cookie = secrets.token_urlsafe(32)

        def job(connection: Connection) -> int:
            now = now_ms()
            values = {"last_login": now, "password": rehashed or account.password}
            if not connection.execute(_unchanged(account).values(values)).rowcount:
                raise Conflict("The account changed at this moment: try again.")
            if instead_of:
                former = delete(AccountSession).where(col(AccountSession.hash) == credential_hash(instead_of))
                if connection.execute(former).rowcount:
                    rights_changed(connection)
            _clean(connection, account.id, now)
            id_ = _insert(connection, account.id, cookie, actor, now)
            record(connection, _as(actor, account, id_), Deed(LOGIN, "account", account.id, account.name))
            return id_

        return OpenSession(await self._database.write(job), cookie)

    async def change_password(self, account: Account, hashed: str, actor: Actor, *, reopen: bool) -> OpenSession | None:
        """Keep another password, and end all sessions; with `reopen` the one who asks begins a new one.

        Raises `Conflict` when the account changed since `account` was read.
        """
        cookie = secrets.token_urlsafe(32)

        def job(connection: Connection) -> int:
            now = now_ms()
            values = {"password": hashed, "change_password": 0, "updated": now}
            if not connection.execute(_unchanged(account).values(values)).rowcount:
                raise Conflict("The account changed at this moment: try again.")
            ended = end_sessions(connection, account.id)
            deed = Deed("account.change_password", "account", account.id, account.name, after={"sessions_ended": ended})
            record(connection, actor, deed)
            return _insert(connection, account.id, cookie, actor, now) if reopen else 0

        id_ = await self._database.write(job)
        return OpenSession(id_, cookie) if reopen else None

    async def of(self, account_id: int) -> list[AccountSession]:
        """Those that last, the newest first."""
        now = now_ms()
        wanted = select(AccountSession).where(
            col(AccountSession.account_id) == account_id,
            col(AccountSession.expires) > now,
            col(AccountSession.last_used) > now - SESSION_IDLE_MS,
        )
        newest = wanted.order_by(col(AccountSession.id).desc())
        return await self._database.read(lambda connection: fetch(connection, newest))

    async def end(self, account_id: int, session_id: int, actor: Actor) -> None:
        """End one session of an account. Raises `NotFound`."""
        one = (col(AccountSession.id) == session_id, col(AccountSession.account_id) == account_id)

        def job(connection: Connection) -> None:
            if not connection.execute(delete(AccountSession).where(*one)).rowcount:
                raise NotFound("There is no such session.", session_id=str(session_id))
            rights_changed(connection)
            record(connection, actor, Deed("account.end_session", "session", session_id, org_id=actor.org_id))

        await self._database.write(job)

    async def end_others(self, account_id: int, but: int, actor: Actor) -> int:
        """End all sessions of an account but one; how many ended."""

        def job(connection: Connection) -> int:
            ended = end_sessions(connection, account_id, but=but)
            deed = Deed("account.end_sessions", "account", account_id, actor.name, after={"sessions_ended": ended})
            record(connection, actor, deed)
            return ended

        return await self._database.write(job)

    async def log_out(self, cookie: str, actor: Actor) -> bool:
        """End the session of a browser, if it has one that is known."""
        hashed = credential_hash(cookie)

        def job(connection: Connection) -> bool:
            wanted = (
                select(col(Account.id), col(Account.org_id), col(Account.name), col(AccountSession.id))
                .join(AccountSession, col(AccountSession.account_id) == col(Account.id))
                .where(col(AccountSession.hash) == hashed)
            )
            row = connection.execute(wanted).one_or_none()
            if row is None:
                return False
            account_id, org_id, name, session_id = row
            connection.execute(delete(AccountSession).where(col(AccountSession.id) == session_id))
            rights_changed(connection)
            who = Actor(org_id, 0, account_id, session_id, name, actor.ip, actor.user_agent, actor.request_id)
            record(connection, who, Deed("account.logout", "account", account_id, name))
            return True

        return await self._database.write(job)


def _unchanged(account: Account) -> Update:
    """An update of an account that is as it was when its password was compared."""
    return update(Account).where(
        col(Account.id) == account.id, col(Account.disabled) == 0, col(Account.password) == account.password
    )


def _insert(connection: Connection, account_id: int, cookie: str, actor: Actor, now: int) -> int:
    id_ = new_id()
    row = {"id": id_, "account_id": account_id, "hash": credential_hash(cookie), "created": now, "last_used": now}
    row |= {"expires": now + SESSION_SECONDS * 1_000, "ip": actor.ip[:64], "user_agent": actor.user_agent[:500]}
    connection.execute(insert(AccountSession).values(row))
    return id_


def _clean(connection: Connection, account_id: int, now: int) -> None:
    """Throw away what has ended, a part at a time, and what is more than an account may have."""
    gone = (
        select(col(AccountSession.id))
        .where(or_(col(AccountSession.expires) <= now, col(AccountSession.last_used) <= now - SESSION_IDLE_MS))
        .order_by(col(AccountSession.expires))
        .limit(_CLEANED)
    )
    too_many = (
        select(col(AccountSession.id))
        .where(col(AccountSession.account_id) == account_id)
        .order_by(col(AccountSession.last_used).desc(), col(AccountSession.id).desc())
        .offset(MOST_SESSIONS - 1)
        .limit(_CLEANED)
    )
    ended = [*connection.scalars(too_many)]
    if ended:
        rights_changed(connection)
    ended += connection.scalars(gone)
    if ended:
        connection.execute(delete(AccountSession).where(col(AccountSession.id).in_(ended)))


def _as(actor: Actor, account: Account, session_id: int) -> Actor:
    """Whoever logs in is known from then on."""
    return Actor(account.org_id, 0, account.id, session_id, account.name, actor.ip, actor.user_agent, actor.request_id)
