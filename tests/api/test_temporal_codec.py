"""Temporal's pages show what is encrypted to those who may see it: by a token, or in a browser that signed in."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from httpx2 import AsyncClient, Response

from api.access import Member
from api.errors import Unauthenticated
from api.temporal.guests import COOKIE, origin_of
from api.temporal.sessions import CODE_SECONDS, SESSION_SECONDS, Sessions
from storage.keyring import KeyRing, new_key
from storage.stores import open_stores
from tests.api.serving import Serving, client_of, serve
from workers.connection import TemporalOptions, data_converter, payload_codec

UI = "http://127.0.0.1:8233"
CODEC = "/temporal/codec"
SECRET = "绝密 canary"
Payloads = list[dict[str, Any]]


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    """The application with keys, and with the address of Temporal's pages."""
    with open_stores(tmp_path, keys=KeyRing({"one": new_key()})) as stores:
        async with serve(tmp_path, stores=stores, temporal_ui=f"{UI}/namespaces/default") as made:
            yield made


async def mine(serving: Serving) -> str:
    return str((await serving.stores.organisations.ensure_default()).org_id)


async def encrypted(serving: Serving, org_id: str, *values: Any, largest: int = 16_000) -> Payloads:
    """Payloads of an organisation, in the form in which Temporal's pages send them."""
    options = TemporalOptions(largest_payload=largest, cache_bytes=0)
    codec = payload_codec(options, serving.stores.blobs, serving.stores.data_keys).of(org_id)
    found = await data_converter(codec, encrypted=True).encode(values)
    return [
        {"metadata": {name: encoded(value) for name, value in one.metadata.items()}, "data": encoded(one.data)}
        for one in found
    ]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def shown(answer: Response) -> list[str]:
    """The data of the payloads that came back."""
    assert answer.status_code == 200, answer.text
    return [base64.b64decode(one.get("data", "")).decode(errors="replace") for one in answer.json()["payloads"]]


async def ask(client: AsyncClient, payloads: Sequence[Any], origin: str | None = UI, what: str = "decode") -> Response:
    """As Temporal's pages ask."""
    headers = {"X-Namespace": "default", **({} if origin is None else {"Origin": origin})}
    where = f"/api/v1{CODEC}/{what}?preserveStorageRefs=true"
    return await client.post(where, json={"payloads": list(payloads)}, headers=headers)


@asynccontextmanager
async def signed_in(serving: Serving) -> AsyncGenerator[AsyncClient]:
    """A browser that was let in by a link. Like one, it sends the cookie to where it belongs, and nowhere else."""
    made = await serving.post("/temporal/sign-ins")
    assert made.status_code == 201
    async with client_of(serving.app, None) as browser:
        page = await browser.get(made.json()["path"])
        assert page.status_code == 200
        yield browser


# --- payloads ---------------------------------------------------------------------------------------------------------


async def test_payloads_of_the_own_organisation_are_shown(serving: Serving) -> None:
    payloads = await encrypted(serving, await mine(serving), SECRET, {"a": SECRET}, None)
    assert "canary" not in str(payloads)
    assert shown(await ask(serving.client, payloads)) == [f'"{SECRET}"', f'{{"a":"{SECRET}"}}', ""]


async def test_payloads_of_another_organisation_come_back_as_they_are(serving: Serving) -> None:
    theirs = await encrypted(serving, "4711", SECRET)
    own = await encrypted(serving, await mine(serving), "mine")
    answer = await ask(serving.client, theirs + own)
    assert answer.json()["payloads"][0] == theirs[0]
    assert shown(answer)[1] == '"mine"'


async def test_payloads_of_another_that_claim_to_be_own_come_back_as_they_are(serving: Serving) -> None:
    theirs = await encrypted(serving, "4711", SECRET)
    theirs[0]["metadata"]["org"] = encoded((await mine(serving)).encode())
    assert (await ask(serving.client, theirs)).json()["payloads"] == theirs


