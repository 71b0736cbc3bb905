"""Trying a model says whether it answers, or why not, and never the key."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from nodes.probe import ModelOnTrial, ProbeResult
from tests.fakes.openai_server import OpenAIServer, openai_server
from tests.workers.egress.loopback import Asked, LoopbackOnly, names, reply, serving
from workers.egress import EgressClient, EgressPolicy
from workers.models.probe import LiveProbe

KEY = "sk-probe-0123456789"


def probe(*places: str, seconds: float = 5.0) -> LiveProbe:
    policy = EgressPolicy(allow=places)
    return LiveProbe(lambda: EgressClient(policy, resolve=names({}), network=LoopbackOnly()), seconds=seconds)


@asynccontextmanager
async def trying() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as server:
        yield server


async def tried(server: OpenAIServer, vendor_model: str, *, seconds: float = 5.0, **more: Any) -> ProbeResult:
    model = ModelOnTrial("chat", "openai_compatible", vendor_model, server.base_url, KEY, **more)
    return await probe(server.place, seconds=seconds).try_model(model)


async def test_a_chat_model_that_answers_tells_its_first_words_and_its_usage() -> None:
    async with trying() as server:
        began = time.monotonic()
        result = await tried(server, "echo")
        whole = (time.monotonic() - began) * 1_000
        assert result.ok, result
        assert result.answer == "Answer with one word: hello"
        assert result.usage["total_tokens"] == 10
        assert 0 <= result.milliseconds <= whole + 1
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_headers_options_and_defaults_are_tried_too() -> None:
    async with trying() as server:
        result = await tried(server, "echo", headers={"x-gate": "sesame-open"}, defaults={"temperature": 0.5})
        assert result.ok, result
        asked = server.asked[0]
        assert (asked.headers["x-gate"], asked.body["temperature"]) == ("sesame-open", 0.5)


@pytest.mark.parametrize(
    ("vendor_model", "reason", "status", "words"),
    [
        ("gossip", "auth", 401, "Incorrect API key provided"),
        ("no-such-model", "not_found", 404, "does not exist"),
        ("busy", "rate_limited", 429, "Slow down"),
        ("html", "not_found", None, "base_url"),
        ("cut", "connection", None, "did not give a whole HTTP answer"),
    ],
)
async def test_a_refusal_comes_with_the_providers_words_and_a_reason_and_without_the_key(
    vendor_model: str, reason: str, status: int | None, words: str
) -> None:
    async with trying() as server:
        result = await tried(server, vendor_model)
        assert not result.ok
        assert words in result.message
        assert result.reason == reason
        assert status is None or result.status == status
        assert KEY not in repr(result)


async def test_a_model_that_says_nothing_is_not_waited_for_without_end() -> None:
    async with trying() as server:
        result = await tried(server, "silent", seconds=0.3)
        assert (result.ok, result.reason) == (False, "timeout")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "http://10.1.2.3/v1", "http://169.254.169.254/v1"])
async def test_an_address_that_the_guard_refuses_is_told(url: str) -> None:
    result = await probe().try_model(ModelOnTrial("chat", "openai_compatible", "m", url, KEY))
    assert (result.ok, result.reason) == (False, "egress")
    assert "MAINSPRING_EGRESS_ALLOW" in result.message


async def test_what_cannot_be_is_told_without_a_call() -> None:
    for kind, provider, reason in (
        ("rerank", "anthropic", "not_found"),
        ("chat", "nobody", "not_found"),
    ):
        model = ModelOnTrial(kind, provider, "m", "http://127.0.0.1:1", KEY)  # type: ignore[arg-type]
        result = await probe().try_model(model)
        assert (result.ok, result.reason) == (False, reason)
    wrong = ModelOnTrial("embedding", "openai", "m", "http://127.0.0.1:1", KEY, options={"dimensions": "many"})
    assert "must be a whole number" in (await probe().try_model(wrong)).message


async def test_embedders_tell_their_dimensions_and_rerankers_that_they_rank() -> None:
    def answer(asked: Asked) -> list[bytes]:
        if asked.path.endswith("/rerank"):
            body = b'{"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]}'
        else:
            body = b'{"data": [{"index": 0, "embedding": [0.5, 0.25, 1]}], "usage": {"prompt_tokens": 4}}'
        return reply(200, body, [("Content-Type", "application/json")])

    async with serving(answer) as site:
        for kind, dimensions in (("embedding", 3), ("rerank", None)):
            model = ModelOnTrial(kind, "openai_compatible", "m", site.url("/v1"), KEY)  # type: ignore[arg-type]
            result = await probe(site.place).try_model(model)
            assert (result.ok, result.dimensions) == (True, dimensions), result
