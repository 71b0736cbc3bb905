"""What goes over the wire, and what comes back."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from tests.workers.egress.loopback import Asked, Mute, calling, listening, names, reply, serving
from workers.egress import BadUrl, EgressClient, EgressPolicy, EgressRefused, EgressUnavailable


async def test_a_request_arrives_as_it_was_given() -> None:
    async with (
        serving(
            lambda asked: reply(201, b"made", [("X-Id", "7"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        ) as server,
        calling(server) as client,
    ):
        answer = await client.request(
            "post",
            server.url("/items?kind=book"),
            headers=[("X-Note", "你好"), ("X-Twice", "1"), ("Content-Type", "text/plain")],
            params=[("q", "a b&c"), ("q", "中文")],
            content=b"text",
        )
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("POST", "/items?kind=book&q=a%20b%26c&q=%E4%B8%AD%E6%96%87")
    assert asked.headers["x-note"] == "你好"
    assert asked.headers["host"] == server.place
    assert asked.headers["user-agent"] == "Mainspring"
    assert (asked.headers["content-length"], asked.body) == ("4", b"text")
    assert (answer.status, answer.body) == (201, b"made")
    assert [pair for pair in answer.headers if pair[0] != "content-length"] == [
        ("x-id", "7"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]


async def test_headers_may_be_a_mapping_and_replace_the_defaults() -> None:
    async with serving(lambda asked: reply()) as server, calling(server) as client:
        await client.request("GET", server.url(), headers={"User-Agent": "mine", "Accept": "text/html"})
    assert server.asked[0].headers["user-agent"] == "mine"
    assert server.asked[0].headers["accept"] == "text/html"


async def test_what_frames_the_message_cannot_be_given() -> None:
    given = {
        "Host": "internal.example.com",
        "Content-Length": "0",
        "Transfer-Encoding": "chunked",
        "Connection": "close",
        "Upgrade": "websocket",
        "Accept-Encoding": "br",
    }
    async with serving(lambda asked: reply()) as server, calling(server) as client:
        await client.request("POST", server.url(), headers=given, content=b"body")
    headers = server.asked[0].headers
    assert headers["host"] == server.place
    assert headers["content-length"] == "4"
    assert headers["accept-encoding"] == "gzip, deflate"
    assert not {"transfer-encoding", "connection", "upgrade"} & headers.keys()
    assert server.asked[0].body == b"body"


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-A", "a\r\nX-B: b"), ("X-A", "a\nb"), ("X-A", "a\x00"), ("X A", "a"), ("X:A", "a"), ("", "a"), ("头", "a")],
)
async def test_a_header_that_would_break_out_is_not_sent(name: str, value: str) -> None:
    async with serving(lambda asked: reply()) as server, calling(server) as client:
        with pytest.raises(BadUrl, match="header"):
            await client.request("GET", server.url(), headers=[(name, value)])
    assert server.connections == 0


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "GET /x HTTP/1.1\r\nHost: a\r\n\r\n", "", "BREW"])
async def test_a_method_that_is_not_for_calls_is_not_sent(method: str) -> None:
    async with serving(lambda asked: reply()) as server, calling(server) as client:
        with pytest.raises(BadUrl, match="method"):
            await client.request(method, server.url())
    assert server.connections == 0


@pytest.mark.parametrize("status", [204, 304, 400, 404, 429, 500, 503])
async def test_every_status_is_an_answer(status: int) -> None:
    def answer(asked: Asked) -> list[bytes]:
        return [f"HTTP/1.1 {status} x\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n".encode()]

    async with serving(answer) as server, calling(server) as client:
        got = await client.request("GET", server.url())
    assert got.status == status
    assert ("retry-after", "3") in got.headers


async def test_a_name_is_kept_in_the_host_header_while_the_checked_address_is_called() -> None:
    async with (
        serving(lambda asked: reply()) as server,
        calling(server, resolve=names({"shop.example": ["127.0.0.1"]})) as client,
    ):
        answer = await client.request("GET", server.url("/x", host="Shop.Example"))
    assert server.asked[0].headers["host"] == f"shop.example:{server.port}"
    assert answer.url == server.url("/x", host="shop.example")


async def test_params_come_before_the_fragment_and_the_fragment_stays_here() -> None:
    async with serving(lambda asked: reply()) as server, calling(server) as client:
        answer = await client.request("GET", server.url("/路径#part"), params=[("a", "1")])
    assert server.asked[0].path == "/%E8%B7%AF%E5%BE%84?a=1"
    assert answer.url == server.url("/%E8%B7%AF%E5%BE%84?a=1")


async def test_params_cannot_move_the_host() -> None:
    async with calling() as client:
        with pytest.raises(EgressRefused):
            await client.request("GET", "http://example.com@127.0.0.1", params=[("a", "/@x")])


async def test_no_cookie_is_remembered() -> None:
    async with serving(lambda asked: reply(headers=[("Set-Cookie", "session=1")])) as server, calling(server) as client:
        await client.request("GET", server.url())
        await client.request("GET", server.url())
    assert "cookie" not in server.asked[1].headers


async def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(lambda asked: reply()) as server, calling(server) as client:
        answer = await client.request("GET", server.url())
        async with client.sdk_client() as sdk:
            assert (await sdk.get(server.url())).status_code == 200
    assert answer.status == 200


async def test_one_connection_serves_one_call_after_the_other() -> None:
    async with serving(lambda asked: reply(body=b"x")) as server, calling(server) as client:
        for _ in range(5):
            await client.request("GET", server.url())
    assert (server.connections, len(server.asked)) == (1, 5)


async def test_two_names_at_one_address_do_not_share_a_connection() -> None:
    known = {"one.example.com": ["127.0.0.1"], "two.example.com": ["127.0.0.1"]}
    async with serving(lambda asked: reply()) as server, calling(server, resolve=names(known)) as client:
        for host in ("one.example.com", "two.example.com", "one.example.com"):
            await client.request("GET", server.url(host=host))
    assert server.connections == 2
    assert [asked.headers["host"].partition(":")[0][:3] for asked in server.asked] == ["one", "two", "one"]


async def test_an_open_connection_does_not_outlive_the_address_it_was_checked_for() -> None:
    known = {"moving.example.com": ["127.0.0.1"]}
    async with serving(lambda asked: reply()) as server, calling(server, resolve=names(known)) as client:
        await client.request("GET", server.url(host="moving.example.com"))
        known["moving.example.com"] = ["127.0.0.2"]
        with pytest.raises(EgressRefused):
            await client.request("GET", server.url(host="moving.example.com"))
        known["moving.example.com"] = ["127.0.0.1", "169.254.169.254"]
        with pytest.raises(EgressRefused):
            await client.request("GET", server.url(host="moving.example.com"))
    assert len(server.asked) == 1


async def test_every_call_looks_up_anew() -> None:
    looked_up: list[str] = []
    resolve = names({"shop.example": ["127.0.0.1"]}, looked_up)
    async with serving(lambda asked: reply()) as server, calling(server, resolve=resolve) as client:
        await client.request("GET", server.url(host="shop.example"))
        await client.request("GET", server.url(host="shop.example"))
        await client.request("GET", server.url())
    assert looked_up == ["shop.example", "shop.example"]


async def test_a_dead_address_does_not_hide_a_living_one() -> None:
    known = {"shop.example": ["127.0.0.2", "127.0.0.3", "127.0.0.1"]}
    async with (
        serving(lambda asked: reply(body=asked.body)) as server,
        calling("127.0.0.0/8", resolve=names(known)) as client,
    ):
        for body in (b"one", b"two"):
            assert (await client.request("POST", server.url(host="shop.example"), content=body)).body == body
    assert server.connections == 1


async def test_nobody_listening_is_unavailable_and_says_who() -> None:
    async with serving(lambda asked: reply()) as server:
        pass
    async with calling(server) as client:
        with pytest.raises(EgressUnavailable, match=r"127\.0\.0\.1 could not be reached") as finding:
            await client.request("GET", server.url())
    assert finding.value.retryable
    assert finding.value.code == "egress_unavailable"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 x\r\nContent-Le",
        b"HTTP/1.1 200 x\r\nContent-Length: 9\r\n\r\nhalf",
        b"\x16\x03\x01 not http\r\n\r\n",
    ],
)
async def test_an_answer_that_breaks_off_is_unavailable(sent: bytes) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)

    async with listening(once) as port, calling(f"127.0.0.1:{port}") as client:
        with pytest.raises(EgressUnavailable, match=r"127\.0\.0\.1") as finding:
            await client.request("GET", f"http://127.0.0.1:{port}/")
    assert finding.value.retryable


async def test_a_connection_reset_is_unavailable() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with listening(reset) as port, calling(f"127.0.0.1:{port}") as client:
        with pytest.raises(EgressUnavailable):
            await client.request("GET", f"http://127.0.0.1:{port}/")


async def test_calls_at_the_same_time_each_have_their_answer() -> None:
    async with (
        serving(lambda asked: reply(body=asked.path.encode())) as server,
        calling(server, connections=4) as client,
    ):
        paths = [f"/{n}" for n in range(32)]
        answers = await asyncio.gather(*(client.request("GET", server.url(path)) for path in paths))
    assert [answer.body.decode() for answer in answers] == paths
    assert server.connections <= 4


async def test_a_cancelled_call_leaves_the_client_fit_for_use() -> None:
    waiting = asyncio.Event()

    def answer(asked: Asked) -> list[bytes]:
        waiting.set()
        return reply() if asked.path == "/ok" else []

    async with serving(answer) as server, calling(server, connections=1) as client:
        call = asyncio.create_task(client.request("GET", server.url("/never")))
        await waiting.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await client.request("GET", server.url("/ok"), timeout_seconds=5)).status == 200


async def test_a_network_that_does_not_say_where_it_leads_is_not_trusted() -> None:
    async with serving(lambda asked: reply()) as server:
        policy = EgressPolicy(allow=(server.place,))
        async with aclosing(EgressClient(policy, network=Mute())) as client:
            with pytest.raises(EgressRefused):
                await client.request("GET", server.url())
    assert (server.connections, server.asked) == (1, [])
