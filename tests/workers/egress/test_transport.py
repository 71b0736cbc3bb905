"""The transport under a vendor's SDK: the same guard, and streams."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx2
import openai
import pytest

from engine.errors import FlowError
from tests.workers.egress.corpus import MALFORMED, PUBLIC, REFUSED, resolve
from tests.workers.egress.loopback import Asked, Nowhere, calling, names, redirect, reply, serving
from workers.egress import (
    AnswerTooLarge,
    EgressClient,
    EgressPolicy,
    EgressRefused,
    EgressUnavailable,
    failure_behind,
)

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "你好"}}],
}


def piece(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    data = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(data)}\n\n".encode()


async def ask(model: openai.AsyncOpenAI) -> str | None:
    got = await model.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    return got.choices[0].message.content


def vendor(client: EgressClient, base_url: str, max_retries: int = 0) -> openai.AsyncOpenAI:
    http_client = client.sdk_client()
    return openai.AsyncOpenAI(api_key="k", base_url=base_url, http_client=http_client, max_retries=max_retries)


async def test_a_model_answers_through_the_guard() -> None:
    body = json.dumps(ANSWER).encode()
    headers = [("Content-Type", "application/json")]
    async with (
        serving(lambda asked: reply(body=body, headers=headers)) as server,
        calling(server) as client,
        vendor(client, server.url("/v1")) as model,
    ):
        assert await ask(model) == "你好"
        assert await ask(model) == "你好"
    asked = server.asked[0]
    assert (asked.method, asked.path) == ("POST", "/v1/chat/completions")
    assert asked.headers["authorization"] == "Bearer k"
    assert json.loads(asked.body)["model"] == "m"
    assert server.connections == 1


async def test_a_compressed_answer_reaches_the_sdk_undone() -> None:
    body = gzip.compress(json.dumps(ANSWER).encode())
    headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]
    async with serving(lambda asked: reply(body=body, headers=headers)) as server, calling(server) as client:
        transport = httpx2.AsyncClient(transport=client.transport())
        async with openai.AsyncOpenAI(api_key="k", base_url=server.url("/v1"), http_client=transport) as model:
            assert await ask(model) == "你好"


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_stream_comes_piece_by_piece(compressed: bool) -> None:
    read = asyncio.Event()

    async def answer(asked: Asked) -> AsyncIterator[bytes]:
        encoding = b"Content-Encoding: gzip\r\n" if compressed else b""
        yield b"HTTP/1.1 200 x\r\nContent-Type: text/event-stream\r\n" + encoding + b"Connection: close\r\n\r\n"
        yield gzip.compress(piece("你")) if compressed else piece("你")
        await read.wait()  # the second piece is sent only after the first was read
        last = piece("好") + b"data: [DONE]\n\n"
        yield gzip.compress(last) if compressed else last
        asked.headers["connection"] = "close"  # the end of this answer is the end of the connection

    texts: list[str | None] = []
    async with serving(answer) as server, calling(server) as client, vendor(client, server.url("/v1")) as model:
        stream = await model.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        async for chunk in stream:
            texts.append(chunk.choices[0].delta.content)
            read.set()
    assert texts == ["你", "好"]


async def test_streams_one_after_the_other_share_a_connection() -> None:
    def answer(asked: Asked) -> list[bytes]:
        chunks = [piece("你"), piece("好"), b"data: [DONE]\n\n", b": bye\n\n", b""]
        head = b"HTTP/1.1 200 x\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        return [head, *(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)]

    async with serving(answer) as server, calling(server) as client, vendor(client, server.url("/v1")) as model:
        for _ in range(3):
            stream = await model.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "hi"}], stream=True
            )
            assert [chunk.choices[0].delta.content async for chunk in stream] == ["你", "好"]
    assert server.connections == 1


async def test_a_refusal_reaches_the_caller_as_it_is_and_is_not_tried_again() -> None:
    looked_up: list[str] = []
    network = Nowhere()
    resolver = names({"model.attacker.test": ["10.0.0.1"]}, looked_up)
    async with (
        aclosing(EgressClient(EgressPolicy(), resolve=resolver, network=network)) as client,
        vendor(client, "http://model.attacker.test/v1", max_retries=2) as model,
    ):
        with pytest.raises(EgressRefused, match="may not be called"):
            await ask(model)
    assert (looked_up, network.called) == (["model.attacker.test"], [])


@pytest.mark.parametrize("url", [*REFUSED, *MALFORMED], ids=lambda url: ascii(url[:60]))
async def test_nothing_but_what_is_public_is_called_through_the_transport(url: str) -> None:
    network = Nowhere()
    async with (
        aclosing(EgressClient(EgressPolicy(), resolve=resolve, network=network)) as client,
        client.sdk_client() as sdk,
    ):
        # httpx2 reads a URL in its own way first: it may find it wrong, or leave out what was wrong with it.
        with pytest.raises((FlowError, httpx2.HTTPError, httpx2.InvalidURL, UnicodeError)):
            await sdk.get(url)
    assert {address for address, _ in network.called} <= {PUBLIC}


async def test_a_public_url_passes_the_transport() -> None:
    network = Nowhere()
    async with (
        aclosing(EgressClient(EgressPolicy(), resolve=resolve, network=network)) as client,
        client.sdk_client() as sdk,
    ):
        with pytest.raises(httpx2.ConnectError):
            await sdk.get("https://api.example.com/v1")
    assert network.called == [(PUBLIC, 443)]


async def test_a_redirect_within_the_sdk_meets_the_same_guard() -> None:
    async with (
        serving(lambda asked: redirect("http://10.0.0.1/")) as server,
        calling(server) as client,
        httpx2.AsyncClient(transport=client.transport(), follow_redirects=True) as sdk,
    ):
        with pytest.raises(EgressRefused):
            await sdk.get(server.url())
        async with client.sdk_client() as sdk:
            assert (await sdk.get(server.url())).status_code == 302


async def test_an_error_of_the_sdk_is_put_into_words() -> None:
    async with serving(lambda asked: reply()) as server:
        pass
    async with calling(server) as client, vendor(client, server.url("/v1")) as model:
        with pytest.raises(openai.APIConnectionError) as error:
            await ask(model)
    finding = failure_behind(error.value, "127.0.0.1")
    assert isinstance(finding, EgressUnavailable)
    assert finding.message == "127.0.0.1 could not be reached."
    assert failure_behind(ValueError("something else"), "127.0.0.1") is None


async def test_a_name_that_is_not_found_is_put_into_words() -> None:
    async with calling(resolve=names({})) as client, vendor(client, "http://model.example.com/v1") as model:
        with pytest.raises(openai.APIConnectionError) as error:
            await ask(model)
    assert str(failure_behind(error.value, "model.example.com")) == "model.example.com could not be found."


async def test_the_time_of_the_sdk_is_kept() -> None:
    async with (
        serving(lambda asked: []) as server,
        calling(server) as client,
        vendor(client, server.url("/v1")) as model,
    ):
        with pytest.raises(openai.APITimeoutError) as error:
            await ask(model.with_options(timeout=0.2))
    assert str(failure_behind(error.value, "the model")) == "the model did not answer in time."


async def test_a_stream_has_a_limit_too() -> None:
    async def endless(asked: Asked) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 x\r\nContent-Type: text/event-stream\r\n\r\n"
        while True:
            yield piece("more")

    async with (
        serving(endless) as server,
        calling(server, stream_bytes=100_000) as client,
        vendor(client, server.url("/v1")) as model,
    ):
        stream = await model.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        with pytest.raises(AnswerTooLarge):
            async for _ in stream:
                pass


async def test_closing_the_sdk_leaves_the_connections_to_their_owner() -> None:
    async with serving(lambda asked: reply()) as server, calling(server) as client:
        for _ in range(2):
            async with client.sdk_client() as sdk:
                await sdk.get(server.url())
        await client.request("GET", server.url())
    assert server.connections == 1


async def test_the_sdk_is_given_no_cookie_to_remember() -> None:
    async with (
        serving(lambda asked: reply(headers=[("Set-Cookie", "a=1; Path=/")])) as server,
        calling(server) as client,
        client.sdk_client() as sdk,
    ):
        await sdk.get(server.url())
        await sdk.get(server.url())
    assert "cookie" not in server.asked[1].headers


async def test_the_host_header_of_the_sdk_is_that_of_the_url() -> None:
    async with serving(lambda asked: reply()) as server, calling(server) as client, client.sdk_client() as sdk:
        await sdk.get(server.url(), headers={"Host": "internal.example.com"})
    assert server.asked[0].headers["host"] == server.place
