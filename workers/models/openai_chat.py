"""The chat model behind any server that speaks OpenAI's chat protocol, through the guarded egress client."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from engine.errors import FlowError, NodeFailed, NodeUnavailable
from engine.values import Json
from nodes.chat import ChatDelta, ChatRequest
from workers.egress import EgressClient, failure_behind
from workers.egress.vendor import NetworkTrouble, vendor_client
from workers.models.chunks import Answer
from workers.models.complaints import from_status, sentence_of, within_stream
from workers.models.provider import ChatProvider
from workers.models.sse import event_data

if TYPE_CHECKING:
    from openai import AsyncAPIResponse, AsyncOpenAI

DONE: Final = "[DONE]"
_HEADERS: Final = frozenset({"accept"})


class OpenAIChat:
    """One model of a provider. Implements `nodes.context.ChatModel`."""

    def __init__(self, connection: OpenAIConnection, model: str) -> None:
        self._connection = connection
        self._provider = connection.provider
        self._model = model
        self._habits = _Habits()

    async def stream(
        self,
        request: ChatRequest,
    ) -> AsyncGenerator[ChatDelta]:
        """Ask, and give the answer piece by piece; the last piece carries usage and the reason why it ended."""
        options, json_schema = request.options, request.json_schema
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": one.role, "content": one.text} for one in request.messages],
            "stream": True,
        }
        wishes = {"temperature": options.temperature, "top_p": options.top_p, "max_tokens": options.max_tokens}
        body |= {name: value for name, value in wishes.items() if value is not None}
        client = await self._connection.client()
        patience = _Patience(self._provider, self._model)
        answer = Answer()
        async with AsyncExitStack() as stack:
            try:
                response = await patience.wait(self._open(client, stack, body, json_schema), begun=False)
                chunks = await stack.enter_async_context(aclosing(self._chunks(response)))
                while (chunk := await patience.wait(anext(chunks, None), begun=answer.begun)) is not None:
                    if (error := chunk.get("error")) is not None:
                        raise within_stream(self._provider, self._model, error)
                    if (delta := answer.take(chunk)) is not None:
                        yield delta
                    if chunk.get(DONE):
                        answer.finish_reason = answer.finish_reason or "stop"
            except NetworkTrouble as error:
                raise self._lost(error) from error
        if not answer.finish_reason:
            raise NodeUnavailable(f"The answer of the model {self._model} broke off before its end.", model=self._model)
        yield answer.last()

    async def _open(
        self,
        client: AsyncOpenAI,
        stack: AsyncExitStack,
        body: dict[str, Any],
        json_schema: Mapping[str, Json] | None,
    ) -> AsyncAPIResponse[Any]:
        """Send the request; a server that refuses one of our extras is asked again without it, now and ever after."""
        from openai import APIConnectionError, APIStatusError

        while True:
            asked = self._habits.fitting(body, json_schema)
            create: Any = client.chat.completions.with_streaming_response.create
            try:
                response: AsyncAPIResponse[Any] = await stack.enter_async_context(create(**asked))
                return response
            except APIStatusError as error:
                refused = error.status_code in (400, 422) and self._habits.learn(asked, sentence_of(error.body))
                if not refused:
                    headers = {name.lower(): value for name, value in error.response.headers.items()}
                    raise from_status(self._provider, self._model, error.status_code, error.body, headers) from error
            except APIConnectionError as error:
                raise self._lost(error) from error

    async def _chunks(self, response: AsyncAPIResponse[Any]) -> AsyncGenerator[dict[str, Any]]:
        """The chunks of the answer, be it a stream or whole; the one that marks the end has the key `[DONE]`."""
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            yield self._parsed(await response.text())
            yield {DONE: True}
            return
        heard = False
        async with aclosing(event_data(response.iter_lines())) as events:
            async for data in events:
                heard = True
                if data.strip() == DONE:
                    yield {DONE: True}
                    return
                yield self._parsed(data)
        if not heard:
            raise NodeFailed(
                f"The provider of the model {self._model} answered with {kind or 'nothing'} instead of a"
                " stream: its base_url may be wrong.",
                model=self._model,
                content_type=kind,
            )

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            chunk = json.loads(text)
        except ValueError:
            chunk = None
        if not isinstance(chunk, dict):
            raise NodeUnavailable(
                f"The provider of the model {self._model} sent a piece that is no JSON object.", model=self._model
            )
        return chunk

    def _lost(self, error: Exception) -> FlowError:
        """What the network did, or the guard refused."""
        host = urlsplit(self._provider.base_url).hostname or "The host"
        found = failure_behind(error, host)
        return found or NodeUnavailable(f"The connection to {host} broke off.", model=self._model)


class OpenAIConnection:
    """The SDK's client for one provider, made when it is first needed: importing the SDK takes most of a second."""

    def __init__(self, provider: ChatProvider, egress: EgressClient) -> None:
        self.provider = provider
        self._egress = egress
        self._client: AsyncOpenAI | None = None
        self._making = asyncio.Lock()

    async def client(self) -> AsyncOpenAI:
        """The client. Nothing of it comes from the environment: neither key nor organisation nor proxy."""
        async with self._making:
            if self._client is None:
                # In a thread, so that heartbeats go on meanwhile.
                await asyncio.to_thread(importlib.import_module, "openai")
                from openai import AsyncOpenAI

                self._client = AsyncOpenAI(
                    base_url=self.provider.base_url,
                    api_key=self.provider.api_key or "none",
                    admin_api_key="",
                    organization="",
                    project="",
                    webhook_secret="",
                    max_retries=0,
                    timeout=None,
                    http_client=vendor_client(
                        self._egress, headers=_HEADERS | {"authorization"} if self.provider.api_key else _HEADERS
                    ),
                )
            return self._client

    async def aclose(self) -> None:
        """Close the client; the connections belong to the egress client."""
        if self._client is not None:
            await self._client.close()


