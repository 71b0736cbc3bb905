"""Which runs a list holds, and what it shows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, String, or_, type_coerce
from sqlmodel import col

from storage.ids import read_id
from storage.tables import Run
from storage.tables.runs import RunKind, RunMode, RunState


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as lists show it."""

    id: int
    workflow_id: int
    workflow_key: str
    workflow_name: str
    version: str
    mode: RunMode
    kind: RunKind
    state: RunState
    created: int
    started: int | None
    finished: int | None
    input_tokens: int
    output_tokens: int
    executed_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs a list holds. `since` and `until` are UTC milliseconds, `text` a part of what went in or came out."""

    states: Sequence[RunState] = ()
    workflow_id: int | None = None
    version: str | None = None
    kind: RunKind | None = None
    since: int | None = None
    until: int | None = None
    text: str = ""
    user_id: str | None = None
    workflow_ids: Sequence[int] | None = None
    """Only those of some workflows; None: of any."""

    def conditions(self) -> list[Any]:
        """What a row must meet."""
        found: list[Any] = []
        if self.states:
            found.append(col(Run.state).in_(self.states))
        for column, wanted in ((Run.workflow_id, self.workflow_id), (Run.version, self.version), (Run.kind, self.kind)):
            if wanted is not None:
                found.append(col(column) == wanted)
        if self.user_id is not None:
            found.append(col(Run.user_id) == self.user_id)
        if self.workflow_ids is not None:
            found.append(col(Run.workflow_id).in_(self.workflow_ids))
        if self.since is not None:
            found.append(col(Run.created) >= self.since)
        if self.until is not None:
            found.append(col(Run.created) < self.until)
        if self.text:
            found.append(self._mentions())
        return found

    def _mentions(self) -> ColumnElement[bool]:
        # The columns as text, not as the JSON they hold.
        texts = [type_coerce(col(column), String()) for column in (Run.inputs, Run.output, Run.error)]
        places = [*texts, col(Run.answer), col(Run.workflow_name), col(Run.workflow_key)]
        found: list[ColumnElement[bool]] = [place.icontains(self.text, autoescape=True) for place in places]
        if (number := read_id(self.text.strip())) is not None:
            found.append(col(Run.id) == number)
        return or_(*found)


EVERY_RUN: Final = RunFilter()
