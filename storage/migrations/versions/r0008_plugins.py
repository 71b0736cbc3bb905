"""Plugins, their versions and their tools."""

from sqlalchemy import Column, ForeignKeyConstraint, Integer, PrimaryKeyConstraint, String, UniqueConstraint

from storage.migrations.guards import create_index, create_table
from storage.tables.columns import Id, JsonText, LongText, Millis, Word

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create them."""
    create_table(
        "plugin",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("key", Word(191), nullable=False),
        Column("name", String(200), nullable=False),
        Column("secret_id", Id),
        Column("revision", Integer(), nullable=False),
        Column("latest_version", Word(32)),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("deleted_at", Millis),
        Column("description", LongText(), nullable=False),
        Column("base_url", LongText(), nullable=False),
        Column("auth", JsonText(), nullable=False),
        Column("common", JsonText(), nullable=False),
        Column("document", JsonText(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_plugin"),
        UniqueConstraint("space_id", "key", name="uq_plugin_key"),
        ForeignKeyConstraint(["org_id"], ["organisation.id"], name="fk_plugin_org_id"),
        ForeignKeyConstraint(["space_id"], ["space.id"], name="fk_plugin_space_id"),
    )
    create_index("ix_plugin_space", "plugin", ["space_id", "id"])
    create_table(
        "plugin_version",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("plugin_id", Id, nullable=False),
        Column("version", Word(32), nullable=False),
        Column("created", Millis, nullable=False),
        Column("notes", LongText(), nullable=False),
        Column("base_url", LongText(), nullable=False),
        Column("auth", JsonText(), nullable=False),
        Column("common", JsonText(), nullable=False),
        Column("document", JsonText(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_plugin_version"),
        UniqueConstraint("plugin_id", "version", name="uq_plugin_version"),
        ForeignKeyConstraint(["org_id"], ["organisation.id"], name="fk_plugin_version_org_id"),
        ForeignKeyConstraint(["space_id"], ["space.id"], name="fk_plugin_version_space_id"),
        ForeignKeyConstraint(["plugin_id"], ["plugin.id"], name="fk_plugin_version_plugin_id"),
    )
    create_table(
        "plugin_tool",
        Column("plugin_id", Id, nullable=False, autoincrement=False),
        Column("version", Word(32), nullable=False),
        Column("name", Word(128), nullable=False),
        Column("position", Integer(), nullable=False),
        Column("enabled", Integer(), nullable=False),
        Column("tool", JsonText(), nullable=False),
        PrimaryKeyConstraint("plugin_id", "version", "name", name="pk_plugin_tool"),
        ForeignKeyConstraint(["plugin_id"], ["plugin.id"], name="fk_plugin_tool_plugin_id"),
    )
