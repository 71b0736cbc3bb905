"""What is Gemini's own: its protocol, its refusals, and the thoughts that it signs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from nodes.chat import ChatMessage, MediaPart, ModelFailed, ModelUnavailable, TextPart, ToolCall
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

VERTEX = {"backend": "vertex", "project": "p1", "location": "europe-west4"}
TOKEN = "ya29.canary-token"


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door("gemini") as made:
        yield made


async def test_a_conversation_reaches_the_protocol_in_its_form(door: Door) -> None:
    wishes: Any = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "max_tokens": 50, "stop": ("END",), "seed": 7}
    wishes |= {"frequency_penalty": 0.1, "presence_penalty": 0.2}
    await door.ask("echo", saying(*CONVERSATION, tools=(WEATHER, TIME), **wishes))
    assert door.body == {
        "systemInstruction": {"parts": [{"text": "Be kind."}], "role": "user"},
        "generationConfig": {
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 40,
            "maxOutputTokens": 50,
            "stopSequences": ["END"],
            "seed": 7,
            "frequencyPenalty": 0.1,
            "presencePenalty": 0.2,
        },
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "weather",
                        "description": "Tells the weather.",
                        "parametersJsonSchema": dict(WEATHER.parameters),
                    },
                    {"name": "time", "description": "Tells the time."},
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "What is this?"},
                    {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgogcGljdHVyZQ=="}},
                ],
            },
            {
                "role": "model",
                "parts": [
                    {"text": "I look."},
                    {"functionCall": {"id": "c1", "name": "weather", "args": {"city": "北京"}}},
                    {"functionCall": {"id": "c2", "name": "time", "args": {}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"id": "c1", "name": "weather", "response": {"output": "晴"}}},
                    {"functionResponse": {"id": "c2", "name": "time", "response": {"output": "noon"}}},
                    {"text": "And now?"},
                ],
            },
        ],
    }
    asked = door.server.asked[0]
    assert asked.path == "/v1beta/models/echo:streamGenerateContent?alt=sse"
    assert asked.headers["x-goog-api-key"] == KEY


async def test_what_is_not_wished_for_is_not_sent(door: Door) -> None:
    await door.ask("echo")
    sent = {name: value for name, value in door.body.items() if value}
    assert sent == {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]}


@pytest.mark.parametrize("ending", ["", "/", "/v1beta", "/v1beta1/"])
async def test_the_address_is_understood_with_and_without_its_version(ending: str) -> None:
    async with open_door("gemini") as door:
        door.connection = replace(door.connection, base_url=door.server.base_url + ending)
        assert text(await door.ask("echo")) == PROMPT
        assert door.server.asked[0].path.startswith(f"{ending.rstrip('/') or '/v1beta'}/models/echo:")


async def test_thinking_counts_as_output(door: Door) -> None:
    assert (await door.ask("echo"))[-1].usage == {
        "input_tokens": 9,
        "output_tokens": 5,
        "total_tokens": 14,
        "cached_input_tokens": 4,
        "reasoning_tokens": 2,
    }


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (MediaPart("image", PNG), f"[image/png {len(PNG)}]"),
        (MediaPart("audio", b"\xff\xfe\x00", mime_type="audio/wav"), "[audio/wav 3]"),
        (MediaPart("video", b"1234ftypisom"), "[video/mp4 12]"),
        (MediaPart("file", b"%PDF-1.7"), "[application/pdf 8]"),
        (MediaPart("video", url="https://example.test/a.webm?x=1"), "[video/webm at https://example.test/a.webm?x=1]"),
        (MediaPart("image", url="https://example.test/a"), "[image/jpeg at https://example.test/a]"),
    ],
)
async def test_pictures_sounds_films_and_papers_are_shown(door: Door, part: MediaPart, said: str) -> None:
    assert text(await door.ask("echo", saying(ChatMessage("user", (part,))))) == said


async def test_a_picture_in_the_answer_of_a_tool_is_shown_beside_it(door: Door) -> None:
    call = ChatMessage("assistant", tool_calls=(ToolCall("c1", "draw", {}),))
    result = ChatMessage("tool", (TextPart("here"), MediaPart("image", PNG)), tool_call_id="c1")
    assert text(await door.ask("echo", saying("draw", call, result))) == f"draw says here [image/png {len(PNG)}]"


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ("weather", {"mode": "ANY", "allowedFunctionNames": ["weather"]}),
    ],
)
async def test_a_choice_of_tools_is_said(door: Door, choice: str, sent: Any) -> None:
    await door.ask("echo", saying(tools=(WEATHER,), tool_choice=choice))
    assert door.body["toolConfig"]["functionCallingConfig"] == sent


async def test_signed_calls_are_handed_back_with_their_signature(door: Door) -> None:
    first = await door.ask("thinks-and-calls", saying(tools=(WEATHER,)))
    assert (reasoning(first), text(first)) == ("Hm.", "I look.")
    results = [ChatMessage("tool", str(place), tool_call_id=call.id) for place, call in enumerate(calls(first))]
    answer = await door.ask("thinks-and-calls", saying(PROMPT, as_said(first), *results, tools=(WEATHER,)))
    assert text(answer) == "weather says 0 weather says 1"
    _, one, other = door.body["contents"][1]["parts"]
    assert (one["thoughtSignature"].rstrip("="), "thoughtSignature" in other) == ("c2lnbmVkIP8", False)
    assert [part["functionCall"]["args"]["city"] for part in (one, other)] == ["北京", "上海"]


async def test_a_signature_at_the_end_is_handed_back_there(door: Door) -> None:
    said = as_said(await door.ask("reasoning"))
    assert json.loads(json.dumps(said.provider_state)) == said.provider_state
    await door.ask("reasoning", saying(PROMPT, said, "and?"))
    first, last = door.body["contents"][1]["parts"]
    assert (first, last["text"], "thoughtSignature" in last) == ({"text": PROMPT}, "", True)


async def test_signatures_go_where_the_message_was_changed_or_another_model_asked(door: Door) -> None:
    said = as_said(await door.ask("reasoning"))
    await door.ask("echo", saying(PROMPT, said, "and?"))
    assert door.body["contents"][1]["parts"] == [{"text": PROMPT}]
    await door.ask("reasoning", saying(PROMPT, replace(said, content="Shortened."), "and?"))
    assert door.body["contents"][1]["parts"] == [{"text": "Shortened."}]


async def test_a_call_that_another_model_made_is_marked_where_signatures_are_wanted(door: Door) -> None:
    assert text(await door.ask("signed", saying(*CONVERSATION, tools=(WEATHER,)))).endswith("And now?")
    parts = door.body["contents"][1]["parts"]
    assert [("thoughtSignature" in part) for part in parts] == [False, True, False]
    assert len(door.server.asked) == 2


@pytest.mark.parametrize(
    ("wishes", "sent"),
    [
        ({"thinking": "disabled"}, {"thinkingBudget": 0}),
        ({"thinking": "auto"}, {"includeThoughts": True}),
        ({"thinking": "enabled"}, {"includeThoughts": True, "thinkingBudget": -1}),
        ({"thinking": "enabled", "thinking_tokens": 500}, {"includeThoughts": True, "thinkingBudget": 500}),
    ],
)
async def test_thinking_is_asked_for(door: Door, wishes: Any, sent: Any) -> None:
    await door.ask("echo", saying(**wishes))
    assert door.body["generationConfig"]["thinkingConfig"] == sent


async def test_a_model_that_refuses_an_extra_is_asked_without_it_and_remembered(door: Door) -> None:
    wishes: Any = {"presence_penalty": 0.5, "thinking": "disabled", "json_schema": SCHEMA, "tools": (WEATHER,)}
    for _ in range(2):
        assert text(await door.ask("strict", saying(**wishes))) == PROMPT
    assert len(door.server.asked) == 6
    config = door.body["generationConfig"]
    assert config == {"thinkingConfig": {"thinkingLevel": "LOW"}}
    assert "JSON Schema" in door.body["systemInstruction"]["parts"][0]["text"]


async def test_a_model_that_does_not_think_is_not_asked_to(door: Door) -> None:
    assert text(await door.ask("thoughtless", saying(thinking="auto"))) == PROMPT


async def test_an_answer_is_held_to_a_schema(door: Door) -> None:
    await door.ask("echo", saying(json_schema=SCHEMA))
    assert door.body["generationConfig"] == {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}


@pytest.mark.parametrize("more", [{"json_schema": FREE}, {"json_object": True}])
async def test_where_it_cannot_be_held_to_one_it_is_told_in_words(door: Door, more: Any) -> None:
    await door.ask("echo", saying(**more))
    assert door.body["generationConfig"] == {"responseMimeType": "application/json"}
    assert "one JSON object and nothing else" in door.body["systemInstruction"]["parts"][0]["text"]


async def test_the_id_of_a_call_is_the_servers_where_it_gives_one(door: Door) -> None:
    assert calls(await door.ask("tools"))[0].id == "fc_1"


async def test_an_answer_that_takes_two_requests_is_one(door: Door) -> None:
    deltas = await door.ask("continues")
    assert (text(deltas), deltas[-1].finish_reason) == ("The first and the second", "stop")


@pytest.mark.parametrize(("model", "answer"), [("withheld", "The first"), ("recited", ""), ("new-reason", "The first")])
async def test_what_is_withheld_is_told_apart(door: Door, model: str, answer: str) -> None:
    deltas = await door.ask(model)
    assert (text(deltas), deltas[-1].finish_reason) == (answer, "content_filter")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("blocked", "content_filter"),
        ("bad-key", "auth"),
        ("bad-call", "malformed"),
        ("misshapen", "malformed"),
        ("late-and-vague", "malformed"),
        ("timed-out", "timeout"),
        ("no/such?model", "bad_request"),
    ],
)
async def test_refusals_have_their_reason(door: Door, model: str, reason: str) -> None:
    with pytest.raises((ModelFailed, ModelUnavailable)) as found:
        await door.ask(model)
    assert found.value.facts["reason"] == reason
    assert found.value.retryable == (reason in ("malformed", "timeout"))


async def test_vertex_is_asked_with_an_access_token_in_a_project() -> None:
    async with open_door("gemini", options=VERTEX, api_key=TOKEN) as door:
        assert text(await door.ask("echo")) == PROMPT
        asked = door.server.asked[0]
    place = "/v1beta1/projects/p1/locations/europe-west4/publishers/google/models/echo"
    assert asked.path == f"{place}:streamGenerateContent?alt=sse"
    assert (asked.headers["authorization"], "x-goog-api-key" in asked.headers) == (f"Bearer {TOKEN}", False)


async def test_vertex_is_asked_with_a_key_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "from-the-environment")
    async with open_door("gemini", options={"backend": "vertex"}) as door:
        deltas = await door.ask("thinks-and-calls", saying(tools=(WEATHER,)))
        results = [ChatMessage("tool", "晴", tool_call_id=call.id) for call in calls(deltas)]
        assert text(await door.ask("thinks-and-calls", saying(PROMPT, as_said(deltas), *results)))
        asked = door.server.asked[0]
    assert asked.path == "/v1beta1/publishers/google/models/thinks-and-calls:streamGenerateContent?alt=sse"
    assert asked.headers["x-goog-api-key"] == KEY


@pytest.mark.parametrize(
    ("options", "key", "reason", "sentence"),
    [
        ({}, '{"type": "service_account"}', "unsupported", "the file of a service account cannot be used"),
        ({}, "", "auth", "needs an API key or an access token"),
        ({"project": ""}, TOKEN, "bad_request", "the option project is needed"),
        ({"location": "evil.test/"}, TOKEN, "bad_request", "names no place of Google Cloud"),
    ],
)
async def test_what_vertex_cannot_be_asked_with_is_refused_in_words(
    options: dict[str, str], key: str, reason: str, sentence: str
) -> None:
    async with open_door("gemini", options=VERTEX | options, api_key=key) as door:
        with pytest.raises(ModelFailed, match=sentence) as found:
            await door.ask("echo")
    assert found.value.facts["reason"] == reason
    assert door.server.asked == []
