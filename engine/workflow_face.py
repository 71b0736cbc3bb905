"""The face of a callable workflow: what a canvas that calls it must know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.canvas import JsonSchema


@dataclass(frozen=True, slots=True)
class WorkflowFace:
    """A version of a workflow as its callers see it; `uses` are the ids of the workflows it calls, at any depth."""

    id: str
    version: str
    inputs: JsonSchema = field(default_factory=dict)
    outputs: JsonSchema = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    answers: bool | None = None
    """Whether it answers with a text; None where that is not known."""


FindWorkflow = Callable[[str, str], WorkflowFace | None]
"""Finds a workflow by id and version (empty: the newest that may be called); None when there is none."""
