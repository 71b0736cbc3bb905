"""What is Anthropic's own: its protocol, its refusals, and the thoughts that it signs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from nodes.chat import ChatMessage, ChatOptions, MediaPart, ModelFailed, ModelUnavailable, TextPart, ToolCall
from tests.workers.models.vendor_door import (
    CONVERSATION,
    FREE,
    KEY,
    PNG,
    PROMPT,
    SCHEMA,
    TIME,
    WEATHER,
    Door,
    as_said,
    calls,
    open_door,
    reasoning,
    saying,
    text,
)
from workers.models.anthropic_chat import VERSION

PDF = b"%PDF-1.7 paper"


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door("anthropic") as made:
        yield made


async def test_a_conversation_reaches_the_protocol_in_its_form(door: Door) -> None:
    wishes = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "max_tokens": 50, "stop": ("END",), "seed": 7}
    await door.ask("echo", saying(*CONVERSATION, tools=(WEATHER, TIME), **wishes))
    assert door.body == {
        "model": "echo",
        "max_tokens": 50,
        "stream": True,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "stop_sequences": ["END"],
        "system": "Be kind.",
        "tools": [
            {"name": "weather", "description": "Tells the weather.", "input_schema": dict(WEATHER.parameters)},
            {"name": "time", "description": "Tells the time.", "input_schema": {"type": "object", "properties": {}}},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgogcGljdHVyZQ=="},
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "北京"}},
                    {"type": "tool_use", "id": "c2", "name": "time", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "晴"}]},
                    {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "noon"}]},
                    {"type": "text", "text": "And now?"},
                ],
            },
        ],
    }
    headers = door.server.asked[0].headers
    assert (headers["authorization"], headers["anthropic-version"]) == (f"Bearer {KEY}", VERSION)


async def test_the_protocols_version_is_the_one_that_the_sdk_speaks() -> None:
    from anthropic import AsyncAnthropic

    async with AsyncAnthropic(api_key="none", base_url="http://127.0.0.1:9") as client:
        assert client.default_headers["anthropic-version"] == VERSION


async def test_what_is_not_wished_for_is_not_sent(door: Door) -> None:
    await door.ask("echo")
    assert door.body == {
        "model": "echo",
        "max_tokens": 4096,
        "stream": True,
        "messages": [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}],
    }


async def test_the_connections_defaults_fill_what_a_request_leaves_open() -> None:
    async with open_door("anthropic", defaults=ChatOptions(max_tokens=77, temperature=0.1)) as door:
        await door.ask("echo", saying(temperature=0.2))
    assert (door.body["max_tokens"], door.body["temperature"]) == (77, 0.2)


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
async def test_the_address_is_understood_with_and_without_its_version(ending: str) -> None:
    async with open_door("anthropic") as door:
        door.connection = replace(door.connection, base_url=door.server.base_url + ending)
        assert text(await door.ask("echo")) == PROMPT


async def test_what_was_kept_by_the_provider_counts_as_input(door: Door) -> None:
    assert (await door.ask("echo"))[-1].usage == {
        "input_tokens": 13,
        "output_tokens": 5,
        "total_tokens": 18,
        "cached_input_tokens": 4,
        "reasoning_tokens": 2,
    }


async def test_pieces_that_are_empty_are_left_out(door: Door) -> None:
    blank = ChatMessage("user", (TextPart(" \n"), TextPart("x"), TextPart("")))
    messages = (ChatMessage("system", " "), blank, ChatMessage("assistant", ""), ChatMessage("user", " "))
    await door.ask("echo", saying(*messages))
    assert door.body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "x"}]}]
    assert "system" not in door.body


async def test_what_the_model_is_to_go_on_with_ends_in_no_white_space(door: Door) -> None:
    await door.ask("echo", saying("x", ChatMessage("assistant", "The best is \n")))
    assert door.body["messages"][-1]["content"] == [{"type": "text", "text": "The best is"}]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (MediaPart("image", PNG), "[image image/png 24]"),
        (MediaPart("image", b"?", mime_type="image/jpg"), "[image image/jpeg 4]"),
        (MediaPart("image", url="https://example.test/a.png"), "[image at https://example.test/a.png]"),
        (MediaPart("file", PDF, name="a.pdf"), "[document application/pdf 20]"),
        (MediaPart("file", PNG), "[image image/png 24]"),
        (MediaPart("file", url="https://example.test/a.pdf"), "[document at https://example.test/a.pdf]"),
        (MediaPart("file", "名,1".encode(), name="a.csv"), "[document text/plain 3]"),
    ],
)
async def test_pictures_and_papers_are_shown(door: Door, part: MediaPart, said: str) -> None:
    assert text(await door.ask("echo", saying(ChatMessage("user", (part,))))) == said


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (MediaPart("audio", b"ID3"), "The model echo takes no audio."),
        (MediaPart("video", url="https://example.test/a.mp4"), "The model echo takes no video."),
        (MediaPart("image", b"BM"), "but not as image/bmp"),
        (MediaPart("file", b"PK", name="a.docx"), "takes PDF and text files"),
    ],
)
async def test_what_it_cannot_be_shown_is_refused_in_words(door: Door, part: MediaPart, sentence: str) -> None:
    with pytest.raises(ModelFailed, match=sentence) as found:
        await door.ask("echo", saying(ChatMessage("user", (part,))))
    assert found.value.facts["reason"] == "unsupported"
    assert door.server.asked == []


async def test_a_picture_in_the_answer_of_a_tool_is_shown(door: Door) -> None:
    call = ChatMessage("assistant", tool_calls=(ToolCall("c1", "draw", {}),))
    result = ChatMessage("tool", (TextPart("here"), MediaPart("image", PNG)), tool_call_id="c1")
    assert text(await door.ask("echo", saying("draw", call, result))) == "here [image image/png 24]"


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", None),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ("weather", {"type": "tool", "name": "weather"}),
    ],
)
async def test_a_choice_of_tools_is_said(door: Door, choice: str, sent: Any) -> None:
    await door.ask("echo", saying(tools=(WEATHER,), tool_choice=choice, thinking="enabled"))
    assert door.body.get("tool_choice") == sent
    # A model that must call may not think first.
    assert ("thinking" in door.body) == (choice in ("auto", "none"))


async def test_thoughts_are_handed_back_where_they_stood(door: Door) -> None:
    first = await door.ask("thinks-and-calls", saying(tools=(WEATHER,)))
    assert (reasoning(first), text(first)) == ("First.Then this.", "I look.")
    (call,) = calls(first)
    request = saying(PROMPT, as_said(first), ChatMessage("tool", "晴", tool_call_id=call.id), tools=(WEATHER,))
    assert text(await door.ask("thinks-and-calls", request)) == "晴"
    assert door.body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "First.", "signature": "c2lnbmVk"},
        {"type": "text", "text": "I look."},
        {"type": "thinking", "thinking": "Then this.", "signature": "YWdhaW4="},
        {"type": "tool_use", "id": call.id, "name": "weather", "input": {"city": "北京"}},
    ]


async def test_hidden_thoughts_are_handed_back_in_their_order(door: Door) -> None:
    said = as_said(await door.ask("reasoning"))
    await door.ask("reasoning", saying(PROMPT, said, "and?"))
    assert [block["type"] for block in door.body["messages"][1]["content"]] == ["thinking", "redacted_thinking", "text"]
    assert json.loads(json.dumps(said.provider_state)) == said.provider_state


async def test_thoughts_go_first_where_the_message_was_changed_since(door: Door) -> None:
    said = replace(as_said(await door.ask("thinks-and-calls")), content="Shortened.", tool_calls=())
    await door.ask("thinks-and-calls", saying(PROMPT, said, "and?"))
    found = [(block["type"], block.get("text")) for block in door.body["messages"][1]["content"]]
    assert found == [("thinking", None), ("thinking", None), ("text", "Shortened.")]


async def test_the_thoughts_of_another_model_are_not_handed_over(door: Door) -> None:
    said = as_said(await door.ask("reasoning"))
    await door.ask("echo", saying(PROMPT, said, "and?"))
    assert door.body["messages"][1]["content"] == [{"type": "text", "text": PROMPT}]


async def test_an_answer_without_thoughts_has_nothing_to_hand_back(door: Door) -> None:
    assert (await door.ask("tools"))[-1].provider_state == {}


@pytest.mark.parametrize(
    ("wishes", "sent", "limit"),
    [
        ({"thinking": "disabled"}, {"type": "disabled"}, 4096),
        ({"thinking": "auto"}, {"type": "adaptive", "display": "summarized"}, 4096),
        ({"thinking": "enabled"}, {"type": "adaptive", "display": "summarized"}, 4096),
        (
            {"thinking": "enabled", "thinking_tokens": 2000},
            {"type": "enabled", "budget_tokens": 2000, "display": "summarized"},
            4096,
        ),
        (
            {"thinking": "enabled", "thinking_tokens": 9, "max_tokens": 100},
            {"type": "enabled", "budget_tokens": 1024, "display": "summarized"},
            1124,
        ),
    ],
)
async def test_thinking_is_asked_for(door: Door, wishes: Any, sent: Any, limit: int) -> None:
    await door.ask("echo", saying(temperature=0.1, **wishes))
    assert (door.body["thinking"], door.body["max_tokens"]) == (sent, limit)
    # Who thinks may not be told how to draw.
    assert ("temperature" in door.body) == (sent["type"] == "disabled")


async def test_a_model_that_refuses_an_extra_is_asked_without_it_and_remembered(door: Door) -> None:
    wishes: Any = {"temperature": 0.5, "top_p": 0.5, "top_k": 5}
    for _ in range(2):
        assert text(await door.ask("modern", saying(**wishes))) == PROMPT
    assert len(door.server.asked) == 5
    assert not {"temperature", "top_p", "top_k"} & door.body.keys()


async def test_thinking_is_asked_for_in_the_way_that_the_model_knows(door: Door) -> None:
    await door.ask("modern", saying(thinking="enabled", thinking_tokens=3000))
    assert door.body["thinking"] == {"type": "adaptive", "display": "summarized"}
    await door.ask("old", saying(thinking="auto"))
    assert door.body["thinking"] == {"type": "enabled", "budget_tokens": 1024}


async def test_of_two_wishes_that_exclude_each_other_one_is_kept(door: Door) -> None:
    assert text(await door.ask("old", saying(temperature=0.5, top_p=0.5))) == PROMPT
    assert ("temperature" in door.body, "top_p" in door.body) == (True, False)


async def test_an_answer_is_held_to_a_schema(door: Door) -> None:
    told = json.loads(text(await door.ask("obedient", saying(json_schema=SCHEMA))))
    assert told["output_config"] == {
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "score": {"type": "integer", "description": "{minimum: 1}"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
                "required": ["score"],
            },
        }
    }
    assert told["system"] is None


@pytest.mark.parametrize(
    ("model", "more"),
    [("old", {"json_schema": SCHEMA}), ("echo", {"json_schema": FREE}), ("echo", {"json_object": True})],
)
async def test_where_it_cannot_be_held_to_one_it_is_told_in_words(door: Door, model: str, more: Any) -> None:
    await door.ask(model, saying(**more))
    assert "output_config" not in door.body
    assert "one JSON object and nothing else" in door.body["system"]
    assert ("JSON Schema" in door.body["system"]) == ("json_schema" in more)


async def test_calls_without_ids_are_given_some_and_arguments_may_come_at_once(door: Door) -> None:
    deltas = await door.ask("nameless")
    found = calls(deltas)
    assert [call.arguments for call in found] == [{"city": "北京"}, {"city": "上海"}]
    assert (len({call.id for call in found if call.id}), deltas[-1].finish_reason) == (2, "tool_calls")


@pytest.mark.parametrize(("model", "given"), [("half-a-call", ["time"]), ("barely-a-call", [])])
async def test_a_call_that_the_limit_cut_is_left_out(door: Door, model: str, given: list[str]) -> None:
    deltas = await door.ask(model)
    assert ([call.name for call in calls(deltas)], deltas[-1].finish_reason) == (given, "length")


async def test_a_call_that_cannot_be_read_is_worth_another_try(door: Door) -> None:
    with pytest.raises(ModelUnavailable, match="arguments") as found:
        await door.ask("broken-call")
    assert found.value.facts["reason"] == "malformed"


@pytest.mark.parametrize(
    ("model", "answer", "ending"),
    [
        ("refusal", "I", "content_filter"),
        ("paused", "The first", "stop"),
        ("whole", PROMPT, "stop"),
        ("clings", PROMPT, "stop"),
    ],
)
async def test_an_answer_ends_as_it_ends(door: Door, model: str, answer: str, ending: str) -> None:
    deltas = await door.ask(model)
    assert (text(deltas), deltas[-1].finish_reason) == (answer, ending)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("forbidden", "auth"),
        ("poor", "quota"),
        ("too-large", "context_length"),
        ("filtered", "content_filter"),
        ("late-limit", "rate_limited"),
        ("late-fault", "context_length"),
    ],
)
async def test_refusals_have_their_reason(door: Door, model: str, reason: str) -> None:
    with pytest.raises((ModelFailed, ModelUnavailable)) as found:
        await door.ask(model)
    assert found.value.facts["reason"] == reason
    assert found.value.retryable == (reason == "rate_limited")
