"""Logging in, and what must hold of accounts: who may try how often, and whose account somebody may take over."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import Depends
from starlette.requests import Request

from api.access import Member, Permission
from api.accounts.password_rules import LONGEST, check_password, normal
from api.accounts.passwords import Passwords, one_time_password
from api.errors import PermissionDenied, TooManyRequests, Unauthenticated
from api.permissions import OF_SPACES
from api.proxies import block_of
from api.roles.powers import permissions_of
from conf.settings import Settings
from engine.errors import InvalidInput, NotFound
from storage.account_sessions import OpenSession
from storage.accounts import NewAccount, checked_email
from storage.audit import Actor
from storage.callers import Caller
from storage.stores import Stores
from storage.tables import Account

Registration = Literal["open", "closed", "listed"]

WINDOW_SECONDS: Final = 15 * 60
STRANGERS: Final = 10
"""So many times as often as from one address may be tried from all addresses together that an account never came
from."""
_REGISTRATIONS: Final = 10
_HOUR: Final = 3_600


@dataclass(frozen=True, slots=True)
class _Tries:
    """What a try to log in is counted under."""

    address: str
    """All that comes from there, whoever it wants to be."""
    here: str
    """One account, from there."""
    strangers: str
    """One account, from wherever it never came from before."""


class AccountService:
    """What routes of accounts call where there is a rule to keep."""

    def __init__(self, stores: Stores, passwords: Passwords, settings: Settings) -> None:
        self._stores = stores
        self._passwords = passwords
        self._settings = settings

    async def log_in(self, email: str, password: str, actor: Actor, *, instead_of: str) -> tuple[Account, OpenSession]:
        """Begin a session. Raises `Unauthenticated`, `PermissionDenied` when disabled, or `TooManyRequests`.

        Nobody learns whether there is such an account: the answer, its time and the counting are the same.
        """
        try:
            email = checked_email(email)
            known = True
        except InvalidInput:
            known = False
        tries = _tries(email, actor.ip)
        await self._count(tries.address, self._settings.login_attempts_per_address)
        await self._count(tries.here, self._settings.login_attempts)
        account = await self._stores.accounts.by_email(email) if known else None
        await self._count_stranger(tries, account, actor.ip)
        # What nobody can have as a password is not worth the work of a hash, and says nothing of the account.
        fits = len(password) <= LONGEST
        right = await self._passwords.matches("" if account is None else account.password, normal(password[:LONGEST]))
        if account is None or not right or not fits:
            # What is no address may be a password in the wrong field: it is not written down.
            await self._stores.accounts.refused(account, email if known else "", actor)
            raise Unauthenticated("There is no account with this address and this password.")
        if account.disabled:
            await self._stores.accounts.refused(account, email, actor)
            raise PermissionDenied("This account is disabled.")
        rehashed = ""
        if self._passwords.outdated(account.password):
            rehashed = await self._passwords.hash(normal(password))
        opened = await self._stores.account_sessions.open(account, actor, rehashed=rehashed, instead_of=instead_of)
        await self._stores.rates.forget(tries.here)
        await self._stores.rates.give_back(tries.address)
        await self._stores.rates.give_back(tries.strangers)
        return await self._stores.accounts.get(account.id), opened

    async def register(self, email: str, password: str, name: str, locale: str, actor: Actor) -> Account:
        """Make an account for whoever asks, where that is allowed. Raises `PermissionDenied`, `Conflict` and others."""
        mode = self._settings.registration
        if mode == "closed":
            raise PermissionDenied("Nobody can register here: an administrator makes accounts.")
        wait = await self._stores.rates.hit(f"register:{block_of(actor.ip)}", limit=_REGISTRATIONS, seconds=_HOUR)
        if wait:
            raise _too_often(wait)
        email = checked_email(email)
        if mode == "listed" and not self._listed(email):
            raise PermissionDenied("This address cannot register here.")
        check_password(password, email=email)
        hashed = await self._passwords.hash(normal(password))
        home = await self._stores.organisations.ensure_default()
        new = NewAccount(home.org_id, email, name, hashed, locale=locale)
        return await self._stores.accounts.create(new, actor, action="account.register")

    async def create(self, new: NewAccount, password: str, actor: Actor) -> tuple[Account, str]:
        """Make an account for somebody else: with a password, or with one made here, which is given back."""
        given = password or one_time_password()
        if password:
            check_password(password, email=checked_email(new.email))
        hashed = await self._passwords.hash(normal(given))
        made = NewAccount(
            new.org_id, new.email, new.name, hashed, change_password=True, created_by=new.created_by, locale=new.locale
        )
        return await self._stores.accounts.create(made, actor), "" if password else given

    async def change_password(
        self, account: Account, current: str, password: str, actor: Actor, *, reopen: bool
    ) -> OpenSession | None:
        """Change one's own password. Raises `PermissionDenied` when the current one is another."""
        wait = await self._stores.rates.hit(
            f"password:{account.id}", limit=self._settings.login_attempts, seconds=WINDOW_SECONDS
        )
        if wait:
            raise _too_often(wait)
        if not await self._passwords.matches(account.password, normal(current[:LONGEST])):
            raise PermissionDenied("The current password is another.", field="current")
        check_password(password, email=account.email, field="new")
        if normal(password) == normal(current):
            raise InvalidInput("This is the current password: choose another.", field="new")
        hashed = await self._passwords.hash(normal(password))
        opened = await self._stores.account_sessions.change_password(account, hashed, actor, reopen=reopen)
        await self._stores.rates.forget(f"password:{account.id}")
        return opened

    async def reset_password(self, account: Account, actor: Actor) -> str:
        """Give somebody a password that he has to change at once; the sessions of the account end."""
        given = one_time_password()
        await self._stores.accounts.reset_password(account, await self._passwords.hash(given), actor)
        return given

    async def of_others(self, account_id: int, member: Member, permission: Permission) -> Account:
        """An account that somebody has power over. Raises `NotFound`, or `PermissionDenied`.

        Whoever resets a password can be that person: so it takes all that the person may in organisations, and where.
        """
        reach = member.organisations(permission)
        account = await self._stores.accounts.get(account_id, reach)
        caller = Caller("session", 0, account.id, account.name, account.org_id, None)
        standing = await self._stores.callers.standing(caller)
        held = () if standing is None else standing.held
        for one in held:
            wanted = permissions_of(one.role_id, one.permissions) - OF_SPACES
            if not one.org_ids <= reach or any(not one.org_ids <= member.organisations(each) for each in wanted):
                raise PermissionDenied("This account holds a role beyond your own reach.", permission=permission.value)
        return account

    async def mine(self, member: Member) -> Account:
        """The account of who asks. Raises `NotFound` for a token of nobody."""
        if not member.account_id:
            raise NotFound("This token is of no account.")
        return await self._stores.accounts.get(member.account_id)

    def _listed(self, email: str) -> bool:
        domain = email.rpartition("@")[2]
        allowed = {one.lower().removeprefix("@") for one in self._settings.registration_allow}
        return email in allowed or domain in allowed

    async def _count(self, name: str, limit: int) -> None:
        if wait := await self._stores.rates.hit(name, limit=limit, seconds=WINDOW_SECONDS):
            raise _too_often(wait)

    async def _count_stranger(self, tries: _Tries, account: Account | None, ip: str) -> None:
        """Many addresses at once are a net of them: it is held back, and who comes from where he always does is not."""
        limit = self._settings.login_attempts * STRANGERS
        wait = await self._stores.rates.hit(tries.strangers, limit=limit, seconds=WINDOW_SECONDS)
        if wait and (account is None or not await self._stores.accounts.knows_address(account.id, ip)):
            raise _too_often(wait)


def _tries(email: str, ip: str) -> _Tries:
    # Not the address itself: a table of counts need not tell who has an account, or who wants one.
    who, where = hashlib.sha256(email.encode(errors="replace")).hexdigest()[:32], block_of(ip)
    return _Tries(f"login:{where}", f"login:{who}:{where}", f"login:{who}")


def _too_often(wait: float) -> TooManyRequests:
    return TooManyRequests("Too many tries: wait before the next.", retry_after=round(wait, 1))


async def _accounts(request: Request) -> AccountService:
    accounts: AccountService = request.app.state.accounts
    return accounts


AccountsDep = Annotated[AccountService, Depends(_accounts)]
