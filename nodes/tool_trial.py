"""Calling a tool outside of any run: what came of it, for whoever sets a plugin up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from engine.values import Json
from storage.ports.plugins import PluginKey, PluginTool


@dataclass(frozen=True, slots=True)
class TrialCall:
    """What one call of a tool gave. It never holds the key."""

    ok: bool
    output: Mapping[str, Json] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    code: str = ""
    """Of the error, where it failed: `plugin_failed`, `egress_refused` …"""
    message: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)
    milliseconds: int = 0


class ToolTrial(Protocol):
    """Calls a tool through the egress guard. Raises nothing that can be answered."""

    async def call(
        self, tool: PluginTool, key: PluginKey | None, arguments: Mapping[str, Json], idempotency_key: str
    ) -> TrialCall: ...
