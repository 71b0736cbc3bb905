"""Runs and their records as the API shows them: plain values, on their way to JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from storage.run_search import RunSummary
from storage.runs import NewRun
from storage.tables import NodeRecord, OpenWaitRow, Run
from workers.in_place import Walked


def run_view(run: Run, waits: Iterable[OpenWaitRow] = (), *, temporal_ui: str = "") -> dict[str, Any]:
    """A run, as `RunOut` describes it."""
    return {
        "id": str(run.id),
        "workflow_id": str(run.workflow_id),
        "workflow_key": run.workflow_key,
        "workflow_name": run.workflow_name,
        "version": run.version,
        "kind": run.kind,
        "mode": run.mode,
        "state": run.state,
        "inputs": run.inputs,
        "output": run.output,
        "answer": run.answer,
        "error": run.error,
        "waits": [wait_view(wait) for wait in waits],
        "usage": {"input_tokens": run.input_tokens, "output_tokens": run.output_tokens},
        "executed_steps": run.executed_steps,
        "user_id": run.user_id or None,
        "app_id": run.app_id or None,
        "channel": run.channel or None,
        "conversation_id": None if run.conversation_id is None else str(run.conversation_id),
        "created": run.created,
        "started": run.started,
        "finished": run.finished,
        "duration_ms": duration(run.started, run.finished),
        "temporal_url": _temporal_url(temporal_ui, run.temporal_id),
    }


def walked_view(new: NewRun, done: Walked) -> dict[str, Any]:
    """A run that was just walked in place: the same that `run_view` shows once it is read back."""
    started, finished = done.events[0].at, done.events[-1].at
    return {
        "id": str(new.id),
        "workflow_id": str(new.workflow_id),
        "workflow_key": new.workflow_key,
        "workflow_name": new.workflow_name,
        "version": new.version,
        "kind": new.kind,
        "mode": new.mode,
        "state": "succeeded" if done.error is None else "failed",
        "inputs": new.inputs,
        "output": done.output,
        "answer": done.answer,
        "error": done.error,
        "waits": [],
        "usage": {"input_tokens": 0, "output_tokens": 0},
        "executed_steps": done.executed,
        "user_id": new.user_id or None,
        "app_id": new.app_id or None,
        "channel": new.channel or None,
        "conversation_id": None if new.turn is None else str(new.turn.conversation_id),
        "created": new.created,
        "started": started,
        "finished": finished,
        "duration_ms": duration(started, finished),
        "temporal_url": None,
    }


def summary_view(run: RunSummary) -> dict[str, Any]:
    """A run in a list."""
    return {
        "id": str(run.id),
        "workflow_id": str(run.workflow_id),
        "workflow_key": run.workflow_key,
        "workflow_name": run.workflow_name,
        "version": run.version,
        "kind": run.kind,
        "mode": run.mode,
        "state": run.state,
        "usage": {"input_tokens": run.input_tokens, "output_tokens": run.output_tokens},
        "executed_steps": run.executed_steps,
        "created": run.created,
        "started": run.started,
        "finished": run.finished,
        "duration_ms": duration(run.started, run.finished),
    }


def node_view(record: NodeRecord) -> dict[str, Any]:
    """What became of one step at one place."""
    return {
        "path": record.path,
        "node": record.node_id,
        "title": record.title,
        "node_type": record.node_type,
        "parent": record.parent,
        "turn": record.turn,
        "state": record.state,
        "attempt": record.attempt,
        "port": record.port,
        "handled": record.handled,
        "inputs": record.inputs,
        "output": record.output,
        "error": record.error,
        "warnings": record.warnings,
        "logs": record.logs,
        "details": record.details,
        "usage": {"input_tokens": record.input_tokens, "output_tokens": record.output_tokens},
        "started": record.started,
        "finished": record.finished,
        "duration_ms": duration(record.started, record.finished),
    }


def wait_view(wait: OpenWaitRow) -> dict[str, Any]:
    """A question to a person."""
    return {
        "wait_id": wait.wait_id,
        "node": wait.node_id,
        "title": wait.title,
        "kind": wait.kind,
        "prompt": wait.prompt,
        "options": wait.options or [],
        "schema": wait.answer_schema,
        "opened": wait.opened,
    }


def duration(started: int | None, finished: int | None) -> int | None:
    """Milliseconds between two moments, once there are two; a clock may be set back in between."""
    return None if started is None or finished is None else max(0, finished - started)


def _temporal_url(base: str, temporal_id: str) -> str | None:
    return f"{base}/workflows/{quote(temporal_id, safe='')}" if base and temporal_id else None
