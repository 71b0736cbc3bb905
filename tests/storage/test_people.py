"""Organisations, departments and employees, kept: the same for two processes that change them together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Conflict, NotFound
from storage.accounts import NewAccount, insert_account
from storage.audit import Actor
from storage.callers import Caller, credential_hash
from storage.people.departments import NewDepartment
from storage.people.employees import NewEmployee, Person
from storage.people.organisations import NewOrganisation
from storage.people.places import Place
from storage.stores import Stores, open_stores
from storage.tables import AccountSession, Department, Organisation
from tests.storage.samples import KEYS

ME = Actor(name="测试")


@pytest.fixture
def beside(stores: Stores, tmp_path: Path) -> Iterator[Stores]:
    """The stores as another process has them."""
    with open_stores(tmp_path / "data", keys=KEYS) as other:
        yield other


async def company(stores: Stores, name: str = "公司", parent: int | None = None) -> Organisation:
    return await stores.organisation_tree().create(NewOrganisation(name, parent_id=parent), ME)


async def unit(stores: Stores, org: Organisation, name: str = "研发部", parent: int = 0) -> Department:
    return await stores.departments(org.id).create(NewDepartment(name, parent), ME)


async def hired(stores: Stores, org: Organisation, where: Department, **more: Any) -> Person:
    new = NewEmployee({"name": "王小明", **more.pop("values", {})}, [Place(where.id)], **more)
    return await stores.employees(org.id).create(new, ME, lambda _: None)


async def outcomes(*works: Awaitable[Any]) -> list[type[BaseException] | None]:
    """What became of several at once: nothing special, or an error of a kind."""
    done = await asyncio.gather(*works, return_exceptions=True)
    return [type(one) if isinstance(one, BaseException) else None for one in done]


async def test_two_processes_do_not_make_a_circle_together(stores: Stores, beside: Stores) -> None:
    for turn in range(10):
        one, two = await company(stores, f"甲{turn}"), await company(stores, f"乙{turn}")
        made = await outcomes(
            stores.organisation_tree().move(one.id, two.id, ME, lambda _: None),
            beside.organisation_tree().move(two.id, one.id, ME, lambda _: None),
        )
        assert sorted(made, key=str) == sorted([None, Conflict], key=str)


async def test_nothing_is_put_into_an_organisation_that_is_deleted_meanwhile(stores: Stores, beside: Stores) -> None:
    for turn in range(10):
        org = await company(stores, f"公司{turn}")
        made = await outcomes(
            stores.organisation_tree().delete(org.id, ME), beside.departments(org.id).create(NewDepartment("部"), ME)
        )
        assert made in ([None, NotFound], [Conflict, None])


async def test_nobody_works_in_a_department_that_is_deleted_meanwhile(stores: Stores, beside: Stores) -> None:
    org = await company(stores)
    for turn in range(10):
        where = await unit(stores, org, f"部{turn}")
        made = await outcomes(stores.departments(org.id).delete(where.id, ME), hired(beside, org, where))
        assert made in ([None, NotFound], [Conflict, None])


async def test_an_organisation_asks_for_its_own_alone(stores: Stores) -> None:
    mine, other = await company(stores, "甲"), await company(stores, "乙")
    theirs = await unit(stores, other)
    who = (await hired(stores, other, theirs)).employee.id
    departments, employees, careers = stores.departments(mine.id), stores.employees(mine.id), stores.careers(mine.id)
    own = await unit(stores, mine)
    works: list[Awaitable[Any]] = [
        departments.get(theirs.id),
        departments.change(theirs.id, {"name": "我的"}, ME),
        departments.change(own.id, {"leader_id": who}, ME),
        departments.move(theirs.id, 0, ME, lambda _: None),
        departments.move(own.id, theirs.id, ME, lambda _: None),
        departments.create(NewDepartment("下", theirs.id), ME),
        departments.sort(theirs.id, [], ME),
        departments.delete(theirs.id, ME),
        employees.get(who),
        employees.page(department_id=theirs.id),
        employees.change(who, {"name": "我的"}, ME),
        employees.place(who, [Place(own.id)], ME, lambda _: None),
        employees.delete(who, ME),
        hired(stores, mine, theirs),
        careers.resign(who, ME),
        careers.restore(who, [Place(own.id)], ME, lambda _: None),
        careers.link(who, 7, ME, lambda _: None),
        careers.unlink(who, ME),
    ]
    assert await outcomes(*works) == [NotFound] * len(works)


async def test_everything_that_moves_rights_is_noticed(stores: Stores) -> None:
    org, other = await company(stores), await company(stores, "另一家")
    top = await unit(stores, org)
    below = await unit(stores, org, "平台组")
    who = (await hired(stores, org, top)).employee.id
    gives: Any = lambda _: None  # noqa: E731
    steps: list[Any] = [
        lambda: stores.organisation_tree().move(other.id, org.id, ME, gives),
        lambda: stores.departments(org.id).move(below.id, top.id, ME, gives),
        lambda: stores.employees(org.id).place(who, [Place(below.id)], ME, gives),
        lambda: stores.careers(org.id).resign(who, ME),
        lambda: stores.careers(org.id).restore(who, [Place(top.id)], ME, gives),
        lambda: stores.departments(org.id).delete(below.id, ME),
        lambda: stores.organisation_tree().delete(other.id, ME),
    ]
    for step in steps:
        before = await stores.callers.epoch()
        await step()
        assert await stores.callers.epoch() > before


async def test_resigning_ends_the_sessions_of_the_account(stores: Stores) -> None:
    org = await company(stores)
    where = await unit(stores, org)
    person = await hired(stores, org, where, account=NewAccount(org.id, "W@Example.com", "王小明"))
    account = person.employee.account_id
    assert account is not None
    row = {
        "id": 1,
        "account_id": account,
        "hash": credential_hash("a cookie"),
        "created": 1,
        "ip": "",
        "user_agent": "",
    }
    from sqlalchemy import insert

    from storage.clock import now_ms

    row |= {"last_used": now_ms(), "expires": now_ms() + 60_000}
    await stores.database.write(lambda connection: connection.execute(insert(AccountSession).values(row)).close())
    assert isinstance(await stores.callers.by_session("a cookie"), Caller)
    await stores.careers(org.id).resign(person.employee.id, ME)
    assert await stores.callers.by_session("a cookie") is None
    await stores.careers(org.id).restore(person.employee.id, [Place(where.id)], ME, lambda _: None)
    assert await stores.callers.by_session("a cookie") is None


async def test_of_many_new_people_all_come_or_none(stores: Stores) -> None:
    org = await company(stores)
    where = await unit(stores, org)
    people = [
        NewEmployee({"name": name, "number": number}, [Place(where.id)]) for name, number in ("甲1", "乙2", "丙1")
    ]
    with pytest.raises(Conflict) as refused:
        await stores.employees(org.id).create_all(people, ME, lambda _: None)
    assert refused.value.facts == {"field": "number", "line": 2}
    assert (await stores.employees(org.id).page()).items == []


async def test_who_may_not_give_roles_is_told_so_before_anything_is_done(stores: Stores) -> None:
    org = await company(stores)
    where = await unit(stores, org)
    person = await hired(stores, org, where)
    account = await stores.database.write(
        lambda connection: insert_account(connection, NewAccount(org.id, "a@example.com", "王"))
    )

    def never(_: Any) -> None:
        raise PermissionError

    with pytest.raises(PermissionError):
        await stores.careers(org.id).link(person.employee.id, account, ME, never)
    assert (await stores.employees(org.id).get(person.employee.id)).employee.account_id is None
