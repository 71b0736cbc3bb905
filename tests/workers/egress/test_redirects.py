"""Redirects are followed by hand: how often, with which method, and with what left behind."""

from __future__ import annotations

import pytest

from tests.workers.egress.loopback import Asked, calling, names, redirect, reply, serving
from workers.egress import EgressFailed

KEYS = {
    "Authorization": "Bearer secret",
    "Cookie": "a=1",
    "X-Api-Key": "secret",
    "X-Own-Key": "secret",
    "Accept-Language": "zh",
    "Content-Type": "text/plain",
}


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (301, "POST", "GET", b""),
        (302, "POST", "GET", b""),
        (303, "POST", "GET", b""),
        (303, "PUT", "GET", b""),
        (302, "DELETE", "GET", b""),
        (301, "GET", "GET", b""),
        (302, "HEAD", "HEAD", b""),
        (303, "HEAD", "HEAD", b""),
        (307, "POST", "POST", b"body"),
        (308, "PUT", "PUT", b"body"),
        (307, "GET", "GET", b""),
    ],
)
async def test_the_status_decides_about_method_and_body(status: int, method: str, then: str, body: bytes) -> None:
    def answer(asked: Asked) -> list[bytes]:
        if asked.path == "/from":
            return redirect("/to?x=1", status)
        return reply(headers=[("X-At", "to")]) if asked.method == "HEAD" else reply(body=b"there")

    async with serving(answer) as server, calling(server) as client:
        content = b"body" if method in ("POST", "PUT", "DELETE") else None
        got = await client.request(method, server.url("/from"), headers={"Content-Type": "text/plain"}, content=content)
    second = server.asked[1]
    assert (second.method, second.path, second.body) == (then, "/to?x=1", body)
    assert ("content-type" in second.headers) is (status in (307, 308))
    assert got.url == server.url("/to?x=1")


async def test_five_redirects_are_followed_and_a_sixth_is_not() -> None:
    def answer(asked: Asked) -> list[bytes]:
        left = int(asked.path[1:])
        return redirect(f"/{left - 1}") if left else reply(body=b"there")

    async with serving(answer) as server, calling(server) as client:
        assert (await client.request("GET", server.url("/5"))).body == b"there"
        with pytest.raises(EgressFailed, match="redirected more than 5 times") as finding:
            await client.request("GET", server.url("/6"))
    assert not finding.value.retryable
    assert len(server.asked) == 12


async def test_credentials_go_along_within_an_origin() -> None:
    def answer(asked: Asked) -> list[bytes]:
        return redirect("to") if asked.path == "/a/from" else reply()

    async with serving(answer) as server, calling(server) as client:
        await client.request("GET", server.url("/a/from"), headers=KEYS)
    assert server.asked[1].path == "/a/to"
    assert server.asked[1].headers["authorization"] == "Bearer secret"
    assert server.asked[1].headers["cookie"] == "a=1"


@pytest.mark.parametrize("status", [302, 307])
async def test_credentials_stay_behind_when_another_origin_follows_and_do_not_come_back(status: int) -> None:
    def there(asked: Asked) -> list[bytes]:
        return redirect(here.url("/back"), status)

    def first(asked: Asked) -> list[bytes]:
        return redirect(other.url("/there"), status) if asked.path == "/from" else reply()

    async with serving(there) as other, serving(first) as here, calling(here, other) as client:
        await client.request("POST", here.url("/from"), headers=KEYS, content=b"body")
    for asked in (other.asked[0], here.asked[1]):
        assert not {"authorization", "cookie", "x-api-key", "x-own-key"} & asked.headers.keys()
        assert asked.headers["accept-language"] == "zh"
        assert asked.body == (b"body" if status == 307 else b"")


async def test_another_name_for_the_same_server_is_another_origin() -> None:
    def answer(asked: Asked) -> list[bytes]:
        return redirect(server.url("/to", host="two.example.com")) if asked.path == "/from" else reply()

    known = {"one.example.com": ["127.0.0.1"], "two.example.com": ["127.0.0.1"]}
    async with serving(answer) as server, calling(server, resolve=names(known)) as client:
        await client.request("GET", server.url("/from", host="one.example.com"), headers=KEYS)
    assert server.asked[1].headers["host"] == f"two.example.com:{server.port}"
    assert "authorization" not in server.asked[1].headers


async def test_a_redirect_is_handed_back_where_it_is_not_to_be_followed() -> None:
    async with serving(lambda asked: redirect("http://169.254.169.254/")) as server, calling(server) as client:
        got = await client.request("GET", server.url(), follow_redirects=False)
    assert got.status == 302
    assert ("location", "http://169.254.169.254/") in got.headers


@pytest.mark.parametrize("status", [300, 304, 305, 306])
async def test_other_statuses_lead_nowhere(status: int) -> None:
    async with serving(lambda asked: redirect("/to", status)) as server, calling(server) as client:
        assert (await client.request("GET", server.url())).status == status


async def test_a_redirect_that_does_not_say_where_to_is_an_answer() -> None:
    async with serving(lambda asked: reply(302, b"moved")) as server, calling(server) as client:
        assert (await client.request("GET", server.url())).body == b"moved"


async def test_a_location_in_another_script_is_escaped() -> None:
    def answer(asked: Asked) -> list[bytes]:
        if asked.path == "/":
            return ["HTTP/1.1 302 x\r\nLocation: /路径\r\nContent-Length: 0\r\n\r\n".encode()]
        return reply(body=asked.path.encode())

    async with serving(answer) as server, calling(server) as client:
        assert (await client.request("GET", server.url())).body == b"/%E8%B7%AF%E5%BE%84"


async def test_every_hop_looks_up_anew() -> None:
    looked_up: list[str] = []

    def answer(asked: Asked) -> list[bytes]:
        return redirect("/to") if asked.path == "/" else reply()

    resolve = names({"shop.example": ["127.0.0.1"]}, looked_up)
    async with serving(answer) as server, calling(server, resolve=resolve) as client:
        await client.request("GET", server.url(host="shop.example"))
    assert looked_up == ["shop.example", "shop.example"]
