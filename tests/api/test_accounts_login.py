"""Logging in and out: cookies, what is told and what is not, and what passwords may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col

from api.accounts.password_rules import check_password
from api.accounts.passwords import Passwords, one_time_password
from engine.errors import InvalidInput
from storage.clock import now_ms
from storage.tables import Account, AccountSession
from tests.api.logins import GOOD, OTHER, account, browser, deeds, log_in, logged_in, quick
from tests.api.serving import Serving, serve


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serve(tmp_path, passwords=quick(), settings={"login_attempts": 1_000}) as made:
        yield made


async def test_whoever_logs_in_is_known_by_a_cookie_that_no_script_and_no_other_site_gets(serving: Serving) -> None:
    id_ = await account(serving)
    async with browser(serving.app) as client:
        answer = await log_in(client, " WANG@Example.com ")
        assert answer.status_code == 200
        assert answer.json()["id"] == str(id_)
        assert "password" not in {*answer.json()}
        name, *flags = [part.strip() for part in answer.headers["set-cookie"].split(";")]
        assert name.startswith("mainspring_session=")
        assert {flag.lower() for flag in flags} == {"httponly", "max-age=604800", "path=/", "samesite=lax"}
        assert (await client.get("/api/v1/me")).json()["email"] == "wang@example.com"


async def test_over_https_the_cookie_is_of_this_host_alone_and_of_https(serving: Serving) -> None:
    await account(serving)
    async with browser(serving.app, https=True) as client:
        answer = await log_in(client)
        name, *flags = [part.strip() for part in answer.headers["set-cookie"].split(";")]
        assert name.startswith("__Host-mainspring=")
        assert {flag.lower() for flag in flags} == {"httponly", "max-age=604800", "path=/", "samesite=lax", "secure"}
        assert "max-age=" in answer.headers["strict-transport-security"]
        assert (await client.get("/api/v1/me")).status_code == 200
        cookie = client.cookies["__Host-mainspring"]
    async with browser(serving.app) as plain:
        # Over http the same session does not open: its cookie would travel in clear.
        plain.headers["cookie"] = f"__Host-mainspring={cookie}"
        assert (await plain.get("/api/v1/me")).status_code == 401


async def test_a_login_gives_another_session_and_ends_the_one_before(serving: Serving) -> None:
    await account(serving)
    async with logged_in(serving) as client:
        before = client.cookies["mainspring_session"]
        await log_in(client)
        after = client.cookies["mainspring_session"]
        assert before != after
        async with browser(serving.app, cookie=f"mainspring_session={before}") as thief:
            assert (await thief.get("/api/v1/me")).status_code == 401


async def test_a_session_that_somebody_planted_is_not_taken_over(serving: Serving) -> None:
    await account(serving)
    async with browser(serving.app) as client:
        client.cookies.set("mainspring_session", "planted-by-somebody-else")
        answer = await log_in(client)
        assert answer.headers["set-cookie"].startswith("mainspring_session=")
        assert "planted" not in answer.headers["set-cookie"]


@pytest.mark.parametrize("email", ["wang@example.com", "nobody@example.com", "no address", "", "a@b\x00.com", "通@例"])
async def test_the_answer_and_its_work_are_the_same_whether_or_not_there_is_such_an_account(
    serving: Serving, email: str
) -> None:
    await account(serving)
    passwords: Passwords = serving.app.state.parts.passwords
    async with browser(serving.app) as client:
        before = passwords.hashed
        answer = await log_in(client, email, "a wrong password")
    assert passwords.hashed == before + 1
    assert answer.status_code == 401
    problem = answer.json()
    assert (problem["code"], problem["facts"]) == ("unauthenticated", {})
    assert problem["detail"] == "There is no account with this address and this password."
    assert "set-cookie" not in answer.headers


async def test_an_account_without_a_password_cannot_be_logged_in_to(serving: Serving) -> None:
    await account(serving, password="")
    passwords: Passwords = serving.app.state.parts.passwords
    async with browser(serving.app) as client:
        for password in ("", "x"):
            before = passwords.hashed
            assert (await log_in(client, password=password)).status_code == 401
            assert passwords.hashed == before + 1


@pytest.mark.parametrize(
    "password", ["", " " + GOOD, GOOD + " ", GOOD.upper(), "x" * 1_024, "\x00", "'; drop table account"]
)
async def test_another_password_does_not_open(serving: Serving, password: str) -> None:
    await account(serving)
    async with browser(serving.app) as client:
        assert (await log_in(client, password=password)).status_code == 401


async def test_a_password_is_the_same_whatever_keyboard_it_was_typed_on(serving: Serving) -> None:
    from api.accounts.password_rules import normal

    await account(serving, password=normal("Ｃafé 茶 ２０26!"))
    async with browser(serving.app) as client:
        assert (await log_in(client, password="Cafe\u0301 茶 2026!")).status_code == 200


async def test_a_hash_of_older_parameters_is_made_anew_at_the_next_login(serving: Serving) -> None:
    id_ = await account(serving)
    old = await Passwords(memory_kib=16, passes=2).hash(GOOD)
    change = update(Account).where(col(Account.id) == id_).values(password=old)
    await serving.stores.database.write(lambda connection: connection.execute(change).close())
    async with browser(serving.app) as client:
        assert (await log_in(client)).status_code == 200
        kept = (await serving.stores.accounts.get(id_)).password
        assert kept != old
        assert kept.startswith("$argon2id$v=19$m=8,t=1,p=1$")
        assert (await log_in(client)).status_code == 200
        assert (await serving.stores.accounts.get(id_)).password == kept


def test_passwords_are_hashed_with_the_parameters_that_were_decided() -> None:
    made = asyncio.run(Passwords().hash(GOOD))
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_a_hash_that_cannot_be_read_opens_to_nobody(serving: Serving) -> None:
    id_ = await account(serving)
    change = update(Account).where(col(Account.id) == id_).values(password="md5:900150983cd24fb0")
    await serving.stores.database.write(lambda connection: connection.execute(change).close())
    async with browser(serving.app) as client:
        assert (await log_in(client)).status_code == 401


async def test_more_logins_than_can_wait_are_told_to_come_again(serving: Serving) -> None:
    await account(serving)
    async with browser(serving.app) as client:
        answers = await asyncio.gather(*(log_in(client, password="wrong") for _ in range(90)))
    assert {answer.status_code for answer in answers} <= {401, 503}
    passwords = Passwords(memory_kib=8, passes=1, at_once=1)
    waiting = await asyncio.gather(*(passwords.hash("x") for _ in range(70)), return_exceptions=True)
    assert sum(isinstance(one, str) for one in waiting) == 64


async def test_a_disabled_account_is_told_so_only_to_who_has_its_password(serving: Serving) -> None:
    id_ = await account(serving)
    await serving.post(f"/accounts/{id_}/disable")
    async with browser(serving.app) as client:
        assert (await log_in(client, password="wrong")).status_code == 401
        answer = await log_in(client)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


async def test_a_disabled_account_loses_its_sessions_and_tokens_at_the_next_request(serving: Serving) -> None:
    from tests.api.people import somebody

    person = await somebody(serving, "editor")
    hashed = await serving.app.state.parts.passwords.hash(GOOD)
    change = update(Account).where(col(Account.id) == person.account_id).values(password=hashed)
    await serving.stores.database.write(lambda connection: connection.execute(change).close())
    async with logged_in(serving, f"a{person.account_id}@example.com") as client, person.client as program:
        for one in (client, program):
            assert (await one.get("/api/v1/workflows")).status_code == 200
        assert (await serving.post(f"/accounts/{person.account_id}/disable")).status_code == 200
        for one in (client, program):
            assert (await one.get("/api/v1/workflows")).status_code == 401
        assert (await serving.post(f"/accounts/{person.account_id}/enable")).status_code == 200
        # The token opens again, the session does not.
        assert (await program.get("/api/v1/workflows")).status_code == 200
        assert (await client.get("/api/v1/workflows")).status_code == 401


async def test_a_session_that_was_not_used_for_half_a_day_has_ended(serving: Serving) -> None:
    await account(serving)
    async with logged_in(serving) as client:
        old = update(AccountSession).values(last_used=now_ms() - 12 * 3_600_000 - 1)
        await serving.stores.database.write(lambda connection: connection.execute(old).close())
        assert (await client.get("/api/v1/me")).status_code == 401


async def test_logging_out_ends_the_session_everywhere_and_takes_the_cookie(serving: Serving) -> None:
    await account(serving)
    async with logged_in(serving) as client:
        cookie = client.cookies["mainspring_session"]
        assert (await client.get("/api/v1/me")).status_code == 200
        answer = await client.post("/api/v1/logout")
        assert answer.status_code == 204
        assert "max-age=0" in answer.headers["set-cookie"].lower()
        assert (await client.post("/api/v1/logout")).status_code == 204
    async with browser(serving.app, cookie=f"mainspring_session={cookie}") as thief:
        assert (await thief.get("/api/v1/me")).status_code == 401


async def test_who_came_and_went_is_written_down_without_passwords(serving: Serving) -> None:
    id_ = await account(serving)
    async with browser(serving.app) as client:
        await log_in(client, password="my secret guess")
        await log_in(client, "my secret password", "wang@example.com")
        await log_in(client)
        await client.post("/api/v1/logout")
    refused, typed, done = await deeds(serving, "account.login")
    assert (refused.outcome, refused.account_id, refused.target_id) == ("refused", 0, str(id_))
    assert (typed.outcome, typed.target_id, typed.after) == ("refused", "", {"email": ""})
    assert (done.outcome, done.account_id, done.ip, done.actor) == ("done", id_, "203.0.113.7", "王小明")
    [gone] = await deeds(serving, "account.logout")
    assert (gone.account_id, gone.token_id) == (id_, done.token_id)
    for one in (refused, typed, done, gone):
        assert "secret" not in repr(one)
        assert GOOD not in repr(one)


@pytest.mark.parametrize(
    "password",
    [
        "short", "password1234", "Password!!!!", "1234567890", "qwertyuiop", "aaaaaaaaaaaa", "abcdefghijkl",
        "ababababab", "iloveyou2026", "monkeymonkey", "987654321098", "12345678901234", "          ", "wang.xiaoming1",
        "WANG.xiaoming", "wang.xiaoming@example.com", "x" * 257, "ｐａｓｓｗｏｒｄ１２３４",
    ],
)  # fmt: skip
def test_a_password_that_is_tried_first_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_password(password, email="wang.xiaoming@example.com")
    assert password.strip() == "" or password not in refused.value.message
    assert refused.value.facts == {"field": "password"}


@pytest.mark.parametrize(
    "password",
    [GOOD, OTHER, "correct horse battery", "我们明天去喝茶好不好呀", "Tr0ub4dor&3xyz", "a" * 100 + "bcdefg!"],
)
def test_a_password_may_be_a_sentence_in_any_script(password: str) -> None:
    check_password(password, email="wang@example.com")


def test_one_time_passwords_are_passwords_and_no_two_alike() -> None:
    made = {one_time_password() for _ in range(200)}
    assert len(made) == 200
    for one in made:
        check_password(one)
