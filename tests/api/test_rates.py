"""How often one may ask: bounds of tokens, accounts, organisations, end users and strangers, on a turned clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient

from api.access import Member
from api.errors import TooManyRequests
from api.rates import RateLimiter, Rates
from storage.callers import Guest
from tests.api.browsing import at_a_browser
from tests.api.drawings import greeting
from tests.api.people import somebody
from tests.api.serving import Serving, client_of, serve


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def member(token_id: int = 1, account_id: int = 10, org_id: int = 100, **fields: Any) -> Member:
    return Member(
        token_id=token_id, account_id=account_id, org_id=org_id, **{"space_id": 5, "kind": "personal", **fields}
    )


def asked(limiter: RateLimiter, one: Member, times: int) -> int:
    """How many of so many requests are let through."""
    passed = 0
    for _ in range(times):
        try:
            limiter.request(one)
        except TooManyRequests:
            continue
        passed += 1
    return passed


def test_a_token_asks_so_often_and_then_again_as_time_passes() -> None:
    clock = Clock()
    limiter = RateLimiter(Rates(token=60), clock)
    assert asked(limiter, member(), 100) == 60
    with pytest.raises(TooManyRequests) as refused:
        limiter.request(member())
    assert refused.value.facts["retry_after"] == 1.0
    clock.now += 0.5
    assert asked(limiter, member(), 5) == 0
    clock.now += 0.5
    assert asked(limiter, member(), 5) == 1
    clock.now += 3_600
    assert asked(limiter, member(), 100) == 60


def test_a_clock_that_is_set_back_gives_nothing_away() -> None:
    clock = Clock()
    limiter = RateLimiter(Rates(token=10), clock)
    assert asked(limiter, member(), 20) == 10
    clock.now -= 600
    assert asked(limiter, member(), 5) == 0


def test_tokens_accounts_and_organisations_are_bounded_each_for_itself() -> None:
    limiter = RateLimiter(Rates(token=10, account=15, organisation=25), Clock())
    assert asked(limiter, member(1), 20) == 10
    assert asked(limiter, member(2), 20) == 5
    assert asked(limiter, member(3, account_id=11), 20) == 10
    # Of the organisation nothing is left, of another one everything.
    assert asked(limiter, member(4, account_id=12), 20) == 0
    assert asked(limiter, member(5, account_id=13, org_id=101), 20) == 10


def test_what_is_refused_costs_nothing_elsewhere() -> None:
    clock = Clock()
    limiter = RateLimiter(Rates(token=10, account=20), clock)
    assert asked(limiter, member(1), 500) == 10
    assert asked(limiter, member(2), 500) == 10


def test_a_token_may_have_bounds_of_its_own() -> None:
    limiter = RateLimiter(Rates(token=10), Clock())
    assert asked(limiter, member(1, requests_per_minute=3), 20) == 3
    assert asked(limiter, member(2, requests_per_minute=30), 50) == 30


def test_the_operators_own_token_has_no_bounds() -> None:
    limiter = RateLimiter(Rates(token=1, account=1, organisation=1, token_runs=1), Clock())
    assert asked(limiter, member(kind="instance"), 50) == 50
    for _ in range(50):
        limiter.run(member(kind="instance"))


def test_an_end_user_with_one_token_after_another_stays_the_same() -> None:
    limiter = RateLimiter(Rates(token=100, guest=5), Clock())

    def guest(token_id: int, user: str) -> Member:
        return member(token_id, kind="guest", guest=Guest(user, frozenset()))

    assert asked(limiter, guest(1, "甲"), 20) == 5
    assert asked(limiter, guest(2, "甲"), 20) == 0
    assert asked(limiter, guest(3, "乙"), 20) == 5


def test_strangers_are_bounded_by_where_they_come_from_but_on_this_machine() -> None:
    limiter = RateLimiter(Rates(stranger=2), Clock())
    for _ in range(2):
        limiter.stranger("192.0.2.1")
    with pytest.raises(TooManyRequests):
        limiter.stranger("192.0.2.1")
    limiter.stranger("192.0.2.2")
    for _ in range(10):
        limiter.stranger("127.0.0.1")


def test_no_bounds_count_nothing() -> None:
    limiter = RateLimiter(Rates(), Clock())
    assert limiter.request(member()) is None
    limiter.stranger("192.0.2.1")


@asynccontextmanager
async def bounded(folder: Path, **settings: int) -> AsyncIterator[tuple[Serving, Clock]]:
    async with serve(folder, settings=settings) as serving:
        clock = Clock()
        serving.app.state.rates._clock = clock
        yield serving, clock


async def test_too_many_requests_are_answered_with_when_to_come_back(tmp_path: Path) -> None:
    async with bounded(tmp_path, token_requests_per_minute=3) as (serving, clock):
        ada = await somebody(serving, "editor")
        async with ada.client:
            answers = [await ada.client.get("/api/v1/workflows") for _ in range(4)]
            assert [one.status_code for one in answers] == [200, 200, 200, 429]
            assert [one.headers["x-ratelimit-remaining"] for one in answers] == ["2", "1", "0", "0"]
            assert {one.headers["x-ratelimit-limit"] for one in answers} == {"3"}
            assert (answers[3].json()["code"], answers[3].headers["retry-after"]) == ("too_many_requests", "20")
            envelope = await ada.client.get("/v1/users/me")
            assert (envelope.status_code, envelope.json()["code"]) == (429, 4013)
            assert envelope.headers["retry-after"] == "20"
            clock.now += 20
            assert (await ada.client.get("/api/v1/workflows")).status_code == 200


async def test_runs_are_bounded_apart(tmp_path: Path) -> None:
    async with bounded(tmp_path, token_runs_per_minute=2) as (serving, clock):
        await serving.published(greeting(), key="greet")
        ada = await somebody(serving, "editor")
        async with ada.client:
            body = {"inputs": {"name": "a"}}
            found = [(await ada.client.post("/api/v1/workflows/greet/runs", json=body)).status_code for _ in range(3)]
            assert found == [201, 201, 429]
            assert (await ada.client.get("/api/v1/workflows")).status_code == 200
            clock.now += 30
            assert (await ada.client.post("/api/v1/workflows/greet/runs", json=body)).status_code == 201


async def test_people_bound_their_own_tokens_and_do_not_give_themselves_more(tmp_path: Path) -> None:
    async with bounded(tmp_path, token_requests_per_minute=100) as (serving, _):
        ada = await somebody(serving, "editor")
        async with await at_a_browser(serving, ada) as page:
            more = await page.post("/api/v1/tokens", json={"name": "a", "requests_per_minute": 101})
            assert (more.status_code, more.json()["errors"][0]["field"]) == (422, "requests_per_minute")
            made = (await page.post("/api/v1/tokens", json={"name": "a", "requests_per_minute": 1})).json()
            async with client_of(serving.app, made["token"]) as client:
                found = [(await client.get("/api/v1/workflows")).status_code for _ in range(2)]
        assert found == [200, 429]


async def test_who_tries_wrong_tokens_from_afar_is_told_to_wait(tmp_path: Path) -> None:
    async with bounded(tmp_path, stranger_requests_per_minute=2) as (serving, _):
        ada = await somebody(serving, "editor")
        transport = ASGITransport(serving.app, client=("198.51.100.7", 1))
        async with ada.client, AsyncClient(transport=transport, base_url="http://test") as stranger:
            found = []
            for number in range(3):
                headers = {"authorization": f"Bearer pat_{number}"}
                found.append((await stranger.get("/api/v1/workflows", headers=headers)).status_code)
            assert found == [401, 401, 429]
            grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
            assert (await stranger.post("/api/permission/oauth2/token", json=grant)).status_code == 429
            # Who is known from there is let through all the same.
            headers = {"authorization": f"Bearer {ada.token}"}
            assert (await stranger.get("/api/v1/workflows", headers=headers)).status_code == 200


def test_a_household_with_more_addresses_than_can_be_counted_is_one_stranger() -> None:
    limiter = RateLimiter(Rates(stranger=2), Clock())
    limiter.stranger("2001:db8:0:1::1")
    limiter.stranger("2001:db8:0:1::2")
    with pytest.raises(TooManyRequests):
        limiter.stranger("2001:db8:0:1:ffff::3")
    limiter.stranger("2001:db8:0:2::1")


def test_a_flood_of_addresses_takes_no_more_memory_than_there_is_for_it() -> None:
    limiter = RateLimiter(Rates(stranger=2), Clock())
    for number in range(60_000):
        limiter.stranger(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(limiter._buckets) <= 50_000