async def test_what_belongs_to_the_instance_is_shown_to_no_organisation(serving: Serving) -> None:
    payloads = await encrypted(serving, "", SECRET)
    assert (await ask(serving.client, payloads)).json()["payloads"] == payloads


async def test_what_was_too_large_for_a_history_is_fetched(serving: Serving) -> None:
    payloads = await encrypted(serving, await mine(serving), SECRET * 2_000)
    assert len(str(payloads)) < 1_000
    assert shown(await ask(serving.client, payloads)) == [f'"{SECRET * 2_000}"']


async def test_what_another_stored_is_not_fetched(serving: Serving) -> None:
    for owner in ("4711", ""):
        payloads = await encrypted(serving, owner, SECRET * 2_000)
        assert (await ask(serving.client, payloads)).json()["payloads"] == payloads


async def test_what_is_stored_in_clear_says_not_whose_it_is_and_is_not_fetched(serving: Serving) -> None:
    options = TemporalOptions(largest_payload=100, encrypt_payloads=False)
    codec = payload_codec(options, serving.stores.blobs, None)
    [one] = await data_converter(codec, encrypted=False).encode([SECRET * 100])
    payloads = [{"metadata": {name: encoded(value) for name, value in one.metadata.items()}, "data": encoded(one.data)}]
    assert (await ask(serving.client, payloads)).json()["payloads"] == payloads


@pytest.mark.parametrize(
    "ticket", ["", "{}", '{"sha": "../../token", "size": 1}', '{"sha": 1, "size": 1}', "[" * 50, '{"sha": "aa"}']
)
async def test_a_forged_place_in_the_store_leads_nowhere(serving: Serving, ticket: str) -> None:
    forged = [{"metadata": {"encoding": encoded(b"mainspring/blob")}, "data": encoded(ticket.encode())}]
    assert (await ask(serving.client, forged)).json()["payloads"] == forged


async def test_what_is_in_clear_or_of_others_making_comes_back_as_it_is(serving: Serving) -> None:
    odd: Payloads = [
        {"metadata": {"encoding": encoded(b"json/plain")}, "data": encoded(b'"clear"')},
        {"metadata": {"encoding": encoded(b"binary/null")}},
        {"metadata": {"encoding": encoded(b"binary/encrypted")}, "data": encoded(b"of another system")},
        {"metadata": {}, "data": "", "externalPayloads": [{"sizeBytes": "7"}]},
        {},
    ]
    answer = (await ask(serving.client, odd)).json()["payloads"]
    assert [{name: value for name, value in one.items() if value} for one in answer] == [
        {name: value for name, value in one.items() if value} for one in odd
    ]


async def test_a_payload_that_was_touched_leaves_the_others_readable(serving: Serving) -> None:
    payloads = await encrypted(serving, await mine(serving), "one", "two")
    payloads[0]["data"] = encoded(base64.b64decode(payloads[0]["data"])[:-1] + b"?")
    answer = await ask(serving.client, payloads)
    assert answer.json()["payloads"][0] == payloads[0]
    assert shown(answer)[1] == '"two"'


@pytest.mark.parametrize("bad", [{"data": "no base64!"}, {"metadata": {"encoding": "ä"}}])
async def test_what_is_no_payload_is_refused(serving: Serving, bad: Any) -> None:
    answer = await ask(serving.client, [bad])
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert answer.json()["errors"][0]["field"] == "payloads.0"


async def test_more_payloads_than_a_page_has_are_refused(serving: Serving) -> None:
    assert (await ask(serving.client, [{}] * 2_001)).status_code == 422


async def test_one_answer_is_not_made_larger_than_a_reader_takes(serving: Serving) -> None:
    own = await mine(serving)
    large = await encrypted(serving, own, "x" * 9_000_000)
    answer = await ask(serving.client, [*large, *large])
    first, second = answer.json()["payloads"]
    assert len(first["data"]) > 9_000_000
    assert second == large[0]


