"""The pieces of a chat completion as servers really send them: fields missing, null, renamed, or empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from nodes.chat import ChatDelta, FinishReason

USAGE = {"prompt_tokens": "input_tokens", "completion_tokens": "output_tokens", "total_tokens": "total_tokens"}

_REASONS: Mapping[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
"""What is not here is an end like any other."""


@dataclass(slots=True)
class Answer:
    """What has come of an answer besides its text."""

    usage: dict[str, int] = field(default_factory=dict)
    finish_reason: str = ""
    begun: bool = False
    """Whether a piece of text or reasoning has come."""

    def take(self, chunk: Mapping[str, Any]) -> ChatDelta | None:
        """The piece in a chunk; None when it holds none."""
        self.usage = read_usage(chunk.get("usage")) or self.usage
        choice = _first(chunk.get("choices"))
        reason = choice.get("finish_reason")
        self.finish_reason = reason if isinstance(reason, str) and reason else self.finish_reason
        # Some servers answer a stream with whole messages.
        delta = _mapping(choice.get("delta")) or _mapping(choice.get("message"))
        text = _text(delta.get("content")) or _text(delta.get("refusal"))
        reasoning = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        if not text and not reasoning:
            return None
        self.begun = True
        return ChatDelta(text=text, reasoning=reasoning)

    def last(self) -> ChatDelta:
        """The piece that ends the answer."""
        return ChatDelta(usage=self.usage, finish_reason=_REASONS.get(self.finish_reason, "stop"))


def read_usage(given: object) -> dict[str, int]:
    """Tokens under our names; empty when the server tells none. A missing total is the sum."""
    counts = _mapping(given)
    usage = {
        ours: counts[theirs]
        for theirs, ours in USAGE.items()
        if type(counts.get(theirs)) is int and counts[theirs] >= 0
    }
    if usage and "total_tokens" not in usage:
        usage["total_tokens"] = sum(usage.values())
    return usage


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
