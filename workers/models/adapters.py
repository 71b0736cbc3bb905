"""The adapter for a model, by its provider; what it needs is imported when the first of its kind is made."""

from __future__ import annotations

import importlib
from typing import Final, Protocol, cast

from nodes.chat import ChatModel, ModelFailed
from nodes.ranking import Embedder, Reranker
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

HTTP_EMBEDDER: Final = ("workers.models.embedders", "JsonEmbedder")
EMBEDDERS: Final[dict[ProviderName, tuple[str, str]]] = {
    "openai": HTTP_EMBEDDER,
    "azure": HTTP_EMBEDDER,
    "qwen": HTTP_EMBEDDER,
    "ark": HTTP_EMBEDDER,
    "ollama": HTTP_EMBEDDER,
    "openai_compatible": HTTP_EMBEDDER,
    "gemini": ("workers.models.gemini_embedder", "GeminiEmbedder"),
}
"""Who has models for embeddings: the others have none."""


class ChatAdapter(ChatModel, Protocol):
    """A chat model that lets go of its client in the end; the connections belong to the egress client."""

    async def aclose(self) -> None: ...


class EmbeddingAdapter(Embedder, Protocol):
    """An embedder that lets go of its client in the end."""

    async def aclose(self) -> None: ...


class RerankAdapter(Reranker, Protocol):
    """A reranker that lets go of its client in the end."""

    async def aclose(self) -> None: ...


def chat_adapter(connection: ModelConnection, egress: EgressClient) -> ChatAdapter:
    """The adapter that speaks this provider's protocol: cheap to make, its SDK is imported when it is first asked."""
    module, name = CHAT[connection.provider]
    return cast("ChatAdapter", getattr(importlib.import_module(module), name)(connection, egress))


def embedding_adapter(connection: ModelConnection, egress: EgressClient) -> EmbeddingAdapter:
    """The embedder of this provider. Raises `ModelFailed` for one that has none."""
    if (place := EMBEDDERS.get(connection.provider)) is None:
        raise ModelFailed(
            f"The provider {connection.provider} has no models that turn texts into vectors.",
            reason="unsupported",
            model=connection.vendor_model,
        )
    module, name = place
    return cast("EmbeddingAdapter", getattr(importlib.import_module(module), name)(connection, egress))


def rerank_adapter(connection: ModelConnection, egress: EgressClient) -> RerankAdapter:
    """The reranker behind an endpoint like Jina's, whoever's it is."""
    return cast("RerankAdapter", importlib.import_module("workers.models.rerankers").JsonReranker(connection, egress))