async def test_what_is_sent_by_hand_is_encrypted_for_the_own_organisation(serving: Serving) -> None:
    clear = [{"metadata": {"encoding": encoded(b"json/plain")}, "data": encoded(b'"yes"')}]
    sealed = (await ask(serving.client, clear, what="encode")).json()["payloads"]
    assert base64.b64decode(sealed[0]["metadata"]["org"]).decode() == await mine(serving)
    assert (await ask(serving.client, sealed)).json()["payloads"] == clear


async def test_a_process_without_keys_hands_everything_back(tmp_path: Path) -> None:
    async with serve(tmp_path) as serving:
        odd = [{"metadata": {"encoding": encoded(b"binary/encrypted"), "org": encoded(b"1")}, "data": "AAAA"}]
        assert (await ask(serving.client, odd)).json()["payloads"] == odd


# --- who may ----------------------------------------------------------------------------------------------------------


async def test_a_browser_that_signed_in_is_shown_what_its_member_may_see(serving: Serving) -> None:
    payloads = await encrypted(serving, await mine(serving), SECRET)
    async with signed_in(serving) as browser:
        assert shown(await ask(browser, payloads)) == [f'"{SECRET}"']


async def test_a_browser_that_did_not_is_shown_nothing(serving: Serving) -> None:
    payloads = await encrypted(serving, await mine(serving), SECRET)
    async with client_of(serving.app, None) as browser:
        for cookie in ({}, {"Cookie": f"{COOKIE}=made-up"}):
            browser.headers.update(cookie)
            answer = await ask(browser, payloads)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
            # Its page may read that, or it would ask again and again.
            assert answer.headers["access-control-allow-origin"] == UI


@pytest.mark.parametrize(
    "origin", [None, "null", "http://127.0.0.1:9999", "http://localhost:8233", "https://evil.test"]
)
async def test_a_session_is_for_temporals_pages_alone(serving: Serving, origin: str | None) -> None:
    payloads = await encrypted(serving, await mine(serving), SECRET)
    async with signed_in(serving) as browser:
        answer = await ask(browser, payloads, origin)
        assert answer.status_code == 401
        assert "access-control-allow-origin" not in answer.headers


async def test_a_session_opens_nothing_else(serving: Serving) -> None:
    async with signed_in(serving) as browser:
        [cookie] = [one for one in browser.cookies.jar if one.name == COOKIE]
        assert cookie.path == "/api/v1/temporal/codec"
        headers = {"Cookie": f"{COOKIE}={cookie.value}", "Origin": UI}
        for path in ("/runs", "/workflows"):
            assert (await browser.get(f"/api/v1{path}", headers=headers)).status_code == 401
        assert (await browser.post("/api/v1/temporal/sign-ins", headers=headers)).status_code == 401


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(serving: Serving) -> None:
    path = (await serving.post("/temporal/sign-ins")).json()["path"]
    async with client_of(serving.app, None) as browser:
        page = await browser.get(path)
    flags = page.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/api/v1/temporal/codec"} <= {*flags}
    assert "Secure" not in flags
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert f'href="{UI}/namespaces/default"' in page.text
    assert "http://test/api/v1/temporal/codec" in page.text
    # Neither the code nor the session is on the page.
    assert path.partition("code=")[2] not in page.text
    assert flags[0].partition("=")[2] not in page.text


async def test_the_cookie_stays_within_tls_where_the_pages_are(tmp_path: Path) -> None:
    async with serve(tmp_path, temporal_ui="https://temporal.example.com/namespaces/default") as serving:
        page = await serving.client.get((await serving.post("/temporal/sign-ins")).json()["path"])
    assert page.headers["set-cookie"].endswith("; Secure")
    assert "https://test/api/v1/temporal/codec" in page.text


async def test_a_link_opens_once(serving: Serving) -> None:
    path = (await serving.post("/temporal/sign-ins")).json()["path"]
    async with client_of(serving.app, None) as browser:
        assert (await browser.get(path)).status_code == 200
        again = await browser.get(path)
    assert (again.status_code, again.json()["code"]) == (401, "unauthenticated")
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize("query", ["", "?code=", "?code=nope", "?code=" + "x" * 100])
async def test_a_made_up_link_opens_nothing(serving: Serving, query: str) -> None:
    async with client_of(serving.app, None) as browser:
        assert (await browser.get(f"/api/v1/temporal/sign-in{query}")).status_code == 401


