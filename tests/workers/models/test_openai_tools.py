"""Tool calls over OpenAI's protocol: however a server sends them, they come whole or not at all."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from nodes.chat import ChatDelta, ChatMessage, ChatRequest, MediaPart, ModelUnavailable, TextPart, ToolCall, ToolSpec
from tests.fakes.openai_server import USAGE
from tests.fakes.openai_tool_behaviours import ARGUMENTS, CITY
from tests.workers.models.openai_door import Door, calls, open_door, saying, text
from workers.models.inline_text import Thoughts, WrittenCalls
from workers.models.tool_calls import BrokenCall, ToolCalls

WEATHER = ToolSpec(
    "weather",
    "How the weather will be.",
    {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
)
NOW = ToolSpec("now", "What time it is.")
TOOLS = (WEATHER, NOW)
OFFERED = saying("What will the weather be?", tools=TOOLS)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as opened:
        yield opened


async def gather(door: Door, model: str, given: list[ChatDelta]) -> None:
    """Ask, and keep what is given until something goes wrong."""
    async for delta in door.model(model).stream(OFFERED):
        given.append(delta)


@pytest.mark.parametrize(
    "model",
    [
        "tool", "tool-whole", "tool-stop", "tool-no-id", "tool-empty-id", "tool-no-index", "tool-repeats",
        "tool-fresh-ids", "tool-object", "tool-quoted", "tool-brace", "tool-placeholder", "tool-cumulative",
        "tool-name-in-pieces", "tool-old", "tool-message", "tool-both", "tool-tags", "tool-open-tag", "tool-bare",
    ],
)  # fmt: skip
async def test_a_call_comes_whole_however_it_is_sent(door: Door, model: str) -> None:
    deltas = await door.ask(model, OFFERED)
    (call,) = calls(deltas)
    assert (call.name, call.arguments) == ("weather", CITY)
    assert call.id
    assert (deltas[-1].finish_reason, text(deltas)) == ("tool_calls", "")


@pytest.mark.parametrize("model", ["tool-none", "tool-empty"])
async def test_no_arguments_are_none(door: Door, model: str) -> None:
    assert calls(await door.ask(model, OFFERED)) == [ToolCall("call_1", "now", {})]


@pytest.mark.parametrize("model", ["tool-two", "tool-two-index-0", "tool-two-nameless", "tool-two-tags"])
async def test_two_calls_are_two(door: Door, model: str) -> None:
    found = calls(await door.ask(model, OFFERED))
    assert [(call.name, call.arguments) for call in found] == [("weather", CITY), ("now", {})]
    assert found[0].id != found[1].id


async def test_the_same_call_twice_is_two_calls_with_ids_of_their_own(door: Door) -> None:
    first, second = calls(await door.ask("tool-two-same", OFFERED))
    assert (first.name, first.arguments) == (second.name, second.arguments) == ("weather", CITY)
    assert first.id == "same" != second.id


async def test_text_beside_calls_written_as_text_is_kept(door: Door) -> None:
    assert text(await door.ask("tool-two-tags", OFFERED)) == "I look it up. \n"


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("tool-invalid", "its call weather has arguments that are no JSON object: {'city': 北京}"),
        ("tool-gap", "no JSON object"),
        ("tool-list", "no JSON object"),
        ("tool-nobody", "has no name"),
        ("tool-announced", "was announced and did not come"),
        ("tool-many", "more than 128"),
    ],
)
async def test_a_broken_call_is_worth_another_try(door: Door, model: str, sentence: str) -> None:
    given: list[ChatDelta] = []
    with pytest.raises(ModelUnavailable, match=sentence) as found:
        await gather(door, model, given)
    assert found.value.facts["reason"] == "malformed"
    assert calls(given) == []


async def test_half_a_call_never_leaves(door: Door) -> None:
    given: list[ChatDelta] = []
    with pytest.raises(ModelUnavailable) as found:
        await gather(door, "tool-cut", given)
    assert (found.value.facts["reason"], given) == ("connection", [])


async def test_of_an_answer_that_grew_too_long_the_whole_calls_are_given(door: Door) -> None:
    deltas = await door.ask("tool-length", OFFERED)
    assert (calls(deltas), deltas[-1].finish_reason) == ([ToolCall("call_1", "now", {})], "length")


# --- calls as text ---


async def test_text_is_no_call_where_no_tool_was_offered(door: Door) -> None:
    for model in ("tool-tags", "tool-bare"):
        request = saying() if model == "tool-tags" else saying(tools=TOOLS, tool_choice="none")
        deltas = await door.ask(model, request)
        assert calls(deltas) == []
        assert ARGUMENTS in text(deltas)
        assert deltas[-1].finish_reason == "stop"


@pytest.mark.parametrize("provider", ["openai", "qwen", "deepseek", "ark"])
async def test_what_a_hosted_model_quotes_is_no_call(door: Door, provider: str) -> None:
    deltas = await door.other(provider=provider).ask("tool-tags", OFFERED)
    assert calls(deltas) == []
    assert "<tool_call>" in text(deltas)


async def test_bare_json_is_a_call_where_one_was_asked_for_or_announced(door: Door) -> None:
    said = f'```json\n{{"name": "weather", "arguments": {ARGUMENTS}}}\n```'
    for choice, found in (("required", 1), ("weather", 1), ("auto", 0)):
        deltas = await door.ask("echo", saying(said, tools=TOOLS, tool_choice=choice))
        assert len(calls(deltas)) == found
        assert text(deltas) == ("" if found else said)


@pytest.mark.parametrize(
    "said",
    [
        '{"name": "delete_all", "arguments": {}}',
        '{"title": "weather"}',
        "{not json} at all",
        '{"name": "weather", "arguments": [1]}',
        "[]",
        "<tool_call>{}</tool_call>",
        '<tool_call>{"name": "delete_all"}</tool_call> ok',
        "<tool_call>never closed",
        "a < b and <tool",
        "``",
        "  ",
    ],
)
async def test_what_is_no_call_stays_text(door: Door, said: str) -> None:
    deltas = await door.ask("echo", saying(said, tools=TOOLS, tool_choice="required"))
    assert (calls(deltas), text(deltas), deltas[-1].finish_reason) == ([], said, "stop")


# --- both ways ---


async def test_tools_and_the_choice_among_them_are_asked_for_in_openais_words(door: Door) -> None:
    for choice, sent in (
        ("auto", None),
        ("none", "none"),
        ("required", "required"),
        ("weather", {"type": "function", "function": {"name": "weather"}}),
    ):
        await door.ask("echo", saying(tools=TOOLS, tool_choice=choice))
        assert door.body.get("tool_choice") == sent
    assert door.body["tools"][0] == {
        "type": "function",
        "function": {"name": "weather", "description": WEATHER.description, "parameters": dict(WEATHER.parameters)},
    }


async def test_the_answer_of_a_tool_goes_back_beside_its_call(door: Door) -> None:
    first = await door.ask("tool-rounds", OFFERED)
    assistant = ChatMessage("assistant", text(first), tuple(calls(first)), reasoning="Hm.")
    answered = ChatMessage("tool", "晴, 21°", tool_call_id="call_1")
    deltas = await door.ask("tool-rounds", ChatRequest((*OFFERED.messages, assistant, answered), tools=TOOLS))
    assert text(deltas) == "The tool says: 晴, 21°"
    assert door.body["messages"][1:] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"北京","days":2}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "晴, 21°"},
    ]
    assert deltas[-1].usage["total_tokens"] == USAGE["total_tokens"]


@pytest.mark.parametrize(
    ("provider", "field"), [("deepseek", "reasoning_content"), ("ollama", "reasoning"), ("openai", ""), ("qwen", "")]
)
async def test_reasoning_goes_back_within_its_turn_where_a_provider_wants_it(
    door: Door, provider: str, field: str
) -> None:
    call = ToolCall("call_1", "now", {})
    turn = (
        ChatMessage("user", "When is it?"),
        ChatMessage("assistant", "", (call,), reasoning="I look."),
        ChatMessage("tool", "noon", tool_call_id="call_1"),
    )
    await door.other(provider=provider).ask("echo", ChatRequest((*turn, *turn), tools=TOOLS))
    assistants = [one for one in door.body["messages"] if one["role"] == "assistant"]
    assert field not in assistants[0]
    assert assistants[1].keys() - {"role", "content", "tool_calls"} == ({field} if field else set())


async def test_pictures_that_a_tool_gives_follow_as_the_users(door: Door) -> None:
    picture = MediaPart("image", b"\x89PNG\r\n\x1a\n")
    messages = (
        *OFFERED.messages,
        ChatMessage("assistant", "", (ToolCall("a", "now", {}), ToolCall("b", "now", {}))),
        ChatMessage("tool", (TextPart("one"), picture), tool_call_id="a"),
        ChatMessage("tool", "two", tool_call_id="b"),
    )
    await door.ask("echo", ChatRequest(messages, tools=TOOLS))
    assert [one["role"] for one in door.body["messages"]] == ["user", "assistant", "tool", "tool", "user"]
    assert door.body["messages"][2]["content"] == "one"
    assert door.body["messages"][4]["content"][1]["type"] == "image_url"


def test_a_call_that_tells_its_name_with_every_piece_is_not_read_anew_each_time() -> None:
    calls = ToolCalls(["f"])
    since = time.process_time()
    for number in range(20_000):
        text = '{"a": ["' if number == 0 else "}" * 100 if number % 2 else '"' * 100
        calls.feed({"index": 0, "id": f"call_{number}", "function": {"name": "f", "arguments": text}})
    # Two million characters: read anew with each piece they would be twenty thousand million.
    assert time.process_time() - since < 5
    with pytest.raises(BrokenCall):
        calls.whole()


@pytest.mark.parametrize("opening", ["{", "<tool_call>{"])
def test_what_is_too_long_to_be_a_call_is_text(opening: str) -> None:
    written = WrittenCalls(["f"], wanted=True)
    pieces = [*written.feed(opening), *written.feed("x" * 200_000), *written.feed("y"), *written.end(called=False)]
    assert "".join(pieces) == f"{opening}{'x' * 200_000}y"
    assert pieces[-1] == "y"
    assert written.found == []


def test_blanks_without_an_end_are_not_kept_back() -> None:
    thoughts = Thoughts()
    given = [piece for _ in range(200) for piece in thoughts.feed(" " * 100)]
    assert sum(len(text) for _, text in given) == 20_000


def test_arguments_without_an_end_are_given_up() -> None:
    calls = ToolCalls(["f"])
    calls.feed({"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"a": ["'}})
    for _ in range(63):
        calls.feed({"index": 0, "function": {"arguments": "x" * 64 * 1024}})
    with pytest.raises(BrokenCall, match="arguments of more than"):
        calls.feed({"index": 0, "function": {"arguments": "x" * 64 * 1024}})
