"""What all graphs of one walk share, and how a step of it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import LimitExceeded
from engine.events import EventType, RunEvent
from engine.limits import Limits
from engine.runtime import Runtime
from engine.values import Json, has_refs


class HandOver(Exception):
    """The run is at a safe point and its history is long: go on in a fresh one with this snapshot."""

    def __init__(self, snapshot: Json) -> None:
        super().__init__("hand over")
        self.snapshot = snapshot


@dataclass(slots=True)
class Walk:
    """What all graphs of one walk share."""

    runtime: Runtime
    limits: Limits
    executed: int = 0
    usage: dict[str, int] = field(default_factory=dict)
    refs_seen: bool = False
    """Whether a value by reference has entered: until then nobody looks for one."""
    pinned: int = 0
    """Things in flight that cannot be parked: children, and people asked from within a composite."""

    def emit(self, key: str, kind: EventType, path: str = "", node: str = "", **data: Any) -> None:
        """Tell an event."""
        self.runtime.emit(RunEvent(key=key, type=kind, at=self.runtime.now(), path=path, node=node, data=data))

    def count(self) -> None:
        """Count an executed step, against the limit."""
        self.executed += 1
        if self.executed > self.limits.executed_steps:
            raise LimitExceeded(
                f"The run has executed {self.limits.executed_steps} steps, which is the limit.",
                limit=self.limits.executed_steps,
                setting="MAINSPRING_EXECUTED_STEPS",
            )

    def spend(self, usage: Mapping[str, int]) -> None:
        """Add tokens to the run's account."""
        for name, amount in usage.items():
            self.usage[name] = self.usage.get(name, 0) + amount

    def look_for_refs(self, value: object) -> None:
        """A value has come in from outside: from here on, values by reference are looked for if it holds one."""
        if not self.refs_seen and has_refs(value):
            self.refs_seen = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended, for the steps behind it. `data` goes into its event."""

    output: dict[str, object]
    port: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
