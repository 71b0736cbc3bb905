"""Models that stand in for one that cannot be had."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final

import structlog

from nodes.chat import ChatDelta, ChatModel, ChatRequest, ModelFailed, ModelUnavailable
from workers.models.layers.streaming import streaming

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_ABSENT: Final = frozenset({"auth", "not_found", "quota"})
"""Refusals that say something about the model, and nothing about the question."""


class WithFallback:
    """Implements `ChatModel`: asks the next one where a model cannot be had and nothing of its answer was heard.

    This is within one model's name: a node hears only that all of them failed, as the first one told it, and a chain of
    the node's own begins after that.
    """

    def __init__(
        self, first: ChatModel, name: str, others: Sequence[str], find: Callable[[str], Awaitable[ChatModel]]
    ) -> None:
        self._first = first
        self._name = name
        self._others = others
        self._find = find

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """See `ChatModel`."""
        refusal: ModelFailed | ModelUnavailable | None = None
        for name in (self._name, *self._others):
            begun = False
            try:
                model = self._first if refusal is None else await self._find(name)
                async with streaming(model, request) as deltas:
                    async for delta in deltas:
                        begun = True
                        yield delta
                return
            except (ModelFailed, ModelUnavailable) as error:
                if begun or (refusal is None and not _absent(error)):
                    raise
                refusal = refusal or error
                _log.info("model not to be had", model=name, reason=error.facts.get("reason"))
        if refusal is not None:
            raise refusal


def _absent(error: ModelFailed | ModelUnavailable) -> bool:
    return isinstance(error, ModelUnavailable) or error.facts.get("reason") in _ABSENT
