"""The records of a run in SQLite: read as far as new events speak of them, folded, written back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from engine.errors import NotFound
from engine.events import RUN_ENDS, StoredEvent
from storage.projection import NodeFold, RunFold, WaitFold, apply, paths_of
from storage.records import (
    INTO_NODES,
    INTO_WAITS,
    NODE_COLUMNS,
    PROJECTED,
    WAIT_COLUMNS,
    Owner,
    node_rows,
    projected_values,
    stored_event,
    wait_rows,
)
from storage.sqlite.answered import keep_answer
from storage.sqlite.insertion import insert_rows

# The names put in here are those of our own columns; values are bound.
_RUN: Final = f"SELECT org_id, space_id, conversation_id, {', '.join(PROJECTED)} FROM run WHERE id = ?"  # noqa: S608
_UPDATE_RUN: Final = f"UPDATE run SET {', '.join(f'{name} = ?' for name in PROJECTED)} WHERE id = ?"  # noqa: S608
_NODES: Final = f"SELECT {', '.join(NODE_COLUMNS)} FROM node_record WHERE run_id = ?"  # noqa: S608
_NODES_AT: Final = _NODES + " AND path IN (SELECT value FROM json_each(?))"  # noqa: S608
_NODES_IN_PROGRESS: Final = _NODES + " AND state IN ('running', 'waiting')"
_WAITS: Final = f"SELECT {', '.join(WAIT_COLUMNS)} FROM open_wait WHERE run_id = ?"  # noqa: S608
_OPEN_WAITS: Final = _WAITS + " AND state = 'open'"


def project(driver: sqlite3.Connection, run_id: int, events: Sequence[StoredEvent]) -> None:
    """Bring the records up to date with the events, which are the newest of the run."""
    owner, conversation_id, run = _load(driver, run_id)
    paths = paths_of(stored.event for stored in events)
    nodes = driver.execute(_NODES_AT, (run_id, json.dumps([*paths]))).fetchall() if paths else []
    if any(stored.event.type in RUN_ENDS for stored in events):
        nodes += driver.execute(_NODES_IN_PROGRESS, (run_id,)).fetchall()
    run.nodes = {node.path: node for node in (NodeFold(*values) for values in nodes)}
    if run.state == "waiting":
        waits = [WaitFold(*values) for values in driver.execute(_OPEN_WAITS, (run_id,)).fetchall()]
        run.waits = {wait.wait_id: wait for wait in waits}
    for stored in events:
        apply(run, stored)
    _save(driver, owner, run)
    if conversation_id is not None and run.state == "succeeded" and run.answer and run.finished is not None:
        # Nothing is appended to a run that has ended, so that this happens once.
        keep_answer(driver, owner, conversation_id, run.answer, run.finished)


def rebuild(driver: sqlite3.Connection, run_id: int) -> None:
    """Make the records of a run again from its whole log."""
    owner, _, before = _load(driver, run_id)
    run = RunFold(inputs=before.inputs, updated=before.updated)
    driver.execute("DELETE FROM node_record WHERE run_id = ?", (run_id,))
    driver.execute("DELETE FROM open_wait WHERE run_id = ?", (run_id,))
    for seq, body in driver.execute("SELECT seq, body FROM run_event WHERE run_id = ? ORDER BY seq", (run_id,)):
        apply(run, stored_event(seq, body))
    _save(driver, owner, run)


def _load(driver: sqlite3.Connection, run_id: int) -> tuple[Owner, int | None, RunFold]:
    values: tuple[Any, ...] | None = driver.execute(_RUN, (run_id,)).fetchone()
    if values is None:
        raise NotFound("There is no such run.", run_id=str(run_id))
    org_id, space_id, conversation_id, *projected = values
    return Owner(run_id, org_id, space_id), conversation_id, RunFold(*projected)


def _save(driver: sqlite3.Connection, owner: Owner, run: RunFold) -> None:
    driver.execute(_UPDATE_RUN, (*projected_values(run), owner.run_id))
    insert_rows(
        driver,
        {INTO_NODES: node_rows(owner, run.nodes.values()), INTO_WAITS: wait_rows(owner, run.waits.values())},
    )
