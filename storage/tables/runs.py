"""Runs: what was started, what happened, and the records made of it.

These tables have no foreign keys: they are written some ten thousand rows a second, always behind a row of `run` that
the same transaction has written or read. Small columns come first: SQLite reads a row from its beginning.
"""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import Index, String, UniqueConstraint, text
from sqlmodel import Field

from engine.values import Json
from storage.tables.columns import (
    CHANNEL_LENGTH,
    KEY_LENGTH,
    NAME_LENGTH,
    NODE_ID_LENGTH,
    PATH_LENGTH,
    TITLE_LENGTH,
    Id,
    LongText,
    Millis,
    Row,
    Word,
    id_column,
    json_column,
)

RunMode = Literal["in_place", "durable"]
RunKind = Literal["run", "test", "debug"]
RunState = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
NodeState = Literal["running", "waiting", "succeeded", "failed", "skipped", "cancelled"]
WaitState = Literal["open", "answered", "withdrawn"]

UNFINISHED: Final = "state IN ('queued', 'running', 'waiting')"


class Run(Row, table=True):
    """One run of a workflow. `workflow_id` is 0 when the document was no stored workflow."""

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("space_id", "workflow_id", "idempotency_key", name="uq_run_idempotency_key"),
        Index("ix_run_space", "space_id", "id"),
        Index("ix_run_workflow", "workflow_id", "id"),
        # The few that are not done, for the reconciler: SQLite keeps only these in the index.
        Index("ix_run_unfinished", "state", "updated", sqlite_where=text(UNFINISHED)),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    workflow_id: int = Field(sa_type=Id)
    workflow_key: str = Field(sa_type=Word(KEY_LENGTH))
    workflow_name: str = Field(sa_type=String(NAME_LENGTH))
    version: str = Field(sa_type=Word(32))
    plan_hash: str = Field(sa_type=Word(64))
    mode: str = Field(sa_type=Word(8))
    kind: str = Field(sa_type=Word(8))
    idempotency_key: str | None = Field(default=None, sa_type=Word(KEY_LENGTH))
    temporal_id: str = Field(default="", sa_type=Word(255))
    created: int = Field(sa_type=Millis)
    # From here on, but for `start_request`, only the projection of the events writes.
    state: str = Field(default="queued", sa_type=Word(16))
    started: int | None = Field(default=None, sa_type=Millis)
    finished: int | None = Field(default=None, sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    input_tokens: int = Field(default=0, sa_type=Millis)
    output_tokens: int = Field(default=0, sa_type=Millis)
    executed_steps: int = 0
    projected_seq: int = 0
    start_request: Json = json_column()
    inputs: Json = json_column()
    output: Json = json_column()
    answer: str | None = Field(default=None, sa_type=LongText)
    error: Json = json_column()
    # On whose behalf: nothing where nobody said.
    user_id: str | None = Field(default=None, sa_type=Word(KEY_LENGTH))
    app_id: str | None = Field(default=None, sa_type=Word(KEY_LENGTH))
    channel: str | None = Field(default=None, sa_type=Word(CHANNEL_LENGTH))
    conversation_id: int | None = Field(default=None, sa_type=Id)


class RunEventRow(Row, table=True):
    """An event of a run, at its offset. `body` is its JSON."""

    __tablename__ = "run_event"
    __table_args__ = (UniqueConstraint("run_id", "key", name="uq_run_event_key"), {"sqlite_with_rowid": False})

    run_id: int = id_column()
    seq: int = id_column()
    key: str = Field(sa_type=Word(PATH_LENGTH))
    body: str = Field(sa_type=LongText)


class NodeRecord(Row, table=True):
    """What became of one step at one place of a run; projected. `turn` and `parent` are read from the path."""

    __tablename__ = "node_record"
    __table_args__ = ({"sqlite_with_rowid": False},)

    run_id: int = id_column()
    path: str = Field(primary_key=True, sa_type=Word(PATH_LENGTH))
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    seq: int
    """The offset of the first event about it: the order in which steps began."""
    node_id: str = Field(sa_type=Word(NODE_ID_LENGTH))
    node_type: str = Field(sa_type=Word(NODE_ID_LENGTH))
    title: str = Field(sa_type=String(TITLE_LENGTH))
    parent: str = Field(sa_type=Word(PATH_LENGTH))
    turn: int | None = None
    state: str = Field(sa_type=Word(16))
    port: str | None = Field(default=None, sa_type=Word(KEY_LENGTH))
    handled: str | None = Field(default=None, sa_type=Word(16))
    """What the error policy made of a failure: `default` or `branch`."""
    attempt: int = 1
    started: int | None = Field(default=None, sa_type=Millis)
    finished: int | None = Field(default=None, sa_type=Millis)
    input_tokens: int = Field(default=0, sa_type=Millis)
    output_tokens: int = Field(default=0, sa_type=Millis)
    inputs: Json = json_column()
    output: Json = json_column()
    error: Json = json_column()
    warnings: Json = json_column()
    logs: Json = json_column()
    details: Json = json_column()
    """What it has to tell beside its output: the rounds of a question, that its output was pinned."""


class OpenWaitRow(Row, table=True):
    """A question to a person; projected. `executor` takes the answer; a withdrawn question ended without one."""

    __tablename__ = "open_wait"

    run_id: int = id_column()
    wait_id: str = Field(primary_key=True, sa_type=Word(PATH_LENGTH))
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    path: str = Field(sa_type=Word(PATH_LENGTH))
    node_id: str = Field(sa_type=Word(NODE_ID_LENGTH))
    title: str = Field(sa_type=String(TITLE_LENGTH))
    kind: str = Field(sa_type=Word(16))
    state: str = Field(sa_type=Word(16))
    executor: str = Field(sa_type=Word(255))
    opened: int = Field(sa_type=Millis)
    closed: int | None = Field(default=None, sa_type=Millis)
    prompt: str = Field(sa_type=LongText)
    options: Json = json_column()
    answer_schema: Json = json_column()
    answer: Json = json_column()
