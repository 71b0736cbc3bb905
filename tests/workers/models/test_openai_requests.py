"""What is asked of each provider that speaks OpenAI's protocol, word for word."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nodes.chat import ChatMessage, ChatOptions, ChatRequest, MediaPart, ModelFailed, TextPart
from tests.workers.models.openai_door import KEY, PROMPT, Door, open_door, saying, text
from workers.models.openai_dialect import base_url_of
from workers.models.provider import ModelConnection

PNG = b"\x89PNG\r\n\x1a\n...."
WAV = b"RIFF....WAVEfmt "
PDF = b"%PDF-1.7 ..."


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as opened:
        yield opened


def uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def showing(*parts: TextPart | MediaPart) -> ChatRequest:
    return ChatRequest((ChatMessage("user", parts),))


async def asked(door: Door, provider: str, request: ChatRequest, **connection: Any) -> dict[str, Any]:
    await door.other(provider=provider, **connection).ask("echo", request)
    return door.body


WISHES = ChatOptions(
    temperature=0.2,
    top_p=0.8,
    top_k=40,
    max_tokens=99,
    frequency_penalty=0.1,
    presence_penalty=0.3,
    stop=("。", "END"),
    seed=7,
)
PLAIN = {"temperature": 0.2, "top_p": 0.8, "presence_penalty": 0.3, "stop": ["。", "END"]}
FULL = {**PLAIN, "frequency_penalty": 0.1, "seed": 7}


@pytest.mark.parametrize(
    ("provider", "sent"),
    [
        ("openai", FULL | {"max_tokens": 99}),  # not at OpenAI's own address
        ("azure", FULL | {"max_completion_tokens": 99}),
        ("qwen", PLAIN | {"max_tokens": 99, "top_k": 40, "seed": 7}),
        ("deepseek", PLAIN | {"max_tokens": 99, "frequency_penalty": 0.1}),
        ("ark", PLAIN | {"max_tokens": 99, "frequency_penalty": 0.1}),
        ("ollama", FULL | {"max_tokens": 99}),
        ("openai_compatible", FULL | {"max_tokens": 99, "top_k": 40}),
    ],
)
async def test_wishes_go_in_the_words_of_the_provider(door: Door, provider: str, sent: dict[str, Any]) -> None:
    body = await asked(door, provider, ChatRequest((ChatMessage("user", "x"),), WISHES))
    assert {name: body[name] for name in body.keys() - {"model", "messages", "stream", "stream_options"}} == sent


@pytest.mark.parametrize(
    ("provider", "enabled", "disabled"),
    [
        ("openai", {"reasoning_effort": "medium"}, {"reasoning_effort": "none"}),
        ("qwen", {"enable_thinking": True}, {"enable_thinking": False}),
        ("deepseek", {"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}),
        ("ark", {"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}),
        ("ollama", {"think": True}, {"think": False, "reasoning_effort": "none"}),
        (
            "openai_compatible",
            {"chat_template_kwargs": {"enable_thinking": True, "thinking": True}},
            {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}},
        ),
    ],
)
async def test_thinking_is_switched_as_the_provider_does(
    door: Door, provider: str, enabled: dict[str, Any], disabled: dict[str, Any]
) -> None:
    for thinking, sent in (("enabled", enabled), ("disabled", disabled), (None, {})):
        body = await asked(door, provider, saying("x", thinking=thinking))
        assert {name: body[name] for name in body.keys() - {"model", "messages", "stream", "stream_options"}} == sent


async def test_how_much_it_may_think_goes_where_the_provider_counts_it(door: Door) -> None:
    for tokens, effort in ((1024, "low"), (8000, "medium"), (32_000, "high")):
        assert (await asked(door, "openai", saying("x", thinking="enabled", thinking_tokens=tokens)))[
            "reasoning_effort"
        ] == effort
    body = await asked(door, "qwen", saying("x", thinking="enabled", thinking_tokens=500))
    assert body["thinking_budget"] == 500


async def test_what_a_request_leaves_open_the_models_row_fills_in(door: Door) -> None:
    defaults = ChatOptions(temperature=0.9, max_tokens=10, thinking="disabled", stop=("x",))
    body = await asked(door, "ark", saying("x", temperature=0.0), defaults=defaults)
    assert (body["temperature"], body["max_tokens"], body["stop"]) == (0.0, 10, ["x"])
    assert body["thinking"] == {"type": "disabled"}


async def test_json_is_asked_for_as_far_as_the_provider_knows_it(door: Door) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    exact = {"type": "json_schema", "json_schema": {"name": "output", "schema": schema}}
    assert (await asked(door, "openai", saying("x", json_schema=schema)))["response_format"] == exact
    assert (await asked(door, "deepseek", saying("x", json_schema=schema)))["response_format"] == {
        "type": "json_object"
    }
    assert (await asked(door, "qwen", saying("x", json_object=True)))["response_format"] == {"type": "json_object"}


# --- media ---


async def test_pictures_go_as_bytes_or_as_where_they_are(door: Door) -> None:
    body = await asked(
        door,
        "openai",
        showing(
            TextPart("看"),
            MediaPart("image", PNG),
            MediaPart("image", PNG, mime_type="image/webp"),
            MediaPart("image", url="https://example.test/a.png"),
        ),
    )
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "看"},
        {"type": "image_url", "image_url": {"url": uri("image/png", PNG)}},
        {"type": "image_url", "image_url": {"url": uri("image/webp", PNG)}},
        {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}},
    ]


async def test_sound_goes_as_its_provider_wants_it(door: Door) -> None:
    sound = MediaPart("audio", WAV)
    (part,) = (await asked(door, "openai", showing(sound)))["messages"][0]["content"]
    assert part == {"type": "input_audio", "input_audio": {"data": base64.b64encode(WAV).decode(), "format": "wav"}}
    (part,) = (await asked(door, "qwen", showing(sound)))["messages"][0]["content"]
    assert part["input_audio"] == {"data": uri("audio/wav", WAV), "format": "wav"}
    (part,) = (await asked(door, "qwen", showing(MediaPart("audio", url="https://example.test/a.mp3"))))["messages"][0][
        "content"
    ]
    assert part["input_audio"] == {"data": "https://example.test/a.mp3", "format": "mp3"}


async def test_films_and_files_go_where_there_are_words_for_them(door: Door) -> None:
    film = MediaPart("video", url="https://example.test/a.mp4")
    for provider in ("qwen", "ark", "openai_compatible"):
        (part,) = (await asked(door, provider, showing(film)))["messages"][0]["content"]
        assert part == {"type": "video_url", "video_url": {"url": "https://example.test/a.mp4"}}
    (part,) = (await asked(door, "openai", showing(MediaPart("file", PDF, name="报告.pdf"))))["messages"][0]["content"]
    assert part == {"type": "file", "file": {"filename": "报告.pdf", "file_data": uri("application/pdf", PDF)}}


@pytest.mark.parametrize(
    ("provider", "part", "sentence"),
    [
        ("deepseek", MediaPart("image", PNG), "takes no pictures"),
        ("openai", MediaPart("video", b"x"), "takes no films"),
        ("ollama", MediaPart("audio", WAV), "takes no sound"),
        ("qwen", MediaPart("file", PDF), "takes no files"),
        ("openai", MediaPart("audio", url="https://example.test/a.mp3"), "as its bytes only"),
        ("openai", MediaPart("file", url="https://example.test/a.pdf"), "as their bytes only"),
    ],
)
async def test_media_without_a_word_are_refused_before_anything_is_sent(
    door: Door, provider: str, part: MediaPart, sentence: str
) -> None:
    with pytest.raises(ModelFailed, match=sentence) as found:
        await door.other(provider=provider).ask("echo", showing(part))
    assert found.value.facts["reason"] == "unsupported"
    assert door.server.asked == []


async def test_parts_that_are_all_text_go_as_one_text(door: Door) -> None:
    body = await asked(door, "ollama", showing(TextPart("one "), TextPart("two")))
    assert body["messages"][0]["content"] == "one two"


async def test_half_characters_do_not_break_a_request(door: Door) -> None:
    assert "a" in text(await door.ask("echo", saying("a\ud800b")))


# --- where it goes ---


async def test_azure_is_asked_at_its_deployment_with_its_header() -> None:
    async with open_door(provider="azure") as door:
        azure = door.other(base_url=f"http://{door.server.place}/", options={"api_version": "2025-01-01-preview"})
        assert text(await azure.ask("echo", saying())) == PROMPT
        first = door.server.asked[0]
        assert first.path == "/openai/deployments/echo/chat/completions?api-version=2025-01-01-preview"
        assert first.headers["api-key"] == KEY
        assert "authorization" not in first.headers
        named = door.other(base_url=f"http://{door.server.place}", options={"deployment": "slow"})
        assert text(await named.ask("gpt-4.1", saying())) == PROMPT
        assert "/deployments/slow/" in door.server.asked[1].path


async def test_azures_newer_door_is_openais_but_for_the_header() -> None:
    async with open_door(provider="azure") as door:
        newer = door.other(base_url=f"http://{door.server.place}/openai/v1")
        assert text(await newer.ask("echo", saying())) == PROMPT
        first = door.server.asked[0]
        assert first.path == "/openai/v1/chat/completions"
        assert (first.headers["api-key"], "authorization" in first.headers) == (KEY, False)


async def test_azure_without_an_address_is_refused() -> None:
    async with open_door(provider="azure") as door:
        with pytest.raises(ModelFailed, match="needs a base_url"):
            await door.other(base_url="").ask("echo", saying())


def test_every_provider_has_its_own_address() -> None:
    def leads(provider: Any, **options: Any) -> str:
        return base_url_of(ModelConnection(provider, "m", options=options))

    assert leads("openai") == "https://api.openai.com/v1"
    assert leads("deepseek") == "https://api.deepseek.com/v1"
    assert leads("qwen") == "https://dashscope.aliyuncs.com/compatible-mode/v1"
    assert leads("ark") == "https://ark.cn-beijing.volces.com/api/v3"
    assert leads("ark", region="ap-southeast") == "https://ark.ap-southeast.volces.com/api/v3"
    assert leads("ollama") == "http://127.0.0.1:11434/v1"
