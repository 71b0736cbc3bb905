"""The chat model over OpenAI's protocol, against a server that misbehaves in every way we know."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from nodes.chat import ModelFailed, ModelUnavailable
from tests.fakes.openai_server import ChatTalk, openai_server
from tests.fakes.talk import STALL_SECONDS, Asked
from tests.workers.egress.loopback import calling
from tests.workers.models.openai_door import KEY, PROMPT, Door, open_door, reasoning, saying, text
from workers.egress import EgressRefused

TOKENS = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as opened:
        yield opened


async def test_an_answer_comes_in_pieces_and_its_last_one_carries_usage_and_reason(door: Door) -> None:
    deltas = await door.ask("echo", saying(system="Be kind.", temperature=0.5, top_p=0.9, max_tokens=50))
    assert [delta.text for delta in deltas] == ["你好,", " dear", " world", ""]
    assert (deltas[-1].usage, deltas[-1].finish_reason) == (TOKENS, "stop")
    assert door.body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": PROMPT},
    ]
    wishes = [door.body[name] for name in ("temperature", "top_p", "max_tokens", "stream")]
    assert wishes == [0.5, 0.9, 50, True]
    assert door.server.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_what_is_not_wished_for_is_not_sent(door: Door) -> None:
    await door.ask("echo", saying())
    assert door.body.keys() == {"model", "messages", "stream", "stream_options"}


async def test_nothing_of_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS"):
        monkeypatch.setenv(name, "x-canary: from-the-environment")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with open_door(api_key="", options={"headers": {"X-Team": "blue", "User-Agent": "me"}}) as door:
        await door.ask("echo", saying())
        sent = door.server.asked[0].headers
    names = {"host", "accept", "content-type", "user-agent", "content-length", "accept-encoding", "x-team"}
    assert sent.keys() == names
    assert (sent["x-team"], sent["user-agent"]) == ("blue", "Mainspring")
    assert "from-the-environment" not in repr(sent)


@pytest.mark.parametrize(
    "model",
    ["split", "drip", "odd", "plain", "no-usage", "whole", "old", "strict", "slow", "echo", "cut-before-done"],
)
async def test_a_whole_answer_is_read_however_it_comes(door: Door, model: str) -> None:
    deltas = await door.ask(model, saying())
    assert text(deltas) == PROMPT
    assert [delta.finish_reason for delta in deltas] == [*[""] * (len(deltas) - 1), "stop"]


async def test_signs_that_end_a_line_elsewhere_do_not_end_it_here(door: Door) -> None:
    assert text(await door.ask("separators", saying())) == "a\u2028b\u0085c"


async def test_an_answer_that_is_left_open_after_its_end_is_not_waited_for(door: Door) -> None:
    # Longer than the server itself keeps it open.
    assert text(await door.other(gap_seconds=600).ask("endless", saying())) == PROMPT
    async with asyncio.timeout(STALL_SECONDS):
        await door.server.asked[-1].left.wait()


async def test_usage_is_ours_to_add_up_but_not_to_make_up(door: Door) -> None:
    assert (await door.ask("no-usage", saying()))[-1].usage == {}
    counted = {"input_tokens": 2, "output_tokens": 1, "total_tokens": 3}
    assert (await door.ask("odd", saying()))[-1].usage == counted
    assert (await door.ask("whole", saying()))[-1].usage == TOKENS


async def test_reasoning_comes_apart_from_the_answer_and_is_counted(door: Door) -> None:
    deltas = await door.ask("reasoning", saying())
    assert (reasoning(deltas), text(deltas)) == ("Let me think.", PROMPT)
    assert deltas[-1].usage == TOKENS | {"cached_input_tokens": 4, "reasoning_tokens": 2}


async def test_reasoning_between_tags_is_told_from_the_answer_where_models_write_it(door: Door) -> None:
    deltas = await door.ask("think", saying())
    assert (reasoning(deltas), text(deltas)) == ("Let me think.", PROMPT)
    hosted = await door.other(provider="qwen").ask("think", saying())
    assert (reasoning(hosted), text(hosted)) == ("", f"\n<think>\nLet me think.</think>\n\n{PROMPT}")


async def test_a_server_that_refuses_our_extras_is_asked_without_them_and_remembered(door: Door) -> None:
    for _ in range(2):
        assert text(await door.ask("old", saying("hello", json_schema={"type": "object"}))) == "hello"
    sent = [
        (one.body.get("response_format", {}).get("type"), "stream_options" in one.body) for one in door.server.asked
    ]
    assert sent == [("json_schema", True), ("json_schema", False), ("json_object", False), ("json_object", False)]


async def test_the_limit_goes_under_the_name_that_the_server_knows(door: Door) -> None:
    assert text(await door.ask("new", saying(max_tokens=9, temperature=0.3))) == PROMPT
    assert door.body["max_completion_tokens"] == 9
    assert "temperature" not in door.body


async def test_a_model_that_always_thinks_thinks_as_little_as_it_can() -> None:
    async with open_door(provider="openai") as door:
        for _ in range(2):
            assert text(await door.ask("new", saying(thinking="disabled"))) == PROMPT
        assert [one.body["reasoning_effort"] for one in door.server.asked] == ["none", "low", "low"]


async def test_a_server_that_takes_nothing_unknown_is_asked_without_what_it_names(door: Door) -> None:
    assert text(await door.ask("strict", saying(seed=1, top_k=5, stop=("x",), thinking="enabled"))) == PROMPT
    assert door.body.keys() == {"model", "messages", "stream"}


async def test_connections_are_kept(door: Door) -> None:
    for model in ("echo", "split", "whole", "busy", "echo"):
        if model == "busy":
            with pytest.raises(ModelUnavailable):
                await door.ask(model, saying())
        else:
            await door.ask(model, saying())
    assert door.server.connections == 1


# --- what goes wrong ---


async def test_a_busy_server_says_when_to_come_back(door: Door) -> None:
    with pytest.raises(ModelUnavailable, match="status 429: Slow down") as found:
        await door.ask("busy", saying())
    assert found.value.facts == {"reason": "rate_limited", "model": "busy", "status": 429, "retry_after": 3.0}


@pytest.mark.parametrize(
    ("model", "reason", "sentence"),
    [
        ("broken", "overloaded", "answered with the status 500"),
        ("cut", "connection", "broke off|whole HTTP answer"),
        ("unfinished", "connection", "broke off before its end"),
        ("empty", "connection", "broke off before its end"),
        ("starved", "overloaded", "insufficient_system_resource"),
        ("complaint", "overloaded", "broke its answer off: The server is overloaded"),
        ("bare-complaint", "rate_limited", "Requests rate limit exceeded"),
        ("garbage", "malformed", "no JSON object"),
        ("deep", "malformed", "no JSON object"),
        ("cut-after-0-echo", "connection", "whole HTTP answer|broke off"),
        ("cut-after-30-echo", "connection", "whole HTTP answer|broke off"),
    ],
)
async def test_what_may_go_away_is_worth_another_try(door: Door, model: str, reason: str, sentence: str) -> None:
    with pytest.raises(ModelUnavailable, match=sentence) as found:
        await door.ask(model, saying())
    assert found.value.facts["reason"] == reason


@pytest.mark.parametrize(
    ("model", "reason", "sentence"),
    [
        ("html", "not_found", "answered with text/html instead of a stream"),
        ("too-long", "context_length", "The prompt is too long"),
        ("spent", "quota", "You exceeded your current quota"),
        ("unheard-of", "not_found", "The model unheard-of does not exist"),
    ],
)
async def test_what_will_not_go_away_is_not_tried_again(door: Door, model: str, reason: str, sentence: str) -> None:
    with pytest.raises(ModelFailed, match=sentence) as found:
        await door.ask(model, saying())
    assert found.value.facts["reason"] == reason


async def test_wherever_an_answer_breaks_off_it_is_an_error_or_whole(door: Door) -> None:
    ends: list[object] = []
    for size in range(0, 1_000, 13):
        try:
            deltas = await door.ask(f"cut-after-{size}-echo", saying("北京 和 上海"))
            ends.append((text(deltas), deltas[-1].finish_reason))
        except ModelUnavailable as error:
            ends.append(error.facts["reason"])
    broken = ends.count("connection")
    assert ends == [*["connection"] * broken, *[("北京 和 上海", "stop")] * (len(ends) - broken)]
    assert 20 < broken < 70


@pytest.mark.parametrize("provider", ["openai_compatible", "azure"])
async def test_a_key_that_the_server_repeats_is_not_repeated_by_us(provider: str) -> None:
    async with open_door(provider=provider, options={"headers": {"x-secret": "another-canary"}}) as door:
        with pytest.raises(ModelFailed, match="Incorrect API key provided: •••") as found:
            await door.ask("gossip", saying())
        assert found.value.facts["reason"] == "auth"
        told = "".join(traceback.format_exception(found.value)) + repr(found.value.facts) + repr(door.connection)
        assert KEY not in told
        assert "another-canary" not in told


async def test_a_key_that_cannot_be_sent_is_refused_without_telling_it() -> None:
    async with open_door(api_key="sk-金钥\nx") as door:
        with pytest.raises(ModelFailed, match="cannot be sent") as found:
            await door.ask("echo", saying())
        assert found.value.facts["reason"] == "auth"
        assert "金钥" not in str(found.value)
    async with open_door(api_key=f" {KEY}\n") as door:
        await door.ask("echo", saying())
        assert door.server.asked[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("model", "patience", "sentence"),
    [
        ("mute", {"first_token_seconds": 0.5}, "did not begin to answer in time"),
        ("silent", {"first_token_seconds": 0.5}, "did not begin to answer in time"),
        ("stalls", {"gap_seconds": 0.3}, "did not go on with its answer"),
    ],
)
async def test_a_model_that_keeps_silent_is_given_up(
    door: Door, model: str, patience: dict[str, float], sentence: str
) -> None:
    with pytest.raises(ModelUnavailable, match=sentence) as found:
        await door.other(**patience).ask(model, saying())
    assert found.value.facts["reason"] == "timeout"
    assert len(door.server.asked) == 1


async def test_a_slow_model_is_waited_for_as_long_as_it_goes_on(door: Door) -> None:
    words = " ".join(["word"] * 70)
    deltas = await door.other(gap_seconds=3.0).ask("slow", saying(words))
    assert text(deltas) == words


async def test_the_time_the_reader_takes_is_not_the_models(door: Door) -> None:
    model = door.other(gap_seconds=1.0).model("echo")
    pieces = []
    async for delta in model.stream(saying("a b c")):
        await asyncio.sleep(1.2)
        pieces.append(delta.text)
    assert "".join(pieces) == "a b c"


# --- who leaves ---


async def left(door: Door) -> None:
    async with asyncio.timeout(STALL_SECONDS):
        await door.server.asked[-1].left.wait()


async def test_a_reader_that_leaves_ends_the_answer_at_the_provider(door: Door) -> None:
    deltas = door.model("stalls").stream(saying())
    assert isinstance(deltas, AsyncGenerator)
    async with aclosing(deltas):
        assert (await anext(deltas)).text == "The first"
        assert not door.server.asked[-1].left.is_set()
    await left(door)


@pytest.mark.parametrize("model", ["mute", "stalls"])
async def test_a_call_that_is_cancelled_ends_at_the_provider(door: Door, model: str) -> None:
    begun, behaviour = asyncio.Event(), door.server.behaviours[model]

    async def seen(asked: Asked, talk: ChatTalk) -> None:
        begun.set()
        await behaviour(asked, talk)

    door.server.behaviours[model] = seen
    asking = asyncio.create_task(door.ask(model, saying()))
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await left(door)


async def test_a_model_given_up_is_told(door: Door) -> None:
    with pytest.raises(ModelUnavailable):
        await door.other(gap_seconds=0.1).ask("stalls", saying())
    await left(door)


# --- where it leads ---


async def test_a_server_that_is_not_there_may_come_back(door: Door) -> None:
    async with openai_server() as other:
        gone = other.place
    async with calling(gone) as egress:
        away = Door(door.server, egress, base_url=f"http://{gone}/v1")
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1 could not be reached") as found:
            await away.ask("echo", saying())
        assert found.value.facts["reason"] == "connection"
        await away.aclose()


async def test_a_base_url_that_may_not_be_called_is_refused_for_good() -> None:
    async with openai_server() as server, calling() as egress:
        door = Door(server, egress)
        with pytest.raises(EgressRefused, match="may not be called"):
            await door.ask("echo", saying())
        assert server.asked == []
        await door.aclose()


@pytest.mark.parametrize("host", ["①②⑦.⓪.⓪.①", "127.0.0.1:b"])
async def test_a_base_url_that_is_none_is_a_failure_in_words(host: str) -> None:
    async with open_door(base_url=f"http://{host}/v1") as door:
        with pytest.raises(ModelFailed, match="The base_url of the model echo is no URL") as found:
            await door.ask("echo", saying())
    assert found.value.facts["reason"] == "bad_request"
