"""Applications that sign for their tokens themselves: who they are, by which keys they are known, and what they got."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from engine.errors import Conflict, LimitExceeded, NotFound
from engine.values import Json
from storage.audit import Actor, Deed, record
from storage.callers import credential_hash
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.naming import checked_name
from storage.paging import Page, cursor_id, fetch, page_size
from storage.tables import AccessToken, Account, OAuthApp, OAuthKey, OAuthUse
from storage.tokens import NewToken, clean_tokens, end_tokens, insert_token

MOST_APPS: Final = 200
"""Of one organisation."""
MOST_KEYS: Final = 10
"""Of one application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApp:
    """An application to be."""

    org_id: int
    name: str
    account_id: int
    space_id: int
    scopes: Sequence[str]
    spaces: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Signer:
    """Who may have signed something: an application that is open, its key, and the account that it acts for."""

    app: OAuthApp
    key: OAuthKey
    account_disabled: bool


class OAuthAppRepository:
    """The applications of all organisations; who asks for some says of which."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- looking after them -------------------------------------------------------------------------------------------

    async def create(self, new: NewApp, actor: Actor) -> OAuthApp:
        """Make an application. Raises `LimitExceeded` when the organisation has too many."""
        now = now_ms()
        row: dict[str, Any] = {
            "id": new_id(),
            "org_id": new.org_id,
            "client_id": f"app_{secrets.token_hex(16)}",
            "name": checked_name(new.name),
            "account_id": new.account_id,
            "space_id": new.space_id,
            "scopes": [*new.scopes],
            "spaces": [str(one) for one in new.spaces],
            "disabled": 0,
            "created": now,
            "updated": now,
            "created_by": actor.account_id,
        }

        def job(connection: Connection) -> OAuthApp:
            having = select(col(OAuthApp.id)).where(col(OAuthApp.org_id) == new.org_id).limit(MOST_APPS)
            if len(connection.scalars(having).all()) == MOST_APPS:
                raise LimitExceeded(f"An organisation has {MOST_APPS} OAuth applications at most.", limit=MOST_APPS)
            connection.execute(insert(OAuthApp).values(row))
            made = _one(connection, col(OAuthApp.id) == row["id"], row["id"])
            record(connection, actor, _deed("oauth_app.create", made, after=shown(made)))
            return made

        return await self._database.write(job)

    async def page(self, org_ids: Sequence[int], *, cursor: str | None, limit: int) -> Page[OAuthApp]:
        """The applications of some organisations, the newest first."""
        wanted = (
            select(OAuthApp)
            .where(col(OAuthApp.org_id).in_(org_ids))
            .order_by(col(OAuthApp.id).desc())
            .limit(page_size(limit) + 1)
        )
        if (behind := cursor_id(cursor)) is not None:
            wanted = wanted.where(col(OAuthApp.id) < behind)
        found = await self._database.read(lambda connection: fetch(connection, wanted))
        return Page(found[:limit], str(found[limit - 1].id) if len(found) > limit else None)

    async def get(self, org_ids: Sequence[int], app_id: int) -> OAuthApp:
        """An application of one of some organisations. Raises `NotFound`."""
        which = _of(org_ids, app_id)
        return await self._database.read(lambda connection: _one(connection, which, app_id))

    async def change(self, org_ids: Sequence[int], app_id: int, actor: Actor, **fields: Any) -> OAuthApp:
        """Change an application. The tokens that it has end, unless only its name is another. Raises `NotFound`."""
        if "name" in fields:
            fields["name"] = checked_name(fields["name"])
        which = _of(org_ids, app_id)

        def job(connection: Connection) -> OAuthApp:
            before = _one(connection, which, app_id)
            changed = {name for name, value in fields.items() if getattr(before, name) != value}
            connection.execute(update(OAuthApp).where(which).values(updated=now_ms(), **fields))
            if changed - {"name"}:
                end_tokens(connection, col(AccessToken.app_id) == app_id)
            after = _one(connection, which, app_id)
            record(connection, actor, _deed("oauth_app.change", after, before=shown(before), after=shown(after)))
            return after

        return await self._database.write(job)

    async def delete(self, org_ids: Sequence[int], app_id: int, actor: Actor) -> None:
        """Delete an application: its tokens are worthless at once. Raises `NotFound`."""
        which = _of(org_ids, app_id)

        def job(connection: Connection) -> None:
            known = _one(connection, which, app_id)
            end_tokens(connection, col(AccessToken.app_id) == app_id)
            connection.execute(delete(OAuthKey).where(col(OAuthKey.app_id) == app_id))
            connection.execute(delete(OAuthApp).where(which))
            record(connection, actor, _deed("oauth_app.delete", known, before=shown(known)))

        await self._database.write(job)

    # --- their keys ---------------------------------------------------------------------------------------------------

    async def keys(self, app_id: int) -> list[OAuthKey]:
        """The public keys of an application, the newest first."""
        wanted = select(OAuthKey).where(col(OAuthKey.app_id) == app_id).order_by(col(OAuthKey.id).desc())
        return await self._database.read(lambda connection: fetch(connection, wanted))

    async def add_key(self, app: OAuthApp, kid: str, pem: str, name: str, actor: Actor) -> OAuthKey:
        """Let an application be known by a key. Raises `Conflict` when it is already, `NotFound` without the app."""
        row: dict[str, Any] = {"id": new_id(), "app_id": app.id, "kid": kid, "pem": pem, "name": name.strip()}
        taken = Conflict("The application has this key already.", field="public_key", kid=kid)

        def job(connection: Connection) -> OAuthKey:
            _one(connection, _of([app.org_id], app.id), app.id)
            having = fetch(connection, select(OAuthKey).where(col(OAuthKey.app_id) == app.id))
            if any(one.kid == kid for one in having):
                raise taken
            if len(having) >= MOST_KEYS:
                raise LimitExceeded(f"An application has {MOST_KEYS} keys at most: remove one.", limit=MOST_KEYS)
            try:
                connection.execute(insert(OAuthKey).values(created=now_ms(), created_by=actor.account_id, **row))
            except IntegrityError:
                # Of a database where another process may have been faster.
                raise taken from None
            record(connection, actor, _deed("oauth_key.add", app, after={"kid": kid, "name": row["name"]}))
            return fetch(connection, select(OAuthKey).where(col(OAuthKey.id) == row["id"]))[0]

        return await self._database.write(job)

    async def remove_key(self, app: OAuthApp, kid: str, actor: Actor) -> None:
        """Forget a key: what it signed for is worthless at once. Raises `NotFound`."""
        mine = (col(OAuthKey.app_id) == app.id) & (col(OAuthKey.kid) == kid)

        def job(connection: Connection) -> None:
            key_id = connection.scalar(select(col(OAuthKey.id)).where(mine))
            if key_id is None:
                raise NotFound("The application has no such key.", kid=kid[:64])
            connection.execute(delete(OAuthKey).where(mine))
            end_tokens(connection, (col(AccessToken.app_id) == app.id) & (col(AccessToken.issuer_id) == key_id))
            record(connection, actor, _deed("oauth_key.remove", app, before={"kid": kid}))

        await self._database.write(job)

    # --- what they ask for --------------------------------------------------------------------------------------------

    async def signer(self, client_id: str, kid: str) -> Signer | None:
        """Who signs by this name with this key; None when nobody may, or the account is gone."""
        wanted = (
            select(OAuthApp, OAuthKey, col(Account.disabled))
            .join(OAuthKey, col(OAuthKey.app_id) == col(OAuthApp.id))
            .join(Account, col(Account.id) == col(OAuthApp.account_id))
            .where(col(OAuthApp.client_id) == client_id, col(OAuthKey.kid) == kid, col(OAuthApp.disabled) == 0)
        )

        def query(connection: Connection) -> Signer | None:
            with Session(connection) as session:
                row = session.execute(wanted).one_or_none()
                return None if row is None else Signer(row[0], row[1], bool(row[2]))

        return await self._database.read(query)

    async def issue(self, signer: Signer, jti: str, valid_until: int, token: NewToken) -> str:
        """Make a token for what was signed, which counts once. Raises `Conflict` when it was shown before, `NotFound`
        when the key or the application went away meanwhile.
        """
        use = credential_hash(f"{signer.app.id} {jti}")
        again = Conflict("This was shown already: sign anew for each token.", jti=jti[:64])

        def job(connection: Connection) -> str:
            now = now_ms()
            connection.execute(delete(OAuthUse).where(col(OAuthUse.expires) < now))
            clean_tokens(connection)
            still = select(col(OAuthApp.id)).where(col(OAuthApp.id) == signer.app.id, col(OAuthApp.disabled) == 0)
            key = select(col(OAuthKey.id)).where(col(OAuthKey.id) == signer.key.id)
            if connection.scalar(still) is None or connection.scalar(key) is None:
                raise NotFound("The application is not open any more.", client_id=signer.app.client_id)
            if connection.scalar(select(col(OAuthUse.hash)).where(col(OAuthUse.hash) == use)) is not None:
                raise again
            try:
                connection.execute(insert(OAuthUse).values(hash=use, expires=valid_until))
            except IntegrityError:
                raise again from None
            made = insert_token(connection, token)
            connection.execute(update(OAuthApp).where(col(OAuthApp.id) == signer.app.id).values(last_used=now))
            connection.execute(update(OAuthKey).where(col(OAuthKey.id) == signer.key.id).values(last_used=now))
            return made.secret

        return await self._database.write(job)


def shown(app: OAuthApp) -> dict[str, Json]:
    """What the audit log keeps of an application."""
    return {
        "name": app.name,
        "client_id": app.client_id,
        "account_id": str(app.account_id),
        "scopes": app.scopes,
        "spaces": app.spaces,
        "disabled": bool(app.disabled),
    }


def _of(org_ids: Sequence[int], app_id: int) -> ColumnElement[bool]:
    return col(OAuthApp.org_id).in_(org_ids) & (col(OAuthApp.id) == app_id)


def _one(connection: Connection, which: ColumnElement[bool], app_id: int) -> OAuthApp:
    found = fetch(connection, select(OAuthApp).where(which))
    if not found:
        raise NotFound("There is no such OAuth application.", app_id=str(app_id))
    return found[0]


def _deed(action: str, app: OAuthApp, **more: Any) -> Deed:
    return Deed(action, "oauth_app", app.id, app.name, org_id=app.org_id, space_id=0, **more)
