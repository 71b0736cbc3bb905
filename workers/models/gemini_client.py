"""The client of Google's SDK for one model, through the guarded egress client, and what its errors mean."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import ssl
import warnings
from typing import TYPE_CHECKING, Any, Final

from engine.errors import FlowError
from nodes.chat import ModelFailed
from workers.egress import EgressClient
from workers.egress.vendor import vendor_client
from workers.models.findings import broke_off
from workers.models.gemini_complaints import from_status, within_stream
from workers.models.headers import own_headers
from workers.models.provider import ModelConnection

if TYPE_CHECKING:
    from google.genai.client import AsyncClient
    from google.genai.errors import APIError

BASE_URL: Final = "https://generativelanguage.googleapis.com"
_VERSION: Final = re.compile(r"/(v\d[a-z0-9]*)$")
_LOCATION: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_REGIONS: Final = ("us", "eu")
_TOKEN: Final = "ya29."  # noqa: S105 - what access tokens begin with, as against API keys


class GeminiClient:
    """Makes the SDK's client when it is first needed: importing the SDK takes more than a second.

    Options of the connection: `backend` (api or vertex), `api_version`; for vertex also `project` and `location`. The
    key is an API key, or for vertex a short-lived access token; the files of service accounts are not taken, because
    tokens would have to be fetched past the egress client.
    """

    def __init__(self, connection: ModelConnection, egress: EgressClient) -> None:
        self._connection = connection
        self._egress = egress
        self._vertex = connection.option("backend") == "vertex"
        given = connection.base_url.rstrip("/")
        # People give the address with and without the version that the SDK puts behind it.
        version = _VERSION.search(given)
        self._version = connection.option("api_version") or (version[1] if version else "")
        self._given = given[: version.start()] if version else given
        self._client: AsyncClient | None = None
        self._making = asyncio.Lock()

    @property
    def base_url(self) -> str:
        """Where the calls go. Raises `ModelFailed` for a location that is none."""
        if self._given:
            return self._given
        if not self._vertex:
            return BASE_URL
        location = self._location
        if location == "global":
            return "https://aiplatform.googleapis.com"
        if location in _REGIONS:
            return f"https://aiplatform.{location}.rep.googleapis.com"
        return f"https://{location}-aiplatform.googleapis.com"

    async def made(self) -> AsyncClient:
        """The client. Nothing of it comes from the environment: neither key nor project, addresses nor proxy."""
        async with self._making:
            if self._client is None:
                access = self._access()
                # In a thread, so that heartbeats go on meanwhile.
                await asyncio.to_thread(importlib.import_module, "google.genai")
                self._client = await asyncio.to_thread(self._make, access)
            return self._client

    async def aclose(self) -> None:
        """Close the SDK's client; the connections belong to the egress client."""
        if self._client is not None:
            await self._client.aclose()

    def complaint(self, error: APIError, *, begun: bool) -> FlowError:
        """The finding behind an error of the SDK: the answer itself, or a piece of it where it has begun."""
        code: Any = error.code  # what an answer says, whatever it says
        status = code if isinstance(code, int) else 500
        if begun or not hasattr(error.response, "status_code"):
            return within_stream(self._connection, status, error.details)
        given: Any = error.response
        headers = {str(name).lower(): str(value) for name, value in given.headers.items()}
        return from_status(self._connection, status, error.details, headers)

    def lost(self, error: Exception) -> FlowError:
        """What the network did."""
        return broke_off(self._connection, error, self.base_url)

    @property
    def _location(self) -> str:
        location = self._connection.option("location") or "global"
        if not _LOCATION.fullmatch(location):
            raise self._refused("bad_request", "the option location names no place of Google Cloud")
        return location

    def _access(self) -> dict[str, Any]:
        """What the SDK is told of who asks."""
        key = self._connection.api_key.strip()
        if not self._vertex:
            return {"vertexai": False, "api_key": key or "none"}
        if key.startswith("{"):
            raise self._refused(
                "unsupported", "give it an API key or an access token, the file of a service account cannot be used"
            )
        if not key:
            raise self._refused("auth", "Vertex AI needs an API key or an access token")
        project = self._connection.option("project")
        place = {"project": project, "location": self._location} if project else {}
        if not key.startswith(_TOKEN):
            return {"vertexai": True, "api_key": key, **place}
        if not project:
            raise self._refused("bad_request", "with an access token the option project is needed")
        return {"vertexai": True, "token": key, **place}

    def _make(self, access: dict[str, Any]) -> AsyncClient:
        # It would choose among libraries that are not there; nobody else reads it.
        os.environ.pop("GOOGLE_GENAI_HTTP_CLIENT", None)
        # A word of an answer that is newer than the SDK is no news for whoever reads the log.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"google\.genai\._common")
        from google.genai import Client
        from google.genai.client import DebugConfig
        from google.genai.types import HttpOptions

        if token := access.pop("token", ""):
            from google.oauth2.credentials import Credentials

            access["credentials"] = Credentials(token=token)  # type: ignore[no-untyped-call]
        headers = own_headers(self._connection)
        auth = {"authorization" if token else "x-goog-api-key"} if self._connection.api_key.strip() else set[str]()
        # For the transports that the SDK makes and we never use: without this it would read certificates for each.
        unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        options = HttpOptions(
            base_url=self.base_url,
            api_version=self._version or ("v1beta1" if self._vertex else "v1beta"),
            headers=headers,
            httpx_async_client=vendor_client(self._egress, headers=frozenset({"accept", *auth, *headers})),
            client_args={"verify": unused, "trust_env": False},
            async_client_args={"verify": unused, "ssl": unused},
        )
        debug = DebugConfig(client_mode="", replays_directory="", replay_id="")
        return Client(**access, debug_config=debug, http_options=options).aio

    def _refused(self, reason: str, why: str) -> ModelFailed:
        model = self._connection.vendor_model
        return ModelFailed(f"The model {model} cannot be reached: {why}.", reason=reason, model=model)
