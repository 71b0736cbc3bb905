"""The wishes of a request: filled up with the model's own defaults, and kept to what the model takes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import fields, replace
from typing import Any, Final, get_args

from conf.catalogue import ModelFacts, ParameterName
from nodes.chat import ChatDelta, ChatModel, ChatOptions, ChatRequest, ModelFailed
from workers.models.layers.streaming import streaming

_RANGED: Final[tuple[str, ...]] = get_args(ParameterName)


class WithOptions:
    """Implements `ChatModel`. Nothing is changed silently: what is out of range fails, and names its range.

    A wish for something that the model does not have at all is left out, as `ChatOptions` says.
    """

    def __init__(self, inner: ChatModel, name: str, facts: ModelFacts, defaults: ChatOptions) -> None:
        self._inner = inner
        self._name = name
        self._facts = facts
        self._defaults = defaults

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        """See `ChatModel`. Raises `ModelFailed` with the reason `bad_request`."""
        fitting = replace(request, options=self._fitting(_filled(request.options, self._defaults)))
        async with streaming(self._inner, fitting) as deltas:
            async for delta in deltas:
                yield delta

    def _fitting(self, options: ChatOptions) -> ChatOptions:
        made: dict[str, Any] = {}
        for name in _RANGED:
            value = getattr(options, name)
            parameter = self._facts.parameter(name)
            if parameter is None:
                made[name] = None
            elif value is None:
                made[name] = parameter.default if parameter.required else None
            elif wrong := parameter.complaint(value):
                raise ModelFailed(
                    f"The {name} {value} does not fit the model {self._name}: it {wrong}.",
                    reason="bad_request",
                    model=self._name,
                    parameter=name,
                    value=value,
                    min=parameter.min,
                    max=parameter.max,
                )
        return replace(options, **made)


def _filled(asked: ChatOptions, defaults: ChatOptions) -> ChatOptions:
    """What was asked for, filled up with the defaults."""
    left = {one.name: getattr(defaults, one.name) for one in fields(ChatOptions) if not _said(getattr(asked, one.name))}
    return replace(asked, **left)


def _said(value: object) -> bool:
    return value is not None and value != ()
