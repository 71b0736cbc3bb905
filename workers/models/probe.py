"""One short call of a model that somebody is about to save: whether it answers, and in whose words it does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from conf.catalogue import ModelFacts, load_catalogue
from engine.errors import FlowError
from nodes.chat import ChatMessage, ChatOptions, ChatRequest
from nodes.probe import ModelOnTrial, ProbeResult
from workers.egress import BadUrl, EgressClient, EgressRefused
from workers.models.adapters import chat_adapter, embedding_adapter, rerank_adapter
from workers.models.entry import ModelEntry, chat_options, described, seconds_of, typed_options
from workers.models.layers.options import WithOptions
from workers.models.layers.streaming import streaming
from workers.models.provider import ModelConnection

SECONDS: Final = 30.0
_QUESTION: Final = "Answer with one word: hello"
_SHORT: Final = 16
_THINKING: Final = 512
"""What thinks before it answers must have room for that, or it ends before its first word."""
_SHOWN: Final = 200


class LiveProbe:
    """Implements `ModelProbe`. Each call has an egress client of its own, so that nothing stays open for its sake."""

    def __init__(self, client: Callable[[], EgressClient], *, seconds: float = SECONDS) -> None:
        self._client = client
        self._seconds = seconds

    async def try_model(self, model: ModelOnTrial) -> ProbeResult:
        """See `ModelProbe`."""
        since = time.monotonic()
        connection: ModelConnection | None = None
        egress = self._client()
        try:
            facts, connection = _connected(model)
            async with asyncio.timeout(self._seconds):
                result = await _ask(model, facts, connection, egress)
        except TimeoutError:
            result = ProbeResult(False, f"There was no answer within {self._seconds:g} seconds.", "timeout")
        except FlowError as error:
            result = _refused(error)
        finally:
            await egress.aclose()
        if connection is not None:
            result = replace(
                result, message=connection.hide(result.message), answer=connection.hide(result.answer)[:_SHOWN]
            )
        return replace(result, milliseconds=round((time.monotonic() - since) * 1000))


def _connected(model: ModelOnTrial) -> tuple[ModelFacts, ModelConnection]:
    """What is known of it, and where it is reached. Raises `ModelFailed`."""
    catalogue, name = load_catalogue(), model.vendor_model
    facts = described(catalogue, model.kind, model.provider, name, {}, name)
    entry = ModelEntry(
        id="",
        revision=0,
        name=name,
        provider=model.provider,
        vendor_model=name,
        facts=facts,
        base_url=model.base_url,
        options=typed_options(catalogue.provider(model.provider), model.kind, model.options, name),
        first_token_seconds=seconds_of(model.patience, "first_token_seconds", SECONDS),
        gap_seconds=seconds_of(model.patience, "gap_seconds", SECONDS),
    )
    return facts, entry.connection(model.api_key, model.headers)


async def _ask(
    model: ModelOnTrial, facts: ModelFacts, connection: ModelConnection, egress: EgressClient
) -> ProbeResult:
    match model.kind:
        case "chat":
            return await _chat(model, facts, connection, egress)
        case "embedding":
            embedder = embedding_adapter(connection, egress)
            try:
                made = await embedder.embed([_QUESTION], purpose="query")
            finally:
                await embedder.aclose()
            return ProbeResult(True, dimensions=len(made.vectors[0]), usage=made.usage)
        case "rerank":
            reranker = rerank_adapter(connection, egress)
            try:
                await reranker.rerank("water", ["rivers", "deserts"])
            finally:
                await reranker.aclose()
            return ProbeResult(True)


async def _chat(
    model: ModelOnTrial, facts: ModelFacts, connection: ModelConnection, egress: EgressClient
) -> ProbeResult:
    defaults = chat_options(model.defaults)
    room = (defaults.thinking_tokens or 0) + (_THINKING if facts.capabilities.reasoning else _SHORT)
    request = ChatRequest((ChatMessage("user", _QUESTION),), ChatOptions(max_tokens=room))
    adapter = chat_adapter(connection, egress)
    text: list[str] = []
    usage: Mapping[str, int] = {}
    try:
        async with streaming(WithOptions(adapter, model.vendor_model, facts, defaults), request) as deltas:
            async for delta in deltas:
                text.append(delta.text)
                usage = delta.usage or usage
    finally:
        await adapter.aclose()
    return ProbeResult(True, answer="".join(text), usage=usage)


def _refused(error: FlowError) -> ProbeResult:
    reason: Any = "egress" if isinstance(error, EgressRefused | BadUrl) else error.facts.get("reason", error.code)
    status = error.facts.get("status")
    return ProbeResult(False, error.message, str(reason), status if isinstance(status, int) else None)
