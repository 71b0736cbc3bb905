"""The sandbox where there is none: workers that were put together without a code runner say so."""

from __future__ import annotations

from engine.errors import NodeUnavailable
from nodes.sandbox import Finished, Task


class NoSandbox:
    """Implements `nodes.sandbox.Sandbox`."""

    async def run(self, org_id: str, task: Task) -> Finished:
        """Refuse."""
        raise NodeUnavailable("This worker has no code runner.")
