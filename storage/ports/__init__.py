"""What we ask of the stores, each port with an embedded adapter here and a server adapter to follow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from engine.events import RunEvent, StoredEvent
from storage.ports.variables import VariableDefinition as VariableDefinition
from storage.ports.variables import Variables as Variables
from storage.ports.variables import VariableScope as VariableScope


class Blobs(Protocol):
    """Bytes by key: `<organisation>/<name>`. Names are content hashes or generated ids, never a user's text."""

    async def put(self, key: str, data: bytes) -> None:
        """Store durably (survives a crash right after it returns); the same key again with the same bytes is fine."""

    async def get(self, key: str) -> bytes:
        """The bytes. Raises `NotFound`."""

    async def exists(self, key: str) -> bool: ...
    async def delete(self, key: str) -> None:
        """Remove it; a missing key is fine."""


class FileBlobs(Blobs, Protocol):
    """Blobs that need not be in memory whole."""

    async def receive(self) -> Incoming:
        """Begin to take in bytes that come in pieces, and are no blob before they are kept."""
        ...

    def stream(self, key: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes in pieces, from `start`, at most `length`. Raises `NotFound` before the first."""
        ...


class Incoming(Protocol):
    """Bytes on their way in. Until they are kept nobody else sees them; what is never kept is gone by itself."""

    @property
    def path(self) -> Path:
        """A file of this machine with what has come so far, to look into."""
        ...

    async def write(self, data: bytes) -> None: ...
    async def keep(self, key: str) -> None:
        """Make it the blob of this key, durably."""
        ...

    async def discard(self) -> None:
        """Forget it, unless it was kept; more than once is fine."""
        ...


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


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that payloads of one organisation are encrypted with: 32 bytes, known by its id, never stored in clear."""

    key_id: str
    key: bytes


class DataKeys(Protocol):
    """The data keys of organisations, each wrapped by the instance's key. Every process sees the same ones."""

    async def current(self, org_id: str) -> DataKey:
        """The key to encrypt with; made at its first use, once, whoever asks first. `org_id` may be empty: the
        instance's own.
        """
        ...

    async def get(self, key_id: str) -> DataKey:
        """The key something was encrypted with, also when it is current no more. Raises `NotFound`."""
        ...


class Secrets(Protocol):
    """The one vault: texts that are written, used, and never shown again."""

    async def put(self, org_id: str, kind: str, text: str, *, secret_id: str = "", last4: str = "") -> str:
        """Keep a text, or replace the one with this id; gives the id. Nothing of it is shown but `last4`, if given."""
        ...

    async def open(self, org_id: str, kind: str, secret_id: str) -> str:
        """The text. Raises `NotFound` also for another organisation's, and for another kind."""
        ...

    async def hints(self, org_id: str, kind: str, secret_ids: Sequence[str]) -> Mapping[str, str]:
        """The `last4` of those that are there, without opening them."""
        ...

    async def delete(self, org_id: str, secret_id: str) -> None:
        """Forget it for good; a missing one is fine."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much a model may be used at once; zero means without bound."""

    concurrency: int = 0
    requests_per_minute: int = 0
    tokens_per_minute: int = 0


class Throttle(Protocol):
    """Who may go now, over all processes. A place is leased: it comes back although its holder died."""

    async def enter(self, name: str, quota: Quota, *, lease: str, seconds: float) -> float:
        """Take a place of the thing called `name` under an id of one's own; 0.0 when one may go, otherwise the seconds
        after which it is worth asking again. The lease ends by itself after `seconds`; asking again extends it.
        """
        ...

    async def leave(self, name: str, *, lease: str, tokens: int = 0) -> None:
        """Give the place back, and say how many tokens were used."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call of a model as it was paid for, with or without an answer. Costs in millionths of `currency`."""

    key: str
    """Unique: the call is counted once, however often it is told."""
    org_id: str
    space_id: str
    run_id: str
    workflow_id: str
    node: str
    path: str
    attempt: int
    model: str
    """The key of the model that was asked; also where the node said `default`."""
    provider: str
    vendor_model: str
    outcome: str
    """`ok`, the reason of the failure, `cancelled`, or `begun`: its end is not known, or never will be."""
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    reasoning_tokens: int
    cost: int
    currency: str
    started: int
    """UTC milliseconds."""
    milliseconds: int
    estimated: bool = False
    """The server told no usage: the tokens are counted from the texts."""


BEGUN: Final = "begun"
"""The outcome of a call that is under way, or that went down with its process: it may have cost something."""


class ModelLedger(Protocol):
    """What was spent on models."""

    async def record(self, calls: Sequence[ModelCall]) -> None:
        """Store durably; a call whose key is known changes nothing, unless it was `begun` and is so no more."""
