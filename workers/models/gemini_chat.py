"""The chat model behind Google's Gemini protocol, through its SDK and the guarded egress client."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from nodes.chat import ChatDelta, ChatRequest, ModelFailed, ModelUnavailable
from workers.egress import EgressClient
from workers.egress.vendor import Answers, NetworkTrouble, UnreadableUrl
from workers.models.complaints import sentence_of
from workers.models.findings import finding, no_stream, not_whole
from workers.models.gemini_chunks import Answer
from workers.models.gemini_client import GeminiClient
from workers.models.gemini_request import EXTRAS, asking
from workers.models.habits import Habits
from workers.models.patience import Patience
from workers.models.provider import ModelConnection

if TYPE_CHECKING:
    from google.genai.client import AsyncClient
    from google.genai.types import GenerateContentResponse

    _Told = AsyncGenerator[GenerateContentResponse]

UNREADABLE: Final = (ValueError, TypeError, AttributeError, LookupError, UnreadableUrl)
"""What the SDK raises over an answer, or a request, that has not the shape it thinks of."""


class GeminiChat:
    """One model. Implements `nodes.chat.ChatModel`. For its options see `GeminiClient`."""

    def __init__(self, connection: ModelConnection, egress: EgressClient) -> None:
        self._connection = connection
        self._gemini = GeminiClient(connection, egress)
        self._habits = Habits(EXTRAS)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """See `ChatModel`."""
        client = await self._gemini.made()
        from google.genai.errors import APIError

        patience = Patience(self._connection)
        answer = Answer(self._connection)
        async with AsyncExitStack() as stack:
            answers = Answers()
            stack.push_async_callback(answers.aclose)
            try:
                chunk, told = await patience.wait(self._open(client, request, answers), begun=False)
                stack.push_async_callback(told.aclose)
                while chunk is not None:
                    for delta in answer.take(chunk):
                        yield delta
                    chunk = await patience.wait(self._next(told, answers), begun=answer.begun)
            except NetworkTrouble as error:
                raise self._gemini.lost(error) from error
            except APIError as error:
                raise self._gemini.complaint(error, begun=True) from None
            if not answer.whole:
                raise not_whole(self._connection)
            for delta in answer.rest():
                yield delta

    async def aclose(self) -> None:
        """Let go of the SDK's client; the connections belong to the egress client."""
        await self._gemini.aclose()

    async def _open(
        self, client: AsyncClient, request: ChatRequest, answers: Answers
    ) -> tuple[GenerateContentResponse | None, _Told]:
        """Send the request; a model that refuses one of its extras is asked again without it, now and ever after."""
        from google.genai.errors import APIError

        while True:
            asked = asking(self._connection, request, self._habits)
            ask: Any = client.models.generate_content_stream
            try:
                told: _Told = await ask(
                    model=self._connection.vendor_model, contents=asked.contents, config=asked.config
                )
            except UNREADABLE:
                raise self._unreadable(answers) from None
            try:
                return await self._next(told, answers), told
            except APIError as error:
                said = sentence_of(error.details)
                if error.code != 400 or not self._habits.learn(asked.extras, said):
                    # The SDK's error holds what the server said, and that may hold the key.
                    raise self._gemini.complaint(error, begun=False) from None

    async def _next(self, told: _Told, answers: Answers) -> GenerateContentResponse | None:
        try:
            return await answers.within(anext(told, None))
        except UNREADABLE:
            raise self._unreadable(answers) from None

    def _unreadable(self, answers: Answers) -> Exception:
        """What came is not what the protocol says, or what we have to say cannot be written down in it."""
        model = self._connection.vendor_model
        match answers.content_type:
            case "":
                return not_asked(self._connection)
            case "text/event-stream" | "application/json":
                return finding(
                    self._connection, "malformed", f"The provider of the model {model} sent a piece that is none."
                )
            case kind:
                return no_stream(self._connection, kind)


def not_asked(connection: ModelConnection) -> ModelFailed | ModelUnavailable:
    """The SDK would not even send it."""
    return finding(
        connection,
        "bad_request",
        f"The model {connection.vendor_model} cannot be asked: its name, its base_url or what was to be said is not"
        " what the SDK takes.",
    )
