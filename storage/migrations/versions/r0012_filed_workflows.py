"""Folders, tags, authors and the trash of workflows; what uses what; versions that are taken back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, ForeignKeyConstraint, Integer, PrimaryKeyConstraint, UniqueConstraint

from engine.interchange.needs import needs
from storage import encoding
from storage.migrations.guards import create_index, create_table
from storage.tables.columns import Id, JsonText, Millis, Word

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Create them, and say of the workflows that are there what they use."""
    create_table(
        "folder",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("parent_id", Id, nullable=False),
        Column("name", Word(100), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("created_by", Id, nullable=False),
        PrimaryKeyConstraint("id", name="pk_folder"),
        UniqueConstraint("space_id", "parent_id", "name", name="uq_folder_name"),
        ForeignKeyConstraint(["org_id"], ["organisation.id"], name="fk_folder_org_id"),
        ForeignKeyConstraint(["space_id"], ["space.id"], name="fk_folder_space_id"),
    )
    create_table(
        "workflow_reference",
        Column("workflow_id", Id, nullable=False, autoincrement=False),
        Column("held_by", Word(32), nullable=False),
        Column("kind", Word(16), nullable=False),
        Column("target", Word(191), nullable=False),
        Column("asked", Word(32), nullable=False),
        Column("space_id", Id, nullable=False),
        Column("nodes", JsonText()),
        PrimaryKeyConstraint("workflow_id", "held_by", "kind", "target", "asked", name="pk_workflow_reference"),
    )
    create_index("ix_workflow_reference_target", "workflow_reference", ["space_id", "kind", "target", "workflow_id"])
    create_table(
        "kept_draft",
        Column("workflow_id", Id, nullable=False, autoincrement=False),
        Column("revision", Integer(), nullable=False, autoincrement=False),
        Column("created", Millis, nullable=False),
        Column("created_by", Id, nullable=False),
        Column("canvas", JsonText(), nullable=False),
        PrimaryKeyConstraint("workflow_id", "revision", name="pk_kept_draft"),
    )
    # Before the canvases and not behind them, which a list would have to read through.
    _insert_columns(
        "workflow",
        "deleted_at",
        Column("folder_id", Id, nullable=False, server_default="0"),
        Column("published_revision", Integer(), nullable=False, server_default="0"),
        Column("created_by", Id, nullable=False, server_default="0"),
        Column("updated_by", Id, nullable=False, server_default="0"),
        Column("deleted_by", Id, nullable=False, server_default="0"),
        Column("tags", JsonText()),
    )
    create_index("ix_workflow_folder", "workflow", ["folder_id"])
    _insert_columns(
        "workflow_version",
        "created",
        Column("created_by", Id, nullable=False, server_default="0"),
        Column("withdrawn", Millis),
    )
    op.execute(
        "UPDATE workflow SET published_revision = revision WHERE latest_version IS NOT NULL AND EXISTS (SELECT 1 FROM"
        " workflow_version AS v WHERE v.workflow_id = workflow.id AND v.version = workflow.latest_version"
        " AND v.canvas = workflow.draft)"
    )
    _note_references()


def _insert_columns(table: str, behind: str, *columns: Column[Any]) -> None:
    known = [one["name"] for one in sa.inspect(op.get_bind()).get_columns(table)]
    missing = [column for column in columns if column.name not in known]
    if not missing:
        return
    place = known.index(behind) + 1
    order = (*known[:place], *(column.name for column in missing), *known[place:])
    # Only a table that is made anew has its columns in another order; elsewhere large values lie apart anyway.
    anew: Any = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table(table, recreate=anew, partial_reordering=[order]) as batch:
        for column in missing:
            batch.add_column(column)


def _note_references() -> None:
    connection = op.get_bind()
    connection.execute(sa.text("DELETE FROM workflow_reference"))
    drawn = (
        ("SELECT id, space_id, 'draft', draft FROM workflow"),
        ("SELECT workflow_id, space_id, version, canvas FROM workflow_version"),
    )
    add = sa.text(
        "INSERT INTO workflow_reference (workflow_id, held_by, kind, target, asked, space_id, nodes)"
        " VALUES (:workflow_id, :held_by, :kind, :target, :asked, :space_id, :nodes)"
    )
    for statement in drawn:
        for workflow_id, space_id, held_by, text in connection.execute(sa.text(statement)).all():
            found: dict[tuple[str, str, str], dict[str, None]] = {}
            for need in needs(encoding.load(text)):
                if len(need.id) <= 191:
                    found.setdefault((need.kind, need.id, need.version[:32]), {})[need.node[:64]] = None
            place = {"workflow_id": workflow_id, "space_id": space_id, "held_by": held_by}
            for (kind, target, asked), nodes in found.items():
                row = {**place, "kind": kind, "target": target, "asked": asked}
                connection.execute(add, {**row, "nodes": encoding.dump([*nodes][:50])})
