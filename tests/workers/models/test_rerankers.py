"""Rerankers over HTTP: the best first, whatever form the server answers in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.values import Json
from nodes.chat import ModelUnavailable
from nodes.ranking import Ranked
from tests.workers.egress.loopback import Asked, Server, calling, reply, serving
from workers.models.provider import ModelConnection
from workers.models.rerankers import JsonReranker

DOCUMENTS = ["河流", "the capital of France is Paris", "bread"]


async def rerank(
    answer: Callable[[dict[str, Any]], Any],
    documents: list[str] = DOCUMENTS,
    *,
    top: int | None = None,
    **options: Json,
) -> tuple[tuple[Ranked, ...], Server]:
    def answering(asked: Asked) -> list[bytes]:
        return reply(200, json.dumps(answer(json.loads(asked.body))).encode())

    async with serving(answering) as server, calling(server) as egress:
        connection = ModelConnection("openai_compatible", "rank-1", server.url("/v1"), "key-12345678", options=options)
        return await JsonReranker(connection, egress).rerank("capital", documents, top=top), server


def jina(body: dict[str, Any]) -> dict[str, Any]:
    scores = [0.1, 0.9, -2]
    return {"results": [{"index": n, "relevance_score": scores[n]} for n, _ in enumerate(body["documents"])]}


async def test_the_best_comes_first_whoever_sorts() -> None:
    ranked, server = await rerank(jina)
    assert ranked == (Ranked(1, 0.9), Ranked(0, 0.1), Ranked(2, -2.0))
    (asked,) = server.asked
    assert asked.path == "/v1/rerank"
    assert json.loads(asked.body) == {"model": "rank-1", "query": "capital", "documents": DOCUMENTS, "top_n": 3}


async def test_no_more_than_asked_for_come_back() -> None:
    ranked, server = await rerank(jina, top=1)
    assert ranked == (Ranked(1, 0.9),)
    assert json.loads(server.asked[0].body)["top_n"] == 1


async def test_a_server_may_answer_with_a_bare_list() -> None:
    ranked, server = await rerank(lambda body: [{"index": 2, "score": 0.5}, {"index": 0, "score": 0.7}], style="tei")
    assert ranked == (Ranked(0, 0.7), Ranked(2, 0.5))
    assert json.loads(server.asked[0].body) == {"query": "capital", "texts": DOCUMENTS, "truncate": True}


async def test_no_documents_ask_nobody() -> None:
    assert (await rerank(jina, []))[1].asked == []


@pytest.mark.parametrize("answer", [
    {}, [], {"results": [{"index": 3, "relevance_score": 1}]}, {"results": [{"index": -1, "relevance_score": 1}]},
    {"results": [{"index": 0}]}, {"results": [{"index": "0", "relevance_score": 1}]}, {"results": [7]},
    {"results": [{"index": 0, "relevance_score": 1}, {"index": 0, "relevance_score": 2}]},
    {"results": [{"index": 0, "relevance_score": True}]},
])  # fmt: skip
async def test_an_answer_that_cannot_be_right_is_not_believed(answer: Any) -> None:
    with pytest.raises(ModelUnavailable) as found:
        await rerank(lambda body: answer)
    assert found.value.facts["reason"] == "malformed"
