"""Accounts: who can log in. Each has a space of its own from the beginning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from engine.values import Json
from storage.audit import Actor, Deed, record
from storage.callers import rights_changed
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id, read_id
from storage.naming import checked_name
from storage.organisations import Home
from storage.paging import Page, cursor_id, fetch, page_size
from storage.tables import AccessToken, Account, AccountSession, AuditEvent, Organisation, RoleGrant, Space, SpaceMember
from storage.tables.identity import EMAIL_LENGTH

Locale = Literal["", "en", "zh"]

INSTANCE_ADMIN_ROLE: Final = 1
"""As `api.permissions` knows it."""
_EMAIL: Final = re.compile(r"[^\s@\"(),:;<>\[\\\]]+@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W_](?:[\w-]*[^\W_])?")
"""Something, an @, a domain with a dot; letters of any script. Whether mail arrives there is not known here."""
_LOCAL_LENGTH: Final = 64
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
_MISLEADING: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""In a name: what breaks lines, or has others read in another order than they stand in."""
_UNIQUE_NAME: Final = re.compile(r"[a-z0-9_]{4,20}")
_PROFILE: Final = ("name", "unique_name", "avatar", "description", "locale")
_KNOWN_FOR_MS: Final = 30 * 24 * 3_600_000
LOGIN: Final = "account.login"
_NOBODYS: Final = (col(AccessToken.kind) == "instance", col(AccessToken.account_id) == 0)
_ADMINISTRATES: Final = (
    col(RoleGrant.role_id) == INSTANCE_ADMIN_ROLE,
    col(RoleGrant.org_id) == 0,
    col(RoleGrant.subject_kind) == "account",
)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What is known of an account when it is made. Without a password nobody can log in with one."""

    org_id: int
    email: str
    name: str
    password_hash: str = ""
    change_password: bool = False
    """Somebody else gave the password: it opens nothing but its own change."""
    created_by: int = 0
    locale: str = ""


def checked_email(email: str) -> str:
    """The address as it is kept: NFC, in small letters. Raises `InvalidInput`."""
    email = unicodedata.normalize("NFC", unicodedata.normalize("NFC", email.strip()).lower())
    local = email.partition("@")[0]
    hidden = any(unicodedata.category(one) in _HIDDEN for one in email)
    dots = local.startswith(".") or local.endswith(".") or ".." in local
    if len(email) > EMAIL_LENGTH or len(local) > _LOCAL_LENGTH or hidden or dots or _EMAIL.fullmatch(email) is None:
        raise InvalidInput("This is no e-mail address.", field="email")
    return email


class AccountRepository:
    """All accounts; whose account somebody may see is asked for with the organisations that he reaches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewAccount, actor: Actor, *, action: str = "account.create") -> Account:
        """Make an account. Raises `Conflict` when the address has one, `NotFound` without such an organisation."""

        def job(connection: Connection) -> int:
            there = select(col(Organisation.id)).where(col(Organisation.id) == new.org_id)
            if connection.execute(there).first() is None:
                raise NotFound("There is no such organisation.", organisation_id=str(new.org_id))
            id_ = insert_account(connection, new)
            after: Json = {"email": checked_email(new.email), "name": new.name.strip()}
            record(connection, actor, _deed(action, id_, new.name, new.org_id, after=after))
            return id_

        id_ = await self._database.write(job)
        return await self.get(id_)

    async def get(self, account_id: int, org_ids: AbstractSet[int] | None = None) -> Account:
        """One, if it is at home in one of these organisations. Raises `NotFound`."""
        wanted = select(Account).where(col(Account.id) == account_id)
        if org_ids is not None:
            wanted = wanted.where(col(Account.org_id).in_(org_ids))
        found = await self._database.read(lambda connection: fetch(connection, wanted))
        if not found:
            raise no_account(account_id)
        return found[0]

    async def by_email(self, email: str) -> Account | None:
        """Whose address it is."""
        wanted = select(Account).where(col(Account.email) == email)
        found = await self._database.read(lambda connection: fetch(connection, wanted))
        return found[0] if found else None

    async def page(
        self,
        org_ids: AbstractSet[int],
        *,
        search: str = "",
        email: str | None = None,
        disabled: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Account]:
        """Those at home in these organisations, the newest first; `search` is a part of a name or address, or an id."""
        wanted = select(Account).where(col(Account.org_id).in_(org_ids))
        if search:
            places = (col(Account.name), col(Account.email), col(Account.unique_name))
            which = [place.icontains(search, autoescape=True) for place in places]
            which += [] if (id_ := read_id(search)) is None else [col(Account.id) == id_]
            wanted = wanted.where(or_(*which))
        if email is not None:
            wanted = wanted.where(col(Account.email) == email)
        if disabled is not None:
            wanted = wanted.where(col(Account.disabled) == int(disabled))
        if (before := cursor_id(cursor)) is not None:
            wanted = wanted.where(col(Account.id) < before)
        wanted = wanted.order_by(col(Account.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: fetch(connection, wanted))
        return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)

    async def change_profile(self, account_id: int, changes: Mapping[str, Any], actor: Actor) -> Account:
        """Change what one says of oneself. Raises `InvalidInput`, or `Conflict` when the unique name is taken."""
        values = {name: value for name, value in changes.items() if name in _PROFILE}
        if "name" in values:
            values["name"] = checked_person(values["name"])
        if values.get("unique_name") is not None and _UNIQUE_NAME.fullmatch(values["unique_name"]) is None:
            raise InvalidInput("A unique name has 4 to 20 of the characters a-z, 0-9 and _.", field="unique_name")
        if "locale" in values:
            checked_locale(values["locale"])

        def job(connection: Connection) -> None:
            row: Any = connection.execute(
                select(col(Account.org_id), *(getattr(Account, one) for one in _PROFILE)).where(
                    col(Account.id) == account_id
                )
            ).one_or_none()
            if row is None:
                raise no_account(account_id)
            changed = {one: value for one, value in values.items() if getattr(row, one) != value}
            if not changed:
                return
            before = {one: getattr(row, one) for one in changed}
            mine = update(Account).where(col(Account.id) == account_id)
            connection.execute(mine.values(updated=now_ms(), **changed))
            record(
                connection, actor, _deed("account.edit", account_id, row.name, row.org_id, before=before, after=changed)
            )
            if "name" in changed:
                # Whoever is known by it is known by the new one at once.
                rights_changed(connection)

        try:
            await self._database.write(job)
        except IntegrityError:
            raise Conflict("This unique name is taken.", field="unique_name") from None
        return await self.get(account_id)

    async def set_disabled(self, account: Account, disabled: bool, actor: Actor) -> Account:
        """See the function of this name. Doing it again changes nothing."""

        def job(connection: Connection) -> None:
            state = select(col(Account.disabled)).where(col(Account.id) == account.id)
            if connection.execute(state).scalar() == int(disabled):
                return
            set_disabled(connection, account.id, disabled)
            action = "account.disable" if disabled else "account.enable"
            record(connection, actor, _deed(action, account.id, account.name, account.org_id))

        await self._database.write(job)
        return await self.get(account.id)

    async def reset_password(self, account: Account, hashed: str, actor: Actor) -> None:
        """Give an account a password that opens nothing but its own change, and end its sessions."""

        def job(connection: Connection) -> None:
            values = {"password": hashed, "change_password": 1, "updated": now_ms()}
            if not connection.execute(update(Account).where(col(Account.id) == account.id).values(values)).rowcount:
                raise no_account(account.id)
            end_sessions(connection, account.id)
            record(connection, actor, _deed("account.reset_password", account.id, account.name, account.org_id))

        await self._database.write(job)

    async def refused(self, account: Account | None, email: str, actor: Actor) -> None:
        """Write down that somebody could not log in."""
        found = None if account is None else account.id
        known = Deed(
            LOGIN,
            "account",
            found or "",
            "" if account is None else account.name,
            after={"email": email},
            outcome="refused",
            org_id=0 if account is None else account.org_id,
            space_id=0,
        )
        await self._database.write(lambda connection: record(connection, actor, known))

    async def knows_address(self, account_id: int, ip: str) -> bool:
        """Whether the account was logged in from there of late."""
        wanted = (
            select(col(AuditEvent.id))
            .where(
                col(AuditEvent.account_id) == account_id,
                col(AuditEvent.action) == LOGIN,
                col(AuditEvent.outcome) == "done",
                col(AuditEvent.ip) == ip,
                col(AuditEvent.at) > now_ms() - _KNOWN_FOR_MS,
            )
            .limit(1)
        )
        return await self._database.read(lambda connection: connection.execute(wanted).first()) is not None

    async def has_any(self) -> bool:
        """Whether anybody can log in here at all."""
        wanted = select(col(Account.id)).limit(1)
        return await self._database.read(lambda connection: connection.execute(wanted).first()) is not None

    async def adopt_instance_tokens(self) -> None:
        """Let a token of the instance that was made anew act on behalf of the first administrator, as the old one."""
        wanted = select(col(AccessToken.id)).where(*_NOBODYS).limit(1)
        if await self._database.read(lambda connection: connection.execute(wanted).first()) is None:
            return
        first = select(col(RoleGrant.subject_id)).where(*_ADMINISTRATES).order_by(col(RoleGrant.id)).limit(1)

        def job(connection: Connection) -> None:
            if (id_ := connection.execute(first).scalar()) is not None:
                connection.execute(update(AccessToken).where(*_NOBODYS).values(account_id=id_))
                rights_changed(connection)

        await self._database.write(job)

    async def first_administrator(self, home: Home, email: str, name: str, hashed: str) -> bool:
        """Make the account that everything begins with, unless there is any: of two first starts one does it.

        It administrates the instance, owns the default space, and the instance's own token acts on its behalf.
        """

        def job(connection: Connection) -> bool:
            if connection.execute(select(col(Account.id)).limit(1)).first() is not None:
                return False
            now = now_ms()
            id_ = insert_account(connection, NewAccount(home.org_id, email, name, hashed, change_password=True))
            grant = {"id": new_id(), "org_id": 0, "space_id": 0, "role_id": INSTANCE_ADMIN_ROLE, "created": now}
            connection.execute(insert(RoleGrant).values(subject_kind="account", subject_id=id_, granted_by=0, **grant))
            member = {"space_id": home.space_id, "account_id": id_, "role": "owner", "invited_by": 0}
            connection.execute(insert(SpaceMember).values(created=now, updated=now, **member))
            connection.execute(update(AccessToken).where(*_NOBODYS).values(account_id=id_))
            after: Json = {"email": email, "roles": ["instance_admin"]}
            record(connection, Actor(), _deed("account.create", id_, name, home.org_id, after=after))
            return True

        return await self._database.write(job)


