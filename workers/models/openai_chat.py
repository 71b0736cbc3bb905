"""The chat model behind any server that speaks OpenAI's chat protocol, through the guarded egress client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from typing import TYPE_CHECKING, Any, Final

from engine.errors import FlowError
from engine.json_text import read_json
from nodes.chat import ChatDelta, ChatRequest
from workers.egress import EgressClient, EgressFailed
from workers.egress.vendor import NetworkTrouble
from workers.models.chunks import BROKEN, Answer
from workers.models.complaints import from_status, sentence_of, within_stream
from workers.models.findings import broke_off, finding, no_stream, not_whole
from workers.models.openai_client import OpenAIClient
from workers.models.openai_dialect import base_url_of, dialect_of
from workers.models.openai_habits import MOST, OpenAIHabits
from workers.models.openai_messages import body_of
from workers.models.patience import Patience
from workers.models.provider import ModelConnection
from workers.models.sse import events
from workers.models.tool_calls import BrokenCall

if TYPE_CHECKING:
    from openai import AsyncAPIResponse, AsyncOpenAI

DONE: Final = "[DONE]"
TRAILER_SECONDS: Final = 3.0
"""For the usage and the mark of the end after the reason of the end: some servers send neither, and leave it open."""
LINGER_SECONDS: Final = 0.25
"""For the last bytes of a body after that mark: a connection that is read to its end is kept for the next question."""
_OF_THE_SDK: Final = frozenset(
    {
        "messages", "model", "stream", "stream_options", "temperature", "top_p", "max_tokens", "max_completion_tokens",
        "frequency_penalty", "presence_penalty", "stop", "seed", "reasoning_effort", "tools", "tool_choice",
        "response_format",
    }
)  # fmt: skip
"""What the SDK knows; the rest goes beside it."""


class OpenAIChat:
    """One model of a provider. Implements `nodes.chat.ChatModel`."""

    def __init__(self, connection: ModelConnection, egress: EgressClient) -> None:
        self._connection = connection
        self._dialect = dialect_of(connection)
        self._base_url = base_url_of(connection)
        self._client = OpenAIClient(connection, egress)
        self._habits = OpenAIHabits(self._dialect.formats)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """Ask, and give the answer piece by piece; the last piece carries calls, usage and the reason why it ended."""
        # Base64 of a film is work for a moment, in which heartbeats should go on.
        body = await asyncio.to_thread(body_of, self._connection, self._dialect, request)
        client = await self._client.ready()
        patience = Patience(self._connection)
        answer = Answer(
            offered=[tool.name for tool in request.tools] if request.tool_choice != "none" else [],
            wanted=request.tool_choice not in ("auto", "none"),
            inline=self._dialect.inline,
        )
        async with AsyncExitStack() as stack:
            response = await patience.wait(self._open(client, stack, body), begun=False)
            chunks = await stack.enter_async_context(aclosing(self._chunks(response)))
            try:
                while (chunk := await self._next(chunks, patience, answer)) is not None:
                    if DONE in chunk:
                        answer.finish_reason = answer.finish_reason or "stop"
                        await _linger(chunks)
                        break
                    if (error := _error_in(chunk)) is not None:
                        raise within_stream(self._connection, error)
                    for delta in answer.take(chunk):
                        yield delta
            except (NetworkTrouble, EgressFailed) as error:
                # An answer that was at its end has lost nothing but its usage, and would be paid for twice.
                if not answer.finish_reason:
                    raise broke_off(self._connection, error, self._base_url) from error
            except BrokenCall as error:
                raise self._malformed(error) from error
        if not answer.finish_reason:
            raise not_whole(self._connection)
        if answer.finish_reason in BROKEN:
            raise within_stream(self._connection, {"message": f"it ended for the reason {answer.finish_reason}."})
        try:
            for delta in answer.end():
                yield delta
        except BrokenCall as error:
            raise self._malformed(error) from error

    async def aclose(self) -> None:
        """Let go of the client; connections stay with the egress client."""
        await self._client.aclose()

    async def _open(self, client: AsyncOpenAI, stack: AsyncExitStack, body: dict[str, Any]) -> AsyncAPIResponse[Any]:
        """Send the request; a server that refuses one of our extras is asked again without it, now and ever after."""
        from openai import APIConnectionError, APIStatusError

        create: Any = client.chat.completions.with_streaming_response.create
        refusals = 0
        while True:
            asked = self._habits.fitting(body)
            known = {name: value for name, value in asked.items() if name in _OF_THE_SDK}
            more = {name: value for name, value in asked.items() if name not in _OF_THE_SDK}
            try:
                response: AsyncAPIResponse[Any] = await stack.enter_async_context(create(**known, extra_body=more))
                return response
            except APIStatusError as error:
                refusal = error
            except APIConnectionError as error:
                raise broke_off(self._connection, error, self._base_url) from error
            said, param = sentence_of(refusal.body), getattr(refusal, "param", None)
            status, refusals = refusal.status_code, refusals + 1
            if status in (400, 422) and refusals <= MOST and self._habits.learn(body, asked, said, str(param or "")):
                continue
            headers = {name.lower(): value for name, value in refusal.response.headers.items()}
            # Not from the SDK's error: its text repeats what the server said, perhaps the key.
            raise from_status(self._connection, status, refusal.body, headers)

    async def _chunks(self, response: AsyncAPIResponse[Any]) -> AsyncGenerator[Mapping[str, Any]]:
        """The chunks of the answer, be it a stream or whole; the one that marks the end has the key `[DONE]`."""
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            yield self._parsed(await response.text())
            yield {DONE: True}
            return
        heard = False
        async with aclosing(events(response.iter_bytes())) as told:
            async for event in told:
                heard = True
                if event.data.strip() == DONE:
                    yield {DONE: True}
                    continue
                try:
                    chunk = self._parsed(event.data)
                except FlowError:
                    if event.whole:
                        raise
                    return  # The end cut this event off, and perhaps nothing else.
                yield chunk
        if not heard:
            raise not_whole(self._connection) if kind == "text/event-stream" else no_stream(self._connection, kind)

    async def _next(
        self, chunks: AsyncGenerator[Mapping[str, Any]], patience: Patience, answer: Answer
    ) -> Mapping[str, Any] | None:
        if not answer.finish_reason:
            return await patience.wait(anext(chunks, None), begun=answer.begun)
        with suppress(TimeoutError):
            async with asyncio.timeout(TRAILER_SECONDS):
                return await anext(chunks, None)
        return None

    def _parsed(self, text: str) -> Mapping[str, Any]:
        try:
            chunk = read_json(text)
        except FlowError:
            chunk = None
        if not isinstance(chunk, dict):
            raise finding(
                self._connection,
                "malformed",
                f"The provider of the model {self._connection.vendor_model} sent a piece that is no JSON object.",
            )
        return chunk

    def _malformed(self, error: BrokenCall) -> FlowError:
        sentence = f"The model {self._connection.vendor_model} wants a tool called, but its call {error}."
        return finding(self._connection, "malformed", sentence)


def _error_in(chunk: Mapping[str, Any]) -> object:
    """The error that a chunk is, under its key or as the whole of it; None where it is none."""
    if (error := chunk.get("error")) is not None:
        return error
    is_one = "choices" not in chunk and isinstance(chunk.get("message"), str) and ("code" in chunk or "type" in chunk)
    return chunk if is_one else None


async def _linger(chunks: AsyncGenerator[Mapping[str, Any]]) -> None:
    """Read what follows the end, which is nothing that matters."""
    with suppress(TimeoutError, FlowError, NetworkTrouble):
        async with asyncio.timeout(LINGER_SECONDS):
            async for _ in chunks:
                pass
