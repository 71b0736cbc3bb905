"""The models by their names: what the settings configure, and the scripted provider, which is always there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from conf.settings import Settings
from nodes.chat import ChatModel, ModelFailed
from nodes.context import Models
from nodes.ranking import Embedder, Reranker
from workers.egress import EgressClient
from workers.models.openai_chat import OpenAIChat, OpenAIConnection
from workers.models.provider import ChatProvider
from workers.models.scripted import ScriptedModel
from workers.models.source import CallSite

DEFAULT: Final = "default"
SCRIPTED: Final = "scripted"
SLOW: Final = "scripted:slow"
SLOW_SECONDS: Final = 0.1


class ModelRegistry:
    """Implements `ModelSource` and `Models`. `default` is the scripted model where there is no provider."""

    def __init__(
        self,
        provider: ChatProvider | None = None,
        egress: EgressClient | None = None,
        *,
        scripted_replies: Mapping[str, str] | None = None,
    ) -> None:
        scripted = ScriptedModel(replies=scripted_replies)
        self._models: dict[str, ChatModel] = {
            DEFAULT: scripted,
            SCRIPTED: scripted,
            SLOW: ScriptedModel(replies=scripted_replies, delay=SLOW_SECONDS),
        }
        self._connection: OpenAIConnection | None = None
        if provider is not None:
            if egress is None:
                raise TypeError("A provider is reached through the egress client, so one is needed.")
            self._connection = OpenAIConnection(provider, egress)
            for name in (provider.model, *provider.models):
                # The names of the scripted provider always mean it: a canvas made with them says so.
                self._models.setdefault(name, OpenAIChat(self._connection, name))
            self._models[DEFAULT] = OpenAIChat(self._connection, provider.model)

    @classmethod
    def of(cls, settings: Settings, egress: EgressClient) -> ModelRegistry:
        """What the settings configure: one server, or none."""
        if not settings.model_base_url:
            return cls()
        provider = ChatProvider(
            base_url=settings.model_base_url,
            model=settings.model_name or DEFAULT,
            api_key=settings.model_api_key.get_secret_value(),
        )
        return cls(provider, egress)

    def names(self) -> tuple[str, ...]:
        """Every name that `chat` knows."""
        return tuple(self._models)

    def at(self, site: CallSite) -> Models:
        """See `ModelSource`: the same for all."""
        return self

    async def chat(self, name: str) -> ChatModel:
        """The model of this name. Raises `ModelFailed` and lists the known names when there is none."""
        if (model := self._models.get(name)) is None:
            raise _unknown(name, list(self._models))
        return model

    async def embedder(self, name: str) -> Embedder:
        """See `Models`."""
        raise _unknown(name, [])

    async def reranker(self, name: str) -> Reranker:
        """See `Models`."""
        raise _unknown(name, [])

    async def aclose(self) -> None:
        """Let go of the provider."""
        if self._connection is not None:
            await self._connection.aclose()


def _unknown(name: str, known: list[str]) -> ModelFailed:
    listed = ", ".join(known) or "none of this kind"
    return ModelFailed(f"There is no model {name[:80]!r}; there are: {listed}.", reason="not_found", known=[*known])
