"""How servers of OpenAI's protocol want tools called, and fail to: each behaviour under the name of a model.

Where nothing else is said, the call is `weather` with the arguments of `CITY`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.fakes.openai_behaviours import told
from tests.fakes.openai_server import Behaviour, ChatTalk, chunk
from tests.fakes.talk import Asked

CITY = {"city": "北京", "days": 2}
ARGUMENTS = json.dumps(CITY, ensure_ascii=False)
END = chunk({}, finish_reason="tool_calls")
STOP = chunk({}, finish_reason="stop")


def call(arguments: Any = None, *, name: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk with a piece of a call."""
    function = {"name": name, "arguments": arguments}
    told = {key: value for key, value in function.items() if value is not None}
    return chunk({"tool_calls": [{"type": "function", "function": told, **more}]})


def written(*pieces: str) -> list[dict[str, Any]]:
    """Chunks of text."""
    return [chunk({"content": piece}) for piece in pieces]


async def tool_cut(asked: Asked, talk: ChatTalk) -> None:
    """Breaks off amid the arguments."""
    await talk.stream()
    await talk.event(call(ARGUMENTS[:9], name="weather", id="call_1", index=0))
    talk.cut()


async def tool_rounds(asked: Asked, talk: ChatTalk) -> None:
    """Calls the tool, and once it has its answer says it back."""
    answers = [message for message in asked.body["messages"] if message["role"] == "tool"]
    if answers:
        await talk.stream()
        await talk.text(f"The tool says: {answers[-1]['content']}")
        await talk.done()
    else:
        await told(call(ARGUMENTS, name="weather", id="call_1", index=0), END)(asked, talk)


BEHAVIOURS: Mapping[str, Behaviour] = {
    "tool": told(
        chunk({"role": "assistant", "content": None}),
        call("", name="weather", id="call_1", index=0),
        *(call(character, index=0) for character in ARGUMENTS),
        END,
    ),
    "tool-whole": told(call(ARGUMENTS, name="weather", id="call_1", index=0), END),
    "tool-stop": told(call(ARGUMENTS, name="weather", id="call_1", index=0), STOP),
    "tool-no-id": told(call("", name="weather", index=0), call(ARGUMENTS, index=0), END),
    "tool-empty-id": told(
        call(ARGUMENTS[:5], name="weather", id="", index=0), call(ARGUMENTS[5:], id="", index=0), END
    ),
    "tool-no-index": told(call("", name="weather", id="call_1"), call(ARGUMENTS[:4]), call(ARGUMENTS[4:]), END),
    "tool-repeats": told(*(call(character, name="weather", id="call_1", index=0) for character in ARGUMENTS), END),
    "tool-fresh-ids": told(
        *(call(part, name="weather", id=f"call_{n}", index=0) for n, part in enumerate((ARGUMENTS[:3], ARGUMENTS[3:]))),
        END,
    ),
    "tool-object": told(call(CITY, name="weather", id="call_1", index=0), END),
    "tool-quoted": told(call(json.dumps(ARGUMENTS), name="weather", id="call_1", index=0), END),
    "tool-brace": told(call(ARGUMENTS + "}", name="weather", id="call_1", index=0), END),
    "tool-placeholder": told(call("{}", name="weather", id="call_1", index=0), call(ARGUMENTS, index=0), END),
    "tool-cumulative": told(
        *(call(ARGUMENTS[:size], name="weather", id="call_1", index=0) for size in (3, 12, len(ARGUMENTS))), END
    ),
    "tool-name-in-pieces": told(
        call(name="wea", id="call_1", index=0), call(name="ther", index=0), call(ARGUMENTS, index=0), END
    ),
    "tool-old": told(
        chunk({"function_call": {"name": "weather"}}),
        chunk({"function_call": {"arguments": ARGUMENTS[:7]}}),
        chunk({"function_call": {"arguments": ARGUMENTS[7:]}}),
        chunk({}, finish_reason="function_call"),
    ),
    "tool-message": told(
        {
            "choices": [
                {
                    "message": {"content": None, "tool_calls": [{"function": {"name": "weather", "arguments": CITY}}]},
                    "finish_reason": "tool_calls",
                }
            ]
        }
    ),
    "tool-both": told(
        *written("<tool_call>", json.dumps({"name": "weather", "arguments": CITY}), "</tool_call>"),
        call(ARGUMENTS, name="weather", id="call_1", index=0),
        END,
    ),
    "tool-tags": told(
        *written("<tool", "_call>\n", '{"name": "weather", "argum', f'ents": {ARGUMENTS}}}\n</tool', "_call>"), STOP
    ),
    "tool-open-tag": told(*written("<tool_call>", json.dumps({"name": "weather", "arguments": CITY})), STOP),
    "tool-bare": told(*written('{"name": "weather", "para', f'meters": {ARGUMENTS}}}'), END),
    "tool-none": told(call(name="now", id="call_1", index=0), END),
    "tool-empty": told(call("", name="now", id="call_1", index=0), END),
    "tool-two": told(
        call("", name="weather", id="call_1", index=0),
        call("", name="now", id="call_2", index=1),
        call(ARGUMENTS[:6], index=0),
        call("{}", index=1),
        call(ARGUMENTS[6:], index=0),
        END,
    ),
    "tool-two-index-0": told(
        call(ARGUMENTS, name="weather", id="call_1", index=0), call("{}", name="now", id="call_2", index=0), END
    ),
    "tool-two-nameless": told(call(ARGUMENTS, name="weather"), call("{}", name="now"), END),
    "tool-two-same": told(*(call(ARGUMENTS, name="weather", id="same", index=0) for _ in range(2)), END),
    "tool-two-tags": told(
        *written(
            'I look it up. <tool_call>{"name": "weather", "arguments": ',
            ARGUMENTS,
            "}</tool_call>\n<tool_call>",
            '{"name": "now"}</tool_call>',
        ),
        STOP,
    ),
    "tool-invalid": told(call("{'city': 北京}", name="weather", id="call_1", index=0), END),
    "tool-gap": told(call(ARGUMENTS[:6], name="weather", id="call_1", index=0), call(ARGUMENTS[9:], index=0), END),
    "tool-list": told(call("[1]", name="weather", id="call_1", index=0), END),
    "tool-nobody": told(call(ARGUMENTS, id="call_1", index=0), END),
    "tool-announced": told(END),
    "tool-many": told(*(call("{}", name="now", id=f"call_{n}", index=n) for n in range(500)), END),
    "tool-length": told(
        call("{}", name="now", id="call_1", index=0),
        call(ARGUMENTS[:9], name="weather", id="call_2", index=1),
        chunk({}, finish_reason="length"),
    ),
    "tool-cut": tool_cut,
    "tool-rounds": tool_rounds,
}
