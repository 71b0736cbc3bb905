"""One's own account, registration, and what administrators do with those of others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.values import Json
from tests.api.logins import GOOD, OTHER, account, browser, deeds, log_in, logged_in, quick
from tests.api.people import another_organisation, somebody
from tests.api.serving import Serving, serve


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serve(tmp_path, passwords=quick(), settings={"login_attempts": 1_000}) as made:
        yield made


@pytest.fixture
async def open_to_all(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serve(tmp_path, passwords=quick(), settings={"registration": "open"}) as made:
        yield made


def registration(
    email: str = "li@example.com", password: str = GOOD, name: str = "李雷", **more: Json
) -> dict[str, Json]:
    return {"email": email, "password": password, "name": name, **more}


# --- one's own --------------------------------------------------------------------------------------------------------


async def test_one_reads_and_changes_what_one_says_of_oneself(serving: Serving) -> None:
    await account(serving)
    async with logged_in(serving) as client:
        changes = {"name": "王大明", "unique_name": "wang_1", "description": "客服", "locale": "zh"}
        changes["avatar"] = "https://example.com/王.png"
        assert (await client.patch("/api/v1/me", json=changes)).status_code == 200
        me = (await client.get("/api/v1/me")).json()
        assert {name: me[name] for name in changes} == changes
        assert (me["role"], "workflow.edit" in me["permissions"]) == ("owner", True)
        assert (await client.patch("/api/v1/me", json={})).json()["name"] == "王大明"
    [edit] = await deeds(serving, "account.edit")
    assert edit.before == {"name": "王小明", "unique_name": None, "avatar": "", "description": "", "locale": ""}
    assert edit.after == changes


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""}, {"name": "  "}, {"name": "a\u202eb"}, {"name": None}, {"unique_name": "王"},
        {"unique_name": "ab"},
        {"avatar": "javascript:alert(1)"}, {"avatar": "http://example.com/a.png"}, {"avatar": "//evil.example/a"},
        {"avatar": "/\\evil.example"}, {"avatar": "data:text/html,x"}, {"avatar": "https://a b"}, {"locale": "fr"},
        {"email": "x@example.com"}, {"disabled": False}, {"password": "x"}, {"description": "x" * 2_001},
    ],
)  # fmt: skip
async def test_what_cannot_be_said_of_oneself_is_refused(serving: Serving, changes: dict[str, Json]) -> None:
    await account(serving)
    async with logged_in(serving) as client:
        assert (await client.patch("/api/v1/me", json=changes)).status_code == 422


async def test_somebody_elses_unique_name_is_taken(serving: Serving) -> None:
    await account(serving)
    await account(serving, "li@example.com")
    async with logged_in(serving) as one, logged_in(serving, "li@example.com") as other:
        body = {"unique_name": "same_name"}
        found = await asyncio.gather(one.patch("/api/v1/me", json=body), other.patch("/api/v1/me", json=body))
    assert sorted(answer.status_code for answer in found) == [200, 409]


async def test_another_password_logs_out_everybody_else_and_gives_another_cookie(serving: Serving) -> None:
    await account(serving)
    async with logged_in(serving) as client, logged_in(serving) as elsewhere:
        before = client.cookies["mainspring_session"]
        answer = await client.put("/api/v1/me/password", json={"current": GOOD, "new": OTHER})
        assert answer.status_code == 204
        assert client.cookies["mainspring_session"] != before
        assert (await client.get("/api/v1/me")).status_code == 200
        assert (await elsewhere.get("/api/v1/me")).status_code == 401
        async with browser(serving.app, cookie=f"mainspring_session={before}") as thief:
            assert (await thief.get("/api/v1/me")).status_code == 401
    async with browser(serving.app) as client:
        assert (await log_in(client)).status_code == 401
        assert (await log_in(client, password=OTHER)).status_code == 200
    [deed] = await deeds(serving, "account.change_password")
    assert OTHER not in repr(deed)


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"current": "wrong", "new": OTHER}, 403, "current"),
        ({"current": GOOD, "new": "short"}, 422, "new"),
        ({"current": GOOD, "new": "password1234"}, 422, "new"),
        ({"current": GOOD, "new": GOOD}, 422, "new"),
        ({"new": OTHER}, 422, "current"),
    ],
)
async def test_a_password_is_changed_only_knowing_it_and_to_a_good_one(
    serving: Serving, body: dict[str, str], status: int, field: str
) -> None:
    await account(serving)
    async with logged_in(serving) as client:
        answer = await client.put("/api/v1/me/password", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)
        assert GOOD not in answer.text
        assert (await client.get("/api/v1/me")).status_code == 200


async def test_one_sees_where_one_is_logged_in_and_ends_it(serving: Serving) -> None:
    await account(serving)
    await account(serving, "li@example.com")
    async with (
        logged_in(serving) as client,
        logged_in(serving, ip="198.51.100.1") as phone,
        logged_in(serving) as third,
        logged_in(serving, "li@example.com") as other,
    ):
        listed = (await client.get("/api/v1/me/sessions")).json()["items"]
        assert [one["current"] for one in listed] == [False, False, True]
        assert [one["ip"] for one in listed] == ["203.0.113.7", "198.51.100.1", "203.0.113.7"]
        session = listed[1]["id"]
        assert (await other.delete(f"/api/v1/me/sessions/{session}")).status_code == 404
        assert (await phone.get("/api/v1/me")).status_code == 200
        assert (await client.delete(f"/api/v1/me/sessions/{session}")).status_code == 204
        assert (await phone.get("/api/v1/me")).status_code == 401
        assert (await client.delete(f"/api/v1/me/sessions/{session}")).status_code == 404
        assert (await client.delete("/api/v1/me/sessions/王")).status_code == 404
        assert (await client.delete("/api/v1/me/sessions")).status_code == 204
        assert [(await one.get("/api/v1/me")).status_code for one in (client, third, other)] == [200, 401, 200]


async def test_no_token_changes_a_profile_a_password_or_sessions(serving: Serving) -> None:
    person = await somebody(serving, "owner", grants=(1, 2))
    async with person.client as client:
        assert (await client.get("/api/v1/me")).json()["id"] == str(person.account_id)
        for method, path in (
            ("PATCH", "/me"), ("PUT", "/me/password"), ("GET", "/me/sessions"), ("DELETE", "/me/sessions"),
            ("POST", f"/accounts/{person.account_id}/reset-password"),
        ):  # fmt: skip
            body = {"current": "x", "new": OTHER} if path == "/me/password" else {}
            assert (await client.request(method, f"/api/v1{path}", json=body)).status_code == 403, path


async def test_a_token_of_nobody_is_nobodys_account(serving: Serving) -> None:
    assert (await serving.get("/me")).status_code == 404


# --- a password for one login -----------------------------------------------------------------------------------------


async def test_a_password_for_one_login_opens_nothing_but_its_own_change(serving: Serving) -> None:
    made = await serving.post("/accounts", {"email": "Li@Example.com", "name": "李雷", "locale": "zh"})
    assert made.status_code == 201
    password = made.json()["one_time_password"]
    async with browser(serving.app) as client:
        first = await log_in(client, "li@example.com", password)
        assert first.json()["change_password"] is True
        assert (await client.get("/api/v1/me")).json()["locale"] == "zh"
        for path in ("/workflows", "/accounts", "/tokens", "/node-types", "/usage"):
            assert (await client.get(f"/api/v1{path}")).status_code == 403, path
        answer = await client.put("/api/v1/me/password", json={"current": password, "new": OTHER})
        assert answer.status_code == 204
        assert (await client.get("/api/v1/workflows")).status_code == 200
        assert (await log_in(client, "li@example.com", password)).status_code == 401
        assert (await log_in(client, "li@example.com", OTHER)).json()["change_password"] is False
    assert password not in (await serving.get(f"/accounts/{made.json()['id']}")).text
    assert all(password not in repr(one) for one in await deeds(serving, "account.create"))


async def test_a_reset_ends_sessions_and_gives_another_password_once(serving: Serving) -> None:
    id_ = await account(serving)
    async with logged_in(serving) as client:
        answer = await serving.post(f"/accounts/{id_}/reset-password")
        assert answer.status_code == 200
        assert (await client.get("/api/v1/me")).status_code == 401
        assert (await log_in(client)).status_code == 401
        assert (await log_in(client, password=answer.json()["one_time_password"])).json()["change_password"] is True
    [deed] = await deeds(serving, "account.reset_password")
    assert answer.json()["one_time_password"] not in repr(deed)


# --- registration -----------------------------------------------------------------------------------------------------


async def test_registration_is_closed_unless_somebody_opens_it(serving: Serving) -> None:
    async with browser(serving.app) as client:
        assert (await client.get("/api/v1/registration")).json() == {"registration": "closed"}
        assert (await client.post("/api/v1/registration", json=registration())).status_code == 403
    assert (await serving.get("/accounts")).json()["items"] == []


async def test_whoever_registers_has_a_space_of_his_own_and_nothing_else(open_to_all: Serving) -> None:
    async with browser(open_to_all.app) as client:
        made = await client.post("/api/v1/registration", json=registration("李雷@例子.中国"))
        assert made.status_code == 201
        assert (await log_in(client, "李雷@例子.中国")).status_code == 200
        me = (await client.get("/api/v1/me")).json()
        home = await open_to_all.stores.organisations.ensure_default()
        assert me["space_id"] != str(home.space_id)
        assert (await client.get("/api/v1/accounts")).status_code == 403
        headers = {"x-space-id": str(home.space_id)}
        assert (await client.get("/api/v1/workflows", headers=headers)).status_code == 404


async def test_of_many_who_register_an_address_at_once_one_gets_it(open_to_all: Serving) -> None:
    async with browser(open_to_all.app) as client:
        found = await asyncio.gather(
            *(client.post("/api/v1/registration", json=registration(password=f"{GOOD} {n}")) for n in range(6))
        )
    assert sorted(answer.status_code for answer in found) == [201, 409, 409, 409, 409, 409]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (registration("no address"), 422), (registration(password="password12"), 422),
        (registration(name="\u202e"), 422),
        (registration(name=""), 422), (registration(locale="fr"), 422), (registration(org_id="1"), 422),
        (registration("x" * 200 + "@example.com"), 422), (registration(password="x" * 2_000), 422),
        (registration(email=None), 422), (registration(name={"$gt": ""}), 422),  # type: ignore[arg-type]
        ({**registration(), "pad": "x" * 70_000}, 413), ([], 422),
    ],
)  # fmt: skip
async def test_what_cannot_register_is_refused(open_to_all: Serving, body: Any, status: int) -> None:
    async with browser(open_to_all.app) as client:
        answer = await client.post("/api/v1/registration", json=body)
    assert answer.status_code == status, answer.text


async def test_with_a_list_only_its_addresses_and_domains_register(tmp_path: Path) -> None:
    more = {"registration": "listed", "registration_allow": ("Wang@example.com", "@example.org", "例子.中国")}
    async with serve(tmp_path, passwords=quick(), settings=more) as serving, browser(serving.app) as client:
        for email, status in (
            ("wang@example.com", 201), ("li@example.com", 403), ("li@EXAMPLE.org", 201), ("x@sub.example.org", 403),
            ("x@evilexample.org", 403), ("example.org@evil.example", 403), ("李@例子.中国", 201),
        ):  # fmt: skip
            answer = await client.post("/api/v1/registration", json=registration(email))
            assert answer.status_code == status, email


# --- those of others --------------------------------------------------------------------------------------------------


async def test_an_administrator_sees_the_accounts_of_his_organisations_alone(serving: Serving) -> None:
    group, _ = await another_organisation(serving, "集团")
    company, _ = await another_organisation(serving, "公司", parent_id=group)
    boss = await account(serving, "boss@example.com", org_id=group, grants=(2,))
    worker = await account(serving, "worker@example.com", org_id=company)
    stranger = await account(serving, "stranger@example.com")
    async with logged_in(serving, "boss@example.com") as client:
        listed = (await client.get("/api/v1/accounts")).json()["items"]
        assert [one["id"] for one in listed] == [str(worker), str(boss)]
        assert (await client.get(f"/api/v1/accounts/{worker}")).status_code == 200
        only = (await client.get("/api/v1/accounts", params={"organisation": str(company)})).json()["items"]
        assert [one["id"] for one in only] == [str(worker)]
        found = (await client.get("/api/v1/accounts", params={"email": "WORKER@example.com"})).json()["items"]
        assert [one["id"] for one in found] == [str(worker)]
        home = await serving.stores.organisations.ensure_default()
        for organisation in (str(home.org_id), "0", "x", "9" * 19):
            answer = await client.get("/api/v1/accounts", params={"organisation": organisation})
            assert answer.status_code == 404, organisation
            body = {"email": "new@example.com", "name": "新", "organisation_id": organisation}
            assert (await client.post("/api/v1/accounts", json=body)).status_code == 404, organisation
        assert (await client.get("/api/v1/accounts", params={"email": "stranger@example.com"})).json()["items"] == []
        assert (await client.get(f"/api/v1/accounts/{stranger}")).status_code == 404
        for action in ("disable", "enable", "reset-password"):
            for missing in (str(stranger), "1", "王", "-1", "9" * 30):
                assert (await client.post(f"/api/v1/accounts/{missing}/{action}")).status_code == 404
    # The address is somebody's, which whoever makes accounts has to learn.
    assert (await serving.get(f"/accounts/{stranger}")).json()["disabled"] is False


async def test_an_administrator_below_cannot_become_one_above(serving: Serving) -> None:
    group, _ = await another_organisation(serving, "集团")
    company, _ = await another_organisation(serving, "公司", parent_id=group)
    await account(serving, "clerk@example.com", org_id=company, grants=(2,))
    instance = await account(serving, "root@example.com", org_id=company, grants=(1,))
    equal = await account(serving, "equal@example.com", org_id=company, grants=(2,))
    async with logged_in(serving, "clerk@example.com") as client:
        for action in ("disable", "reset-password"):
            assert (await client.post(f"/api/v1/accounts/{instance}/{action}")).status_code == 403
        assert (await client.post(f"/api/v1/accounts/{equal}/reset-password")).status_code == 200
    async with browser(serving.app) as client:
        assert (await log_in(client, "root@example.com")).status_code == 200


async def test_who_comes_to_an_open_browser_does_not_reset_its_password(serving: Serving) -> None:
    own = await account(serving, grants=(2,))
    async with logged_in(serving) as client:
        assert (await client.post(f"/api/v1/accounts/{own}/reset-password")).status_code == 403
    async with browser(serving.app) as client:
        assert (await log_in(client)).status_code == 200


async def test_without_the_role_there_is_nothing_to_administrate(serving: Serving) -> None:
    id_ = await account(serving)
    auditor = await account(serving, "auditor@example.com", grants=(3,))
    async with logged_in(serving) as client, logged_in(serving, "auditor@example.com") as reader:
        assert (await client.get("/api/v1/accounts")).status_code == 403
        assert (await reader.get("/api/v1/accounts")).status_code == 200
        for action in ("disable", "enable", "reset-password"):
            assert (await client.post(f"/api/v1/accounts/{auditor}/{action}")).status_code == 403
            assert (await reader.post(f"/api/v1/accounts/{id_}/{action}")).status_code == 403
        for one in (client, reader):
            assert (await one.post("/api/v1/accounts", json={"email": "a@b.cn", "name": "x"})).status_code == 403


async def test_the_last_administrator_of_the_instance_stays(serving: Serving) -> None:
    root = await account(serving, "root@example.com", grants=(1,))
    async with logged_in(serving, "root@example.com") as client:
        answer = await client.post(f"/api/v1/accounts/{root}/disable")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert (await client.get("/api/v1/me")).status_code == 200
    other = await account(serving, "other@example.com", grants=(1,))
    found = await asyncio.gather(*(serving.post(f"/accounts/{one}/disable") for one in (root, other)))
    assert sorted(answer.status_code for answer in found) == [200, 409]


async def test_an_address_has_one_account_also_where_two_administrators_make_it(serving: Serving) -> None:
    bodies = [{"email": one, "name": "人"} for one in ("P@example.com", "p@example.com", "p@EXAMPLE.com")]
    found = await asyncio.gather(*(serving.post("/accounts", body) for body in bodies))
    assert sorted(answer.status_code for answer in found) == [201, 409, 409]
    [problem] = {answer.json()["errors"][0]["field"] for answer in found if answer.status_code == 409}
    assert problem == "email"


async def test_a_password_that_is_given_must_be_a_good_one_and_is_changed_all_the_same(serving: Serving) -> None:
    body = {"email": "li@example.com", "name": "李雷", "password": "password1"}
    assert (await serving.post("/accounts", body)).status_code == 422
    made = await serving.post("/accounts", {**body, "password": GOOD})
    assert (made.json()["one_time_password"], made.json()["change_password"]) == (None, True)


async def test_accounts_come_in_pages(serving: Serving) -> None:
    ids = [str(await account(serving, f"p{n}@example.com", "", name=f"人{n}")) for n in range(5)]
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = (await serving.get("/accounts", limit=2, **({"cursor": cursor} if cursor else {}))).json()
        seen += [one["id"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (ids[::-1], None)
    assert [one["name"] for one in (await serving.get("/accounts", search="人3")).json()["items"]] == ["人3"]
    await serving.post(f"/accounts/{ids[0]}/disable")
    assert [one["id"] for one in (await serving.get("/accounts", disabled=True)).json()["items"]] == [ids[0]]
