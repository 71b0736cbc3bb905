"""Models that rank texts by a query, behind an endpoint like Jina's and Cohere's, or one that gives a bare list."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nodes.ranking import Ranked
from workers.egress import EgressClient
from workers.models.json_service import JsonService
from workers.models.provider import ModelConnection


class JsonReranker:
    """Implements `nodes.ranking.Reranker` over HTTP: POST …/rerank.

    With the option `style` `jina` (the default: Jina, Cohere, vLLM, llama.cpp, SiliconFlow) `documents` are sent, and
    `results` of `index` and `relevance_score` come back; with `tei` (Text Embeddings Inference) `texts` are sent, and
    a list of `index` and `score` comes back.
    """

    def __init__(self, connection: ModelConnection, egress: EgressClient) -> None:
        self._connection = connection
        self._service = JsonService(connection, egress, base_url="")

    async def rerank(self, query: str, documents: Sequence[str], *, top: int | None = None) -> tuple[Ranked, ...]:
        """The best first. What the server leaves out comes last in nobody's list: it was found not to fit."""
        if not documents:
            return ()
        limit = len(documents) if top is None else min(top, len(documents))
        if self._connection.option("style") == "tei":
            answer = await self._service.post("/rerank", {"query": query, "texts": [*documents], "truncate": True})
            found = answer
        else:
            body: dict[str, Any] = {
                "model": self._connection.vendor_model,
                "query": query,
                "documents": [*documents],
                "top_n": limit,
            }
            answer = await self._service.post("/rerank", body)
            found = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise self._service.malformed("does not hold a list of results")
        ranked = [self._ranked(one, len(documents)) for one in found]
        if len({one.index for one in ranked}) != len(ranked):
            raise self._service.malformed("ranks one document twice")
        # Greater is better, and servers differ in whether they sort.
        return tuple(sorted(ranked, key=lambda one: (-one.score, one.index))[:limit])

    async def aclose(self) -> None:
        """Nothing is kept: the connections belong to the egress client."""

    def _ranked(self, result: Any, documents: int) -> Ranked:
        told = result if isinstance(result, dict) else {}
        index, score = told.get("index"), told.get("relevance_score", told.get("score"))
        if type(index) is not int or not 0 <= index < documents:
            raise self._service.malformed(f"names the document {index!r} of {documents}")
        if not (isinstance(score, float) or type(score) is int) or not math.isfinite(score):
            raise self._service.malformed("gives a document a score that is no number")
        return Ranked(index, float(score))
