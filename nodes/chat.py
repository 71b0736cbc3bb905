"""What is said to a chat model and what comes back, the same for every provider: messages, tools, deltas, failures."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from engine.errors import NodeFailed, NodeUnavailable
from engine.values import Json

MediaKind = Literal["image", "audio", "video", "file"]
FinishReason = Literal["", "stop", "length", "tool_calls", "content_filter"]
Reason = Literal[
    "auth",  # the key is wrong, or may not use this model
    "not_found",  # no such model, or no such endpoint
    "bad_request",  # the provider does not take what was asked
    "context_length",  # the conversation is too long for the model
    "content_filter",  # the provider refuses to answer this
    "quota",  # nothing left to spend
    "unsupported",  # the model cannot do what was asked: see its capabilities
    "rate_limited",  # too much at once; `retry_after` says when
    "overloaded",  # the provider is busy or broken (5xx)
    "timeout",  # no first piece, or none for too long
    "connection",  # the connection could not be made, or broke off
    "malformed",  # the answer is not what the protocol says
]

INPUT: Final = "input_tokens"
OUTPUT: Final = "output_tokens"
TOTAL: Final = "total_tokens"
CACHED: Final = "cached_input_tokens"
"""A part of the input tokens that the provider had kept, and charges less for."""
THOUGHT: Final = "reasoning_tokens"
"""A part of the output tokens."""


class ModelFailed(NodeFailed):
    """The provider's answer is no. Facts: `reason` (see `Reason`), `model`, `status` where there is one."""

    code = "model_failed"


class ModelUnavailable(NodeUnavailable):
    """The model cannot be had just now. Facts: `reason`, `model`, `status` and `retry_after` where there are such."""

    code = "model_unavailable"


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text in a message of several parts."""

    text: str


@dataclass(frozen=True, slots=True)
class MediaPart:
    """A picture, sound, film or file in a message: its bytes, or (with `data` None) the URL where they are.

    Before it reaches an adapter a URL is fetched through the egress client, unless the model's row says that the
    provider fetches for itself. `mime_type` is empty when it is not known yet.
    """

    kind: MediaKind
    data: bytes | None = None
    url: str = ""
    mime_type: str = ""
    name: str = ""


Part = TextPart | MediaPart


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool that the model may call. `parameters` is a JSON Schema of type object."""

    name: str
    description: str = ""
    parameters: Mapping[str, Json] = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model wants made, always whole. An adapter makes an `id` where a server sends none."""

    id: str
    name: str
    arguments: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation with a model.

    A message of the role `tool` answers the call `tool_call_id` of the assistant's message before it. `reasoning` and
    `provider_state` of an assistant's message are what came with it, handed back as they were: some providers sign
    their reasoning and want it back beside the answers of tools.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str | tuple[Part, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    reasoning: str = ""
    provider_state: Mapping[str, Json] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text of the content, without its media."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """Wishes; None leaves it to the model's row, and that to the provider. A provider that lacks one ignores it."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    thinking: Literal["auto", "enabled", "disabled"] | None = None
    thinking_tokens: int | None = None
    """How much it may think, where thinking is enabled and the provider counts it."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to a model. `tool_choice` is a tool's name, or one of the words.

    With `json_schema` the answer is to be JSON that fits it (best effort); with `json_object` any JSON object.
    """

    messages: tuple[ChatMessage, ...]
    options: ChatOptions = ChatOptions()
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: str | Literal["auto", "none", "required"] = "auto"
    json_schema: Mapping[str, Json] | None = None
    json_object: bool = False


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """A piece of a model's answer; exactly one piece, the last, has a finish reason, and the usage if there is any."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Mapping[str, int] = field(default_factory=dict)
    """input_tokens, output_tokens, total_tokens; perhaps cached_input_tokens and reasoning_tokens."""
    finish_reason: FinishReason = ""
    provider_state: Mapping[str, Json] = field(default_factory=dict)
    """On the last piece: what the provider wants back with this answer (signed reasoning)."""


class ChatModel(Protocol):
    """A chat model, ready to be called."""

    def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """Ask, and give the answer piece by piece. Closing the iterator ends the call at the provider.

        Raises `ModelFailed` or `ModelUnavailable` (try again), also between two pieces; what the egress guard refuses
        comes as it is.
        """
        ...
