"""The local models as nodes know them: by the name `local`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Generic, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

from engine.values import Json
from nodes.chat import ChatDelta, ChatMessage, ChatRequest, ModelFailed
from nodes.ranking import Embeddings
from workers.egress import EgressClient, EgressPolicy
from workers.local_models.installed import (
    CHAT_MODEL,
    EMBEDDING_DIMENSIONS,
    EMBEDDING_MODEL,
    has_chat,
    has_embedder,
)
from workers.local_models.server import LocalServer
from workers.local_models.telling import Listening
from workers.models.adapters import ChatAdapter, EmbeddingAdapter, chat_adapter, embedding_adapter
from workers.models.provider import ModelConnection

LOCAL: Final = "local"
_ASSISTANT: Final = ChatMessage("system", "You are a helpful assistant.")
_FIRST_TOKEN_SECONDS: Final = 300.0
"""Reading a long prompt takes a small model on one core minutes, and nobody else's time."""


class _Closing(Protocol):
    async def aclose(self) -> None: ...


Adapter = TypeVar("Adapter", bound=_Closing)


class _Served(Generic[Adapter]):
    """A process and the adapter to it, which is made anew when the process had to be."""

    def __init__(
        self,
        server: LocalServer,
        model: str,
        make: Callable[[ModelConnection, EgressClient], Adapter],
        options: dict[str, Json],
        installed: Callable[[], bool],
    ) -> None:
        self._server = server
        self._installed = installed
        self._model = model
        self._make = make
        self._options = options
        self._made: tuple[Listening, Adapter, EgressClient] | None = None

    async def adapter(self) -> Adapter:
        """What speaks with the process. Raises `ModelFailed` where the model is not installed.

        Whether it is, is looked up each time: it may be installed while everything runs.
        """
        if not self._installed():
            raise ModelFailed(
                f"The local model {self._model} is not installed on this machine: `make local-models` fetches it.",
                reason="not_found",
                model=LOCAL,
            )
        where = await self._server.listening()
        if self._made is None or self._made[0] != where:
            await self._let_go()
            # A client of its own: the guard of the others lets nobody call this machine.
            egress = EgressClient(EgressPolicy(allow=(urlsplit(where.base_url).netloc,)))
            connection = ModelConnection(
                "openai_compatible",
                self._model,
                base_url=where.base_url,
                api_key=where.api_key,
                options=self._options,
                first_token_seconds=_FIRST_TOKEN_SECONDS,
            )
            self._made = (where, self._make(connection, egress), egress)
        return self._made[1]

    async def aclose(self) -> None:
        """End the process."""
        await self._let_go()
        await self._server.stop()

    async def _let_go(self) -> None:
        if self._made is not None:
            _, adapter, egress = self._made
            self._made = None
            await adapter.aclose()
            await egress.aclose()


class LocalChat:
    """Implements `nodes.chat.ChatModel`; its process starts with the first question.

    So small a model loses its thread, and its language, when little is said to it and much is left to chance. Where a
    request leaves it open, it is a helpful assistant that says what is likeliest.
    """

    def __init__(self, served: _Served[ChatAdapter]) -> None:
        self._served = served

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """Ask the model."""
        if all(message.role != "system" for message in request.messages):
            request = replace(request, messages=(_ASSISTANT, *request.messages))
        if request.options.temperature is None:
            request = replace(request, options=replace(request.options, temperature=0.0))
        adapter = await self._served.adapter()
        answer: Any = adapter.stream(request)
        async with aclosing(answer) as deltas:
            async for delta in deltas:
                yield delta


class LocalEmbedder:
    """Implements `nodes.ranking.Embedder`; its process starts with the first text."""

    def __init__(self, served: _Served[EmbeddingAdapter]) -> None:
        self._served = served

    @property
    def dimensions(self) -> int:
        """384."""
        return EMBEDDING_DIMENSIONS

    async def embed(self, texts: Sequence[str], *, purpose: Literal["document", "query"] = "document") -> Embeddings:
        """The vectors, of length one."""
        return await (await self._served.adapter()).embed(texts, purpose=purpose)


class LocalModels:
    """Both of them; `folder` takes what their processes write. `chats` and `embeds` say whether they are installed."""

    def __init__(
        self, folder: Path, *, chats: Callable[[], bool] = has_chat, embeds: Callable[[], bool] = has_embedder
    ) -> None:
        self._chat = _Served(
            LocalServer(CHAT_MODEL, "workers.local_models.chat_child", folder / "local-model.log"),
            CHAT_MODEL,
            chat_adapter,
            {},
            chats,
        )
        self._embedder = _Served(
            LocalServer(EMBEDDING_MODEL, "workers.local_models.embedding_child", folder / "local-embeddings.log"),
            EMBEDDING_MODEL,
            embedding_adapter,
            {"dimensions": EMBEDDING_DIMENSIONS, "purpose_field": "input_type"},
            embeds,
        )

    def chat(self) -> LocalChat:
        """The chat model."""
        return LocalChat(self._chat)

    def embedder(self) -> LocalEmbedder:
        """The embedding model."""
        return LocalEmbedder(self._embedder)

    async def aclose(self) -> None:
        """End their processes."""
        await self._chat.aclose()
        await self._embedder.aclose()
