"""Sessions in the store: what opens, and what ends them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from engine.errors import Conflict, NotFound
from storage.account_sessions import MOST_SESSIONS, SESSION_SECONDS
from storage.accounts import NewAccount
from storage.audit import Actor
from storage.callers import SESSION_IDLE_MS
from storage.clock import now_ms
from storage.organisations import Home
from storage.stores import Stores
from storage.tables import Account, AccountSession

ME = Actor(ip="203.0.113.7", user_agent="x" * 900)


@pytest.fixture
async def account(stores: Stores, home: Home) -> Account:
    return await stores.accounts.create(NewAccount(home.org_id, "wang@example.com", "王小明", "hash"), ME)


async def change(stores: Stores, **values: Any) -> None:
    await stores.database.write(lambda connection: connection.execute(update(AccountSession).values(values)).close())


async def test_only_the_hash_of_a_cookie_is_kept(stores: Stores, account: Account) -> None:
    opened = await stores.account_sessions.open(account, ME)
    [kept] = await stores.account_sessions.of(account.id)
    assert len(opened.cookie) >= 43
    assert opened.cookie not in repr(kept)
    assert len(kept.user_agent) == 500
    caller = await stores.callers.by_session(opened.cookie)
    assert caller is not None
    assert (caller.account_id, caller.name, caller.kind) == (account.id, "王小明", "session")


@pytest.mark.parametrize("column", ["last_used", "expires"])
async def test_a_session_ends_by_itself(stores: Stores, account: Account, column: str) -> None:
    opened = await stores.account_sessions.open(account, ME)
    assert (await stores.account_sessions.of(account.id))[0].expires - now_ms() <= SESSION_SECONDS * 1_000
    await change(stores, **{column: now_ms() - (SESSION_IDLE_MS if column == "last_used" else 0)})
    assert await stores.callers.by_session(opened.cookie) is None
    assert await stores.account_sessions.of(account.id) == []
    # The next login clears it away.
    await stores.account_sessions.open(account, ME)
    assert await stores.database.read(lambda c: len(c.execute(_every()).all())) == 1


def _every() -> Any:
    from sqlalchemy import select

    return select(col(AccountSession.id))


async def test_a_login_takes_the_place_of_the_browsers_former_session(stores: Stores, account: Account) -> None:
    first = await stores.account_sessions.open(account, ME)
    before = await stores.callers.epoch()
    second = await stores.account_sessions.open(account, ME, instead_of=first.cookie)
    assert await stores.callers.epoch() > before
    assert await stores.callers.by_session(first.cookie) is None
    assert await stores.callers.by_session(second.cookie) is not None


async def test_an_account_has_only_so_many_sessions_and_the_oldest_makes_room(stores: Stores, account: Account) -> None:
    opened = [await stores.account_sessions.open(account, ME) for _ in range(MOST_SESSIONS + 2)]
    assert len(await stores.account_sessions.of(account.id)) == MOST_SESSIONS
    assert await stores.callers.by_session(opened[0].cookie) is None
    assert await stores.callers.by_session(opened[2].cookie) is not None


async def test_whoever_is_disabled_while_his_password_is_compared_does_not_get_in(
    stores: Stores, account: Account
) -> None:
    await stores.accounts.set_disabled(account, True, ME)
    with pytest.raises(Conflict):
        await stores.account_sessions.open(account, ME)
    assert await stores.account_sessions.of(account.id) == []


async def test_an_old_password_does_not_get_in_beside_its_change(stores: Stores, account: Account) -> None:
    found = await asyncio.gather(
        stores.account_sessions.change_password(account, "another", ME, reopen=True),
        stores.account_sessions.open(account, ME),
        stores.account_sessions.change_password(account, "a third", ME, reopen=False),
        return_exceptions=True,
    )
    # Whichever came first, what was read before does not stand against what was written since.
    assert sum(isinstance(one, Conflict) for one in found) >= 2
    assert len(await stores.account_sessions.of(account.id)) == 1


async def test_changing_the_password_ends_every_session(stores: Stores, account: Account) -> None:
    opened = [await stores.account_sessions.open(account, ME) for _ in range(3)]
    fresh = await stores.account_sessions.change_password(account, "another", ME, reopen=True)
    assert fresh is not None
    assert [await stores.callers.by_session(one.cookie) for one in opened] == [None] * 3
    assert await stores.callers.by_session(fresh.cookie) is not None


async def test_somebody_elses_session_is_not_found(stores: Stores, home: Home, account: Account) -> None:
    other = await stores.accounts.create(NewAccount(home.org_id, "li@example.com", "李雷", "hash"), ME)
    opened = await stores.account_sessions.open(account, ME)
    with pytest.raises(NotFound):
        await stores.account_sessions.end(other.id, opened.id, ME)
    assert await stores.callers.by_session(opened.cookie) is not None


async def test_logging_out_twice_is_no_mistake(stores: Stores, account: Account) -> None:
    opened = await stores.account_sessions.open(account, ME)
    assert await stores.account_sessions.log_out(opened.cookie, ME)
    assert not await stores.account_sessions.log_out(opened.cookie, ME)
    assert not await stores.account_sessions.log_out("\ud800 什么", ME)


async def test_an_address_is_known_after_a_login_from_there(stores: Stores, account: Account) -> None:
    assert not await stores.accounts.knows_address(account.id, ME.ip)
    await stores.accounts.refused(account, account.email, ME)
    assert not await stores.accounts.knows_address(account.id, ME.ip)
    await stores.account_sessions.open(account, ME)
    assert await stores.accounts.knows_address(account.id, ME.ip)
    assert not await stores.accounts.knows_address(account.id, "198.51.100.1")
    assert not await stores.accounts.knows_address(account.id + 1, ME.ip)
