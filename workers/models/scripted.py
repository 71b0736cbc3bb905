"""The scripted provider: a chat model that is none, and says so; for tests, examples and machines without a model."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

from engine.errors import FlowError
from engine.json_text import read_json, write_json
from engine.values import Json
from nodes.chat import ChatDelta, ChatMessage, ChatRequest, ModelFailed, ModelUnavailable, TextPart, ToolCall

MARK: Final = "[scripted reply, no model]"
"""Stands at the head of every text it gives, and in the reasoning of a JSON reply, which must stay JSON."""

NAME: Final = "scripted"

_DIRECTIVE: Final = re.compile(r"^[ \t]*(say|think|call|delay|fail|unavailable|busy|cut):[ \t]?(.*)$", re.MULTILINE)
_PIECE: Final = re.compile(r"\s*[\u3400-\u9fff]|\s*[^\s\u3400-\u9fff]+|\s+")
_ECHOED: Final = 500
_DEEPEST: Final = 20


class ScriptedModel:
    """Answers by the script in its prompt, or says the prompt back. The same prompt gives the same answer.

    Lines of the messages that begin with one of these words are the script: `say:` a line of the answer · `think:` a
    line of reasoning · `call: NAME {…}` a call of that tool, where it is offered · `delay:` milliseconds before each
    piece · `cut:` break off after so many pieces · `fail:` refuse with this sentence, for good · `unavailable:` the
    same, but trying again may help · `busy:` be unavailable so many times for these messages, then answer.

    Calls are made once: when the answers of tools have come, the rest of the script goes on, and what they say may be
    script as well. A call that is required and not in the script has sample arguments. Where JSON is asked for and
    nothing is said, the answer is a sample that fits the schema. `replies` answers prompts that hold a given text;
    `delay` is the pause before each piece, in seconds.
    """

    def __init__(self, *, replies: Mapping[str, str] | None = None, delay: float = 0.0) -> None:
        self._replies = dict(replies or {})
        self._delay = delay
        self._asked: dict[tuple[str, ...], int] = {}

    async def stream(
        self,
        request: ChatRequest,
    ) -> AsyncGenerator[ChatDelta]:
        """The answer in pieces of a word, or of a Chinese character; each counts as one token."""
        messages, max_tokens, json_schema = request.messages, request.options.max_tokens, request.json_schema
        script = _Script(messages)
        self._refuse(script, messages)
        calls = _calls(request)
        thoughts = MARK if json_schema is not None else ""
        thoughts = "\n".join(part for part in (thoughts, script.text("think")) if part)
        text = "" if calls else self._answer(script, messages, json_schema)
        reasoning = _PIECE.findall(thoughts)
        pieces = _PIECE.findall(text)
        told = pieces if max_tokens is None else pieces[:max_tokens]
        delay = self._delay if (given := script.number("delay")) is None else given / 1000
        cut = script.number("cut")
        for place, (kind, piece) in enumerate(
            [*(("reasoning", one) for one in reasoning), *(("text", one) for one in told)]
        ):
            if cut is not None and place >= cut:
                sentence = f"{MARK} The answer broke off after {cut} pieces, as the script says."
                raise ModelUnavailable(sentence, reason="connection", model=NAME)
            if delay:
                await asyncio.sleep(delay)
            yield ChatDelta(reasoning=piece) if kind == "reasoning" else ChatDelta(text=piece)
        asked = sum(len(_PIECE.findall(message.text)) for message in messages)
        answered = len(reasoning) + len(told)
        usage = {"input_tokens": asked, "output_tokens": answered, "total_tokens": asked + answered}
        if calls:
            yield ChatDelta(tool_calls=calls, usage=usage, finish_reason="tool_calls")
        else:
            yield ChatDelta(usage=usage, finish_reason="stop" if len(told) == len(pieces) else "length")

    def _refuse(self, script: _Script, messages: Sequence[ChatMessage]) -> None:
        if sentence := script.text("fail"):
            raise ModelFailed(f"{MARK} {sentence}", reason="auth", model=NAME)
        if sentence := script.text("unavailable"):
            raise ModelUnavailable(f"{MARK} {sentence}", reason="overloaded", model=NAME)
        if busy := script.number("busy"):
            key = tuple(message.text for message in messages)
            self._asked[key] = self._asked.get(key, 0) + 1
            if self._asked[key] <= busy:
                sentence = f"{MARK} Busy for the {self._asked[key]}. of {busy} times, as the script says."
                raise ModelUnavailable(sentence, reason="rate_limited", model=NAME)

    def _answer(self, script: _Script, messages: Sequence[ChatMessage], json_schema: Mapping[str, Json] | None) -> str:
        prompt = _shown(messages[-1]) if messages else ""
        said = script.text("say") or next((reply for part, reply in self._replies.items() if part in prompt), "")
        if json_schema is not None:
            return said or write_json(_sample(json_schema, "output", 0))
        return f"{MARK} {said or f'You said: {prompt[:_ECHOED]}'}"


def _shown(message: ChatMessage) -> str:
    """A message as it is said back: its media by their kind and place."""
    if isinstance(message.content, str):
        return message.content
    parts = (
        part.text if isinstance(part, TextPart) else f"[{part.kind}: {part.url[:200]}]" for part in message.content
    )
    return "".join(parts)


class _Script:
    """The directives in the messages."""

    def __init__(self, messages: Sequence[ChatMessage]) -> None:
        self._found: dict[str, list[str]] = {}
        for message in messages:
            for word, rest in _DIRECTIVE.findall(message.text):
                self._found.setdefault(word, []).append(rest.strip())

    def text(self, word: str) -> str:
        return "\n".join(self._found.get(word, []))

    def lines(self, word: str) -> list[str]:
        return self._found.get(word, [])

    def number(self, word: str) -> int | None:
        """The number after a word. Raises `ModelFailed` for a script that has something else there."""
        given = self._found.get(word, [""])[-1]
        if not given:
            return None
        if not given.isdecimal() or len(given) > 6:
            raise _misread(f"{word}: {given[:40]}, but a whole number must stand there")
        return int(given)


def _calls(request: ChatRequest) -> tuple[ToolCall, ...]:
    """The calls in what was said since the last ones, where tools are offered."""
    if not request.tools or request.tool_choice == "none":
        return ()
    messages = request.messages
    earlier = [place for place, one in enumerate(messages) if one.tool_calls]
    fresh = messages[earlier[-1] + 1 :] if earlier else messages
    offered = {tool.name: tool for tool in request.tools}
    wanted = [line.partition(" ")[::2] for line in _Script(fresh).lines("call")]
    if not wanted and request.tool_choice != "auto":
        tool = offered.get(request.tool_choice, request.tools[0])
        wanted = [(tool.name, write_json(_sample({"type": "object", **tool.parameters}, tool.name, 0)))]
    number = sum(len(one.tool_calls) for one in messages)
    made: list[ToolCall] = []
    for name, text in wanted:
        try:
            arguments = read_json(text.strip() or "{}")
        except FlowError as error:
            raise _misread(f"call: {name} {text[:40]}, but a JSON object must stand there") from error
        if name not in offered or not isinstance(arguments, dict):
            raise _misread(f"call: {name[:40]}, but it must be an offered tool and an object of arguments")
        made.append(ToolCall(f"call_{number + len(made) + 1}", name, arguments))
    return tuple(made)


def _misread(what: str) -> ModelFailed:
    return ModelFailed(f"{MARK} The script says {what}.", reason="bad_request", model=NAME)


def _sample(schema: Mapping[str, Any], name: str, depth: int) -> Json:
    """A value that fits the schema; its texts say that no model wrote them."""
    if choices := schema.get("enum"):
        first: Json = choices[0]
        return first
    match schema.get("type"):
        case "object" if depth < _DEEPEST:
            properties: Mapping[str, Mapping[str, Any]] = schema.get("properties") or {}
            return {key: _sample(one, key, depth + 1) for key, one in properties.items()}
        case "array" if depth < _DEEPEST:
            return [_sample(schema.get("items") or {}, name, depth + 1)]
        case "object":
            return {}
        case "array":
            return []
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case _:
            return f"{MARK} {name}"
