"""Pages of other sites: they cannot have a browser change anything, log somebody in, or log somebody out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import pytest
from httpx2 import AsyncClient

from tests.api.logins import GOOD, account, browser, log_in, logged_in, quick
from tests.api.serving import Serving, client_of, serve

ORIGINS = (None, "http://test", "HTTP://TEST", "https://test", "http://evil.example", "http://test.evil.example",
           "http://test:81", "http://eviltest", "null", "", "file://", "http://test@evil.example",
           "http://[")  # fmt: skip
OURS = {None, "http://test", "HTTP://TEST", "https://test"}
SITES = (None, "same-origin", "none", "same-site", "cross-site", "什么")
PAGE = (None, "", "fetch")


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    async with serve(tmp_path, passwords=quick(), settings={"login_attempts": 1_000}) as made:
        await account(made)
        yield made


def sent(origin: str | None, site: str | None, page: str | None) -> dict[bytes, bytes]:
    given = {"origin": origin, "sec-fetch-site": site, "x-requested-with": page}
    return {name.encode(): value.encode() for name, value in given.items() if value is not None}


async def test_a_change_by_a_cookie_takes_our_own_page(serving: Serving) -> None:
    async with logged_in(serving) as client:
        del client.headers["x-requested-with"]
        for origin, site, page in product(ORIGINS, SITES, PAGE):
            answer = await client.patch("/api/v1/me", json={"name": "王"}, headers=sent(origin, site, page))
            allowed = origin in OURS and site in {None, "same-origin", "none"} and bool(page)
            assert answer.status_code == (200 if allowed else 403), (origin, site, page)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path", ["/me", "/me/sessions", "/me/password", "/workflows", "/accounts", "/tokens", "/spaces", "/models"]
)
async def test_no_unsafe_method_passes_from_another_site(serving: Serving, method: str, path: str) -> None:
    async with logged_in(serving) as client:
        headers = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
        answer = await client.request(method, f"/api/v1{path}", json={}, headers=headers)
        assert answer.status_code in {403, 404, 405}


async def test_reading_by_a_cookie_changes_nothing_and_needs_no_header(serving: Serving) -> None:
    async with logged_in(serving) as client:
        del client.headers["x-requested-with"]
        answer = await client.get("/api/v1/me", headers={"origin": "http://evil.example"})
        # The browser shows it to nobody: there is no header that lets that page read it.
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_a_preflight_of_another_site_is_told_no(serving: Serving) -> None:
    asked = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    asked |= {"access-control-request-headers": "x-requested-with, content-type"}
    async with browser(serving.app) as client:
        for path in ("/login", "/me", "/workflows"):
            answer = await client.options(f"/api/v1{path}", headers=asked)
            assert answer.status_code == 405
            assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"email=wang%40example.com&password=x"),
        ("text/plain", b'{"email": "wang@example.com", "password": "x"}'),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("", b'{"email": "wang@example.com", "password": "x"}'),
    ],
)
async def test_what_a_form_can_send_is_not_read(serving: Serving, kind: str, body: bytes) -> None:
    async with logged_in(serving) as client:
        for method, path in (("POST", "/login"), ("PATCH", "/me"), ("PUT", "/me/password")):
            headers = {"content-type": kind} if kind else {}
            answer = await client.request(method, f"/api/v1{path}", content=body, headers=headers)
            assert answer.status_code == 415, (method, path)


async def test_another_site_cannot_log_somebody_in_or_out(serving: Serving) -> None:
    async with logged_in(serving) as client:
        before = client.cookies["mainspring_session"]
        for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"x-requested-with": ""}):
            for path, body in (
                ("/login", {"email": "wang@example.com", "password": GOOD}),
                ("/registration", {"email": "x@example.com", "password": GOOD, "name": "x"}),
                ("/logout", None),
            ):
                answer = await client.post(f"/api/v1{path}", json=body, headers=headers)
                assert (answer.status_code, "set-cookie" in answer.headers) == (403, False), (path, headers)
        assert client.cookies["mainspring_session"] == before
        assert (await client.get("/api/v1/me")).status_code == 200


async def test_a_page_in_clear_is_none_of_ours_where_we_are_served_by_https(serving: Serving) -> None:
    async with browser(serving.app, https=True) as client:
        for origin, status in (("http://test", 403), ("https://test", 200)):
            client.headers["origin"] = origin
            assert (await log_in(client)).status_code == status


async def test_programs_with_a_token_need_none_of_it(serving: Serving) -> None:
    headers = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    answer = await serving.client.post("/api/v1/workflows", json={"name": "流程"}, headers=headers)
    assert answer.status_code == 201


async def test_a_token_that_is_wrong_is_not_helped_by_a_cookie(serving: Serving) -> None:
    async with logged_in(serving) as client:
        assert (await client.get("/api/v1/me", headers={"authorization": "Bearer wrong"})).status_code == 401
        assert (await client.get("/api/v1/me", headers={"authorization": ""})).status_code == 401


async def test_the_cookie_is_no_token_and_the_token_no_cookie(serving: Serving) -> None:
    async with logged_in(serving) as client:
        cookie = client.cookies["mainspring_session"]
    async with client_of(serving.app, cookie) as program:
        assert (await program.get("/api/v1/me")).status_code == 401
    async with browser(serving.app, cookie=f"mainspring_session={serving.token}") as page:
        assert (await page.get("/api/v1/me")).status_code == 401


async def _headers(client: AsyncClient, path: str) -> dict[str, str]:
    return dict((await client.get(path)).headers)


@pytest.mark.parametrize("path", ["/api/v1/health/live", "/api/v1/me", "/api/v1/nothing", "/nothing", "/v1/nothing"])
async def test_every_answer_tells_browsers_to_be_careful(serving: Serving, path: str) -> None:
    async with browser(serving.app) as plain, browser(serving.app, https=True) as secure:
        found = await _headers(plain, path)
        assert "default-src 'self'" in found["content-security-policy"]
        assert "frame-ancestors 'none'" in found["content-security-policy"]
        assert found["x-content-type-options"] == "nosniff"
        assert found["cross-origin-opener-policy"] == "same-origin"
        assert found["cache-control"] == "no-store"
        assert {"referrer-policy", "permissions-policy"} <= {*found}
        assert "strict-transport-security" not in found
        assert "strict-transport-security" in await _headers(secure, path)


async def test_a_page_keeps_its_own_policy(serving: Serving) -> None:
    made = await serving.post("/temporal/sign-ins", {})
    answer = await serving.client.get(made.json()["path"])
    assert answer.status_code == 200
    assert answer.headers.get_list("content-security-policy") == [
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    ]
    assert answer.headers.get_list("referrer-policy") == ["no-referrer"]
