"""OpenAI's SDK, made for one connection: nothing of it comes from the environment, and nothing is sent that we did not
put there.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING, Any, Final

from nodes.chat import ModelFailed
from workers.egress import EgressClient
from workers.egress.vendor import UnreadableUrl, vendor_client
from workers.models.openai_dialect import base_url_of
from workers.models.provider import ModelConnection

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NO_KEY: Final = "none"
API_VERSION: Final = "2024-10-21"
"""Azure's, where none is given."""
_OURS: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding", "user-agent"}
)


class OpenAIClient:
    """The client, made when it is first needed: importing the SDK takes most of a second."""

    def __init__(self, connection: ModelConnection, egress: EgressClient) -> None:
        self._connection = connection
        self._egress = egress
        self._made: AsyncOpenAI | None = None
        self._making = asyncio.Lock()

    async def ready(self) -> AsyncOpenAI:
        """The client. Raises `ModelFailed` where the connection cannot be one."""
        async with self._making:
            if self._made is None:
                # In a thread, so that heartbeats go on meanwhile.
                await asyncio.to_thread(importlib.import_module, "openai")
                try:
                    self._made = self._make()
                except UnreadableUrl:
                    sentence = f"The base_url of the model {self._connection.vendor_model} is no URL."
                    raise self._impossible("bad_request", sentence) from None
            return self._made

    async def aclose(self) -> None:
        """Close the client; the connections belong to the egress client, and stay open for the next."""
        if self._made is not None:
            await self._made.close()

    def _make(self) -> AsyncOpenAI:
        from openai import AsyncAzureOpenAI, AsyncOpenAI

        connection = self._connection
        base_url = base_url_of(connection)
        key = connection.api_key.strip()
        headers = {name: value.strip() for name, value in connection.headers.items() if name.lower() not in _OURS}
        if not base_url:
            raise self._impossible("bad_request", f"The provider {connection.provider} needs a base_url.")
        for name, value in {"api_key": key, **headers}.items():
            if not (value.isascii() and value.isprintable()):
                raise self._impossible("auth", f"The {name} holds characters that cannot be sent.")
        shared: dict[str, Any] = {
            "admin_api_key": "",
            "organization": "",
            "project": "",
            "webhook_secret": "",
            "max_retries": 0,
            "timeout": None,
        }
        azure = connection.provider == "azure"
        # Azure's newer door, …/openai/v1, is OpenAI's own protocol but for the name of the key.
        plain = not azure or base_url.endswith("/v1")
        auth = "api-key" if azure else "authorization"
        names = {"accept", *(name.lower() for name in headers)} | ({auth} if key else set())
        if azure and plain and key:
            headers = {"api-key": key, **headers}
        shared["default_headers"] = headers
        shared["http_client"] = vendor_client(self._egress, headers=frozenset(names))
        if plain:
            return AsyncOpenAI(base_url=base_url, api_key=key or NO_KEY, **shared)
        version = connection.option("api_version") or API_VERSION
        # The deployment is the model that the body names: the SDK puts it into the path.
        return AsyncAzureOpenAI(
            base_url=f"{base_url.removesuffix('/openai')}/openai", api_version=version, api_key=key or NO_KEY, **shared
        )

    def _impossible(self, reason: str, sentence: str) -> ModelFailed:
        return ModelFailed(sentence, reason=reason, model=self._connection.vendor_model)