def insert_account(connection: Connection, new: NewAccount) -> int:
    """Make an account and its personal space, and give its id. Raises `Conflict` when the address has one."""
    email, name, id_, now = checked_email(new.email), checked_person(new.name), new_id(), now_ms()
    row = {"id": id_, "org_id": new.org_id, "email": email, "name": name, "password": new.password_hash}
    row |= {"change_password": int(new.change_password), "disabled": 0, "locale": checked_locale(new.locale)}
    row |= {"avatar": "", "description": "", "created": now, "updated": now, "created_by": new.created_by}
    if connection.execute(select(col(Account.id)).where(col(Account.email) == email)).first() is not None:
        raise email_taken()
    try:
        connection.execute(insert(Account).values(row))
    except IntegrityError:
        # Of a database where another process may have been faster.
        raise email_taken() from None
    space = {"id": new_id(), "org_id": new.org_id, "key": f"own-{id_}", "name": name, "kind": "personal"}
    connection.execute(insert(Space).values(created=now, created_by=id_, **space))
    member = {"space_id": space["id"], "account_id": id_, "role": "owner", "invited_by": 0}
    connection.execute(insert(SpaceMember).values(created=now, updated=now, **member))
    rights_changed(connection)
    return id_


def set_disabled(connection: Connection, account_id: int, disabled: bool) -> None:
    """Let nobody log in with an account any more, and end its sessions; or let it be used again.

    Its tokens open nothing while it is disabled. Raises `NotFound`, or `Conflict` for the last administrator.
    """
    if disabled:
        spare_the_last_administrator(connection, account_id)
        end_sessions(connection, account_id)
    change = update(Account).where(col(Account.id) == account_id).values(disabled=int(disabled), updated=now_ms())
    if not connection.execute(change).rowcount:
        raise no_account(account_id)
    rights_changed(connection)


