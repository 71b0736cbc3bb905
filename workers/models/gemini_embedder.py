"""Models of Google's that turn texts into vectors, through its SDK and the guarded egress client."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from nodes.chat import INPUT, TOTAL, ModelFailed, ModelUnavailable
from nodes.ranking import Embeddings
from workers.egress import EgressClient
from workers.egress.vendor import Answers, NetworkTrouble
from workers.models.complaints import sentence_of
from workers.models.findings import finding, no_stream
from workers.models.gemini_chat import UNREADABLE, not_asked
from workers.models.gemini_client import GeminiClient
from workers.models.habits import Habits
from workers.models.patience import Patience
from workers.models.provider import ModelConnection

if TYPE_CHECKING:
    from google.genai.client import AsyncClient
    from google.genai.types import EmbedContentResponse

BATCH: Final = 100
"""How many texts the server takes at once."""
_EXTRAS: Final = {"task_type": ("task_type", "tasktype", "task type")}
_TASKS: Final = {"document": "RETRIEVAL_DOCUMENT", "query": "RETRIEVAL_QUERY"}


class GeminiEmbedder:
    """Implements `nodes.ranking.Embedder`.

    Options of the connection, beside those of `GeminiClient`: `dimensions`, asked for and checked; `batch_size`;
    `query_prefix` and `document_prefix`, put before each text for models that are told in words what it is for.
    """

    def __init__(self, connection: ModelConnection, egress: EgressClient) -> None:
        self._connection = connection
        self._gemini = GeminiClient(connection, egress)
        self._habits = Habits(_EXTRAS)
        self._asked = _whole(connection.options.get("dimensions"))
        self._dimensions = self._asked
        self._batch = min(_whole(connection.options.get("batch_size")) or BATCH, BATCH)

    @property
    def dimensions(self) -> int | None:
        """How long a vector is; None until the first answer where the options do not say it."""
        return self._dimensions

    async def embed(self, texts: Sequence[str], *, purpose: Literal["document", "query"] = "document") -> Embeddings:
        """The vectors, in the order of the texts."""
        vectors: list[tuple[float, ...]] = []
        spent = 0
        prefix = self._connection.option(f"{purpose}_prefix")
        for start in range(0, len(texts), self._batch):
            # The server refuses an empty text; a space means as little.
            batch = [prefix + (text or " ") for text in texts[start : start + self._batch]]
            answer = await Patience(self._connection).wait(self._ask(batch, purpose), begun=False)
            found = [tuple(one.values or ()) for one in answer.embeddings or []]
            self._check(found, len(batch))
            vectors += found
            used = answer.usage_metadata.prompt_token_count if answer.usage_metadata is not None else None
            spent += used or 0
        return Embeddings(tuple(vectors), {INPUT: spent, TOTAL: spent} if spent else {})

    async def aclose(self) -> None:
        """Let go of the SDK's client; the connections belong to the egress client."""
        await self._gemini.aclose()

    async def _ask(self, texts: list[str], purpose: str) -> EmbedContentResponse:
        client = await self._gemini.made()
        from google.genai.errors import APIError

        answers = Answers()
        while True:
            extras = {"task_type"} if self._habits.takes("task_type") else set[str]()
            try:
                return await answers.within(self._once(client, texts, _TASKS[purpose] if extras else ""))
            except NetworkTrouble as error:
                raise self._gemini.lost(error) from error
            except APIError as error:
                if error.code != 400 or not self._habits.learn(extras, sentence_of(error.details)):
                    # The SDK's error holds what the server said, and that may hold the key.
                    raise self._gemini.complaint(error, begun=False) from None
            except UNREADABLE:
                raise self._unreadable(answers.content_type) from None

    async def _once(self, client: AsyncClient, texts: list[str], task: str) -> EmbedContentResponse:
        config: dict[str, Any] = {"task_type": task} if task else {}
        if self._asked is not None:
            config["output_dimensionality"] = self._asked
        embed: Any = client.models.embed_content
        # Each by itself: the SDK takes plain texts for the parts of one content, which has one vector.
        contents = [{"role": "user", "parts": [{"text": text}]} for text in texts]
        answer: EmbedContentResponse = await embed(
            model=self._connection.vendor_model, contents=contents, config=config
        )
        return answer

    def _check(self, vectors: list[tuple[float, ...]], expected: int) -> None:
        if len(vectors) != expected:
            raise self._malformed(f"does not hold one vector for each of the {expected} texts")
        for vector in vectors:
            self._dimensions = self._dimensions or len(vector) or None
            if not vector or not all(math.isfinite(number) for number in vector):
                raise self._malformed("holds a vector that is none")
            if len(vector) != self._dimensions:
                raise self._malformed(f"holds a vector of {len(vector)} numbers instead of {self._dimensions}")

    def _unreadable(self, kind: str) -> ModelFailed | ModelUnavailable:
        if kind == "":
            return not_asked(self._connection)
        return self._malformed("cannot be read") if kind == "application/json" else no_stream(self._connection, kind)

    def _malformed(self, what: str) -> ModelFailed | ModelUnavailable:
        model = self._connection.vendor_model
        return finding(self._connection, "malformed", f"The answer of the model {model} {what}.")


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 and not isinstance(value, bool) else None
