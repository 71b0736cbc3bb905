"""Texts made into vectors by Google's models."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from nodes.chat import ModelFailed, ModelUnavailable
from tests.fakes.gemini_server import gemini_server
from tests.fakes.talk import FakeServer
from tests.workers.egress.loopback import calling
from workers.models.adapters import EmbeddingAdapter, embedding_adapter
from workers.models.provider import ModelConnection

KEY = "AIza-canary-0123456789"


@asynccontextmanager
async def opened(model: str, **connection: Any) -> AsyncIterator[tuple[FakeServer, EmbeddingAdapter]]:
    async with gemini_server() as server, calling(server.place) as egress:
        given = {"base_url": server.base_url, "api_key": KEY} | connection
        embedder = embedding_adapter(ModelConnection("gemini", model, **given), egress)
        yield server, embedder
        await embedder.aclose()


async def test_every_text_has_its_vector_however_many_there_are() -> None:
    async with opened("vectors") as (server, embedder):
        assert embedder.dimensions is None
        found = await embedder.embed(["中" * place for place in range(250)])
        assert [vector[0] for vector in found.vectors] == [1.0, *map(float, range(1, 250))]
        assert [len(asked.body["requests"]) for asked in server.asked] == [100, 100, 50]
        assert found.usage == {"input_tokens": 500, "total_tokens": 500}
        assert embedder.dimensions == 4


async def test_no_texts_have_no_vectors_and_cost_nothing() -> None:
    async with opened("vectors") as (server, embedder):
        assert (await embedder.embed([])).vectors == ()
        assert server.asked == []


@pytest.mark.parametrize(("purpose", "task"), [("document", "RETRIEVAL_DOCUMENT"), ("query", "RETRIEVAL_QUERY")])
async def test_the_server_is_told_what_the_vectors_are_for(purpose: Literal["document", "query"], task: str) -> None:
    async with opened("vectors", options={"dimensions": 6}) as (server, embedder):
        found = await embedder.embed(["a", "b"], purpose=purpose)
        assert [len(vector) for vector in found.vectors] == [6, 6]
        asked = server.asked[0]
        assert asked.path == "/v1beta/models/vectors:batchEmbedContents"
        one = {"model": "models/vectors", "taskType": task, "outputDimensionality": 6}
        assert asked.body["requests"][0] == {**one, "content": {"role": "user", "parts": [{"text": "a"}]}}
        assert (asked.headers["x-goog-api-key"], embedder.dimensions) == (KEY, 6)


async def test_a_model_that_refuses_the_purpose_is_told_in_words() -> None:
    options = {"query_prefix": "query: "}
    async with opened("no-task", options=options) as (server, embedder):
        for _ in range(2):
            await embedder.embed(["北京"], purpose="query")
        assert len(server.asked) == 3
        assert server.asked[-1].body["requests"][0]["content"]["parts"] == [{"text": "query: 北京"}]


async def test_a_model_that_sees_pictures_too_gives_each_text_its_own_vector() -> None:
    # By such a name the SDK knows it, and takes plain texts for the parts of one content.
    async with opened("gemini-embedding-2") as (_, embedder):
        found = await embedder.embed(["a", "bb", "ccc"])
    assert [vector[:2] for vector in found.vectors] == [(1.0, 0.0), (2.0, 1.0), (3.0, 2.0)]


@pytest.mark.parametrize(
    ("model", "kind", "reason"),
    [
        ("too-few", ModelUnavailable, "malformed"),
        ("uneven", ModelUnavailable, "malformed"),
        ("busy", ModelUnavailable, "rate_limited"),
        ("broken", ModelUnavailable, "overloaded"),
        ("bad-key", ModelFailed, "auth"),
        ("unheard-of", ModelFailed, "not_found"),
        ("html", ModelFailed, "not_found"),
    ],
)
async def test_refusals_have_their_reason(model: str, kind: type[Exception], reason: str) -> None:
    async with opened(model) as (_, embedder):
        with pytest.raises((ModelFailed, ModelUnavailable)) as found:
            await embedder.embed(["a", "b"])
    assert (type(found.value), found.value.facts["reason"]) == (kind, reason)


async def test_vectors_of_another_length_than_was_said_are_refused() -> None:
    async with opened("uneven", options={"dimensions": 3}) as (_, embedder):
        with pytest.raises(ModelUnavailable, match="1 numbers instead of 3"):
            await embedder.embed(["a"])


async def test_a_key_that_the_server_repeats_is_nowhere_in_what_we_say() -> None:
    async with opened("gossip") as (_, embedder):
        with pytest.raises(ModelFailed) as found:
            await embedder.embed(["a"])
    assert KEY not in "".join([str(found.value), *traceback.format_exception(found.value)])


async def test_a_server_that_keeps_silent_is_given_up() -> None:
    async with opened("mute", first_token_seconds=0.3) as (_, embedder):
        with pytest.raises(ModelUnavailable, match="in time") as found:
            await embedder.embed(["a"])
    assert found.value.facts["reason"] == "timeout"