def end_sessions(connection: Connection, account_id: int, *, but: int = 0) -> int:
    """Log an account out everywhere, but for the session of that id; how many ended."""
    ended = delete(AccountSession).where(col(AccountSession.account_id) == account_id, col(AccountSession.id) != but)
    count = connection.execute(ended).rowcount
    rights_changed(connection)
    return count


def spare_the_last_administrator(connection: Connection, account_id: int) -> None:
    """Call it before an account is disabled, or is to lose the role of an administrator of the instance.

    Raises `Conflict` when it is the last that has this role itself, without an end, and can log in. Writers come one
    after another, so that of two who take each other's role one fails.
    """
    admins = (
        select(col(RoleGrant.subject_id))
        .join(Account, col(Account.id) == col(RoleGrant.subject_id))
        .where(
            *_ADMINISTRATES,
            or_(col(RoleGrant.expires).is_(None), col(RoleGrant.subject_id) == account_id),
            col(Account.disabled) == 0,
        )
        # So that a server's database holds them until the end of the transaction; SQLite has one writer anyway.
        .with_for_update()
    )
    if {*connection.scalars(admins)} == {account_id}:
        raise Conflict("The last administrator of the instance stays one.", account_id=str(account_id))


def checked_person(name: str) -> str:
    """A name as it is kept: NFC, without blanks around it. Raises `InvalidInput`."""
    name = checked_name(unicodedata.normalize("NFC", name))
    if _MISLEADING.search(name):
        raise InvalidInput("A name has no control characters.", field="name")
    return name


def checked_locale(locale: str) -> str:
    """A language we speak, or nothing. Raises `InvalidInput`."""
    if locale not in get_args(Locale):
        raise InvalidInput("The languages are en and zh.", field="locale")
    return locale


def email_taken() -> Conflict:
    """The address has an account."""
    return Conflict("There is an account with this address.", field="email")


def no_account(account_id: int | str) -> NotFound:
    """There is none, or it is not yours to see."""
    return NotFound("There is no such account.", account_id=str(account_id)[:64])


def _deed(action: str, account_id: int, name: str, org_id: int, *, before: Json = None, after: Json = None) -> Deed:
    return Deed(action, "account", account_id, name, before=before, after=after, org_id=org_id, space_id=0)
