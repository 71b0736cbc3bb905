"""Trying a model before anybody relies on it: what it is reached with, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from engine.values import Json


@dataclass(frozen=True, slots=True)
class ModelOnTrial:
    """A model as somebody is about to save it. Empty `base_url`: the provider's own."""

    kind: Literal["chat", "embedding", "rerank"]
    provider: str
    vendor_model: str
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, Json] = field(default_factory=dict)
    defaults: Mapping[str, Json] = field(default_factory=dict)
    """Wishes by the names of `ChatOptions`: a provider may refuse one."""
    patience: Mapping[str, Json] = field(default_factory=dict)
    """Perhaps `first_token_seconds` and `gap_seconds`."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one short call gave. It never holds the key, also where the provider repeats it."""

    ok: bool
    message: str = ""
    """Why not, in the provider's own words where there are any."""
    reason: str = ""
    """See `nodes.chat.Reason`; `egress` when the guard refuses the address."""
    status: int | None = None
    milliseconds: int = 0
    answer: str = ""
    """The beginning of what a chat model said."""
    dimensions: int | None = None
    """How long the vectors of an embedding model are."""
    usage: Mapping[str, int] = field(default_factory=dict)


class ModelProbe(Protocol):
    """Makes one short call through the egress guard, for half a minute at most. Raises nothing that can be answered."""

    async def try_model(self, model: ModelOnTrial) -> ProbeResult: ...
