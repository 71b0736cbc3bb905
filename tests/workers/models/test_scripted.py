"""The scripted provider: no model, no network, and it says so."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from engine.json_text import read_json
from engine.values import Json
from nodes.chat import (
    ChatDelta,
    ChatMessage,
    ChatOptions,
    ChatRequest,
    ModelFailed,
    ModelUnavailable,
    ToolCall,
    ToolSpec,
)
from workers.models.scripted import MARK, ScriptedModel


def asked(*messages: ChatMessage, json_schema: Mapping[str, Json] | None = None, **wishes: Any) -> ChatRequest:
    return ChatRequest(messages, ChatOptions(**wishes), json_schema=json_schema)


async def ask(prompt: str, model: ScriptedModel | None = None, **wishes: Any) -> list[ChatDelta]:
    return [delta async for delta in (model or ScriptedModel()).stream(asked(ChatMessage("user", prompt), **wishes))]


def text(deltas: list[ChatDelta]) -> str:
    return "".join(delta.text for delta in deltas)


async def test_it_says_that_it_is_no_model_and_says_the_prompt_back() -> None:
    assert text(await ask("你好, world")) == f"{MARK} You said: 你好, world"
    assert MARK == "[scripted reply, no model]"


async def test_it_says_what_the_script_says() -> None:
    deltas = await ask("Greet them.\nthink: Be brief.\nsay: Hello,\nsay: dear world.\n")
    assert text(deltas) == f"{MARK} Hello,\ndear world."
    assert "".join(delta.reasoning for delta in deltas) == "Be brief."


async def test_a_piece_is_a_word_or_a_chinese_character() -> None:
    assert [delta.text for delta in await ask("say: go 你好")][-4:-1] == [" go", " 你", "好"]


async def test_it_counts_pieces_as_tokens() -> None:
    deltas = await ask("say: a b c")
    assert deltas[-1].usage == {"input_tokens": 4, "output_tokens": 7, "total_tokens": 11}
    assert deltas[-1].finish_reason == "stop"


async def test_the_same_prompt_gets_the_same_answer() -> None:
    assert await ask("anything at all") == await ask("anything at all")


async def test_it_stops_at_the_greatest_length() -> None:
    deltas = await ask("say: a b c d", max_tokens=5)
    assert (text(deltas), deltas[-1].finish_reason) == (f"{MARK} a", "length")


async def test_it_gives_json_where_json_is_asked_for() -> None:
    schema = {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string", "enum": ["red", "green"]}},
            "place": {"type": "object", "properties": {"floor": {"type": "integer"}, "lift": {"type": "boolean"}}},
        },
    }
    deltas = await ask("Fill this in.", json_schema=schema)
    assert read_json(text(deltas)) == {"title": f"{MARK} title", "tags": ["red"], "place": {"floor": 1, "lift": True}}
    assert MARK in "".join(delta.reasoning for delta in deltas)
    assert text(await ask('say: {"a": 1}', json_schema=schema)) == '{"a": 1}'


async def test_given_replies_answer_the_prompts_that_hold_their_text() -> None:
    model = ScriptedModel(replies={"weather": "It rains."})
    assert text(await ask("How is the weather?", model)) == f"{MARK} It rains."
    assert "You said" in text(await ask("How are you?", model))


@pytest.mark.parametrize(
    ("script", "error", "sentence"),
    [
        ("fail: The prompt is rude.", ModelFailed, "The prompt is rude"),
        ("unavailable: Out for lunch.", ModelUnavailable, "Out for lunch"),
        ("delay: soon", ModelFailed, "a whole number must stand there"),
    ],
)
async def test_it_fails_as_the_script_says(script: str, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        await ask(script)


async def test_it_is_busy_as_often_as_the_script_says() -> None:
    model = ScriptedModel()
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="Busy"):
            await ask("busy: 2\nsay: at last", model)
    assert text(await ask("busy: 2\nsay: at last", model)) == f"{MARK} at last"


async def test_it_breaks_off_as_the_script_says() -> None:
    deltas = ScriptedModel().stream(ChatRequest((ChatMessage("user", "cut: 5\nsay: a b c"),)))
    assert "".join([(await anext(deltas)).text for _ in range(5)]) == f"{MARK} a"
    with pytest.raises(ModelUnavailable, match="broke off after 5 pieces"):
        await anext(deltas)


async def test_it_takes_its_time_as_the_script_says() -> None:
    clock = asyncio.get_running_loop().time
    since = clock()
    await ask("delay: 20\nsay: a b")
    assert clock() - since >= 0.02 * 6


# --- tools ---

CITY: dict[str, Json] = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = (ToolSpec("weather", "", CITY), ToolSpec("now"))


async def called(*messages: ChatMessage, choice: str = "auto") -> list[ChatDelta]:
    request = ChatRequest(messages, tools=TOOLS, tool_choice=choice)
    return [delta async for delta in ScriptedModel().stream(request)]


async def test_it_calls_the_tools_of_its_script_and_answers_when_they_have_answered() -> None:
    asked = ChatMessage("user", 'call: weather {"city": "北京"}\ncall: now\nsay: Sunny.')
    deltas = await called(asked)
    calls = (ToolCall("call_1", "weather", {"city": "北京"}), ToolCall("call_2", "now", {}))
    assert (deltas[-1].tool_calls, deltas[-1].finish_reason, text(deltas)) == (calls, "tool_calls", "")
    answers = [ChatMessage("tool", "fine", tool_call_id=call.id) for call in calls]
    deltas = await called(asked, ChatMessage("assistant", "", calls), *answers)
    assert (text(deltas), deltas[-1].finish_reason) == (f"{MARK} Sunny.", "stop")


async def test_an_answer_of_a_tool_may_hold_the_next_call() -> None:
    first = ToolCall("call_1", "now", {})
    deltas = await called(
        ChatMessage("user", "call: now"),
        ChatMessage("assistant", "", (first,)),
        ChatMessage("tool", "call: weather {}"),
    )
    assert deltas[-1].tool_calls == (ToolCall("call_2", "weather", {}),)


async def test_a_call_that_is_required_has_sample_arguments() -> None:
    for choice in ("required", "weather"):
        (call,) = (await called(ChatMessage("user", "Hello."), choice=choice))[-1].tool_calls
        assert (call.name, call.arguments) == ("weather", {"city": f"{MARK} city"})


async def test_it_calls_nothing_that_is_not_offered() -> None:
    assert (await ask("call: now\nsay: no"))[-1].tool_calls == ()
    assert (await called(ChatMessage("user", "call: now"), choice="none"))[-1].tool_calls == ()
    for script in ("call: delete_all {}", "call: now [1]", "call: now {"):
        with pytest.raises(ModelFailed, match="The script says call: "):
            await called(ChatMessage("user", script))
