"""Plugins of a space: the document they were made from, its tools, and the versions that no longer change."""

from __future__ import annotations

from sqlalchemy import Index, String, UniqueConstraint
from sqlmodel import Field

from engine.values import Json
from storage.tables.columns import KEY_LENGTH, NAME_LENGTH, Id, JsonText, LongText, Millis, Row, Word, id_column

TOOL_NAME_LENGTH = 128


class Plugin(Row, table=True):
    """A plugin as it is being changed. What it is called with is in the vault, under `secret_id`."""

    __tablename__ = "plugin"
    __table_args__ = (
        UniqueConstraint("space_id", "key", name="uq_plugin_key"),
        Index("ix_plugin_space", "space_id", "id"),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id, foreign_key="organisation.id")
    space_id: int = Field(sa_type=Id, foreign_key="space.id")
    key: str = Field(sa_type=Word(KEY_LENGTH))
    name: str = Field(sa_type=String(NAME_LENGTH))
    secret_id: int | None = Field(default=None, sa_type=Id)
    revision: int = 1
    latest_version: str | None = Field(default=None, sa_type=Word(32))
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    deleted_at: int | None = Field(default=None, sa_type=Millis)
    description: str = Field(default="", sa_type=LongText)
    base_url: str = Field(sa_type=LongText)
    auth: dict[str, Json] = Field(sa_type=JsonText, nullable=False)
    common: dict[str, Json] = Field(sa_type=JsonText, nullable=False)
    document: dict[str, Json] = Field(sa_type=JsonText, nullable=False)


class PluginVersion(Row, table=True):
    """A published version of a plugin."""

    __tablename__ = "plugin_version"
    __table_args__ = (UniqueConstraint("plugin_id", "version", name="uq_plugin_version"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id, foreign_key="organisation.id")
    space_id: int = Field(sa_type=Id, foreign_key="space.id")
    plugin_id: int = Field(sa_type=Id, foreign_key="plugin.id")
    version: str = Field(sa_type=Word(32))
    created: int = Field(sa_type=Millis)
    notes: str = Field(default="", sa_type=LongText)
    base_url: str = Field(sa_type=LongText)
    auth: dict[str, Json] = Field(sa_type=JsonText, nullable=False)
    common: dict[str, Json] = Field(sa_type=JsonText, nullable=False)
    document: dict[str, Json] = Field(sa_type=JsonText, nullable=False)


class PluginToolRow(Row, table=True):
    """A tool of one version of a plugin, or of its draft; one by one, as a call needs one."""

    __tablename__ = "plugin_tool"

    plugin_id: int = Field(primary_key=True, sa_type=Id, foreign_key="plugin.id")
    version: str = Field(primary_key=True, sa_type=Word(32))
    name: str = Field(primary_key=True, sa_type=Word(TOOL_NAME_LENGTH))
    position: int = 0
    enabled: int = 1
    tool: dict[str, Json] = Field(sa_type=JsonText, nullable=False)
