"""What is said differently by those who speak OpenAI's protocol: one profile for each provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from nodes.chat import ChatOptions, MediaKind
from workers.models.provider import ModelConnection, ProviderName

Thinking = Literal["effort", "switch", "type", "think", "template"]
"""How thinking is turned on and off.

`effort`: OpenAI's reasoning_effort. `switch`: Qwen's enable_thinking and thinking_budget. `type`: thinking {type} of
Ark and DeepSeek. `think`: Ollama's. `template`: an argument of the model's chat template, as vLLM and llama.cpp
take it.
"""

LITTLE: Final = 2048
MUCH: Final = 16_384
"""Tokens of thinking: up to the first it is a low effort, from the second on a high one."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one provider words a request, and what must be looked for in its answers."""

    base_url: str = ""
    """The provider's own."""
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    thinking: Thinking = "effort"
    formats: tuple[str, ...] = ("json_schema", "json_object")
    top_k: bool = False
    frequency_penalty: bool = True
    seed: bool = True
    media: frozenset[MediaKind] = frozenset({"image"})
    sound_as_uri: bool = False
    """Sound goes as a data URI or an URL, not as bare Base64."""
    returns_reasoning: str = ""
    """The field in which reasoning is handed back beside the answers of tools; empty where it is dropped."""
    inline: bool = False
    """Reasoning may come as <think> within the text, and calls as <tool_call>: models behind plain servers write what
    their templates taught them. Hosted models have parsers, and text that quotes such tags must not become a call.
    """


DIALECTS: Final[Mapping[ProviderName, Dialect]] = {
    "openai": Dialect(
        base_url="https://api.openai.com/v1",
        limit="max_completion_tokens",
        media=frozenset({"image", "audio", "file"}),
    ),
    "azure": Dialect(limit="max_completion_tokens", media=frozenset({"image", "audio", "file"})),
    "qwen": Dialect(
        base_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
        thinking="switch",
        top_k=True,
        frequency_penalty=False,
        media=frozenset({"image", "audio", "video"}),
        sound_as_uri=True,
    ),
    "deepseek": Dialect(
        base_url="https://api.deepseek.com/v1",
        thinking="type",
        formats=("json_object",),
        seed=False,
        media=frozenset(),
        returns_reasoning="reasoning_content",
    ),
    "ark": Dialect(
        base_url="https://ark.{region}.volces.com/api/v3",
        thinking="type",
        seed=False,
        media=frozenset({"image", "video"}),
        returns_reasoning="reasoning_content",
    ),
    "ollama": Dialect(
        base_url="http://127.0.0.1:11434/v1", thinking="think", returns_reasoning="reasoning", inline=True
    ),
    "openai_compatible": Dialect(
        thinking="template", top_k=True, media=frozenset({"image", "audio", "video", "file"}), inline=True
    ),
}
REGION: Final = "cn-beijing"
"""Where Ark is, unless a region is named."""


def dialect_of(connection: ModelConnection) -> Dialect:
    """The dialect of a connection, whose provider is one of `DIALECTS`."""
    dialect = DIALECTS[connection.provider]
    host = urlsplit(connection.base_url).hostname or "api.openai.com"
    if connection.provider == "openai" and not host.endswith(".openai.com"):
        # What stands in for OpenAI may know the old name only, and pass over the new one without a word.
        return replace(dialect, limit="max_tokens")
    return dialect


def base_url_of(connection: ModelConnection) -> str:
    """Where the connection leads: the provider's own address unless another is given."""
    own = DIALECTS[connection.provider].base_url.format(region=connection.option("region") or REGION)
    return connection.base_url.rstrip("/") or own


def options_in(dialect: Dialect, wishes: ChatOptions) -> dict[str, Any]:
    """The wishes in the words of this dialect; what it has no word for is left out."""
    named: dict[str, Any] = {
        "temperature": wishes.temperature,
        "top_p": wishes.top_p,
        "top_k": wishes.top_k if dialect.top_k else None,
        dialect.limit: wishes.max_tokens,
        "frequency_penalty": wishes.frequency_penalty if dialect.frequency_penalty else None,
        "presence_penalty": wishes.presence_penalty,
        "stop": list(wishes.stop) or None,
        "seed": wishes.seed if dialect.seed else None,
    }
    made = {name: value for name, value in named.items() if value is not None}
    return made | _thinking(dialect.thinking, wishes)


def _thinking(way: Thinking, wishes: ChatOptions) -> dict[str, Any]:
    if wishes.thinking is None or (wishes.thinking == "auto" and way != "type"):
        return {}
    on = wishes.thinking == "enabled"
    match way:
        case "effort":
            return {"reasoning_effort": _effort(wishes.thinking_tokens) if on else "none"}
        case "switch":
            budget = {"thinking_budget": wishes.thinking_tokens} if on and wishes.thinking_tokens else {}
            return {"enable_thinking": on, **budget}
        case "type":
            # Ark knows auto for some of its models; who does not know it says so, and is asked again without.
            return {"thinking": {"type": wishes.thinking}}
        case "think":
            return {"think": on} if on else {"think": False, "reasoning_effort": "none"}
        case "template":
            # Templates of the Qwen family read the one name, those of DeepSeek's the other.
            return {"chat_template_kwargs": {"enable_thinking": on, "thinking": on}}


def _effort(tokens: int | None) -> str:
    if tokens is None:
        return "medium"
    return "low" if tokens <= LITTLE else "high" if tokens >= MUCH else "medium"
