"""Models that turn texts into vectors, behind an endpoint like OpenAI's or one of somebody's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from nodes.ranking import Embeddings
from workers.egress import EgressClient
from workers.models.chunks import read_usage
from workers.models.json_service import JsonService
from workers.models.provider import ModelConnection, ProviderName

_BASE_URLS: Final[Mapping[ProviderName, str]] = {
    "openai": "https://api.openai.com/v1",
    "qwen": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "ark": "https://ark.cn-beijing.volces.com/api/v3",
    "ollama": "http://127.0.0.1:11434/v1",
}
_BATCH: Final = 64
_BATCHES: Final[Mapping[ProviderName, int]] = {"qwen": 10}
"""How many texts a provider takes at once, where that is fewer."""

Purpose = Literal["document", "query"]


class JsonEmbedder:
    """Implements `nodes.ranking.Embedder` over HTTP.

    Options of the connection: `dimensions` (asked for, where `request_dimensions` is true; checked always),
    `batch_size`, and `style`: `openai` (POST …/embeddings with `input`), or `plain`, which posts
    `{"texts": […], "purpose": "document" | "query"}` to the base URL itself and reads `{"vectors": [[…], …]}`.
    `purpose_field` names a further field of OpenAI's form that tells queries from documents (`input_type`), and a
    `query_prefix` or `document_prefix` is put before each text of its kind.
    """

    def __init__(self, connection: ModelConnection, egress: EgressClient) -> None:
        self._connection = connection
        self._service = JsonService(connection, egress, base_url=_BASE_URLS.get(connection.provider, ""))
        self._dimensions = _whole(connection.options.get("dimensions"))
        self._batch = _whole(connection.options.get("batch_size")) or _BATCHES.get(connection.provider, _BATCH)

    @property
    def dimensions(self) -> int | None:
        """How long a vector is; None until the first answer where the options do not say it."""
        return self._dimensions

    async def embed(self, texts: Sequence[str], *, purpose: Purpose = "document") -> Embeddings:
        """The vectors, in the order of the texts."""
        vectors: list[tuple[float, ...]] = []
        usage: dict[str, int] = {}
        prefix = self._connection.option(f"{purpose}_prefix")
        for start in range(0, len(texts), self._batch):
            # A server refuses an empty text, or gives nothing for it; a space means as little.
            batch = [prefix + (text or " ") for text in texts[start : start + self._batch]]
            found, spent = await self._ask(batch, purpose)
            vectors += found
            for name, amount in spent.items():
                usage[name] = usage.get(name, 0) + amount
        return Embeddings(tuple(vectors), usage)

    async def aclose(self) -> None:
        """Nothing is kept: the connections belong to the egress client."""

    async def _ask(self, texts: list[str], purpose: Purpose) -> tuple[list[tuple[float, ...]], dict[str, int]]:
        if self._connection.option("style") == "plain":
            answer = await self._service.post("", {"texts": texts, "purpose": purpose})
            rows = answer.get("vectors") if isinstance(answer, dict) else None
        else:
            answer = await self._service.post(self._service.deployment("embeddings"), self._body(texts, purpose))
            rows = self._in_order(answer)
        usage = read_usage(answer.get("usage")) if isinstance(answer, dict) else {}
        if not isinstance(rows, list) or len(rows) != len(texts):
            raise self._service.malformed(f"does not hold one vector for each of the {len(texts)} texts")
        return [self._vector(row) for row in rows], usage

    def _body(self, texts: list[str], purpose: Purpose) -> dict[str, Any]:
        # As numbers: what is packed as base64 some servers cannot give, and others give although nobody asked.
        body: dict[str, Any] = {"model": self._connection.vendor_model, "input": texts, "encoding_format": "float"}
        if self._dimensions and self._connection.option("request_dimensions").lower() == "true":
            body["dimensions"] = self._dimensions
        if field := self._connection.option("purpose_field"):
            body[field] = purpose
        return body

    def _in_order(self, answer: Any) -> list[Any] | None:
        """The vectors by their index: servers that work in parallel mix them up."""
        data = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
            return None
        places = {one.get("index", n): one.get("embedding") for n, one in enumerate(data)}
        return [places.get(n) for n in range(len(data))]

    def _vector(self, row: Any) -> tuple[float, ...]:
        if not isinstance(row, list) or not row or not all(type(x) in (int, float) and math.isfinite(x) for x in row):
            raise self._service.malformed("holds a vector that is no list of finite numbers")
        if self._dimensions is None:
            self._dimensions = len(row)
        if len(row) != self._dimensions:
            raise self._service.malformed(f"holds a vector of {len(row)} numbers instead of {self._dimensions}")
        return tuple(float(x) for x in row)


def _whole(value: object) -> int | None:
    """The number in an option, which a form may have made a text."""
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 7 and int(text) else None
