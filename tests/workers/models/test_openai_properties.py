"""However an answer is cut into pieces on its way, the same comes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodes.chat import ChatDelta
from tests.fakes.openai_server import USAGE, ChatTalk, chunk
from tests.fakes.openai_tool_behaviours import ARGUMENTS, CITY, call
from tests.fakes.talk import Asked
from tests.workers.models.openai_door import calls, open_door, reasoning, saying, text
from tests.workers.models.test_openai_tools import TOOLS
from workers.models.chunks import Answer

EVENTS: tuple[dict[str, Any], ...] = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "<think>\n先想一想</thi"}),
    chunk({"content": "nk>\n北京 is\u2028"}),
    chunk({"content": "sunny 🌞."}),
    call(ARGUMENTS[:9], name="weather", id="call_1", index=0),
    call(ARGUMENTS[9:], index=0),
    chunk({}, finish_reason="tool_calls"),
    {"choices": [], "usage": USAGE},
)
BODY = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\n" for event in EVENTS).encode()
END = b"data: [DONE]\n\n"


def cut(whole: Sequence[Any], places: Sequence[int]) -> list[Any]:
    """The whole in pieces."""
    bounds = [0, *sorted({place % len(whole) for place in places} - {0}), len(whole)]
    return [whole[begin:end] for begin, end in pairwise(bounds)]


def test_any_split_of_the_bytes_gives_the_same_text_and_calls() -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        door = runner.run(stack.enter_async_context(open_door()))
        pieces: list[bytes] = []

        async def tell(asked: Asked, talk: ChatTalk) -> None:
            await talk.stream()
            for piece in pieces:
                await talk.piece(piece)
            await talk.end()

        door.server.behaviours["told"] = tell

        @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(st.integers(0, len(BODY)), max_size=40))
        def check(places: list[int]) -> None:
            pieces[:] = cut(BODY + END, places)
            deltas = runner.run(door.ask("told", saying(tools=TOOLS)))
            assert (reasoning(deltas), text(deltas)) == ("先想一想", "北京 is\u2028sunny 🌞.")
            (made,) = calls(deltas)
            assert (made.id, made.name, made.arguments) == ("call_1", "weather", CITY)
            assert (deltas[-1].finish_reason, deltas[-1].usage["total_tokens"]) == ("tool_calls", 10)

        try:
            check()
        finally:
            runner.run(stack.aclose())


def answered(contents: Sequence[str], *, wanted: bool) -> list[ChatDelta]:
    answer = Answer(offered=["weather", "now"], wanted=wanted, inline=True)
    deltas = [delta for content in contents for delta in answer.take(chunk({"content": content}))]
    return [*deltas, *answer.take(chunk({}, finish_reason="stop")), *answer.end()]


WRITTEN = st.lists(
    st.sampled_from(
        [
            "<think>", "</think>", "<tool_call>", "</tool_call>", '{"name": "now"}', '{"name": "other"}', "{", "}", "[",
            "```json\n", "```", "<", "<thi", "<tool", " ", "\n", "天气", "well", ";",
        ]
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(WRITTEN, st.lists(st.integers(0, 200), max_size=20), st.booleans())
def test_any_split_of_the_text_gives_the_same_text_reasoning_and_calls(
    parts: list[str], places: list[int], wanted: bool
) -> None:
    whole = "".join(parts)

    def seen(contents: Sequence[str]) -> tuple[str, str, list[tuple[str, Any]], str]:
        deltas = answered(contents, wanted=wanted)
        made = [(one.name, one.arguments) for one in calls(deltas)]
        return text(deltas), reasoning(deltas), made, deltas[-1].finish_reason

    expected = seen([whole])
    assert seen(cut(whole, places) if whole else []) == expected
    assert seen(list(whole)) == expected


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.text(max_size=5), st.one_of(st.text(max_size=20), st.integers(), st.none()), max_size=4),
    st.lists(st.integers(0, 200), max_size=20),
    st.sampled_from(["index", "id", "neither"]),
    st.booleans(),
)
def test_any_split_of_the_arguments_gives_the_same_call(
    arguments: dict[str, Any], places: list[int], told_by: str, repeats: bool
) -> None:
    whole = json.dumps(arguments, ensure_ascii=False)
    answer = Answer(offered=["weather"])
    ways: dict[str, dict[str, Any]] = {"index": {"index": 0}, "id": {"id": "call_1"}, "neither": {}}
    for number, piece in enumerate(cut(whole, places)):
        named = {"name": "weather"} if number == 0 or repeats else {}
        assert list(answer.take(call(piece, **named, **ways[told_by]))) == []
    (made,) = calls([*answer.take(chunk({}, finish_reason="tool_calls")), *answer.end()])
    assert (made.name, made.arguments) == ("weather", arguments)
