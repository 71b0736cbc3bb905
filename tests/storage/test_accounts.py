"""Accounts in the store: addresses, races, the last administrator, and the first."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from storage.accounts import NewAccount, checked_email, checked_person, insert_account, set_disabled
from storage.audit import Actor
from storage.clock import now_ms
from storage.ids import new_id
from storage.organisations import Home
from storage.stores import Stores, open_stores
from storage.tables import AccessToken, Account, AuditEvent, RoleGrant, Space, SpaceMember

ME = Actor(ip="203.0.113.7", user_agent="a test", request_id="r1")


async def made(stores: Stores, home: Home, email: str = "wang@example.com", name: str = "王小明") -> Account:
    return await stores.accounts.create(NewAccount(home.org_id, email, name, "a hash"), ME)


async def administrates(stores: Stores, account_id: int, expires: int | None = None) -> None:
    row = {"id": new_id(), "org_id": 0, "space_id": 0, "role_id": 1, "subject_kind": "account", "granted_by": 0}
    grant = insert(RoleGrant).values(subject_id=account_id, created=now_ms(), expires=expires, **row)
    await stores.database.write(lambda connection: connection.execute(grant).close())


async def rows(stores: Stores, *columns: Any) -> list[Any]:
    return await stores.database.read(lambda connection: [*connection.execute(select(*columns))])


async def test_an_account_begins_with_a_space_of_its_own(stores: Stores, home: Home) -> None:
    account = await made(stores, home)
    [(space_id, org_id)] = [row for row in await rows(stores, Space.id, Space.org_id) if row[0] != home.space_id]
    assert org_id == home.org_id
    assert await rows(stores, SpaceMember.space_id, SpaceMember.account_id, SpaceMember.role) == [
        (space_id, account.id, "owner")
    ]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Wang@Example.COM ", "wang@example.com"),
        ("é@example.com", "é@example.com"),
        ("É@example.com", "é@example.com"),
        ("王小明@例子.中国", "王小明@例子.中国"),
        ("a+b.c_d@sub.example.org", "a+b.c_d@sub.example.org"),
        ("administrator@mainspring.local", "administrator@mainspring.local"),
    ],
)
def test_an_address_is_kept_in_one_form(given: str, kept: str) -> None:
    assert checked_email(given) == kept


@pytest.mark.parametrize(
    "email",
    [
        "", "@", "a@", "@b.c", "a@b", "a b@example.com", "a@exa mple.com", "a@@example.com", "a@b@example.com",
        ".a@example.com", "a..b@example.com", "a.@example.com", "a@-example.com", "a@example-.com", "a@.example.com",
        "a@example..com", "a@example.com.", '"a"@example.com', "a<b@example.com", "a,b@example.com", "a\n@example.com",
        "a@example.com\n\rx", "a\u202eb@example.com", "a\u200bb@example.com", "a\x00@example.com", "a@[127.0.0.1]",
        "a" * 65 + "@example.com", "a@" + "b" * 190 + ".com", "a\ud800@example.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(InvalidInput):
        checked_email(email)


@given(st.text(max_size=250))
def test_an_address_is_refused_or_stays_as_it_was_kept(text: str) -> None:
    try:
        kept = checked_email(text)
    except InvalidInput:
        return
    assert checked_email(kept) == kept
    assert len(kept) <= 191


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\x00b", "a\u202eb", "a\u2066b", "a\ud800", "x" * 201])
def test_a_name_that_misleads_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        checked_person(name)


@pytest.mark.parametrize("name", ["王小明", "Zoë O’Neill", "👩‍💻 Ada", "李 雷"])
def test_a_name_may_be_of_any_script(name: str) -> None:
    assert checked_person(f" {name} ") == name


async def test_of_many_who_take_an_address_at_once_one_gets_it(stores: Stores, home: Home) -> None:
    tries = [made(stores, home, email) for email in ("Wang@example.com", "wang@EXAMPLE.com") * 5]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, Account) for one in found) == 1
    refused = [one for one in found if isinstance(one, Conflict)]
    assert len(refused) == 9
    assert {one.facts["field"] for one in refused} == {"email"}
    assert len(await rows(stores, Space.id)) == 2


async def test_two_processes_that_take_an_address_at_once_get_one_account(
    stores: Stores, home: Home, tmp_path: Path
) -> None:
    with open_stores(tmp_path / "data") as other:
        found = await asyncio.gather(made(stores, home), made(other, home), return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["Account", "Conflict"]


async def test_an_account_without_an_organisation_is_not_made(stores: Stores) -> None:
    with pytest.raises(NotFound):
        await stores.accounts.create(NewAccount(12, "a@example.com", "A"), ME)
    assert await rows(stores, Account.id) == []


async def test_another_organisations_account_is_not_found(stores: Stores, home: Home) -> None:
    account = await made(stores, home)
    with pytest.raises(NotFound):
        await stores.accounts.get(account.id, {home.org_id + 1})
    with pytest.raises(NotFound):
        await stores.accounts.get(account.id, frozenset())
    assert (await stores.accounts.page({home.org_id + 1})).items == []


async def test_accounts_come_in_pages_and_are_found_by_a_part_of_what_they_are_called(
    stores: Stores, home: Home
) -> None:
    accounts = [await made(stores, home, f"p{n}@example.com", f"人{n}%") for n in range(5)]
    first = await stores.accounts.page({home.org_id}, limit=3)
    rest = await stores.accounts.page({home.org_id}, limit=3, cursor=first.next)
    assert [one.id for one in (*first.items, *rest.items)] == [one.id for one in reversed(accounts)]
    assert rest.next is None
    for search, expected in (("P3@", 1), ("人4", 1), ("%", 5), ("_", 0), (str(accounts[0].id), 1)):
        assert len((await stores.accounts.page({home.org_id}, search=search)).items) == expected, search


async def test_a_unique_name_is_one_accounts_own(stores: Stores, home: Home) -> None:
    one, other = await made(stores, home), await made(stores, home, "li@example.com")
    assert (await stores.accounts.change_profile(one.id, {"unique_name": "wang_1"}, ME)).unique_name == "wang_1"
    with pytest.raises(Conflict):
        await stores.accounts.change_profile(other.id, {"unique_name": "wang_1"}, ME)
    for wrong in ("abc", "Wang", "a" * 21, "王小明王", "wang-1"):
        with pytest.raises(InvalidInput):
            await stores.accounts.change_profile(other.id, {"unique_name": wrong}, ME)
    await stores.accounts.change_profile(one.id, {"unique_name": None}, ME)
    assert (await stores.accounts.change_profile(other.id, {"unique_name": "wang_1"}, ME)).unique_name == "wang_1"


async def test_what_changed_of_a_profile_is_written_down_and_nothing_else_changes(stores: Stores, home: Home) -> None:
    account = await made(stores, home)
    changes = {"name": "王大明", "email": "x@example.com", "password": "", "org_id": 5, "disabled": 1}
    changed = await stores.accounts.change_profile(account.id, changes, ME)
    assert (changed.name, changed.email, changed.password, changed.org_id) == (
        "王大明", account.email, account.password, account.org_id,
    )  # fmt: skip
    await stores.accounts.change_profile(account.id, {"name": "王大明"}, ME)
    edits = await rows(stores, AuditEvent.action, AuditEvent.before, AuditEvent.after)
    assert [row for row in edits if row[0] == "account.edit"] == [
        ("account.edit", {"name": "王小明"}, {"name": "王大明"})
    ]


async def test_the_last_administrator_cannot_be_disabled(stores: Stores, home: Home) -> None:
    only = await made(stores, home)
    await administrates(stores, only.id)
    with pytest.raises(Conflict):
        await stores.accounts.set_disabled(only, True, ME)
    assert not (await stores.accounts.get(only.id)).disabled
    other = await made(stores, home, "li@example.com")
    assert (await stores.accounts.set_disabled(other, True, ME)).disabled


async def test_an_administrator_for_a_while_or_one_who_is_disabled_is_none_to_count_on(
    stores: Stores, home: Home
) -> None:
    lasting, passing, gone = [await made(stores, home, f"a{n}@example.com") for n in range(3)]
    await administrates(stores, lasting.id)
    await administrates(stores, passing.id, expires=now_ms() + 60_000)
    await administrates(stores, gone.id)
    await stores.accounts.set_disabled(gone, True, ME)
    with pytest.raises(Conflict):
        await stores.accounts.set_disabled(lasting, True, ME)
    await stores.accounts.set_disabled(passing, True, ME)


async def test_of_two_administrators_who_disable_each_other_one_stays(
    stores: Stores, home: Home, tmp_path: Path
) -> None:
    one, other = await made(stores, home), await made(stores, home, "li@example.com")
    await administrates(stores, one.id)
    await administrates(stores, other.id)
    with open_stores(tmp_path / "data") as beside:
        found = await asyncio.gather(
            stores.accounts.set_disabled(one, True, ME),
            beside.accounts.set_disabled(other, True, ME),
            return_exceptions=True,
        )
    assert sorted(type(one).__name__ for one in found) == ["Account", "Conflict"]


async def test_disabling_twice_is_written_down_once(stores: Stores, home: Home) -> None:
    account = await made(stores, home)
    for disabled in (True, True, False, False):
        assert bool((await stores.accounts.set_disabled(account, disabled, ME)).disabled) is disabled
    actions = [action for (action,) in await rows(stores, AuditEvent.action)]
    assert actions == ["account.create", "account.disable", "account.enable"]


async def test_nobody_is_not_disabled(stores: Stores, home: Home) -> None:
    with pytest.raises(NotFound):
        await stores.database.write(lambda connection: set_disabled(connection, 5, True))


async def test_of_two_first_starts_one_makes_the_administrator(stores: Stores, home: Home, tmp_path: Path) -> None:
    await stores.tokens.register(home.org_id, home.space_id, "first", "ms_token")
    with open_stores(tmp_path / "data") as other:
        made = await asyncio.gather(
            *(
                one.accounts.first_administrator(home, "Boss@example.com", "管理员", f"hash {n}")
                for n, one in enumerate((stores, other))
            )
        )
    assert sorted(made) == [False, True]
    [(id_, email, password)] = await rows(stores, Account.id, Account.email, Account.change_password)
    assert (email, password) == ("boss@example.com", 1)
    assert await rows(stores, RoleGrant.role_id, RoleGrant.org_id, RoleGrant.subject_id) == [(1, 0, id_)]
    assert (home.space_id, id_, "owner") in await rows(
        stores, SpaceMember.space_id, SpaceMember.account_id, SpaceMember.role
    )
    assert await rows(stores, AccessToken.account_id) == [(id_,)]


async def test_a_token_of_the_instance_that_is_made_anew_acts_for_the_administrator_too(
    stores: Stores, home: Home
) -> None:
    await stores.accounts.adopt_instance_tokens()
    await stores.accounts.first_administrator(home, "boss@example.com", "管理员", "hash")
    await stores.tokens.register(home.org_id, home.space_id, "first", "ms_another")
    await stores.accounts.adopt_instance_tokens()
    [(id_,)] = await rows(stores, Account.id)
    assert await rows(stores, AccessToken.account_id) == [(id_,)]


async def test_a_token_of_the_instance_opens_though_its_account_is_disabled(stores: Stores, home: Home) -> None:
    await stores.tokens.register(home.org_id, home.space_id, "first", "ms_token")
    await stores.accounts.first_administrator(home, "boss@example.com", "管理员", "hash")
    other = await made(stores, home)
    await administrates(stores, other.id)
    first = await stores.accounts.by_email("boss@example.com")
    assert first is not None
    await stores.accounts.set_disabled(first, True, ME)
    caller = await stores.callers.by_token("ms_token")
    assert caller is not None
    assert caller.kind == "instance"


async def test_an_account_that_cannot_be_made_leaves_nothing_behind(stores: Stores, home: Home) -> None:
    def job(connection: Any) -> int:
        insert_account(connection, NewAccount(home.org_id, "a@example.com", "A"))
        return insert_account(connection, NewAccount(home.org_id, "A@example.com", "B"))

    with pytest.raises(Conflict):
        await stores.database.write(job)
    assert await rows(stores, col(Account.id)) == []
