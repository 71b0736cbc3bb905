"""The chunks of an answer in Google's Gemini protocol, put together to pieces that are whole."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from engine.values import Json
from nodes.chat import CACHED, INPUT, OUTPUT, THOUGHT, TOTAL, ChatDelta, FinishReason, ToolCall
from workers.models.findings import finding
from workers.models.gemini_request import STATE
from workers.models.provider import ModelConnection

if TYPE_CHECKING:
    from google.genai.types import GenerateContentResponse, Part

_LENGTH: Final = frozenset({"MAX_TOKENS", "CONTINUATION"})
_PLAIN: Final = frozenset({"STOP", "FINISH_REASON_UNSPECIFIED", "NO_IMAGE", "IMAGE_OTHER"})
_BAD_CALLS: Final = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"})
_BAD: Final = _BAD_CALLS | {"MALFORMED_RESPONSE"}
_UNSIGNED: Final = "MISSING_THOUGHT_SIGNATURE"
_COUNTED: Final = (
    "prompt_token_count",
    "tool_use_prompt_token_count",
    "candidates_token_count",
    "thoughts_token_count",
    "cached_content_token_count",
    "total_token_count",
)


@dataclass(slots=True)
class Answer:
    """What has come of an answer."""

    connection: ModelConnection
    begun: bool = False
    """Whether a piece of text, of a thought or a call has come."""
    finish_reason: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    calls: list[ToolCall] = field(default_factory=list)
    parts: list[dict[str, Json]] = field(default_factory=list)
    """The order of texts, signed thoughts and calls, as it is handed back."""

    @property
    def whole(self) -> bool:
        """Whether the answer came to an end."""
        return bool(self.finish_reason)

    def take(self, chunk: GenerateContentResponse) -> Iterator[ChatDelta]:
        """The pieces in a chunk. Raises when it says that nothing will come."""
        self._count(chunk.usage_metadata)
        feedback = chunk.prompt_feedback
        if feedback is not None and feedback.block_reason is not None:
            why = feedback.block_reason_message or _name(feedback.block_reason)
            model = self.connection.vendor_model
            raise finding(
                self.connection, "content_filter", f"The provider of the model {model} does not answer this: {why}"
            )
        for candidate in (chunk.candidates or [])[:1]:
            for part in (candidate.content.parts or []) if candidate.content is not None else []:
                yield from self._part(part)
            self.finish_reason = _name(candidate.finish_reason) or self.finish_reason

    def rest(self) -> Iterator[ChatDelta]:
        """The pieces that end the answer: its calls, and the last. Raises when the model made nonsense of its end."""
        ending = self.finish_reason
        model = self.connection.vendor_model
        if ending in _BAD:
            what = "called a tool as nobody can" if ending in _BAD_CALLS else "gave an answer that nobody can read"
            raise finding(self.connection, "malformed", f"The model {model} {what} ({ending}).")
        if ending == _UNSIGNED:
            raise finding(
                self.connection, "bad_request", f"The model {model} misses the signature of a thought ({ending})."
            )
        if self.calls:
            yield ChatDelta(tool_calls=tuple(self.calls))
        finish: FinishReason = "content_filter"
        if ending in _PLAIN:
            finish = "tool_calls" if self.calls else "stop"
        elif ending in _LENGTH:
            finish = "length"
        yield ChatDelta(usage=self._usage(), finish_reason=finish, provider_state=self._state())

    def _part(self, part: Part) -> Iterator[ChatDelta]:
        signature = part.thought_signature
        kept: dict[str, Json] = {}
        if part.function_call is not None and part.function_call.name:
            call = ToolCall(
                part.function_call.id or f"call_{uuid.uuid4().hex}",
                part.function_call.name,
                dict(part.function_call.args or {}),
            )
            self.calls.append(call)
            self.begun = True
            kept = {"call": call.id}
        elif part.text:
            self.begun = True
            yield ChatDelta(reasoning=part.text) if part.thought else ChatDelta(text=part.text)
            kept = {"text": part.text, **({"thought": True} if part.thought else {})}
        elif signature:
            kept = {"text": ""}
        if kept:
            self._keep(kept, signature)

    def _keep(self, kept: dict[str, Json], signature: bytes | None) -> None:
        if signature:
            kept["signature"] = base64.b64encode(signature).decode("ascii")
        elif kept.get("thought"):
            return  # a summary for people; the model has no use for it
        last = self.parts[-1] if self.parts else {}
        if not signature and "text" in kept and last.keys() == {"text"}:
            last["text"] = f"{last['text']}{kept['text']}"
        else:
            self.parts.append(kept)

    def _count(self, usage: Any) -> None:
        """Take the counts over: each chunk tells what it is so far."""
        given = {name: getattr(usage, name, None) for name in _COUNTED}
        self.counts |= {name: count for name, count in given.items() if isinstance(count, int) and count >= 0}

    def _usage(self) -> dict[str, int]:
        """Under our names; thinking is output, and what tools of the provider said is input."""
        counts: Mapping[str, int] = self.counts
        if not any(counts.values()):
            return {}
        read = counts.get("prompt_token_count", 0) + counts.get("tool_use_prompt_token_count", 0)
        thought = counts.get("thoughts_token_count", 0)
        written = counts.get("candidates_token_count", 0) + thought
        usage = {INPUT: read, OUTPUT: written, TOTAL: counts.get("total_token_count") or read + written}
        cached = counts.get("cached_content_token_count", 0)
        return usage | ({CACHED: cached} if cached else {}) | ({THOUGHT: thought} if thought else {})

    def _state(self) -> dict[str, Json]:
        """The parts, where any of them is signed."""
        if not any("signature" in part for part in self.parts):
            return {}
        parts: list[Json] = [dict(part) for part in self.parts]
        return {STATE: {"model": self.connection.vendor_model, "parts": parts}}


def _name(value: Any) -> str:
    """The name of an enumeration's value, also of one that the SDK does not know yet."""
    return "" if value is None else str(getattr(value, "value", value)).upper()
