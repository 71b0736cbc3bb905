"""Who tries too often waits, and keeps nobody else out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response

from api.accounts.passwords import Passwords
from tests.api.logins import GOOD, account, browser, log_in, logged_in, quick
from tests.api.serving import Serving, serve

HOME, ATTACKER = "203.0.113.7", "198.51.100.66"


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    more: dict[str, Any] = {"login_attempts": 3, "login_attempts_per_address": 8}
    async with serve(tmp_path, passwords=quick(), settings=more) as made:
        yield made


async def attempt(serving: Serving, ip: str, email: str = "wang@example.com", password: str = "wrong") -> Response:
    async with browser(serving.app, ip) as client:
        return await log_in(client, email, password)


async def test_after_so_many_tries_one_waits_also_with_the_right_password(serving: Serving) -> None:
    await account(serving)
    assert [(await attempt(serving, ATTACKER)).status_code for _ in range(4)] == [401, 401, 401, 429]
    passwords: Passwords = serving.app.state.parts.passwords
    before = passwords.hashed
    answer = await attempt(serving, ATTACKER, password=GOOD)
    # Nothing is even compared, so that nothing can be learned.
    assert (answer.status_code, passwords.hashed) == (429, before)
    assert answer.json()["code"] == "too_many_requests"
    assert 0 < int(answer.headers["retry-after"]) <= 15 * 60


async def test_nobody_keeps_somebody_out_from_another_address(serving: Serving) -> None:
    await account(serving)
    for _ in range(8):
        await attempt(serving, ATTACKER)
    assert (await attempt(serving, ATTACKER)).status_code == 429
    assert (await attempt(serving, HOME, password=GOOD)).status_code == 200


async def test_a_net_of_addresses_is_held_back_but_not_who_comes_from_where_he_always_does(serving: Serving) -> None:
    await account(serving)
    assert (await attempt(serving, HOME, password=GOOD)).status_code == 200
    codes = [(await attempt(serving, f"198.51.100.{n}")).status_code for n in range(31)]
    assert codes == [401] * 30 + [429]
    assert (await attempt(serving, "192.0.2.1", password=GOOD)).status_code == 429
    assert (await attempt(serving, HOME, password=GOOD)).status_code == 200


async def test_an_address_that_tries_many_accounts_is_held_back(serving: Serving) -> None:
    await account(serving)
    codes = [(await attempt(serving, ATTACKER, f"p{n}@example.com")).status_code for n in range(9)]
    assert codes == [401] * 8 + [429]
    assert (await attempt(serving, ATTACKER, password=GOOD)).status_code == 429


async def test_addresses_of_one_network_of_ipv6_count_as_one(serving: Serving) -> None:
    await account(serving)
    for n in range(3):
        await attempt(serving, f"2001:db8:1:2::{n}")
    assert (await attempt(serving, "2001:db8:1:2:ffff::1")).status_code == 429
    assert (await attempt(serving, "2001:db8:1:3::1")).status_code == 401


async def test_logins_that_succeed_are_not_counted(serving: Serving) -> None:
    await account(serving)
    for _ in range(12):
        assert (await attempt(serving, HOME, password=GOOD)).status_code == 200


async def test_the_case_of_an_address_does_not_begin_a_count_anew(serving: Serving) -> None:
    await account(serving)
    codes = [
        (await attempt(serving, ATTACKER, one)).status_code for one in ("wang@example.com", "WANG@example.com") * 2
    ]
    assert codes == [401, 401, 401, 429]


async def test_an_unknown_address_is_counted_like_a_known_one(serving: Serving) -> None:
    assert [(await attempt(serving, ATTACKER, "x@example.com")).status_code for _ in range(4)] == [401] * 3 + [429]


async def test_nothing_that_a_stranger_sends_as_where_he_comes_from_is_believed(serving: Serving) -> None:
    await account(serving)
    codes = []
    for n in range(4):
        async with browser(serving.app, ATTACKER, headers={"x-forwarded-for": f"192.0.2.{n}"}) as client:
            codes.append((await log_in(client, password="wrong")).status_code)
    assert codes == [401, 401, 401, 429]


async def test_behind_a_trusted_proxy_each_client_counts_for_himself(tmp_path: Path) -> None:
    more: dict[str, Any] = {"login_attempts": 1, "trusted_proxies": ("10.0.0.0/8",)}
    async with serve(tmp_path, passwords=quick(), settings=more) as serving:
        await account(serving)

        async def through(told: str) -> int:
            async with browser(serving.app, "10.1.2.3", headers={"x-forwarded-for": told}) as client:
                return (await log_in(client, password="wrong")).status_code

        assert [await through("192.0.2.1"), await through("192.0.2.2"), await through("192.0.2.1")] == [401, 401, 429]
        # What the client wrote before the proxy added its address changes nothing.
        assert await through("192.0.2.77, 192.0.2.1") == 429


async def test_guessing_the_current_password_in_a_stolen_session_is_bounded(serving: Serving) -> None:
    await account(serving)
    async with logged_in(serving) as client:
        body = {"current": "a wrong guess", "new": "something else entirely"}
        codes = [(await client.put("/api/v1/me/password", json=body)).status_code for _ in range(4)]
    assert codes == [403, 403, 403, 429]


async def test_registrations_from_one_address_are_bounded(tmp_path: Path) -> None:
    async with serve(tmp_path, passwords=quick(), settings={"registration": "open"}) as serving:
        async with browser(serving.app) as client:
            codes = []
            for n in range(11):
                body = {"email": f"p{n}@example.com", "password": GOOD, "name": "人"}
                codes.append((await client.post("/api/v1/registration", json=body)).status_code)
    assert codes == [201] * 10 + [429]