class _Habits:
    """What a server has refused so far, each by a sentence that names it."""

    def __init__(self) -> None:
        self._usage = True
        self._formats = ["json_schema", "json_object"]
        self._limit = "max_tokens"

    def fitting(self, body: Mapping[str, Any], json_schema: Mapping[str, Json] | None) -> dict[str, Any]:
        """The request with the extras that this server takes."""
        made = dict(body)
        if "max_tokens" in made:
            made[self._limit] = made.pop("max_tokens")
        if self._usage:
            made["stream_options"] = {"include_usage": True}
        if json_schema is not None and self._formats:
            wanted: dict[str, Any] = {"type": self._formats[0]}
            if self._formats[0] == "json_schema":
                wanted["json_schema"] = {"name": "output", "schema": dict(json_schema)}
            made["response_format"] = wanted
        return made

    def learn(self, asked: Mapping[str, Any], sentence: str) -> bool:
        """Whether the server refused an extra that we can do without, or under another name."""
        said = sentence.lower()
        if "stream_options" in asked and ("stream_options" in said or "include_usage" in said):
            self._usage = False
        elif "response_format" in asked and (
            "response_format" in said or "json_schema" in said or "json_object" in said
        ):
            # Another answer may have taught it meanwhile: only what was asked here is crossed out.
            self._formats = [name for name in self._formats if name != asked["response_format"]["type"]]
        elif "max_tokens" in asked and "max_completion_tokens" in said:
            self._limit = "max_completion_tokens"
        else:
            return False
        return True


class _Patience:
    """Waits for the pieces of one answer. What the reader does between two of them does not count."""

    def __init__(self, provider: ChatProvider, model: str) -> None:
        self._first = provider.first_token_seconds
        self._gap = provider.gap_seconds
        self._model = model

    async def wait(self, coming: Any, *, begun: bool) -> Any:
        """What comes, unless it takes too long: all waiting until the answer begins, then each wait by itself."""
        clock = asyncio.get_running_loop().time
        since = clock()
        try:
            async with asyncio.timeout(self._gap if begun else max(0.0, self._first)):
                return await coming
        except TimeoutError as error:
            what = "go on with its answer" if begun else "begin to answer"
            raise NodeUnavailable(f"The model {self._model} did not {what} in time.", model=self._model) from error
        finally:
            if not begun:
                self._first -= clock() - since
