"""What a run tells while it runs: one event shape that travels unchanged from the node to the browser."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from engine.values import Json


class EventType(StrEnum):
    """Every kind of event. The comment names what `data` holds."""

    RUN_STARTED = "run.started"  # inputs, workflow_id, version, plan_hash
    RUN_SUCCEEDED = "run.succeeded"  # output; answer (text) when the end answers with a text
    RUN_FAILED = "run.failed"  # error
    RUN_CANCELLED = "run.cancelled"  # reason
    STEP_STARTED = "step.started"  # title, node_type, inputs, attempt; only for steps that take time
    # title, node_type, output, attempt; inputs (inline steps); port, usage, warnings, logs, details where there are any
    STEP_SUCCEEDED = "step.succeeded"
    STEP_FAILED = "step.failed"  # title, node_type, error, attempt, usage; handled ("default" or "branch"), then output
    STEP_SKIPPED = "step.skipped"  # title, node_type
    STEP_CANCELLED = "step.cancelled"  # title, node_type
    STEP_RETRIED = (
        "step.retried"  # attempt (the new one), error, delay_ms: pieces of earlier attempts are void
        # delivery when a process died or a turn ended with calls; below: what steps within told is void too
    )
    STEP_DELTA = "step.delta"  # attempt, field, text: a piece of a streamed output
    MESSAGE_OPENED = "message.opened"  # source: pieces of this step follow, also those made before
    MESSAGE_DELTA = (
        "message.delta"  # text, source (path of the producing step), attempt: a piece of a message or of the answer
    )
    MESSAGE_RESET = "message.reset"  # pieces of this message sent so far are void; text: what stands instead
    MESSAGE_COMPLETED = "message.completed"  # text: the whole message; the mark of its end, none for an empty one
    WAIT_OPENED = "wait.opened"  # wait_id, kind, prompt, options, schema, title, executor: who takes the answer
    WAIT_ANSWERED = "wait.answered"  # wait_id, answer


RUN_ENDS = frozenset({EventType.RUN_SUCCEEDED, EventType.RUN_FAILED, EventType.RUN_CANCELLED})


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One thing that happened in a run.

    `key` is unique within the run and made from what happened (`ask:succeeded`, `loop[3]/ask:delta:2.17`), never from a
    counter that a replay could count differently: an event written twice is stored once. `at` is UTC milliseconds.
    `path` is the place of the step, with loop and batch indexes: `loop[3]/ask`; empty for the run itself.
    """

    key: str
    type: EventType
    at: int
    path: str = ""
    node: str = ""
    data: dict[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """The JSON form, without the offset that the event log gives it."""
        return {
            "key": self.key,
            "type": self.type.value,
            "at": self.at,
            "path": self.path,
            "node": self.node,
            "data": self.data,
        }


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event with its offset in the run's log: 1, 2, 3 … without gaps."""

    seq: int
    event: RunEvent

    def to_json(self) -> dict[str, Json]:
        """The JSON form that the API sends."""
        return {"seq": self.seq, **self.event.to_json()}
