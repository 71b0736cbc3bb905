"""What every vendor's chat adapter does alike, against servers that misbehave in every way we know."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import traceback
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import FlowError
from nodes.chat import ChatMessage, ModelFailed, ModelUnavailable, ToolCall
from tests.fakes import anthropic_behaviours as claude
from tests.fakes import gemini_behaviours as gemini
from tests.fakes.talk import STALL_SECONDS
from tests.workers.egress.loopback import calling
from tests.workers.models.vendor_door import KEY, PROMPT, Door, Vendor, calls, open_door, reasoning, saying, text
from workers.egress import EgressRefused
from workers.models.adapters import chat_adapter
from workers.models.provider import ModelConnection

VENDORS: tuple[Vendor, ...] = ("anthropic", "gemini")
ENVIRONMENT = {
    "ANTHROPIC_API_KEY": "from-the-environment",
    "ANTHROPIC_AUTH_TOKEN": "from-the-environment",
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:9/from-the-environment",
    "ANTHROPIC_CUSTOM_HEADERS": (
        "authorization: from-the-environment\nanthropic-version: from-the-environment\nx-other: from-the-environment"
    ),
    "ANTHROPIC_PROFILE": "from-the-environment",
    "ANTHROPIC_CONFIG_DIR": "/from-the-environment",
    "ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE": "content",
    "GOOGLE_API_KEY": "from-the-environment",
    "GEMINI_API_KEY": "from-the-environment",
    "GOOGLE_GENAI_USE_VERTEXAI": "true",
    "GOOGLE_GENAI_USE_ENTERPRISE": "true",
    "GOOGLE_CLOUD_PROJECT": "from-the-environment",
    "GOOGLE_CLOUD_LOCATION": "from-the-environment",
    "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:9/from-the-environment",
    "GOOGLE_VERTEX_BASE_URL": "http://127.0.0.1:9/from-the-environment",
    "GOOGLE_GENAI_API_VERSION": "v9",
    "GOOGLE_GENAI_CLIENT_MODE": "replay",
    "GOOGLE_GENAI_HTTP_CLIENT": "httpx",
    "GOOGLE_APPLICATION_CREDENTIALS": "/from-the-environment",
    "GOOGLE_API_USE_CLIENT_CERTIFICATE": "true",
    "SSL_CERT_FILE": "/from-the-environment",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return cast("Vendor", request.param)


@pytest.fixture
async def door(vendor: Vendor) -> AsyncIterator[Door]:
    async with open_door(vendor) as made:
        yield made


async def test_an_answer_comes_in_pieces_and_its_last_one_carries_usage_and_reason(door: Door) -> None:
    deltas = await door.ask("echo")
    assert [delta.text for delta in deltas] == ["你好,", " dear", " world", ""]
    assert [delta.finish_reason for delta in deltas] == ["", "", "", "stop"]
    assert [bool(delta.usage) for delta in deltas] == [False, False, False, True]
    usage = deltas[-1].usage
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert (usage["cached_input_tokens"], usage["reasoning_tokens"]) == (4, 2)


@pytest.mark.parametrize("model", ["bytewise", "odd", "no-usage", "slow", "wrong-type"])
async def test_a_whole_answer_is_read_however_it_comes(door: Door, model: str) -> None:
    deltas = await door.ask(model)
    assert (text(deltas), deltas[-1].finish_reason) == (PROMPT, "stop")


async def test_usage_is_not_made_up(door: Door) -> None:
    assert (await door.ask("no-usage"))[-1].usage == {}


async def test_reasoning_comes_apart_from_the_answer(door: Door) -> None:
    deltas = await door.ask("reasoning")
    assert (reasoning(deltas), text(deltas)) == ("Let me think. 想", PROMPT)


async def test_calls_are_given_whole(door: Door) -> None:
    deltas = await door.ask("tools")
    (call,) = calls(deltas)
    assert (call.name, call.arguments["city"], call.arguments["days"]) == ("weather", "北京", [1, 2])
    assert (text(deltas), deltas[-1].finish_reason) == ("I look.", "tool_calls")


async def test_calls_at_once_keep_their_order_and_have_ids_of_their_own(door: Door) -> None:
    found = calls(await door.ask("parallel"))
    assert [(call.name, call.arguments) for call in found] == [
        ("weather", {"city": "北京"}),
        ("time", {}),
        ("weather", {"city": "上海"}),
    ]
    assert len({call.id for call in found}) == 3
    assert all(call.id for call in found)


async def test_an_answer_that_reaches_its_limit_says_so(door: Door) -> None:
    deltas = await door.ask("limit")
    assert (text(deltas), deltas[-1].finish_reason) == ("The first", "length")


@pytest.mark.parametrize(
    ("model", "reason", "sentence"),
    [
        ("busy", "rate_limited", "status 429"),
        ("overloaded", "overloaded", "status 5"),
        ("broken", "overloaded", "status 500"),
        ("late", "overloaded", "broke its answer off: .*verloaded"),
        ("cut-head", "connection", "whole HTTP answer"),
        ("cut", "connection", "broke off|whole HTTP answer"),
        ("cut-character", None, "broke off before its end|a piece that is none"),
        ("unfinished", "connection", "broke off before its end"),
        ("garbage", "malformed", "that is none"),
        ("listed", None, "that is none|broke off"),
    ],
)
async def test_what_may_go_away_is_worth_another_try(door: Door, model: str, reason: str | None, sentence: str) -> None:
    with pytest.raises(ModelUnavailable, match=sentence) as found:
        await door.ask(model)
    assert found.value.facts["model"] == model
    assert found.value.facts["reason"] == reason or (reason is None and found.value.retryable)


@pytest.mark.parametrize(
    ("model", "reason", "sentence"),
    [
        ("html", "not_found", "text/html instead of a stream"),
        ("unheard-of", "not_found", "status 404"),
        ("too-long", "context_length", "token"),
        ("spent", "quota", "status 429"),
        ("gossip", "auth", "•••"),
    ],
)
async def test_what_will_not_go_away_is_not_tried_again(door: Door, model: str, reason: str, sentence: str) -> None:
    with pytest.raises(ModelFailed, match=sentence) as found:
        await door.ask(model)
    assert (found.value.facts["reason"], found.value.facts["model"]) == (reason, model)
    assert len(door.server.asked) == 1


async def test_a_busy_server_says_when_to_come_back(door: Door) -> None:
    with pytest.raises(ModelUnavailable) as found:
        await door.ask("busy")
    assert found.value.facts["retry_after"] in (3, 39.5)
    assert len(door.server.asked) == 1


async def test_half_a_call_never_leaves(door: Door) -> None:
    model = "cut-call" if door.connection.provider == "anthropic" else "unfinished"
    given: list[ToolCall] = []

    async def listen() -> None:
        async for delta in door.model(model).stream(saying()):
            given.extend(delta.tool_calls)

    with pytest.raises(ModelUnavailable):
        await listen()
    assert given == []


async def test_a_key_that_the_server_repeats_is_nowhere_in_what_we_say(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ModelFailed) as found:
        await door.ask("gossip")
    said = [str(found.value), repr(found.value), repr(found.value.facts), caplog.text, repr(door.connection)]
    assert KEY not in "".join([*said, *traceback.format_exception(found.value)])
    assert KEY in repr(door.server.asked[0].headers)


async def test_nothing_of_the_environment_is_sent(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    async with open_door(vendor) as door:
        assert text(await door.ask("echo")) == PROMPT
        sent = door.server.asked[0]
    key = {"authorization"} | {"anthropic-version"} if vendor == "anthropic" else {"x-goog-api-key"}
    framing = {"host", "accept", "accept-encoding", "content-type", "content-length", "user-agent"}
    assert sent.headers.keys() == framing | key
    assert "from-the-environment" not in repr(sent)
    assert sent.headers["user-agent"] == "Mainspring"


async def test_without_a_key_none_is_sent(vendor: Vendor) -> None:
    async with open_door(vendor, api_key="") as door:
        await door.ask("echo")
        assert not {"authorization", "x-goog-api-key", "x-api-key"} & door.server.asked[0].headers.keys()


async def test_headers_of_the_connection_are_sent_and_hidden(vendor: Vendor) -> None:
    async with open_door(vendor, options={"headers": {"X-Gateway": "canary-gateway", "Host": "evil"}}) as door:
        await door.ask("echo")
        headers = door.server.asked[0].headers
    assert (headers["x-gateway"], headers["host"]) == ("canary-gateway", door.server.place)
    assert "canary-gateway" not in repr(door.connection)


async def test_a_key_that_cannot_be_sent_is_refused_without_being_told(vendor: Vendor) -> None:
    async with open_door(vendor, api_key="canary\nx: 钥匙") as door:
        with pytest.raises(ModelFailed, match="cannot be sent") as found:
            await door.ask("echo")
    assert "canary" not in str(found.value)
    assert door.server.asked == []


@pytest.mark.parametrize(
    ("model", "patience", "sentence"),
    [
        ("silent", {"first_token_seconds": 0.5}, "did not begin to answer in time"),
        ("mute", {"first_token_seconds": 0.5}, "did not begin to answer in time"),
        ("stalls", {"gap_seconds": 0.3}, "did not go on with its answer"),
    ],
)
async def test_a_model_that_keeps_silent_is_given_up(
    vendor: Vendor, model: str, patience: dict[str, float], sentence: str
) -> None:
    async with open_door(vendor, **patience) as door:
        with pytest.raises(ModelUnavailable, match=sentence) as found:
            await door.ask(model)
        assert found.value.facts["reason"] == "timeout"
        assert len(door.server.asked) == 1


async def test_a_slow_model_is_waited_for_as_long_as_it_goes_on(vendor: Vendor) -> None:
    words = " ".join(["word"] * 70)
    async with open_door(vendor, gap_seconds=3.0) as door:
        assert text(await door.ask("slow", saying(words))) == words


async def test_the_time_the_reader_takes_is_not_the_models(vendor: Vendor) -> None:
    async with open_door(vendor, gap_seconds=1.0) as door:
        pieces = []
        async for delta in door.model("echo").stream(saying("a b c")):
            await asyncio.sleep(1.2)
            pieces.append(delta.text)
    assert "".join(pieces) == "a b c"


async def test_a_reader_that_leaves_ends_the_call_at_the_provider_at_once(door: Door) -> None:
    stream = cast("AsyncGenerator[Any]", door.model("stalls").stream(saying()))
    async with aclosing(stream) as deltas:
        assert (await anext(deltas)).text == "The first"
        assert not door.server.asked[0].left.is_set()
    async with asyncio.timeout(STALL_SECONDS):
        await door.server.asked[0].left.wait()


@pytest.mark.parametrize("model", ["mute", "stalls"])
async def test_a_call_that_is_cancelled_ends_at_the_provider_at_once(door: Door, model: str) -> None:
    task = asyncio.ensure_future(door.ask(model))
    await door.server.heard(1)
    await asyncio.sleep(0.1)
    task.cancel()
    async with asyncio.timeout(STALL_SECONDS):
        await door.server.asked[0].left.wait()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_answers_that_were_read_to_their_end_leave_the_connection_to_the_next(door: Door) -> None:
    for _ in range(3):
        await door.ask("echo")
    assert door.server.connections == 1


async def test_a_server_that_is_not_there_may_come_back(vendor: Vendor) -> None:
    async with open_door(vendor) as other:
        gone = other.server.place
    async with calling(gone) as egress:
        model = chat_adapter(ModelConnection(vendor, "echo", f"http://{gone}", KEY), egress)
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1 could not be reached") as found:
            [delta async for delta in model.stream(saying())]
        assert found.value.facts["reason"] == "connection"
        await model.aclose()


async def test_a_base_url_that_may_not_be_called_is_refused_for_good(vendor: Vendor) -> None:
    async with open_door(vendor) as door, calling() as closed:
        model = chat_adapter(door.connection, closed)
        with pytest.raises(EgressRefused):
            [delta async for delta in model.stream(saying())]
        assert door.server.asked == []
        await model.aclose()


@pytest.mark.parametrize(
    "base_url", ["nonsense", "http://[", "http://a:b", "ftp://127.0.0.1", "http://user:secret@127.0.0.1"]
)
async def test_a_base_url_that_is_none_is_a_failure_in_words(vendor: Vendor, base_url: str) -> None:
    async with open_door(vendor, base_url=base_url) as door:
        with pytest.raises(FlowError) as found:
            await door.ask("echo")
    assert not found.value.retryable
    assert "secret" not in str(found.value)


async def test_what_is_said_to_the_system_alone_is_asked_all_the_same(door: Door) -> None:
    assert text(await door.ask("echo", saying(ChatMessage("system", "Say hello."), ""))) == "Say hello."


async def test_a_conversation_that_the_assistant_begins_is_understood(door: Door) -> None:
    request = saying(ChatMessage("assistant", "Welcome!"), "a", "b", ChatMessage("assistant", "c"), "d")
    assert text(await door.ask("echo", request)) == "d"


async def test_adapters_import_no_sdk_before_they_are_asked() -> None:
    program = (
        "import sys; import workers.models.anthropic_chat, workers.models.gemini_chat, workers.models.gemini_embedder;"
        "sys.exit(any(name == 'anthropic' or name.startswith('google.') for name in sys.modules))"
    )
    run = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], check=False, env={**os.environ, "PYTHONPATH": "."}
    )
    assert run.returncode == 0


SCRIPTS = {
    "anthropic": claude.begin()
    + claude.PING
    + claude.thought(0, "想一想\u2028, ", "then.")
    + claude.text_block(1, "你好, ", "dear 🌍\u2029 ", "world\x85")
    + claude.tool_block(2, "toolu_1", "weather", "", '{"ci', 'ty": "北', '京"}')
    + claude.close("tool_use"),
    "gemini": b"".join(
        gemini.event(one)
        for one in (
            gemini.chunk({"text": "想一想\u2028, ", "thought": True}),
            gemini.chunk({"text": "then.", "thought": True}),
            gemini.chunk({"text": "你好, "}),
            gemini.chunk({"text": "dear 🌍\u2029 world\x85"}),
            gemini.end(gemini.call("weather", {"city": "北京"})),
        )
    ),
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_any_split_of_the_bytes_gives_the_same_answer(vendor: Vendor) -> None:
    stream = SCRIPTS[vendor]
    with asyncio.Runner() as runner:
        opened = open_door(vendor)
        door = runner.run(opened.__aenter__())

        @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.sets(st.integers(1, len(stream) - 1), max_size=40))
        def check(cuts: set[int]) -> None:
            places = [0, *sorted(cuts), len(stream)]
            door.server.script = [stream[a:b] for a, b in pairwise(places)]
            deltas = runner.run(door.ask("script"))
            assert reasoning(deltas) == "想一想\u2028, then."
            assert text(deltas) == "你好, dear 🌍\u2029 world\x85"
            assert [(call.name, call.arguments) for call in calls(deltas)] == [("weather", {"city": "北京"})]
            assert deltas[-1].finish_reason == "tool_calls"

        check()
        runner.run(opened.__aexit__(None, None, None))
