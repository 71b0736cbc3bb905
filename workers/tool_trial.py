"""One call of a tool that somebody is setting up, through the same guard as every call of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from engine.errors import FlowError
from engine.values import Json
from nodes.tool_trial import TrialCall
from nodes.tools.plugin_call import ToolCall
from storage.ports.plugins import PluginKey, PluginTool
from workers.egress import EgressClient
from workers.http import NodeHttp


class LiveTools:
    """Implements `ToolTrial`. Each call has an egress client of its own, so that nothing stays open for its sake."""

    def __init__(self, client: Callable[[], EgressClient]) -> None:
        self._client = client

    async def call(
        self, tool: PluginTool, key: PluginKey | None, arguments: Mapping[str, Json], idempotency_key: str
    ) -> TrialCall:
        """See `ToolTrial`."""
        since = time.monotonic()
        warnings: list[str] = []
        egress = self._client()
        try:
            made = ToolCall(tool, key, NodeHttp(egress), idempotency_key)
            result = TrialCall(True, await made.make(arguments, warnings.append))
        except FlowError as error:
            result = TrialCall(False, code=error.code, message=error.message, facts=error.facts)
        finally:
            await egress.aclose()
        milliseconds = round((time.monotonic() - since) * 1000)
        return TrialCall(
            result.ok, result.output, tuple(warnings), result.code, result.message, result.facts, milliseconds
        )
