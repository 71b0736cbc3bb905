"""Embedders over HTTP: what is asked, what is made of the answer, and what of an answer that cannot be right."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from engine.values import Json
from nodes.chat import ModelFailed, ModelUnavailable
from nodes.ranking import Embeddings
from tests.workers.egress.loopback import Asked, Server, calling, reply, serving
from workers.models.embedders import JsonEmbedder
from workers.models.hashed_embedder import DIMENSIONS, HashedEmbedder
from workers.models.provider import ModelConnection, ProviderName

KEY = "sk-embed-1234567890"
Answer = Callable[[dict[str, Any]], Any]


def vector(text: str) -> list[float]:
    return [float(len(text)), 1.0, 0.5]


def openai_form(body: dict[str, Any]) -> dict[str, Any]:
    """The answer of a good server, which happens to mix up the order."""
    data = [{"index": n, "embedding": vector(text)} for n, text in enumerate(body["input"])]
    return {"data": data[::-1], "usage": {"prompt_tokens": len(data), "total_tokens": len(data)}}


async def embed(
    texts: list[str],
    answer: Answer = openai_form,
    *,
    provider: ProviderName = "openai_compatible",
    status: int = 200,
    headers: Iterable[tuple[str, str]] = (),
    query: bool = False,
    options: Mapping[str, Json] | None = None,
) -> tuple[Embeddings, Server]:
    def answering(asked: Asked) -> list[bytes]:
        said = answer(json.loads(asked.body))
        return reply(status, said if isinstance(said, bytes) else json.dumps(said).encode(), headers)

    async with serving(answering) as server, calling(server) as egress:
        connection = ModelConnection(provider, "embed-1", server.url("/v1"), KEY, options=options or {})
        found = await JsonEmbedder(connection, egress).embed(texts, purpose="query" if query else "document")
        return found, server


async def test_texts_come_back_as_vectors_in_their_order() -> None:
    found, server = await embed(["你好", "hello", ""])
    assert found.vectors == ((2.0, 1.0, 0.5), (5.0, 1.0, 0.5), (1.0, 1.0, 0.5))
    assert found.usage == {"input_tokens": 3, "total_tokens": 3}
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v1/embeddings")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(asked.body) == {
        "model": "embed-1",
        "input": ["你好", "hello", " "],
        "encoding_format": "float",
    }


@pytest.mark.parametrize(("provider", "options", "sizes"), [
    ("qwen", {}, [10, 10, 5]),
    ("openai_compatible", {"batch_size": 20}, [20, 5]),
    ("openai_compatible", {}, [25]),
])  # fmt: skip
async def test_many_texts_go_in_batches(provider: ProviderName, options: dict[str, Json], sizes: list[int]) -> None:
    found, server = await embed([str(n) * (n + 1) for n in range(25)], provider=provider, options=options)
    assert [len(json.loads(asked.body)["input"]) for asked in server.asked] == sizes
    assert [row[0] for row in found.vectors] == [float(len(str(n) * (n + 1))) for n in range(25)]
    assert found.usage["input_tokens"] == 25


async def test_no_texts_ask_nobody() -> None:
    found, server = await embed([])
    assert (found.vectors, server.asked) == ((), [])


async def test_azure_is_asked_at_its_deployment_with_its_own_header() -> None:
    _, server = await embed(["x"], provider="azure", options={"deployment": "mine", "api_version": "2024-10-21"})
    (asked,) = server.asked
    assert asked.path == "/v1/openai/deployments/mine/embeddings?api-version=2024-10-21"
    assert asked.headers["api-key"] == KEY
    assert "authorization" not in asked.headers


async def test_queries_are_told_from_documents_where_the_model_cares() -> None:
    options: dict[str, Json] = {"purpose_field": "input_type", "query_prefix": "query: "}
    _, server = await embed(["a"], query=True, options=options)
    _, other = await embed(["a"], options=options)
    assert [json.loads(one.asked[0].body)["input"] for one in (server, other)] == [["query: a"], ["a"]]
    assert json.loads(server.asked[0].body)["input_type"] == "query"


async def test_the_length_is_asked_for_where_that_is_wished() -> None:
    _, server = await embed(["a"], options={"dimensions": "3", "request_dimensions": "true"})
    assert json.loads(server.asked[0].body)["dimensions"] == 3


async def test_a_service_of_ones_own_is_asked_plainly() -> None:
    found, server = await embed(
        ["a", "bb"],
        lambda body: {"vectors": [vector(text) for text in body["texts"]]},
        options={"style": "plain"},
        query=True,
    )
    assert found.vectors == ((1.0, 1.0, 0.5), (2.0, 1.0, 0.5))
    assert server.asked[0].path == "/v1"
    assert json.loads(server.asked[0].body) == {"texts": ["a", "bb"], "purpose": "query"}


@pytest.mark.parametrize("answer", [
    [], {}, {"data": None}, {"data": [1]}, {"data": [{"embedding": []}]}, {"data": [{"embedding": ["1"]}]},
    {"data": [{"embedding": [True]}]}, {"data": [{"embedding": [1.0]}, {"embedding": [1.0]}]},
    {"data": [{"index": 1, "embedding": [1.0]}]}, b"<html>", b'{"data": [{"embedding": [NaN]}]}', b"",
])  # fmt: skip
async def test_an_answer_that_cannot_be_right_is_not_believed(answer: Any) -> None:
    with pytest.raises(ModelUnavailable) as found:
        await embed(["a"], lambda body: answer)
    assert found.value.facts["reason"] == "malformed"
    assert "embed-1" in found.value.message


async def test_a_vector_of_another_length_is_not_believed() -> None:
    with pytest.raises(ModelUnavailable, match="3 numbers instead of 4"):
        await embed(["a"], options={"dimensions": 4})


@pytest.mark.parametrize(("status", "kind", "reason"), [
    (401, ModelFailed, "auth"), (404, ModelFailed, "not_found"), (429, ModelUnavailable, "rate_limited"),
    (500, ModelUnavailable, "overloaded"),
])  # fmt: skip
async def test_a_refusal_keeps_the_providers_words_and_never_the_key(
    status: int, kind: type[ModelFailed | ModelUnavailable], reason: str
) -> None:
    said = {"error": {"message": f"No, {KEY} is not welcome."}}
    with pytest.raises(kind) as found:
        await embed(["a"], lambda body: said, status=status, headers=[("Retry-After", "7")])
    assert found.value.facts["reason"] == reason
    assert "is not welcome" in found.value.message
    assert KEY not in found.value.message
    if status == 429:
        assert found.value.facts["retry_after"] == 7


async def test_a_server_that_is_not_there_may_be_there_later() -> None:
    async with serving(lambda asked: reply()) as server:
        place, url = server.place, server.url("/v1")
    async with calling(place) as egress:
        with pytest.raises(ModelUnavailable) as found:
            await JsonEmbedder(ModelConnection("openai_compatible", "m", url), egress).embed(["a"])
    assert found.value.facts["reason"] == "connection"


async def test_words_are_enough_for_the_embedder_that_is_no_model() -> None:
    texts = ["北京是中国的首都", "中国的首都在哪里？", "The river is long.", "...", "A RIVER, long"]
    beijing, capital, river, nothing, loud = (await HashedEmbedder().embed(texts)).vectors
    assert {len(one) for one in (beijing, capital, river, nothing)} == {DIMENSIONS}
    assert math.isclose(sum(x * x for x in beijing), 1.0)
    assert sum(nothing) == 0.0

    def alike(left: tuple[float, ...], right: tuple[float, ...]) -> float:
        return sum(map(float.__mul__, left, right))

    assert alike(beijing, capital) > 0.3 > abs(alike(beijing, river))
    assert alike(river, loud) > 0.3
