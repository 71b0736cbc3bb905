"""Tokens for programs. Only their hashes are kept: each is shown once, when it is made."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update
from sqlmodel import col

from engine.errors import LimitExceeded, NotFound
from engine.values import Json
from storage.audit import Actor, Deed, record
from storage.callers import credential_hash, rights_changed
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.naming import checked_name
from storage.paging import Page, cursor_id, fetch, page_size
from storage.tables import AccessToken
from storage.tables.tenancy import TokenKind

DAY_MS: Final = 24 * 3_600_000
MOST_PERSONAL: Final = 100
"""Personal tokens of one account."""
_KEPT_EXPIRED_MS: Final = DAY_MS
"""So long are tokens of guests and applications still listed when they have ended."""
_SHOWN: Final = 4
"""Characters of the secret by which people know a token again."""
_LETTERS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_STARTS: Final = {"personal": "pat", "oauth": "oat", "guest": "gst"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token to be."""

    kind: TokenKind
    org_id: int
    space_id: int
    """Where it is at home."""
    account_id: int
    name: str
    expires: int
    scopes: Sequence[str] = ("*",)
    spaces: Sequence[int] = ()
    app_id: int = 0
    issuer_id: int = 0
    guest: Json = None
    requests_per_minute: int | None = None
    runs_per_minute: int | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A token that was made. `secret` is the token itself, and nobody can be told again."""

    id: int
    secret: str


def new_token() -> str:
    """A fresh token of the instance, known to nobody yet."""
    return f"ms_{secrets.token_urlsafe(32)}"


def insert_token(connection: Connection, new: NewToken) -> Made:
    """Make a token. The text says whose organisation it is of and which token it is; the rest are 256 random bits."""
    id_ = new_id()
    secret, prefix = _secret(new.kind, new.org_id, id_)
    row = {
        "id": id_,
        "org_id": new.org_id,
        "space_id": new.space_id,
        "name": checked_name(new.name),
        "hash": credential_hash(secret),
        "prefix": prefix,
        "created": now_ms(),
        "kind": new.kind,
        "account_id": new.account_id,
        "app_id": new.app_id,
        "issuer_id": new.issuer_id,
        "expires": new.expires,
        "scopes": None if tuple(new.scopes) == ("*",) else [*new.scopes],
        "spaces": [str(one) for one in new.spaces] or None,
        "guest": new.guest,
        "requests_per_minute": new.requests_per_minute,
        "runs_per_minute": new.runs_per_minute,
    }
    connection.execute(insert(AccessToken).values(row))
    return Made(id_, secret)


def end_tokens(connection: Connection, condition: ColumnElement[bool]) -> int:
    """Make tokens worthless at once, and those of the guests whom they admitted; how many there were."""
    ended = {*connection.scalars(select(col(AccessToken.id)).where(condition))}
    waiting = ended
    while waiting:
        admitted = select(col(AccessToken.id)).where(
            col(AccessToken.kind) == "guest", col(AccessToken.issuer_id).in_(waiting)
        )
        waiting = {*connection.scalars(admitted)} - ended
        ended |= waiting
    if ended:
        connection.execute(delete(AccessToken).where(col(AccessToken.id).in_(ended)))
        rights_changed(connection)
    return len(ended)


def clean_tokens(connection: Connection) -> None:
    """Take away tokens of guests and applications that ended a while ago. They opened nothing any more."""
    old = col(AccessToken.expires) < now_ms() - _KEPT_EXPIRED_MS
    connection.execute(delete(AccessToken).where(col(AccessToken.kind).in_(("oauth", "guest")), old))


def no_token(token_id: int | str) -> NotFound:
    """There is none, or it is not yours to see."""
    return NotFound("There is no such token.", token_id=str(token_id)[:64])


class TokenRepository:
    """The tokens of everybody; who asks for some says whose."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- of the instance ----------------------------------------------------------------------------------------------

    async def register(self, org_id: int, space_id: int, name: str, token: str) -> None:
        """Let a token open everything. A token that is registered already stays what it is."""
        row = _instance(org_id, space_id, name, token)

        def job(connection: Connection) -> None:
            known = select(col(AccessToken.id)).where(col(AccessToken.hash) == row["hash"])
            if connection.execute(known).first() is None:
                connection.execute(insert(AccessToken).values(row))

        await self._database.write(job)

    async def end_others(self, name: str, token: str) -> None:
        """Let this be the only token of the instance of that name: whoever made another wanted the old one gone."""
        others = (
            (col(AccessToken.kind) == "instance")
            & (col(AccessToken.name) == checked_name(name))
            & (col(AccessToken.hash) != credential_hash(token))
        )
        await self._database.write(lambda connection: end_tokens(connection, others))

    async def replace(self, token_id: int, token: str, actor: Actor) -> None:
        """Put another token in the place of one of the instance. Raises `NotFound`."""

        def job(connection: Connection) -> None:
            mine = (col(AccessToken.kind) == "instance") & (col(AccessToken.id) == token_id)
            found = fetch(connection, select(AccessToken).where(mine))
            if not found:
                raise no_token(token_id)
            (old,) = found
            end_tokens(connection, mine)
            row = _instance(old.org_id, old.space_id, old.name, token) | {"account_id": old.account_id}
            connection.execute(insert(AccessToken).values(row))
            record(connection, actor, Deed("token.replace", "token", token_id, old.name, after={"id": str(row["id"])}))

        await self._database.write(job)

    async def of(self, org_id: int) -> list[AccessToken]:
        """The tokens of an organisation, the newest first."""
        mine = select(AccessToken).where(col(AccessToken.org_id) == org_id).order_by(col(AccessToken.id).desc())
        return await self._database.read(lambda connection: fetch(connection, mine))

    # --- personal ones ------------------------------------------------------------------------------------------------

    async def create(self, new: NewToken, actor: Actor) -> tuple[AccessToken, str]:
        """Make a personal token, and give its text. Raises `LimitExceeded` when the account has too many."""

        def job(connection: Connection) -> tuple[AccessToken, str]:
            having = select(col(AccessToken.id)).where(_personal(new.account_id)).limit(MOST_PERSONAL)
            if len(connection.scalars(having).all()) == MOST_PERSONAL:
                sentence = f"An account has {MOST_PERSONAL} tokens at most: revoke one that nobody uses."
                raise LimitExceeded(sentence, limit=MOST_PERSONAL)
            made = insert_token(connection, new)
            row = _one(connection, col(AccessToken.id) == made.id, made.id)
            record(connection, actor, _deed("token.create", row, after=shown(row)))
            return row, made.secret

        return await self._database.write(job)

    async def page(self, account_id: int, *, cursor: str | None, limit: int) -> Page[AccessToken]:
        """The personal tokens of an account, the newest first."""
        return await self._page(_personal(account_id), cursor, limit)

    async def get(self, account_id: int, token_id: int) -> AccessToken:
        """A personal token of an account. Raises `NotFound`."""
        which = _personal(account_id) & (col(AccessToken.id) == token_id)
        return await self._database.read(lambda connection: _one(connection, which, token_id))

    async def change(self, account_id: int, token_id: int, actor: Actor, **fields: Any) -> AccessToken:
        """Name a token anew, or bound how often it may ask. Raises `NotFound`."""
        if "name" in fields:
            fields["name"] = checked_name(fields["name"])
        which = _personal(account_id) & (col(AccessToken.id) == token_id)

        def job(connection: Connection) -> AccessToken:
            before = _one(connection, which, token_id)
            if fields:
                connection.execute(update(AccessToken).where(which).values(fields))
                rights_changed(connection)
            after = _one(connection, which, token_id)
            record(connection, actor, _deed("token.change", after, before=shown(before), after=shown(after)))
            return after

        return await self._database.write(job)

    async def regenerate(self, account_id: int, token_id: int, expires: int, actor: Actor) -> tuple[AccessToken, str]:
        """Another text for a token that stays what it is; the old one is worthless at once. Raises `NotFound`."""
        which = _personal(account_id) & (col(AccessToken.id) == token_id)

        def job(connection: Connection) -> tuple[AccessToken, str]:
            known = _one(connection, which, token_id)
            secret, prefix = _secret("personal", known.org_id, token_id)
            fresh = {"hash": credential_hash(secret), "prefix": prefix, "expires": expires}
            connection.execute(update(AccessToken).where(which).values(last_used=None, last_ip="", **fresh))
            # Those whom the old one admitted go with it.
            end_tokens(connection, (col(AccessToken.kind) == "guest") & (col(AccessToken.issuer_id) == token_id))
            rights_changed(connection)
            after = _one(connection, which, token_id)
            record(connection, actor, _deed("token.regenerate", after, before=shown(known), after=shown(after)))
            return after, secret

        return await self._database.write(job)

    async def revoke(self, account_id: int, token_id: int, actor: Actor) -> None:
        """Make a personal token worthless at once. Raises `NotFound`."""
        await self._end(_personal(account_id) & (col(AccessToken.id) == token_id), token_id, actor, "token.revoke")

    # --- of guests ----------------------------------------------------------------------------------------------------

    async def admit(self, new: NewToken, actor: Actor) -> tuple[AccessToken, str]:
        """Make a token for an end user."""

        def job(connection: Connection) -> tuple[AccessToken, str]:
            clean_tokens(connection)
            made = insert_token(connection, new)
            row = _one(connection, col(AccessToken.id) == made.id, made.id)
            record(connection, actor, _deed("guest.admit", row, after=shown(row)))
            return row, made.secret

        return await self._database.write(job)

    async def guests(self, space_id: int, *, cursor: str | None, limit: int) -> Page[AccessToken]:
        """The tokens of end users of a space, the newest first."""
        return await self._page(_guests(space_id), cursor, limit)

    async def dismiss(self, space_id: int, token_id: int, actor: Actor) -> None:
        """Make an end user's token worthless at once. Raises `NotFound`."""
        await self._end(_guests(space_id) & (col(AccessToken.id) == token_id), token_id, actor, "guest.dismiss")

    # --- within -------------------------------------------------------------------------------------------------------

    async def _page(self, which: ColumnElement[bool], cursor: str | None, limit: int) -> Page[AccessToken]:
        wanted = select(AccessToken).where(which).order_by(col(AccessToken.id).desc()).limit(page_size(limit) + 1)
        if (behind := cursor_id(cursor)) is not None:
            wanted = wanted.where(col(AccessToken.id) < behind)
        found = await self._database.read(lambda connection: fetch(connection, wanted))
        return Page(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)

    async def _end(self, which: ColumnElement[bool], token_id: int, actor: Actor, action: str) -> None:
        def job(connection: Connection) -> None:
            known = _one(connection, which, token_id)
            end_tokens(connection, which)
            record(connection, actor, _deed(action, known, before=shown(known)))

        await self._database.write(job)


