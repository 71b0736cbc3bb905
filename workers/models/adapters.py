"""The adapter for a model, by its provider; what it needs is imported when the first of its kind is made."""

from __future__ import annotations

import importlib
from typing import Final, Protocol, cast

from nodes.chat import ChatModel
from workers.egress import EgressClient
from workers.models.provider import ModelConnection, ProviderName

OPENAI: Final = ("workers.models.openai_chat", "OpenAIChat")
CHAT: Final[dict[ProviderName, tuple[str, str]]] = {
    "openai": OPENAI,
    "azure": OPENAI,
    "qwen": OPENAI,
    "deepseek": OPENAI,
    "ark": OPENAI,
    "ollama": OPENAI,
    "openai_compatible": OPENAI,
    "anthropic": ("workers.models.anthropic_chat", "AnthropicChat"),
    "gemini": ("workers.models.gemini_chat", "GeminiChat"),
}


class ChatAdapter(ChatModel, Protocol):
    """A chat model that lets go of its client in the end; the connections belong to the egress client."""

    async def aclose(self) -> None: ...


def chat_adapter(connection: ModelConnection, egress: EgressClient) -> ChatAdapter:
    """The adapter that speaks this provider's protocol: cheap to make, its SDK is imported when it is first asked."""
    module, name = CHAT[connection.provider]
    return cast("ChatAdapter", getattr(importlib.import_module(module), name)(connection, egress))
