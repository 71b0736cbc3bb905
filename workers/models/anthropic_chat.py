"""The chat model behind Anthropic's messages protocol, through its SDK and the guarded egress client."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from typing import TYPE_CHECKING, Any, Final

from engine.errors import FlowError, InvalidInput, LimitExceeded
from engine.json_text import read_json
from nodes.chat import ChatDelta, ChatRequest, ModelFailed, ModelUnavailable
from workers.egress import EgressClient
from workers.egress.vendor import NetworkTrouble, UnreadableUrl, vendor_client
from workers.models.anthropic_complaints import from_status
from workers.models.anthropic_events import Answer
from workers.models.anthropic_request import EXTRAS, Asking, asking
from workers.models.complaints import sentence_of
from workers.models.findings import broke_off, finding, no_stream, not_whole
from workers.models.habits import Habits
from workers.models.headers import own_headers
from workers.models.patience import Patience
from workers.models.provider import ModelConnection
from workers.models.schemas import holdable
from workers.models.sse import events

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from anthropic._response import AsyncAPIResponse

BASE_URL: Final = "https://api.anthropic.com"
VERSION: Final = "2026-10-21"
"""Of the protocol: the one that the SDK speaks, said here so that nothing else can say it."""
_DRAINING: Final = 0.2


class AnthropicChat:
    """One model. Implements `nodes.chat.ChatModel`.

    Options of the connection: `version`, of the protocol, for a server that knows only an older one; and `headers`,
    which may hold an `x-api-key` where a server wants it there.
    """

    def __init__(self, connection: ModelConnection, egress: EgressClient) -> None:
        self._connection = connection
        self._egress = egress
        # People give the address with and without the version that the SDK puts behind it.
        self._base_url = (connection.base_url or BASE_URL).rstrip("/").removesuffix("/v1")
        self._headers: dict[str, str] = {}
        self._habits = Habits(EXTRAS)
        self._client: AsyncAnthropic | None = None
        self._making = asyncio.Lock()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """See `ChatModel`."""
        client = await self._made()
        patience = Patience(self._connection)
        answer = Answer(self._connection)
        async with AsyncExitStack() as stack:
            try:
                response = await patience.wait(self._open(client, stack, request), begun=False)
                told = await stack.enter_async_context(aclosing(self._events(response)))
                while not answer.ended and (
                    (event := await patience.wait(_next_but_pings(told), begun=answer.begun)) is not None
                ):
                    for delta in answer.take(event):
                        yield delta
            except NetworkTrouble as error:
                raise broke_off(self._connection, error, self._base_url) from error
            if not answer.whole:
                raise not_whole(self._connection)
            for delta in answer.rest():
                yield delta
            # A body that was read to its end leaves its connection to the next call.
            with suppress(TimeoutError, NetworkTrouble, FlowError):
                async with asyncio.timeout(_DRAINING):
                    await anext(told, None)

    async def aclose(self) -> None:
        """Close the SDK's client; the connections belong to the egress client."""
        if self._client is not None:
            await self._client.close()

    async def _open(self, client: AsyncAnthropic, stack: AsyncExitStack, request: ChatRequest) -> AsyncAPIResponse[Any]:
        """Send the request; a model that refuses one of its extras is asked again without it, now and ever after."""
        from anthropic import APIConnectionError, APIStatusError

        while True:
            asked = self._asking(request)
            create: Any = client.messages.with_streaming_response.create
            try:
                response: AsyncAPIResponse[Any] = await stack.enter_async_context(
                    create(
                        **asked.body,
                        stream=True,
                        extra_headers=self._headers,
                        extra_body=dict(asked.further) or None,
                    )
                )
                return response
            except APIStatusError as error:
                said = sentence_of(error.body)
                if error.status_code not in (400, 422) or not self._habits.learn(asked.extras, said):
                    headers = {name.lower(): value for name, value in error.response.headers.items()}
                    # The SDK's error holds what the server said, and that may hold the key.
                    raise from_status(self._connection, error.status_code, error.body, headers) from None
            except APIConnectionError as error:
                raise broke_off(self._connection, error, self._base_url) from error
            except UnicodeEncodeError:
                raise finding(
                    self._connection, "bad_request", "The messages hold half a character, which cannot be sent."
                ) from None

    def _asking(self, request: ChatRequest) -> Asking:
        from anthropic import transform_schema

        schema = request.json_schema
        fitted = transform_schema(dict(schema)) if schema is not None and holdable(schema) else None
        return asking(self._connection, request, self._habits, fitted)

    async def _events(self, response: AsyncAPIResponse[Any]) -> AsyncGenerator[Mapping[str, Any]]:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            yield self._parsed((await response.read()).decode(errors="replace"))
            return
        heard = False
        async with aclosing(events(response.iter_bytes())) as told:
            async for event in told:
                if not event.whole:
                    break
                heard = True
                yield self._parsed(event.data)
        if not heard and kind != "text/event-stream":
            raise no_stream(self._connection, kind)

    def _parsed(self, text: str) -> Mapping[str, Any]:
        try:
            event = read_json(text)
        except (InvalidInput, LimitExceeded) as error:
            raise self._malformed() from error
        if not isinstance(event, dict):
            raise self._malformed()
        return event

    def _malformed(self) -> ModelFailed | ModelUnavailable:
        model = self._connection.vendor_model
        return finding(self._connection, "malformed", f"The provider of the model {model} sent an event that is none.")

    async def _made(self) -> AsyncAnthropic:
        """The SDK's client, made when it is first needed: importing the SDK takes more than a second."""
        async with self._making:
            if self._client is None:
                # In a thread, so that heartbeats go on meanwhile; with what the SDK would import at its first call.
                await asyncio.to_thread(importlib.import_module, "anthropic.resources.messages")
                self._client = self._make()
            return self._client

    def _make(self) -> AsyncAnthropic:
        """Nothing of it comes from the environment: neither key nor profile, headers, tracing nor proxy."""
        from anthropic import AsyncAnthropic

        # A variable can make the SDK tell the log all that is asked.
        logging.getLogger("anthropic").setLevel(logging.WARNING)
        key = self._connection.api_key.strip()
        self._headers = {
            "accept": "text/event-stream",
            "anthropic-version": self._connection.option("version") or VERSION,
            **({"authorization": f"Bearer {key}"} if key else {}),
            **own_headers(self._connection),
        }
        try:
            return AsyncAnthropic(
                base_url=self._base_url,
                api_key=key or "none",
                webhook_key="",
                open_telemetry=False,
                max_retries=0,
                timeout=None,
                http_client=vendor_client(self._egress, headers=frozenset(self._headers)),
            )
        except UnreadableUrl:
            model = self._connection.vendor_model
            raise finding(self._connection, "bad_request", f"The base_url of the model {model} is no URL.") from None


async def _next_but_pings(told: AsyncGenerator[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The next event that tells something: a server that only says that it is still there does not answer."""
    async for event in told:
        if event.get("type") != "ping":
            return event
    return None
