"""What we ask of the stores, each port with an embedded adapter here and a server adapter to follow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol

from engine.events import RunEvent, StoredEvent
from engine.values import Json

VariableScope = Literal["user", "app"]


class Blobs(Protocol):
    """Bytes by key: `<organisation>/<name>`. Names are content hashes or generated ids, never a user's text."""

    async def put(self, key: str, data: bytes) -> None:
        """Store durably (survives a crash right after it returns); the same key again with the same bytes is fine."""

    async def get(self, key: str) -> bytes:
        """The bytes. Raises `NotFound`."""

    async def exists(self, key: str) -> bool: ...
    async def delete(self, key: str) -> None:
        """Remove it; a missing key is fine."""


class EventLog(Protocol):
    """The events of runs, by offset. Appending an event whose key the run already has changes nothing."""

    async def append(self, run_id: str, events: Sequence[RunEvent]) -> list[StoredEvent]:
        """Store durably, in this order, atomically; returns those that were new, with their offsets: 1, 2, 3 … no gaps.

        After an event that ends the run nothing is accepted any more: what comes late is dropped.
        """

    async def read(self, run_id: str, *, after: int = 0, limit: int = 1_000) -> list[StoredEvent]:
        """Events with an offset greater than `after`, in order."""

    def follow(self, run_id: str, *, after: int = 0) -> AsyncIterator[StoredEvent]:
        """Events after the offset, then new ones as they come; ends after the event that ends the run."""

    async def settle(self, run_id: str, *, waits: bool = True) -> None:
        """Return once the run has ended, or (with `waits`) waits for a person; costs less than following it there."""
        ...


class Plans(Protocol):
    """Compiled plans by their hash. `read` is synchronous and quick: a workflow calls it, outside of any event loop."""

    async def put(self, plan_hash: str, data: bytes) -> None: ...
    def read(self, plan_hash: str) -> bytes:
        """The bytes. Raises `NotFound`."""


class Variables(Protocol):
    """User and app variables of a space. `owner` is the user's id for `user`, the workflow's id for `app`."""

    async def read(
        self, org_id: str, space_id: str, scope: VariableScope, owner: str, names: Sequence[str]
    ) -> dict[str, Json]:
        """The values of those names that are set."""

    async def write(
        self, org_id: str, space_id: str, scope: VariableScope, owner: str, values: Mapping[str, Json]
    ) -> None: ...
