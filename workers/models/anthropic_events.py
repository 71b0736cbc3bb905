"""The events of an answer in Anthropic's messages protocol, put together to pieces that are whole."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from engine.errors import InvalidInput, LimitExceeded
from engine.json_text import read_json
from engine.values import Json
from nodes.chat import CACHED, INPUT, OUTPUT, THOUGHT, TOTAL, ChatDelta, FinishReason, ToolCall
from workers.models.anthropic_complaints import within_stream
from workers.models.anthropic_request import STATE
from workers.models.findings import finding
from workers.models.provider import ModelConnection

_ENDINGS: Final[Mapping[str, FinishReason]] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""What is not here is an end like any other."""
_COUNTED: Final = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


@dataclass(slots=True)
class _Block:
    """A block of the answer while it is being told."""

    kind: str
    text: str = ""
    """The text, the thought, the hidden thought or the JSON of a call."""
    signature: str = ""
    id: str = ""
    name: str = ""
    given: dict[str, Json] | None = None
    """Arguments that came at once."""


@dataclass(slots=True)
class Answer:
    """What has come of an answer."""

    connection: ModelConnection
    begun: bool = False
    """Whether a piece of text, of a thought or of a call has come."""
    ended: bool = False
    """Whether nothing more is to come."""
    stop_reason: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    blocks: dict[int, _Block] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether the answer came to an end."""
        return self.ended or bool(self.stop_reason)

    def take(self, event: Mapping[str, Any]) -> Iterator[ChatDelta]:
        """The pieces that an event holds. Raises the complaint that it is."""
        match event.get("type"):
            case "error":
                raise within_stream(self.connection, event.get("error"))
            case "message":
                # A server that does not stream tells all at once.
                yield from self._all(event)
            case "message_start":
                self._count(_mapping(event.get("message")).get("usage"))
            case "content_block_start":
                yield from self._open(_index(event), _mapping(event.get("content_block")))
            case "content_block_delta":
                yield from self._grow(_index(event), _mapping(event.get("delta")))
            case "message_delta":
                self._stop(_mapping(event.get("delta")).get("stop_reason"))
                self._count(event.get("usage"))
            case "message_stop":
                self.ended = True
            case _:
                pass  # a ping, the end of a block, or news of a later version

    def rest(self) -> Iterator[ChatDelta]:
        """The pieces that end the answer: its calls, which are given when it is known that none was cut, and the last.

        Raises when there is a call that cannot be read, though the answer was not cut.
        """
        ending = _ENDINGS.get(self.stop_reason, "stop")
        cut = ending in ("length", "content_filter")
        blocks = [block for _, block in sorted(self.blocks.items())]
        calls: list[ToolCall] = []
        for place, block in enumerate(blocks):
            if block.kind != "tool_use":
                continue
            arguments = _object(block.text) if block.text.strip() else block.given
            # Of a call that was cut nothing may have been told but its name.
            half = cut and place == len(blocks) - 1 and not (block.text.strip() or block.given)
            if arguments is not None and block.name and not half:
                calls.append(ToolCall(block.id, block.name, arguments))
            elif not cut:
                model = self.connection.vendor_model
                raise finding(
                    self.connection, "malformed", f"The model {model} called a tool with arguments that are no object."
                )
        if calls:
            yield ChatDelta(tool_calls=tuple(calls))
        if not cut:
            ending = "tool_calls" if calls else "stop"
        yield ChatDelta(usage=self._usage(), finish_reason=ending, provider_state=self._state(blocks))

    def _all(self, message: Mapping[str, Any]) -> Iterator[ChatDelta]:
        self._count(message.get("usage"))
        content = message.get("content")
        for index, block in enumerate(content if isinstance(content, list) else []):
            yield from self._open(index, _mapping(block))
        self._stop(message.get("stop_reason"))
        self.ended = True

    def _open(self, index: int, block: Mapping[str, Any]) -> Iterator[ChatDelta]:
        kind = _text(block.get("type"))
        opened = _Block(kind)
        self.blocks[index] = opened
        match kind:
            case "text":
                yield from self._told(opened, _text(block.get("text")))
            case "thinking":
                opened.signature = _text(block.get("signature"))
                yield from self._told(opened, _text(block.get("thinking")))
            case "redacted_thinking":
                opened.text = _text(block.get("data"))
                self.begun = True
            case "tool_use":
                opened.id = _text(block.get("id")) or f"call_{uuid.uuid4().hex}"
                opened.name = _text(block.get("name"))
                opened.given = dict(_mapping(block.get("input")))
                self.begun = True
            case _:
                pass  # what a tool of the provider's own does; none is asked for

    def _grow(self, index: int, delta: Mapping[str, Any]) -> Iterator[ChatDelta]:
        kind = _text(delta.get("type"))
        opened = self.blocks.get(index)
        if opened is None:
            # Some servers do not say that a block begins.
            opened = self.blocks[index] = _Block({"thinking_delta": "thinking", "text_delta": "text"}.get(kind, ""))
        match kind:
            case "text_delta":
                yield from self._told(opened, _text(delta.get("text")))
            case "thinking_delta":
                yield from self._told(opened, _text(delta.get("thinking")))
            case "signature_delta":
                opened.signature += _text(delta.get("signature"))
            case "input_json_delta":
                opened.text += _text(delta.get("partial_json"))
                self.begun = True
            case _:
                pass  # a citation: the text it belongs to has been told

    def _told(self, block: _Block, text: str) -> Iterator[ChatDelta]:
        if not text:
            return
        self.begun = True
        block.text += text
        yield ChatDelta(reasoning=text) if block.kind == "thinking" else ChatDelta(text=text)

    def _stop(self, reason: object) -> None:
        self.stop_reason = _text(reason) or self.stop_reason

    def _count(self, usage: object) -> None:
        """Take the counts over: each event tells what it is so far."""
        told = _mapping(usage)
        given = {name: told.get(name) for name in _COUNTED}
        given["thinking_tokens"] = _mapping(told.get("output_tokens_details")).get("thinking_tokens")
        self.counts |= {name: count for name, count in given.items() if type(count) is int and count >= 0}

    def _usage(self) -> dict[str, int]:
        """Under our names; what was kept or is being kept by the provider is input like any other."""
        counts = self.counts
        if not any(counts.get(name) for name in _COUNTED):
            return {}
        kept = counts.get("cache_read_input_tokens", 0)
        read = counts.get("input_tokens", 0) + kept + counts.get("cache_creation_input_tokens", 0)
        written = counts.get("output_tokens", 0)
        usage = {INPUT: read, OUTPUT: written, TOTAL: read + written}
        return usage | ({CACHED: kept} if kept else {}) | _known(THOUGHT, counts.get("thinking_tokens"))

    def _state(self, told: list[_Block]) -> dict[str, Json]:
        """The order of the blocks, with the thoughts as they were signed; nothing where there are no such."""
        blocks: list[Json] = []
        signed = False
        for block in told:
            match block.kind:
                case "thinking" if block.signature:
                    blocks.append({"type": "thinking", "thinking": block.text, "signature": block.signature})
                    signed = True
                case "redacted_thinking":
                    blocks.append({"type": "redacted_thinking", "data": block.text})
                    signed = True
                case "text":
                    blocks.append({"type": "text", "text": block.text})
                case "tool_use":
                    blocks.append({"type": "tool_use", "id": block.id})
                case _:
                    pass
        return {STATE: {"model": self.connection.vendor_model, "blocks": blocks}} if signed else {}


def _known(name: str, count: int | None) -> dict[str, int]:
    return {} if count is None else {name: count}


def _object(text: str) -> dict[str, Json] | None:
    try:
        value = read_json(text)
    except (InvalidInput, LimitExceeded):
        return None
    return value if isinstance(value, dict) else None


def _index(event: Mapping[str, Any]) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else 0


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
