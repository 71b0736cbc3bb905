"""The records of a run, made from its events: a pure fold, so that they can be made again from the log at any time.

JSON stays text in here: it is written as it came and nobody looks inside.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from engine.events import EventType, RunEvent, StoredEvent
from engine.values import Json
from storage.encoding import dump_or_none
from storage.tables.columns import KEY_LENGTH, NODE_ID_LENGTH, PATH_LENGTH, TITLE_LENGTH
from storage.tables.runs import NodeState, RunState, WaitState

_TURN: Final = re.compile(r"(?P<path>.*)\[(?P<turn>\d{1,9})\]", re.DOTALL)

_NODE_STATES: Final[Mapping[EventType, NodeState]] = {
    EventType.STEP_SUCCEEDED: "succeeded",
    EventType.STEP_FAILED: "failed",
    EventType.STEP_SKIPPED: "skipped",
    EventType.STEP_CANCELLED: "cancelled",
}
_RUN_STATES: Final[Mapping[EventType, RunState]] = {
    EventType.RUN_SUCCEEDED: "succeeded",
    EventType.RUN_FAILED: "failed",
    EventType.RUN_CANCELLED: "cancelled",
}
_OF_NODES: Final = frozenset(
    {*_NODE_STATES, EventType.STEP_STARTED, EventType.STEP_RETRIED, EventType.WAIT_OPENED, EventType.WAIT_ANSWERED}
)
_OF_RUNS: Final = frozenset({*_RUN_STATES, EventType.RUN_STARTED})
_MUCH: Final = 1 << 40
"""No count comes near it; sums of such numbers still fit into a column."""
_IN_PROGRESS: Final = ("running", "waiting")


@dataclass(slots=True)
class NodeFold:
    """The record of one step at one place."""

    path: str
    seq: int
    node_id: str
    parent: str
    turn: int | None
    state: NodeState = "running"
    node_type: str = ""
    title: str = ""
    port: str | None = None
    handled: str | None = None
    attempt: int = 1
    inputs: str | None = None
    output: str | None = None
    error: str | None = None
    warnings: str | None = None
    started: int | None = None
    finished: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    logs: str | None = None
    details: str | None = None


@dataclass(slots=True)
class WaitFold:
    """A question to a person."""

    wait_id: str
    path: str
    node_id: str
    opened: int
    title: str = ""
    kind: str = ""
    prompt: str = ""
    options: str | None = None
    answer_schema: str | None = None
    executor: str = ""
    state: WaitState = "open"
    closed: int | None = None
    answer: str | None = None


@dataclass(slots=True)
class RunFold:
    """A run's own columns, and of its nodes and waits those that the events at hand speak of.

    Who goes on with a stored run puts in the nodes at `paths_of(events)` and the open waits, and when an event ends the
    run also the nodes in progress.
    """

    state: RunState = "queued"
    started: int | None = None
    finished: int | None = None
    updated: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    executed_steps: int = 0
    projected_seq: int = 0
    """The offset of the last event that counts here: pieces of messages do not."""
    inputs: str | None = None
    output: str | None = None
    answer: str | None = None
    error: str | None = None
    nodes: dict[str, NodeFold] = field(default_factory=dict)
    waits: dict[str, WaitFold] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing more can happen."""
        return self.finished is not None


def fit(text: str, length: int = PATH_LENGTH) -> str:
    """A path or key that an index takes. A longer one, rare as it is, keeps its beginning; its hash makes it unique."""
    if len(text) <= length and text.isascii():
        return text
    text = _storable(text)
    if len(text) <= length:
        return text
    return f"{text[: length - 65]}#{hashlib.sha256(text.encode()).hexdigest()}"


def paths_of(events: Iterable[RunEvent]) -> set[str]:
    """The places of the nodes whose records these events may change."""
    return {fit(event.path) for event in events if event.type in _OF_NODES}


def is_record(event: RunEvent) -> bool:
    """Whether the event leaves a trace in the records; pieces of messages and outputs do not."""
    return event.type in _OF_NODES or event.type in _OF_RUNS


def place_of(path: str) -> tuple[str, int | None]:
    """The composite or sub-workflow around a place, and the turn: `a/loop[3]/ask` is in turn 3 of `a/loop`."""
    above = path.rpartition("/")[0]
    if above.endswith("]") and (turn := _TURN.fullmatch(above)) is not None:
        return turn["path"], int(turn["turn"])
    return above, None


def apply(run: RunFold, stored: StoredEvent) -> None:
    """Let one event happen. Events come in the order of their offsets; what the fold has seen it ignores."""
    event = stored.event
    if stored.seq <= run.projected_seq or run.ended or not is_record(event):
        return
    run.projected_seq = stored.seq
    run.updated = event.at
    if event.type in _RUN_STATES:
        _end(run, event)
        return
    if run.started is None:
        run.state, run.started = "running", event.at
    if event.type is EventType.RUN_STARTED:
        if "inputs" in event.data:
            run.inputs = dump_or_none(event.data["inputs"])
        return
    node = _node(run, stored)
    _spend(run, node, event.data.get("usage"))
    if node.state in _IN_PROGRESS:
        # The first end of a step counts: what comes late, from another process, does not open it again.
        _happen(run, node, event)
    if node.inputs is None and "inputs" in event.data:
        node.inputs = dump_or_none(event.data["inputs"])
    if run.state == "waiting" or event.type is EventType.WAIT_OPENED:
        run.state = "waiting" if any(wait.state == "open" for wait in run.waits.values()) else "running"


