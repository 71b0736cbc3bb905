"""One canvas, whoever's protocol its model speaks: the same stream, record and account through each of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest
import pytest_asyncio

from tests.engine.draw import node
from tests.fakes.anthropic_server import anthropic_server
from tests.fakes.gemini_server import gemini_server
from tests.fakes.openai_server import openai_server
from tests.scenarios.drawing import Document, begin, document
from tests.scenarios.follower import texts
from tests.scenarios.journey import Journey, publish
from tests.scenarios.system import WHOLE, System, running
from workers.local_models.installed import chat_weights

pytestmark = pytest.mark.asyncio(loop_scope="module")

PROMPT: Final = "河水 flows down to the sea"
PROVIDERS: Final = {"openai_compatible": openai_server, "anthropic": anthropic_server, "gemini": gemini_server}
MISSING: Final = "THE LOCAL MODEL IS NOT INSTALLED, so it was not asked: `make local-models` fetches it."
LEFT_OUT: Final = chat_weights() is None and not os.environ.get("MAINSPRING_TEST_LOCAL_MODELS")


@dataclass
class Market:
    """A system, and a server for each protocol."""

    system: System
    base_urls: dict[str, str]

    @property
    def client(self) -> httpx2.AsyncClient:
        return self.system.client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    async with AsyncExitStack() as stack:
        servers = {name: await stack.enter_async_context(made()) for name, made in PROVIDERS.items()}
        settings = {"MAINSPRING_EGRESS_ALLOW": ",".join(one.place for one in servers.values())}
        system = await stack.enter_async_context(running(tmp_path_factory.mktemp("market"), settings, WHOLE))
        made = Market(system, {name: one.base_url for name, one in servers.items()})
        await publish(made.client, "ask", asking())
        yield made


def asking() -> Document:
    """The canvas: it asks the model that its input names, and answers with what that says."""
    write = node(
        "write", "llm", {"prompt": "{{start.prompt}}", "model": "{{start.model}}", "max_tokens": 60, "temperature": 0}
    )
    told = node("end", "end", {}, settings={"mode": "answer", "answer": "> {{write.output}}"})
    return document(begin(prompt="string", model="string"), write, told, lines="start>write>end")


async def ask(market: Market, model: str, prompt: str = PROMPT) -> tuple[str, dict[str, Any], int]:
    """The answer, the record of the step that asked, and in how many pieces the answer came."""
    journey = await Journey.begin(market.client, "ask", {"prompt": prompt, "model": model})
    ended = await journey.finish()
    assert ended["type"] == "run.succeeded", ended
    made, whole = texts(journey.follower.events)
    assert made == whole == {"end": ended["data"]["answer"]}
    pieces = [event for event in journey.follower.events if event["type"] == "step.delta"]
    return ended["data"]["answer"], (await journey.records())["write"], len(pieces)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_model_is_set_up_tried_asked_and_accounted_for(market: Market, provider: str) -> None:
    client, key = market.client, f"sk-{provider}-canary-1234"
    body = {
        "key": provider,
        "provider": provider,
        "vendor_model": "echo",
        "base_url": market.base_urls[provider],
        "api_key": key,
        "prices": {"input": 500_000, "output": 1_000_000},
    }
    saved = await client.post("/models", json=body)
    assert saved.status_code == 201, saved.text
    assert key not in saved.text

    answer, record, _ = await ask(market, provider)
    assert answer == f"> {PROMPT}"
    spent = record["usage"]
    assert min(spent["input_tokens"], spent["output_tokens"]) > 0

    found = await client.get("/usage", params={"by": "model", "model": provider})
    (row,) = found.json()["items"]
    assert (row["model"], row["calls"], row["failed"], row["input_tokens"]) == (provider, 1, 0, spent["input_tokens"])
    # Half a dollar for each token that goes in, a dollar for each that comes out.
    assert float(row["cost"]) == pytest.approx(spent["input_tokens"] / 2 + spent["output_tokens"])


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_model_that_does_not_answer_is_not_saved(market: Market, provider: str) -> None:
    body = {
        "key": f"{provider}-nobody",
        "provider": provider,
        "vendor_model": "nobody",
        "base_url": market.base_urls[provider],
        "api_key": "sk-wrong-canary-1234",
    }
    refused = await market.client.post("/models", json=body)
    assert refused.status_code == 422
    assert "nobody" in refused.json()["detail"]
    assert (await market.client.get(f"/models/{provider}-nobody")).status_code == 404


@pytest.mark.skipif(LEFT_OUT, reason=MISSING)
async def test_the_same_canvas_is_answered_by_a_real_model(market: Market) -> None:
    answer, record, pieces = await ask(market, "local", "What is the capital of France?")
    assert "Paris" in answer
    assert pieces >= 1
    assert record["usage"]["output_tokens"] > 3
