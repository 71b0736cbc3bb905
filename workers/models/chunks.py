"""The pieces of a chat completion as servers really send them: fields missing, null, renamed, or empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from nodes.chat import CACHED, INPUT, OUTPUT, THOUGHT, TOTAL, ChatDelta, FinishReason
from workers.models.inline_text import Piece, Thoughts, WrittenCalls
from workers.models.tool_calls import BrokenCall, ToolCalls

_COUNTS: Final[Mapping[str, Sequence[tuple[str, ...]]]] = {
    INPUT: [("prompt_tokens",), ("input_tokens",)],
    OUTPUT: [("completion_tokens",), ("output_tokens",)],
    TOTAL: [("total_tokens",)],
    CACHED: [("prompt_tokens_details", "cached_tokens"), ("prompt_cache_hit_tokens",), ("cached_tokens",)],
    THOUGHT: [("completion_tokens_details", "reasoning_tokens"), ("reasoning_tokens",)],
}
"""Where servers put a count, the first that is there counting."""

_REASONS: Final[Mapping[str, FinishReason]] = {
    "length": "length",
    "max_tokens": "length",
    "max_length": "length",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
}
"""What is not here is an end like any other."""

BROKEN: Final = frozenset({"error", "network_error", "insufficient_system_resource", "abort"})
"""What servers give as the reason for an end that is none: they broke off, and trying again may help."""


class Answer:
    """What comes of an answer: its pieces one by one, and in the end its calls, its usage and the reason of its end."""

    def __init__(self, *, offered: Sequence[str] = (), wanted: bool = False, inline: bool = False) -> None:
        """`offered` are the tools; `wanted` says that a call was asked for. With `inline` reasoning and calls that the
        model writes into its text are found there.
        """
        self.usage: dict[str, int] = {}
        self.finish_reason = ""
        self.begun = False
        """Whether anything of the answer has come."""
        self._spoke = False
        """Whether it was text."""
        self._calls = ToolCalls(offered)
        self._thoughts = Thoughts() if inline else None
        self._written = WrittenCalls(offered, wanted=wanted) if inline and offered else None

    def take(self, chunk: Mapping[str, Any]) -> Iterator[ChatDelta]:
        """The pieces in a chunk. Raises `BrokenCall`."""
        choice = _first(chunk.get("choices"))
        for counted in (chunk.get("usage"), choice.get("usage")):
            self.usage = read_usage(counted) or self.usage
        reason = choice.get("finish_reason")
        self.finish_reason = reason if isinstance(reason, str) and reason else self.finish_reason
        # Some servers answer a stream with whole messages.
        delta = _mapping(choice.get("delta")) or _mapping(choice.get("message"))
        for name in ("tool_calls", "function_call"):
            if delta.get(name):
                self.begun = True
                self._calls.feed(delta[name])
        if reasoning := _text(delta.get("reasoning_content")) or _text(delta.get("reasoning")):
            self.begun = True
            yield ChatDelta(reasoning=reasoning)
        if text := _text(delta.get("content")) or _text(delta.get("refusal")) or _text(choice.get("text")):
            self.begun = self._spoke = True
            yield from self._told([("text", text)] if self._thoughts is None else self._thoughts.feed(text))

    def end(self) -> Iterator[ChatDelta]:
        """What was kept back, and the piece that ends the answer. Raises `BrokenCall`."""
        reason: FinishReason = _REASONS.get(self.finish_reason.lower(), "stop")
        if self._thoughts is not None:
            yield from self._told(self._thoughts.end())
        if self._written is not None:
            for text in self._written.end(called=reason == "tool_calls"):
                yield ChatDelta(text=text)
            if not self._calls:
                # Some servers tell of a call and leave it in the text too: then it is made once.
                for name, arguments in self._written.found:
                    self._calls.add(name, arguments)
        calls = self._calls.whole(cut_off=reason in ("length", "content_filter"))
        if calls and reason == "stop":
            reason = "tool_calls"
        elif not calls and reason == "tool_calls":
            if not self._spoke:
                raise BrokenCall("was announced and did not come")
            reason = "stop"
        yield ChatDelta(tool_calls=calls, usage=self.usage, finish_reason=reason)

    def _told(self, pieces: Iterator[Piece] | Sequence[Piece]) -> Iterator[ChatDelta]:
        for kind, text in pieces:
            if kind == "reasoning":
                yield ChatDelta(reasoning=text)
            elif self._written is None:
                yield ChatDelta(text=text)
            else:
                for piece in self._written.feed(text):
                    yield ChatDelta(text=piece)


def read_usage(given: object) -> dict[str, int]:
    """Tokens under our names; empty when the server tells none. A missing total is the sum of what went in and out."""
    counts = _mapping(given)
    usage: dict[str, int] = {}
    for ours, places in _COUNTS.items():
        found = [number for place in places if (number := _count(counts, place)) is not None]
        if found:
            usage[ours] = found[0]
    if usage and TOTAL not in usage:
        usage[TOTAL] = usage.get(INPUT, 0) + usage.get(OUTPUT, 0)
    # What is a part of nothing says nothing.
    return {name: count for name, count in usage.items() if count or name not in (CACHED, THOUGHT)}


def _count(counts: Mapping[str, Any], place: Sequence[str]) -> int | None:
    *way, name = place
    for step in way:
        counts = _mapping(counts.get(step))
    number = counts.get(name)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    return number if type(number) is int and 0 <= number < 2**53 else None


def _first(choices: object) -> Mapping[str, Any]:
    return _mapping(choices[0]) if isinstance(choices, list) and choices else {}


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _text(content: object) -> str:
    """A text, or the text parts of a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part["text"] for part in map(_mapping, content) if isinstance(part.get("text"), str))
    return ""
