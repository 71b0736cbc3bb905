"""Folded records as rows: what the projection knows, in the order of the columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final

import orjson

from engine.errors import EngineError
from engine.events import EventType, RunEvent, StoredEvent
from engine.values import Json
from storage import encoding
from storage.database import Into
from storage.projection import NodeFold, RunFold, WaitFold, fit

PROJECTED: Final = tuple(column.name for column in fields(RunFold) if column.name not in ("nodes", "waits"))
NODE_COLUMNS: Final = tuple(column.name for column in fields(NodeFold))
WAIT_COLUMNS: Final = tuple(column.name for column in fields(WaitFold))

INTO_EVENTS: Final = Into("run_event", ("run_id", "seq", "key", "body"))
INTO_NODES: Final = Into("node_record", ("run_id", "org_id", "space_id", *NODE_COLUMNS), replace=True)
INTO_WAITS: Final = Into("open_wait", ("run_id", "org_id", "space_id", *WAIT_COLUMNS), replace=True)

projected_values: Final = attrgetter(*PROJECTED)
_node_values: Final = attrgetter(*NODE_COLUMNS)
_wait_values: Final = attrgetter(*WAIT_COLUMNS)


@dataclass(frozen=True, slots=True)
class Owner:
    """The run that records belong to, and whose it is."""

    run_id: int
    org_id: int
    space_id: int


def node_rows(owner: Owner, nodes: Iterable[NodeFold]) -> list[tuple[Any, ...]]:
    """Rows for `INTO_NODES`."""
    whose = (owner.run_id, owner.org_id, owner.space_id)
    return [whose + _node_values(node) for node in nodes]


def wait_rows(owner: Owner, waits: Iterable[WaitFold]) -> list[tuple[Any, ...]]:
    """Rows for `INTO_WAITS`."""
    whose = (owner.run_id, owner.org_id, owner.space_id)
    return [whose + _wait_values(wait) for wait in waits]


def event_key(event: RunEvent) -> str:
    """The event's key as the index takes it."""
    return fit(event.key)


def event_body(event: RunEvent) -> str:
    """The event as text."""
    try:
        # Straight from the dataclass: its fields are the members of `RunEvent.to_json`.
        return orjson.dumps(event).decode()
    except TypeError:
        return encoding.dump(event.to_json())


def stored_event(seq: int, body: str) -> StoredEvent:
    """The event of a text that `event_body` made."""
    match encoding.load(body):
        case {
            "key": str(key),
            "type": str(type_),
            "at": int(at),
            "path": str(path),
            "node": str(node),
            "data": dict(data),
        }:
            known: dict[str, Json] = data
            return StoredEvent(seq, RunEvent(key, EventType(type_), at, path, node, known))
    raise EngineError("A stored event is not what this version of Mainspring writes.", seq=seq)
