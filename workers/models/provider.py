"""Where a model is reached, and how patient we are with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final, Literal

from engine.values import Json
from nodes.chat import ChatOptions

ProviderName = Literal[
    "openai",
    "azure",
    "anthropic",
    "gemini",
    "qwen",  # DashScope's compatible mode
    "deepseek",
    "ark",  # Volcengine's Doubao
    "ollama",
    "openai_compatible",  # vLLM, llama.cpp, LM Studio, and whatever else speaks OpenAI's protocol
]
"""Whose protocol a model speaks, and with which habits."""

HIDDEN: Final = "•••"
SHORTEST_SECRET: Final = 8
"""What is shorter than this is no secret worth hiding, and would leave holes in every sentence."""


@dataclass(frozen=True, slots=True)
class ModelConnection:
    """One model at one provider: all that an adapter must know.

    `base_url` empty means the provider's own. `options` by provider: azure `api_version` and `deployment`; gemini
    `backend` (api or vertex), `project` and `location`; ark `region`; any of them `headers`, an object of texts.
    """

    provider: ProviderName
    vendor_model: str
    """What the provider calls it."""
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    options: Mapping[str, Json] = field(default_factory=dict, repr=False)
    first_token_seconds: float = 120.0
    """From the request to the first piece of the answer, of the reasoning, or of a call."""
    gap_seconds: float = 60.0
    """Between two pieces."""
    defaults: ChatOptions = field(default_factory=ChatOptions)
    """What holds where a request leaves it open."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The further headers that the options name."""
        given = self.options.get("headers")
        return {name: str(value) for name, value in given.items()} if isinstance(given, dict) else {}

    def option(self, name: str) -> str:
        """An option as a text; empty when it is not set."""
        value = self.options.get(name)
        return "" if value is None else str(value)

    def wishes(self, asked: ChatOptions) -> ChatOptions:
        """What was asked for, filled up with the defaults."""
        merged = {
            one.name: getattr(self.defaults if _open(getattr(asked, one.name)) else asked, one.name)
            for one in fields(ChatOptions)
        }
        return ChatOptions(**merged)

    def hide(self, text: str) -> str:
        """The text without the key, or what the headers hold, should a server repeat it."""
        secrets = [key] if (key := self.api_key.strip()) else []
        secrets += [value for value in self.headers.values() if len(value) >= SHORTEST_SECRET]
        for secret in sorted(secrets, key=len, reverse=True):
            text = re.sub(re.escape(secret), HIDDEN, text, flags=re.IGNORECASE)
        return text


def _open(value: object) -> bool:
    return value is None or value == ()
