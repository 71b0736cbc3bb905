"""What a run told, in the words of the case files: how it ended, a record for each step, messages, questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.error_numbers import number_of
from engine.events import EventType, RunEvent
from engine.values import Json
from tests.interchange.world import World

_STATUS = {
    EventType.STEP_SUCCEEDED: "succeeded",
    EventType.STEP_FAILED: "failed",
    EventType.STEP_SKIPPED: "skipped",
    EventType.STEP_CANCELLED: "cancelled",
}


@dataclass
class Told:
    """A run as a reader of its events sees it."""

    status: str
    output: Json = None
    answer: str | None = None
    error: dict[str, Any] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    """Places of messages that got a piece after their end, or never got one."""
    waits: list[dict[str, Any]] = field(default_factory=list)
    world: World | None = None
    stored: dict[str, dict[str, Json]] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Json]]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The number that Coze gives to the error."""
        return number_of(str(self.error.get("code", "")), self.error.get("facts") or {})


def told(events: list[RunEvent], ended: RunEvent | None, world: World) -> Told:
    """What the events say. Without an end the run waits."""
    made = Told("waiting", world=world)
    pieces: dict[str, list[str]] = {}
    for event in events:
        data: Mapping[str, Any] = event.data
        match event.type:
            case EventType.STEP_STARTED:
                record = made.records.setdefault(event.path, {})
                record.update(data, status="running")
            case EventType.STEP_SUCCEEDED | EventType.STEP_FAILED | EventType.STEP_SKIPPED | EventType.STEP_CANCELLED:
                record = made.records.setdefault(event.path, {})
                record.update(data, status=_STATUS[event.type])
            case EventType.MESSAGE_DELTA:
                pieces.setdefault(event.path, []).append(data["text"])
                made.loose += [one["path"] for one in made.messages if one["path"] == event.path]
            case EventType.MESSAGE_RESET:
                pieces[event.path] = [data["text"]] if data["text"] else []
            case EventType.MESSAGE_COMPLETED:
                parts = [part for part in pieces.pop(event.path, []) if part]
                text = data["text"]
                made.messages.append(
                    {"node": event.node, "path": event.path, "text": text, "pieces": parts or ([text] if text else [])}
                )
            case EventType.WAIT_OPENED:
                made.waits.append({"at": data["wait_id"], **data})
            case _:
                pass
    if ended is not None:
        made.status = {EventType.RUN_SUCCEEDED: "succeeded", EventType.RUN_FAILED: "failed"}.get(
            ended.type, "cancelled"
        )
        made.output = ended.data.get("output")
        answer = ended.data.get("answer")
        made.answer = answer if isinstance(answer, str) else None
        made.loose += [path for path, parts in pieces.items() if any(parts)] if made.status == "succeeded" else []
        error = ended.data.get("error")
        made.error = error if isinstance(error, dict) else {}
    return made
