"""Where the models of a node come from: every call is made for a place in a run, which it is counted for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.runtime import RunContext
from nodes.context import Models


@dataclass(frozen=True, slots=True)
class CallSite:
    """Who asks. A `delivery` above 1 is the same attempt again, after a crash."""

    run: RunContext
    node: str
    path: str
    attempt: int
    delivery: int


class ModelSource(Protocol):
    """The models of every organisation."""

    def at(self, site: CallSite) -> Models:
        """The models as a node at this place sees them."""
        ...