async def test_a_link_is_given_to_members_alone(serving: Serving) -> None:
    async with client_of(serving.app, None) as nobody:
        assert (await nobody.post("/api/v1/temporal/sign-ins")).status_code == 401


async def test_temporals_pages_alone_may_ask_across_origins(serving: Serving) -> None:
    headers = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-namespace"}
    async with client_of(serving.app, None) as browser:
        asked = await browser.options(f"/api/v1{CODEC}/decode", headers={**headers, "Origin": UI})
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == UI
        assert asked.headers["access-control-allow-credentials"] == "true"
        assert {"content-type", "x-namespace"} <= {*re.split(", ", asked.headers["access-control-allow-headers"])}
        assert asked.headers["vary"] == "origin"
        for path, origin in (
            (f"{CODEC}/decode", "https://evil.test"),
            (f"{CODEC}/decode", "http://127.0.0.1:82330"),
            ("/runs", UI),
            ("/temporal/sign-ins", UI),
        ):
            refused = await browser.options(f"/api/v1{path}", headers={**headers, "Origin": origin})
            assert refused.status_code in (401, 405)
            assert not [name for name in refused.headers if name.startswith("access-control")]


async def test_without_pages_nobody_may_ask_across_origins(tmp_path: Path) -> None:
    async with serve(tmp_path) as serving, client_of(serving.app, None) as browser:
        for origin in ("", "null", UI):
            answer = await ask(browser, [], origin)
            assert answer.status_code == 401
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        (f"{UI}/namespaces/default", UI),
        ("https://temporal.example.com/ui/namespaces/x", "https://temporal.example.com"),
        ("http://[::1]:8233/namespaces/default", "http://[::1]:8233"),
        ("", ""),
        ("no address", ""),
    ],
)
def test_the_origin_of_the_pages_stands_in_their_address(address: str, origin: str) -> None:
    assert origin_of(address) == origin


# --- sessions ---------------------------------------------------------------------------------------------------------


class Book:
    """Who may still ask, and a clock that a test turns."""

    def __init__(self) -> None:
        self.tokens = [Member(token_id=1, org_id=2, space_id=3)]
        self.time = 1_000.0

    async def again(self, member: Member) -> Member:
        if member not in self.tokens:
            raise Unauthenticated("It has ended.")
        return member

    def sessions(self) -> Sessions:
        return Sessions(self, lambda: self.time)


async def test_a_session_ends_with_its_time() -> None:
    book = Book()
    sessions = book.sessions()
    session = sessions.enter(sessions.offer(book.tokens[0]))
    book.time += SESSION_SECONDS - 1
    assert await sessions.member(session) == book.tokens[0]
    book.time += 2
    with pytest.raises(Unauthenticated, match="mainspring ui"):
        await sessions.member(session)


async def test_a_link_ends_with_its_time() -> None:
    book = Book()
    sessions = book.sessions()
    code = sessions.offer(book.tokens[0])
    book.time += CODE_SECONDS + 1
    with pytest.raises(Unauthenticated, match="too old"):
        sessions.enter(code)


async def test_a_session_ends_when_its_token_is_revoked() -> None:
    book = Book()
    sessions = book.sessions()
    session = sessions.enter(sessions.offer(book.tokens[0]))
    await sessions.member(session)
    book.tokens.clear()
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await sessions.member(session)


async def test_links_that_nobody_uses_are_forgotten() -> None:
    book = Book()
    sessions = book.sessions()
    first = sessions.offer(book.tokens[0])
    for _ in range(1_000):
        last = sessions.offer(book.tokens[0])
    with pytest.raises(Unauthenticated):
        sessions.enter(first)
    assert sessions.enter(last)
