"""Workflows as they are drawn, their published versions, and the plans these compile to."""

from __future__ import annotations

from sqlalchemy import Index, String, UniqueConstraint
from sqlmodel import Field

from engine.values import Json
from storage.tables.columns import (
    KEY_LENGTH,
    NAME_LENGTH,
    Id,
    JsonText,
    LongBytes,
    LongText,
    Millis,
    Row,
    Word,
    id_column,
)


class Workflow(Row, table=True):
    """A workflow and its draft, which may be unfinished. `revision` grows with every save of the draft."""

    __tablename__ = "workflow"
    __table_args__ = (
        UniqueConstraint("space_id", "key", name="uq_workflow_key"),
        Index("ix_workflow_space", "space_id", "id"),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id, foreign_key="organisation.id")
    space_id: int = Field(sa_type=Id, foreign_key="space.id")
    key: str = Field(sa_type=Word(KEY_LENGTH))
    name: str = Field(sa_type=String(NAME_LENGTH))
    revision: int = 1
    latest_version: str | None = Field(default=None, sa_type=Word(32))
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    deleted_at: int | None = Field(default=None, sa_type=Millis)
    description: str = Field(default="", sa_type=LongText)
    draft: dict[str, Json] = Field(sa_type=JsonText, nullable=False)


class WorkflowVersion(Row, table=True):
    """A published version: a canvas that no longer changes, and the plan it compiled to."""

    __tablename__ = "workflow_version"
    __table_args__ = (UniqueConstraint("workflow_id", "version", name="uq_workflow_version"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id, foreign_key="organisation.id")
    space_id: int = Field(sa_type=Id, foreign_key="space.id")
    workflow_id: int = Field(sa_type=Id, foreign_key="workflow.id")
    version: str = Field(sa_type=Word(32))
    plan_hash: str = Field(sa_type=Word(64))
    created: int = Field(sa_type=Millis)
    notes: str = Field(default="", sa_type=LongText)
    canvas: dict[str, Json] = Field(sa_type=JsonText, nullable=False)


class PlanRow(Row, table=True):
    """A compiled plan under the hash of its bytes. It belongs to nobody: equal canvases compile to the same plan."""

    __tablename__ = "plan"

    hash: str = Field(primary_key=True, sa_type=Word(64))
    created: int = Field(sa_type=Millis)
    data: bytes = Field(sa_type=LongBytes)
