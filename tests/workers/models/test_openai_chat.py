"""The chat model over OpenAI's protocol, against a server that misbehaves in every way we know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import NodeFailed, NodeUnavailable
from engine.values import Json
from nodes.chat import ChatDelta, ChatMessage, ChatOptions, ChatRequest
from tests.fakes.openai_server import USAGE, OpenAIServer, openai_server
from tests.workers.egress.loopback import calling
from workers.egress import EgressClient
from workers.models.openai_chat import OpenAIChat, OpenAIConnection
from workers.models.provider import ChatProvider

KEY = "sk-canary-0123456789"
TOKENS = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as running:
        yield running


@pytest.fixture
async def egress(server: OpenAIServer) -> AsyncIterator[EgressClient]:
    async with calling(server.place) as client:
        yield client


@pytest.fixture
async def connection(server: OpenAIServer, egress: EgressClient) -> AsyncIterator[OpenAIConnection]:
    provider = ChatProvider(server.base_url, "echo", KEY, first_token_seconds=5, gap_seconds=5)
    made = OpenAIConnection(provider, egress)
    yield made
    await made.aclose()


def patient(connection: OpenAIConnection, egress: EgressClient, first: float, gap: float) -> OpenAIConnection:
    return OpenAIConnection(replace(connection.provider, first_token_seconds=first, gap_seconds=gap), egress)


def asked(*messages: ChatMessage, json_schema: Mapping[str, Json] | None = None, **wishes: Any) -> ChatRequest:
    return ChatRequest(messages, ChatOptions(**wishes), json_schema=json_schema)


async def ask(
    connection: OpenAIConnection, model: str, prompt: str = "你好, dear world", **wishes: Any
) -> list[ChatDelta]:
    request = asked(ChatMessage("system", "Be kind."), ChatMessage("user", prompt), **wishes)
    return [delta async for delta in OpenAIChat(connection, model).stream(request)]


def text(deltas: list[ChatDelta]) -> str:
    return "".join(delta.text for delta in deltas)


async def test_an_answer_comes_in_pieces_and_its_last_one_carries_usage_and_reason(
    server: OpenAIServer, connection: OpenAIConnection
) -> None:
    deltas = await ask(connection, "echo", temperature=0.5, top_p=0.9, max_tokens=50)
    assert [delta.text for delta in deltas] == ["你好,", " dear", " world", ""]
    assert (deltas[-1].usage, deltas[-1].finish_reason) == (TOKENS, "stop")
    body = server.asked[0].body
    assert body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "你好, dear world"},
    ]
    assert (body["temperature"], body["top_p"], body["max_tokens"], body["stream"]) == (0.5, 0.9, 50, True)
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_what_is_not_wished_for_is_not_sent(server: OpenAIServer, connection: OpenAIConnection) -> None:
    await ask(connection, "echo")
    assert server.asked[0].body.keys() == {"model", "messages", "stream", "stream_options"}


async def test_nothing_of_the_environment_is_sent(
    server: OpenAIServer, egress: EgressClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, "x-canary: from-the-environment")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    connection = OpenAIConnection(ChatProvider(server.base_url, "echo"), egress)
    await ask(connection, "echo")
    sent = server.asked[0].headers
    assert sent.keys() == {"host", "accept", "content-type", "user-agent", "content-length", "accept-encoding"}
    assert "from-the-environment" not in repr(sent)
    await connection.aclose()


@pytest.mark.parametrize("model", ["split", "odd", "no-usage", "whole", "old", "slow", "echo"])
async def test_a_whole_answer_is_read_however_it_comes(connection: OpenAIConnection, model: str) -> None:
    deltas = await ask(connection, model)
    assert text(deltas) == "你好, dear world"
    assert deltas[-1].finish_reason == "stop"


async def test_usage_is_ours_to_add_up_but_not_to_make_up(connection: OpenAIConnection) -> None:
    assert (await ask(connection, "no-usage"))[-1].usage == {}
    assert (await ask(connection, "odd"))[-1].usage == {"input_tokens": 2, "output_tokens": 1, "total_tokens": 3}
    assert (await ask(connection, "whole"))[-1].usage == TOKENS
    assert USAGE["total_tokens"] == 10


async def test_reasoning_comes_apart_from_the_answer(connection: OpenAIConnection) -> None:
    deltas = await ask(connection, "reasoning")
    assert "".join(delta.reasoning for delta in deltas) == "Let me think."
    assert text(deltas) == "你好, dear world"


async def test_a_server_that_refuses_our_extras_is_asked_without_them_and_remembered(
    server: OpenAIServer, connection: OpenAIConnection
) -> None:
    model = OpenAIChat(connection, "old")
    for _ in range(2):
        request = asked(ChatMessage("user", "hello"), json_schema={"type": "object"})
        assert text([one async for one in model.stream(request)]) == "hello"
    sent = [(one.body.get("response_format", {}).get("type"), "stream_options" in one.body) for one in server.asked]
    assert sent == [("json_schema", True), ("json_schema", False), ("json_object", False), ("json_object", False)]


async def test_the_limit_goes_under_the_name_that_the_server_knows(
    server: OpenAIServer, connection: OpenAIConnection
) -> None:
    assert text(await ask(connection, "new", max_tokens=9)) == "你好, dear world"
    assert server.asked[-1].body["max_completion_tokens"] == 9


async def test_a_busy_server_says_when_to_come_back(connection: OpenAIConnection) -> None:
    with pytest.raises(NodeUnavailable, match="status 429: Slow down") as found:
        await ask(connection, "busy")
    assert found.value.facts["retry_after"] == 3


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("broken", "answered with the status 500"),
        ("cut", "broke off|whole HTTP answer"),
        ("unfinished", "broke off before its end"),
        ("complaint", "broke its answer off: The server is overloaded"),
        ("garbage", "no JSON object"),
    ],
)
async def test_what_may_go_away_is_worth_another_try(connection: OpenAIConnection, model: str, sentence: str) -> None:
    with pytest.raises(NodeUnavailable, match=sentence):
        await ask(connection, model)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("html", "answered with text/html instead of a stream"),
        ("too-long", "The prompt is too long"),
        ("unheard-of", "The model unheard-of does not exist"),
    ],
)
async def test_what_will_not_go_away_is_not_tried_again(
    connection: OpenAIConnection, model: str, sentence: str
) -> None:
    with pytest.raises(NodeFailed, match=sentence):
        await ask(connection, model)


async def test_a_key_that_the_server_repeats_is_not_repeated_by_us(connection: OpenAIConnection) -> None:
    with pytest.raises(NodeFailed, match="Incorrect API key provided: •••") as found:
        await ask(connection, "gossip")
    assert KEY not in str(found.value) + repr(found.value.facts) + repr(connection.provider)


@pytest.mark.parametrize(
    ("model", "sentence"), [("silent", "did not begin to answer in time"), ("stalls", "did not go on with its answer")]
)
async def test_a_model_that_keeps_silent_is_given_up(
    connection: OpenAIConnection, egress: EgressClient, model: str, sentence: str
) -> None:
    since = time.monotonic()
    with pytest.raises(NodeUnavailable, match=sentence):
        await ask(patient(connection, egress, first=0.5, gap=0.3), model)
    assert time.monotonic() - since < 4


async def test_a_slow_model_is_waited_for_as_long_as_it_goes_on(
    connection: OpenAIConnection, egress: EgressClient
) -> None:
    words = " ".join(["word"] * 20)
    deltas = await ask(patient(connection, egress, first=2.0, gap=0.8), "slow", words)
    assert text(deltas) == words


async def test_the_time_the_reader_takes_is_not_the_models(connection: OpenAIConnection, egress: EgressClient) -> None:
    model = OpenAIChat(patient(connection, egress, first=2.0, gap=0.2), "echo")
    pieces = []
    async for delta in model.stream(asked(ChatMessage("user", "a b c"))):
        await asyncio.sleep(0.3)
        pieces.append(delta.text)
    assert "".join(pieces) == "a b c"


async def test_a_reader_that_leaves_closes_the_connection(connection: OpenAIConnection) -> None:
    async with aclosing(OpenAIChat(connection, "stalls").stream(asked(ChatMessage("user", "x")))) as deltas:
        assert (await anext(deltas)).text == "The first"


async def test_a_server_that_is_not_there_may_come_back(egress: EgressClient, server: OpenAIServer) -> None:
    async with openai_server() as other:
        gone = other.place
    async with calling(gone) as client:
        connection = OpenAIConnection(ChatProvider(f"http://{gone}/v1", "echo"), client)
        with pytest.raises(NodeUnavailable, match=r"127\.0\.0\.1 could not be reached"):
            await ask(connection, "echo")
        await connection.aclose()


async def test_a_base_url_that_may_not_be_called_is_refused_for_good() -> None:
    async with openai_server() as server, calling() as client:
        connection = OpenAIConnection(ChatProvider(server.base_url, "echo", KEY), client)
        with pytest.raises(NodeFailed, match="may not be called"):
            await ask(connection, "echo")
        assert server.asked == []
        await connection.aclose()
