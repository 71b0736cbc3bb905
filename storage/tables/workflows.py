"""Workflows as they are drawn, where they are filed, their published versions, and the plans these compile to.

Small columns come first: SQLite reads a row from its beginning, and a list shows no canvas.
"""

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
    json_column,
)

FOLDER_NAME_LENGTH = 100


class Workflow(Row, table=True):
    """A workflow and its draft, which may be unfinished. `revision` grows with every save of the draft."""

    __tablename__ = "workflow"
    __table_args__ = (
        UniqueConstraint("space_id", "key", name="uq_workflow_key"),
        Index("ix_workflow_space", "space_id", "id"),
        Index("ix_workflow_folder", "folder_id"),
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
    """When it was put into the trash. Its key then ends with a tilde and its id, and is free for others."""
    folder_id: int = Field(default=0, sa_type=Id, sa_column_kwargs={"server_default": "0"})
    """0 for none."""
    published_revision: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """The revision of the draft that was published last; 0 when none was, or when it is not known which."""
    created_by: int = Field(default=0, sa_type=Id, sa_column_kwargs={"server_default": "0"})
    """The account; 0 when nobody did."""
    updated_by: int = Field(default=0, sa_type=Id, sa_column_kwargs={"server_default": "0"})
    deleted_by: int = Field(default=0, sa_type=Id, sa_column_kwargs={"server_default": "0"})
    tags: Json = json_column()
    """Some words, in a list; nothing for none."""
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
    created_by: int = Field(default=0, sa_type=Id, sa_column_kwargs={"server_default": "0"})
    withdrawn: int | None = Field(default=None, sa_type=Millis)
    """When it was taken back: it still runs for who names it, and is never the latest."""
    notes: str = Field(default="", sa_type=LongText)
    canvas: dict[str, Json] = Field(sa_type=JsonText, nullable=False)


class Folder(Row, table=True):
    """Where workflows of a space are filed. Folders stand in trees; `parent_id` is 0 at the top."""

    __tablename__ = "folder"
    __table_args__ = (UniqueConstraint("space_id", "parent_id", "name", name="uq_folder_name"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id, foreign_key="organisation.id")
    space_id: int = Field(sa_type=Id, foreign_key="space.id")
    parent_id: int = Field(sa_type=Id)
    name: str = Field(sa_type=Word(FOLDER_NAME_LENGTH))
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    created_by: int = Field(sa_type=Id)


class WorkflowReference(Row, table=True):
    """That a canvas of a workflow names something: a workflow, a plugin, a database, a knowledge base or a model."""

    __tablename__ = "workflow_reference"
    __table_args__ = (Index("ix_workflow_reference_target", "space_id", "kind", "target", "workflow_id"),)

    workflow_id: int = id_column()
    held_by: str = Field(primary_key=True, sa_type=Word(32))
    """`draft`, or the version."""
    kind: str = Field(primary_key=True, sa_type=Word(16))
    target: str = Field(primary_key=True, sa_type=Word(KEY_LENGTH))
    """The id or key as the draft names it; in versions the id, where it was known when they were published."""
    asked: str = Field(primary_key=True, sa_type=Word(32))
    """The version that is asked for; empty for the newest."""
    space_id: int = Field(sa_type=Id)
    nodes: Json = json_column()


class KeptDraft(Row, table=True):
    """A draft that gave way to an older version, kept so that nothing is lost by going back."""

    __tablename__ = "kept_draft"

    workflow_id: int = id_column()
    revision: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """That it had."""
    created: int = Field(sa_type=Millis)
    created_by: int = Field(sa_type=Id)
    canvas: dict[str, Json] = Field(sa_type=JsonText, nullable=False)


class PlanRow(Row, table=True):
    """A compiled plan under the hash of its bytes. It belongs to nobody: equal canvases compile to the same plan."""

    __tablename__ = "plan"

    hash: str = Field(primary_key=True, sa_type=Word(64))
    created: int = Field(sa_type=Millis)
    data: bytes = Field(sa_type=LongBytes)
