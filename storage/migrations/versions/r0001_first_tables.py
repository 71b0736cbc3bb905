"""The first tables: organisations, workflows, runs."""

from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
    text,
)

from storage.migrations.guards import create_index, create_table
from storage.tables.columns import Id, JsonText, LongBytes, LongText, Millis, Word

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them."""
    create_table(
        "node_record",
        Column("run_id", Id, nullable=False, autoincrement=False),
        Column("path", Word(700), nullable=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("seq", Integer(), nullable=False),
        Column("node_id", Word(64), nullable=False),
        Column("node_type", Word(64), nullable=False),
        Column("title", String(300), nullable=False),
        Column("parent", Word(700), nullable=False),
        Column("turn", Integer()),
        Column("state", Word(16), nullable=False),
        Column("port", Word(191)),
        Column("handled", Word(16)),
        Column("attempt", Integer(), nullable=False),
        Column("started", Millis),
        Column("finished", Millis),
        Column("input_tokens", Millis, nullable=False),
        Column("output_tokens", Millis, nullable=False),
        Column("inputs", JsonText()),
        Column("output", JsonText()),
        Column("error", JsonText()),
        Column("warnings", JsonText()),
        PrimaryKeyConstraint("run_id", "path", name="pk_node_record"),
        sqlite_with_rowid=False,
    )
    create_table(
        "open_wait",
        Column("run_id", Id, nullable=False, autoincrement=False),
        Column("wait_id", Word(700), nullable=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("path", Word(700), nullable=False),
        Column("node_id", Word(64), nullable=False),
        Column("title", String(300), nullable=False),
        Column("kind", Word(16), nullable=False),
        Column("state", Word(16), nullable=False),
        Column("executor", Word(255), nullable=False),
        Column("opened", Millis, nullable=False),
        Column("closed", Millis),
        Column("prompt", LongText(), nullable=False),
        Column("options", JsonText()),
        Column("answer_schema", JsonText()),
        Column("answer", JsonText()),
        PrimaryKeyConstraint("run_id", "wait_id", name="pk_open_wait"),
    )
    create_table(
        "organisation",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("key", Word(191), nullable=False),
        Column("name", String(200), nullable=False),
        Column("created", Millis, nullable=False),
        PrimaryKeyConstraint("id", name="pk_organisation"),
        UniqueConstraint("key", name="uq_organisation_key"),
    )
    create_table(
        "plan",
        Column("hash", Word(64), nullable=False),
        Column("created", Millis, nullable=False),
        Column("data", LongBytes(), nullable=False),
        PrimaryKeyConstraint("hash", name="pk_plan"),
    )
    create_table(
        "run",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("workflow_id", Id, nullable=False),
        Column("workflow_key", Word(191), nullable=False),
        Column("workflow_name", String(200), nullable=False),
        Column("version", Word(32), nullable=False),
        Column("plan_hash", Word(64), nullable=False),
        Column("mode", Word(8), nullable=False),
        Column("kind", Word(8), nullable=False),
        Column("idempotency_key", Word(191)),
        Column("temporal_id", Word(255), nullable=False),
        Column("created", Millis, nullable=False),
        Column("state", Word(16), nullable=False),
        Column("started", Millis),
        Column("finished", Millis),
        Column("updated", Millis, nullable=False),
        Column("input_tokens", Millis, nullable=False),
        Column("output_tokens", Millis, nullable=False),
        Column("executed_steps", Integer(), nullable=False),
        Column("projected_seq", Integer(), nullable=False),
        Column("start_request", JsonText()),
        Column("inputs", JsonText()),
        Column("output", JsonText()),
        Column("answer", LongText()),
        Column("error", JsonText()),
        PrimaryKeyConstraint("id", name="pk_run"),
        UniqueConstraint("space_id", "workflow_id", "idempotency_key", name="uq_run_idempotency_key"),
    )
    create_index("ix_run_space", "run", ["space_id", "id"])
    create_index(
        "ix_run_unfinished", "run", ["state", "updated"], sqlite_where=text("state IN ('queued', 'running', 'waiting')")
    )
    create_index("ix_run_workflow", "run", ["workflow_id", "id"])
    create_table(
        "run_event",
        Column("run_id", Id, nullable=False, autoincrement=False),
        Column("seq", Id, nullable=False, autoincrement=False),
        Column("key", Word(700), nullable=False),
        Column("body", LongText(), nullable=False),
        PrimaryKeyConstraint("run_id", "seq", name="pk_run_event"),
        UniqueConstraint("run_id", "key", name="uq_run_event_key"),
        sqlite_with_rowid=False,
    )
    create_table(
        "variable",
        Column("org_id", Id, nullable=False, autoincrement=False),
        Column("space_id", Id, nullable=False, autoincrement=False),
        Column("scope", Word(8), nullable=False),
        Column("owner", Word(191), nullable=False),
        Column("name", Word(191), nullable=False),
        Column("updated", Millis, nullable=False),
        Column("value", JsonText()),
        PrimaryKeyConstraint("org_id", "space_id", "scope", "owner", "name", name="pk_variable"),
    )
    create_table(
        "space",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("key", Word(191), nullable=False),
        Column("name", String(200), nullable=False),
        Column("created", Millis, nullable=False),
        PrimaryKeyConstraint("id", name="pk_space"),
        ForeignKeyConstraint(["org_id"], ["organisation.id"], name="fk_space_org_id"),
        UniqueConstraint("org_id", "key", name="uq_space_key"),
    )
    create_table(
        "access_token",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("name", String(200), nullable=False),
        Column("hash", Word(64), nullable=False),
        Column("created", Millis, nullable=False),
        Column("last_used", Millis),
        PrimaryKeyConstraint("id", name="pk_access_token"),
        ForeignKeyConstraint(["org_id"], ["organisation.id"], name="fk_access_token_org_id"),
        ForeignKeyConstraint(["space_id"], ["space.id"], name="fk_access_token_space_id"),
        UniqueConstraint("hash", name="uq_access_token_hash"),
    )
    create_table(
        "workflow",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("key", Word(191), nullable=False),
        Column("name", String(200), nullable=False),
        Column("revision", Integer(), nullable=False),
        Column("latest_version", Word(32)),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("deleted_at", Millis),
        Column("description", LongText(), nullable=False),
        Column("draft", JsonText(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_workflow"),
        ForeignKeyConstraint(["org_id"], ["organisation.id"], name="fk_workflow_org_id"),
        ForeignKeyConstraint(["space_id"], ["space.id"], name="fk_workflow_space_id"),
        UniqueConstraint("space_id", "key", name="uq_workflow_key"),
    )
    create_index("ix_workflow_space", "workflow", ["space_id", "id"])
    create_table(
        "workflow_version",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("workflow_id", Id, nullable=False),
        Column("version", Word(32), nullable=False),
        Column("plan_hash", Word(64), nullable=False),
        Column("created", Millis, nullable=False),
        Column("notes", LongText(), nullable=False),
        Column("canvas", JsonText(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_workflow_version"),
        ForeignKeyConstraint(["org_id"], ["organisation.id"], name="fk_workflow_version_org_id"),
        ForeignKeyConstraint(["space_id"], ["space.id"], name="fk_workflow_version_space_id"),
        ForeignKeyConstraint(["workflow_id"], ["workflow.id"], name="fk_workflow_version_workflow_id"),
        UniqueConstraint("workflow_id", "version", name="uq_workflow_version"),
    )
