"""Accounts: who can log in. Each has a space of its own from the beginning."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, get_args

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from storage.callers import rights_changed
from storage.clock import now_ms
from storage.ids import new_id
from storage.naming import checked_name
from storage.tables import Account, AccountSession, RoleGrant, Space, SpaceMember
from storage.tables.identity import EMAIL_LENGTH

Locale = Literal["", "en", "zh"]

INSTANCE_ADMIN_ROLE: Final = 1
"""As `api.permissions` knows it."""
_EMAIL: Final = re.compile(r"[^\s@\"(),:;<>\[\\\]]+@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W_](?:[\w-]*[^\W_])?")
"""Something, an @, a domain with a dot; letters of any script. Whether mail arrives there is not known here."""
_LOCAL_LENGTH: Final = 64
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


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


def insert_account(connection: Connection, new: NewAccount) -> int:
    """Make an account and its personal space, and give its id. Raises `Conflict` when the address has one."""
    email, name, id_, now = checked_email(new.email), checked_name(new.name), new_id(), now_ms()
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
            col(RoleGrant.role_id) == INSTANCE_ADMIN_ROLE,
            col(RoleGrant.org_id) == 0,
            col(RoleGrant.subject_kind) == "account",
            or_(col(RoleGrant.expires).is_(None), col(RoleGrant.subject_id) == account_id),
            col(Account.disabled) == 0,
        )
        # So that a server's database holds them until the end of the transaction; SQLite has one writer anyway.
        .with_for_update()
    )
    if {*connection.scalars(admins)} == {account_id}:
        raise Conflict("The last administrator of the instance stays one.", account_id=str(account_id))


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
