"""What a person sees of a run: a row for each node, made of the events as they come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

State = Literal["running", "waiting", "succeeded", "failed", "skipped", "cancelled"]

_NUMBERS: Final = re.compile(r"\[\d+\]|~\d+")
_ENDS: Final[Mapping[str, State]] = {
    "step.succeeded": "succeeded",
    "step.failed": "failed",
    "step.skipped": "skipped",
    "step.cancelled": "cancelled",
}


@dataclass(frozen=True)
class Ending:
    """How one turn of a node ended, and what it took."""

    state: State
    took_ms: int = 0
    tokens: int = 0


@dataclass
class Row:
    """One node. Its turns in loops and batches are added up; `latest` is how the last one ended."""

    place: str
    title: str
    node_type: str
    state: State = "running"
    latest: Ending = Ending("running")
    took_ms: int = 0
    done: int = 0
    tokens: int = 0
    note: str = ""
    handled: str = ""
    open: set[str] = field(default_factory=set[str])

    @property
    def depth(self) -> int:
        """How many composites and sub-workflows are around it."""
        return self.place.count("/")


class RunView:
    """The rows in the order in which their nodes began, and the end."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.tokens = 0
        self.began = 0
        self.waits: dict[str, Mapping[str, Any]] = {}
        """The questions that are open, by their ids."""
        self.ended: Mapping[str, Any] | None = None
        self.seq = 0
        self._starts: dict[str, int] = {}

    def go_on_from(self, seen: RunView) -> None:
        """What another view has seen is known here too, but makes no rows: it is past."""
        self.seq, self.waits, self._starts = seen.seq, dict(seen.waits), dict(seen._starts)

    @property
    def busy(self) -> bool:
        """Whether anything goes on besides waiting for people: a step that does not ask, nor is only around others."""
        asking = {wait["path"] for wait in self.waits.values()}
        leaves = (path for path in self._starts if path not in asking)
        return any(not any(_lies_in(other, path) for other in self._starts) for path in leaves)

    def take(self, event: Mapping[str, Any]) -> Row | None:
        """Take an event; the row that it changed, if it did."""
        kind, data, path = event["type"], event["data"], event["path"]
        self.seq = event["seq"]
        if kind == "run.started":
            self.began = event["at"]
        if kind in ("run.succeeded", "run.failed", "run.cancelled"):
            self.ended = event
        if not kind.startswith(("step.", "wait.")) or kind == "step.delta":
            return None
        row = self._row(path, data)
        match kind:
            case "step.started":
                row.state = "running"
                row.open.add(path)
                self._starts[path] = event["at"]
            case "wait.opened":
                row.state, row.note = "waiting", str(data.get("prompt", ""))
                # A step may ask several times, so a question has an id of its own beside the place.
                self.waits[str(data["wait_id"])] = {**data, "path": path}
            case "wait.answered":
                row.state, row.note = "running", ""
                self.waits.pop(str(data["wait_id"]), None)
            case "step.retried":
                row.note = f"again: {_message(data.get('error'))}"
            case _:
                self._end(row, kind, event)
        return row

    def _end(self, row: Row, kind: str, event: Mapping[str, Any]) -> None:
        data, path = event["data"], event["path"]
        row.open.discard(path)
        self.waits = {wait_id: wait for wait_id, wait in self.waits.items() if wait["path"] != path}
        row.state = "running" if row.open else _ENDS[kind]
        took = max(0, event["at"] - self._starts.pop(path, event["at"]))
        row.took_ms += took
        row.note = _message(data.get("error")) if kind == "step.failed" else _warned(data.get("warnings"))
        row.handled = str(data.get("handled") or "")
        if kind != "step.skipped":
            row.done += 1
        usage = data.get("usage")
        tokens = int(usage.get("total_tokens", 0)) if isinstance(usage, Mapping) else 0
        row.tokens += tokens
        self.tokens += tokens
        row.latest = Ending(_ENDS[kind], took, tokens)

    def _row(self, path: str, data: Mapping[str, Any]) -> Row:
        place = place_of(path)
        row = self.rows.get(place)
        if row is None:
            row = self.rows[place] = Row(place, place.rpartition("/")[2], "")
        row.title = str(data.get("title") or row.title)
        row.node_type = str(data.get("node_type") or row.node_type)
        return row


def place_of(path: str) -> str:
    """A path without the numbers of turns and attempts: the node, whichever turn it is."""
    return _NUMBERS.sub("", path)


def _lies_in(path: str, around: str) -> bool:
    return path.startswith((f"{around}/", f"{around}[", f"{around}~"))


def _message(error: object) -> str:
    return str(error.get("message", "")) if isinstance(error, Mapping) else ""


def _warned(warnings: object) -> str:
    """What a step that succeeded was warned of: the first of it, and how much more there is."""
    if not isinstance(warnings, list) or not warnings:
        return ""
    more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
    return f"warning: {warnings[0]}{more}"


def seconds(milliseconds: int) -> str:
    """A duration as people read it."""
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds // 60_000} min {milliseconds % 60_000 // 1000} s"