def shown(token: AccessToken) -> dict[str, Json]:
    """What the audit log keeps of a token: nothing that opens anything."""
    return {
        "name": token.name,
        "prefix": token.prefix,
        "expires": token.expires,
        "scopes": token.scopes,
        "spaces": token.spaces,
        "guest": token.guest,
        "requests_per_minute": token.requests_per_minute,
        "runs_per_minute": token.runs_per_minute,
    }


def _secret(kind: TokenKind, org_id: int, id_: int) -> tuple[str, str]:
    """A fresh text, and how much of it is kept."""
    known, random = f"{_STARTS[kind]}_{_short(org_id)}_{_short(id_)}_", secrets.token_urlsafe(32)
    return known + random, f"{known}{random[:_SHOWN]}"


def _short(number: int) -> str:
    letters = ""
    while number:
        number, rest = divmod(number, len(_LETTERS))
        letters = _LETTERS[rest] + letters
    return letters or "0"


def _instance(org_id: int, space_id: int, name: str, token: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "org_id": org_id,
        "space_id": space_id,
        "name": checked_name(name),
        "hash": credential_hash(token),
        "created": now_ms(),
    }


def _personal(account_id: int) -> ColumnElement[bool]:
    return (col(AccessToken.kind) == "personal") & (col(AccessToken.account_id) == account_id)


def _guests(space_id: int) -> ColumnElement[bool]:
    alive = or_(col(AccessToken.expires).is_(None), col(AccessToken.expires) > now_ms())
    return (col(AccessToken.kind) == "guest") & (col(AccessToken.space_id) == space_id) & alive


def _one(connection: Connection, which: ColumnElement[bool], token_id: int) -> AccessToken:
    found = fetch(connection, select(AccessToken).where(which))
    if not found:
        raise no_token(token_id)
    return found[0]


def _deed(action: str, token: AccessToken, **more: Any) -> Deed:
    return Deed(action, "token", token.id, token.name, org_id=token.org_id, space_id=token.space_id, **more)