def _node(run: RunFold, stored: StoredEvent) -> NodeFold:
    """The record of the event's node, made at the first event about it."""
    event, path = stored.event, fit(stored.event.path)
    node = run.nodes.get(path)
    if node is None:
        parent, turn = place_of(event.path)
        node = NodeFold(path, stored.seq, fit(event.node, NODE_ID_LENGTH), fit(parent), turn)
        run.nodes[path] = node
    if event.type is not EventType.STEP_SKIPPED and (node.started is None or event.at < node.started):
        node.started = event.at
    node.title = _text(event.data, "title", TITLE_LENGTH) or node.title
    node.node_type = _text(event.data, "node_type", NODE_ID_LENGTH) or node.node_type
    return node


def _happen(run: RunFold, node: NodeFold, event: RunEvent) -> None:
    """What an event does to a step in progress."""
    data = event.data
    node.attempt = max(node.attempt, _number(data, "attempt", 1))
    match event.type:
        case EventType.STEP_RETRIED:
            node.error = dump_or_none(data.get("error"))
        case EventType.WAIT_OPENED:
            node.state = "waiting"
            opened = _wait(node, event)
            run.waits[opened.wait_id] = opened
        case EventType.WAIT_ANSWERED:
            wait = run.waits.get(_wait_id(event))
            if wait is not None and wait.state == "open":
                wait.state, wait.closed, wait.answer = "answered", event.at, dump_or_none(data.get("answer"))
                node.state = "running"
        case EventType.STEP_SUCCEEDED | EventType.STEP_FAILED | EventType.STEP_SKIPPED | EventType.STEP_CANCELLED:
            node.state, node.finished = _NODE_STATES[event.type], event.at
            node.output = dump_or_none(data.get("output"))
            node.error = dump_or_none(data.get("error"))
            node.warnings = dump_or_none(data.get("warnings"))
            node.logs = dump_or_none(data.get("logs"))
            node.details = dump_or_none(data.get("details"))
            node.port = _text(data, "port", KEY_LENGTH) or None
            node.handled = _text(data, "handled", 16) or None
            run.executed_steps += node.state in ("succeeded", "failed")
            _withdraw(run, event.at, node.path)
        case _:
            return


def _wait(node: NodeFold, event: RunEvent) -> WaitFold:
    data = event.data
    return WaitFold(
        _wait_id(event),
        path=node.path,
        node_id=node.node_id,
        opened=event.at,
        title=node.title,
        kind=_text(data, "kind", 16),
        prompt=_text(data, "prompt"),
        options=dump_or_none(data.get("options")),
        answer_schema=dump_or_none(data.get("schema")),
        executor=_text(data, "executor", 255),
    )


def _wait_id(event: RunEvent) -> str:
    return fit(_text(event.data, "wait_id") or event.path)


def _end(run: RunFold, event: RunEvent) -> None:
    """The run is over, and with it what was in progress: a step that contains the place of the failure has failed."""
    _withdraw(run, event.at)
    run.state, run.finished = _RUN_STATES[event.type], event.at
    run.started = event.at if run.started is None else run.started
    run.output = dump_or_none(event.data.get("output"))
    run.answer = _text(event.data, "answer") if isinstance(event.data.get("answer"), str) else None
    error = event.data.get("error")
    if error is None and event.data.get("reason"):
        error = {"code": "cancelled", "message": str(event.data["reason"])}
    run.error = dump_or_none(error)
    culprit = _culprit(error) if event.type is EventType.RUN_FAILED else ""
    for node in run.nodes.values():
        if node.state in _IN_PROGRESS:
            around = culprit == node.path or culprit.startswith((f"{node.path}/", f"{node.path}["))
            node.state = "failed" if around else "cancelled"
            node.error = run.error if around else node.error
            node.finished = event.at


def _culprit(error: Json) -> str:
    """The path of the step that failed, when the error tells."""
    facts = error.get("facts") if isinstance(error, dict) else None
    path = facts.get("path") if isinstance(facts, dict) else None
    return path if isinstance(path, str) else ""


def _withdraw(run: RunFold, at: int, path: str | None = None) -> None:
    """The waits of a step, or all, can no longer be answered."""
    if run.state == "waiting":
        for wait in run.waits.values():
            if wait.state == "open" and path in (None, wait.path):
                wait.state, wait.closed = "withdrawn", at


def _spend(run: RunFold, node: NodeFold, usage: Json) -> None:
    if isinstance(usage, dict):
        taken, given = _number(usage, "input_tokens", 0), _number(usage, "output_tokens", 0)
        node.input_tokens += taken
        node.output_tokens += given
        run.input_tokens += taken
        run.output_tokens += given


def _text(data: Mapping[str, Json], name: str, length: int | None = None) -> str:
    value = data.get(name)
    return _storable(value)[:length] if isinstance(value, str) else ""


def _storable(text: str) -> str:
    """The text, with a question mark for half a surrogate pair: no database takes that."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _number(data: Mapping[str, Json], name: str, otherwise: int) -> int:
    value = data.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MUCH else otherwise
