"""The plugins of a space: a draft that changes, versions that do not, and the tools of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from engine.openapi.tool import HttpTool
from engine.values import Json
from storage.audit import Note
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id, read_id
from storage.naming import checked_key, checked_name, key_from
from storage.paging import Page, columns_of, cursor_id, fetch, page_size
from storage.ports.plugins import DRAFT
from storage.tables import Plugin, PluginToolRow, PluginVersion
from storage.versions import version_after

SECRET_KIND: Final = "plugin"  # noqa: S105
"""The kind under which the vault keeps what plugins are called with."""

_FROZEN: Final = ("base_url", "auth", "common", "document")
"""What a version keeps of the draft."""
_CHANGED: Final = frozenset({"name", "description", "secret_id", *_FROZEN})


@dataclass(frozen=True, slots=True)
class NewPlugin:
    """All that a plugin is made of."""

    name: str
    base_url: str
    document: Mapping[str, Json]
    tools: Sequence[HttpTool]
    key: str = ""
    description: str = ""
    auth: Mapping[str, Json] = field(default_factory=dict)
    common: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PluginSummary:
    """A plugin as lists show it."""

    id: int
    key: str
    name: str
    description: str
    base_url: str
    revision: int
    latest_version: str | None
    created: int
    updated: int


@dataclass(frozen=True, slots=True)
class PluginVersionSummary:
    """A version as lists show it."""

    version: str
    notes: str
    created: int


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool, and whether it may be called."""

    tool: HttpTool
    enabled: bool


class PluginRepository:
    """The plugins of one space."""

    def __init__(self, database: Database, org_id: int, space_id: int) -> None:
        self._database = database
        self._org_id = org_id
        self._space_id = space_id
        self._mine = (
            col(Plugin.org_id) == org_id,
            col(Plugin.space_id) == space_id,
            col(Plugin.deleted_at).is_(None),
        )

    async def create(self, new: NewPlugin, note: Note | None = None) -> Plugin:
        """A new plugin, a draft yet. Without a key it gets one like its name. Raises `Conflict` when that is taken."""
        id_, now = new_id(), now_ms()
        row: dict[str, Any] = {
            "id": id_,
            "org_id": self._org_id,
            "space_id": self._space_id,
            "key": _checked(new.key) if new.key else _key_from(new.name) or f"plugin-{id_}",
            "name": checked_name(new.name),
            "description": new.description,
            "base_url": new.base_url,
            "auth": dict(new.auth),
            "common": dict(new.common),
            "document": dict(new.document),
            "revision": 1,
            "created": now,
            "updated": now,
        }

        def job(connection: Connection) -> None:
            connection.execute(insert(Plugin).values(row))
            _put_tools(connection, id_, new.tools, disabled=set())
            if note is not None:
                after = {"key": row["key"], "base_url": row["base_url"], "tools": len(new.tools)}
                note.write(connection, target_id=id_, target_name=row["name"], after=after)

        try:
            await self._database.write(job)
        except IntegrityError:
            if new.key:
                raise Conflict("Another plugin of this space has this key.", field="key", key=row["key"]) from None
            row["key"] = f"{row['key'][:43]}-{id_}"
            await self._database.write(job)
        return await self.get(str(id_))

    async def get(self, ref: str) -> Plugin:
        """A plugin by its id or its key. Raises `NotFound`."""
        which = col(Plugin.key) == ref if (id_ := read_id(ref)) is None else col(Plugin.id) == id_
        found = await self._database.read(
            lambda connection: fetch(connection, select(Plugin).where(*self._mine, which))
        )
        if not found:
            raise NotFound(f"There is no plugin {ref[:100]}.", plugin=ref[:100])
        return found[0]

    async def page(self, *, search: str = "", cursor: str | None = None, limit: int = 50) -> Page[PluginSummary]:
        """The newest first; `search` is a part of a name, key or description."""
        statement = select(*columns_of(Plugin, PluginSummary)).where(*self._mine)
        if search:
            places = (col(Plugin.name), col(Plugin.key), col(Plugin.description))
            statement = statement.where(or_(*(place.icontains(search, autoescape=True) for place in places)))
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(Plugin.id) < before)
        statement = statement.order_by(col(Plugin.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        items = [PluginSummary(*row) for row in rows[:limit]]
        return Page(items, str(items[-1].id) if len(rows) > limit else None)

    async def change(
        self,
        plugin_id: int,
        changes: Mapping[str, Any],
        *,
        revision: int,
        tools: Sequence[HttpTool] | None = None,
        note: Note | None = None,
    ) -> Plugin:
        """Change the draft; with `tools`, those of a new document, of which a tool switched off stays off.

        Raises `Conflict` when `revision` is no longer the stored one.
        """
        values = {name: value for name, value in changes.items() if name in _CHANGED}
        if "name" in values:
            values["name"] = checked_name(values["name"])

        def job(connection: Connection) -> None:
            name, base_url = self._row(connection, plugin_id, col(Plugin.name), col(Plugin.base_url))
            self._change(connection, plugin_id, values, revision)
            if note is not None:
                # What is sent along may hold something secret: which part of it has changed is told, and not to what.
                after = {"changed": sorted(values), "base_url": values.get("base_url", base_url)}
                before = {"base_url": base_url}
                note.write(connection, target_id=plugin_id, target_name=name, before=before, after=after)
            if tools is not None:
                disabled = _disabled(connection, plugin_id)
                _drop_tools(connection, plugin_id)
                _put_tools(connection, plugin_id, tools, disabled=disabled)

        await self._database.write(job)
        return await self.get(str(plugin_id))

    async def delete(self, plugin_id: int, note: Note | None = None) -> int | None:
        """Take it out of sight, with all versions; its key is free again. Gives the id of its secret, for the vault.

        Raises `NotFound`.
        """

        def job(connection: Connection) -> int | None:
            columns = (col(Plugin.key), col(Plugin.name), col(Plugin.secret_id))
            key, name, secret_id = self._row(connection, plugin_id, *columns)
            if note is not None:
                note.write(connection, target_id=plugin_id, target_name=name)
            # No key has a tilde, so that this one clashes with none.
            values = {"deleted_at": now_ms(), "key": f"{key}~{plugin_id}", "secret_id": None}
            connection.execute(update(Plugin).where(col(Plugin.id) == plugin_id).values(values))
            return None if secret_id is None else int(secret_id)

        return await self._database.write(job)

    async def keep_secret(self, plugin_id: int, secret_id: int | None, note: Note | None = None) -> int | None:
        """Name what is in the vault; gives what was named before. Raises `NotFound`."""

        def job(connection: Connection) -> int | None:
            before, name = self._row(connection, plugin_id, col(Plugin.secret_id), col(Plugin.name))
            if note is not None:
                note.write(connection, target_id=plugin_id, target_name=name)
            values = {"secret_id": secret_id, "updated": now_ms()}
            connection.execute(update(Plugin).where(col(Plugin.id) == plugin_id).values(values))
            return None if before is None else int(before)

        return await self._database.write(job)

    # --- tools --------------------------------------------------------------------------------------------------------

    async def tools(self, plugin_id: int, version: str = DRAFT) -> list[ListedTool]:
        """The tools of the draft or a version, in the order of the document. Raises `NotFound`."""
        statement = (
            select(col(PluginToolRow.tool), col(PluginToolRow.enabled))
            .where(col(PluginToolRow.plugin_id) == plugin_id, col(PluginToolRow.version) == version)
            .order_by(col(PluginToolRow.position))
        )

        def job(connection: Connection) -> list[ListedTool]:
            self._row(connection, plugin_id, col(Plugin.id))
            found = connection.execute(statement).all()
            if not found and version != DRAFT:
                raise NotFound(f"The plugin has no version {version[:32]}.", version=version[:32])
            return [ListedTool(HttpTool.model_validate(row.tool), bool(row.enabled)) for row in found]

        return await self._database.read(job)

    async def enable(self, plugin_id: int, tool: str, enabled: bool) -> None:
        """Switch a tool of the draft on or off; what is published stays as it is. Raises `NotFound`."""
        change = update(PluginToolRow).where(
            col(PluginToolRow.plugin_id) == plugin_id,
            col(PluginToolRow.version) == DRAFT,
            col(PluginToolRow.name) == tool,
        )

        def job(connection: Connection) -> None:
            self._row(connection, plugin_id, col(Plugin.id))
            if connection.execute(change.values(enabled=int(enabled))).rowcount == 0:
                raise NotFound(f"The plugin has no tool {tool[:128]}.", tool=tool[:128])

        await self._database.write(job)

    # --- versions -----------------------------------------------------------------------------------------------------

    async def publish(
        self, plugin_id: int, *, version: str | None = None, notes: str = "", note: Note | None = None
    ) -> PluginVersionSummary:
        """Freeze the draft, with the tools that are switched on, as the wanted or the next version.

        Raises `Conflict` when the wanted one is not greater, or no tool is switched on.
        """
        now = now_ms()
        enabled = select(PluginToolRow).where(
            col(PluginToolRow.plugin_id) == plugin_id,
            col(PluginToolRow.version) == DRAFT,
            col(PluginToolRow.enabled) == 1,
        )

        def job(connection: Connection) -> str:
            columns = [getattr(Plugin, name) for name in _FROZEN]
            latest, *frozen = self._row(connection, plugin_id, col(Plugin.latest_version), *columns)
            given = version_after(latest, version)
            row = {
                "id": new_id(),
                "org_id": self._org_id,
                "space_id": self._space_id,
                "plugin_id": plugin_id,
                "version": given,
                "created": now,
                "notes": notes,
                **dict(zip(_FROZEN, frozen, strict=True)),
            }
            connection.execute(insert(PluginVersion).values(row))
            if not (tools := fetch(connection, enabled)):
                raise Conflict("No tool of the plugin is switched on: there is nothing to publish.", plugin=plugin_id)
            connection.execute(insert(PluginToolRow), [{**one.model_dump(), "version": given} for one in tools])
            change = update(Plugin).where(col(Plugin.id) == plugin_id)
            connection.execute(change.values(latest_version=given, updated=now))
            if note is not None:
                (name,) = self._row(connection, plugin_id, col(Plugin.name))
                before, after = {"version": latest}, {"version": given}
                note.write(connection, target_id=plugin_id, target_name=name, before=before, after=after)
            return given

        return PluginVersionSummary(await self._database.write(job), notes, now)

    async def versions(
        self, plugin_id: int, *, cursor: str | None = None, limit: int = 50
    ) -> Page[PluginVersionSummary]:
        """The newest first. Raises `NotFound`."""
        statement = select(col(PluginVersion.id), *columns_of(PluginVersion, PluginVersionSummary)).where(
            col(PluginVersion.plugin_id) == plugin_id
        )
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(PluginVersion.id) < before)
        statement = statement.order_by(col(PluginVersion.id).desc()).limit(page_size(limit) + 1)

        def job(connection: Connection) -> Sequence[Any]:
            self._row(connection, plugin_id, col(Plugin.id))
            return connection.execute(statement).all()

        rows = await self._database.read(job)
        items = [PluginVersionSummary(*row[1:]) for row in rows[:limit]]
        return Page(items, str(rows[limit - 1].id) if len(rows) > limit else None)

    # --- within -------------------------------------------------------------------------------------------------------

    def _row(self, connection: Connection, plugin_id: int, *columns: Any) -> Sequence[Any]:
        found = connection.execute(select(*columns).where(*self._mine, col(Plugin.id) == plugin_id)).one_or_none()
        if found is None:
            raise NotFound("There is no such plugin.", plugin=str(plugin_id))
        return found

    def _change(self, connection: Connection, plugin_id: int, values: Mapping[str, Any], revision: int) -> None:
        change = update(Plugin).where(*self._mine, col(Plugin.id) == plugin_id, col(Plugin.revision) == revision)
        made = {**values, "revision": revision + 1, "updated": now_ms()}
        if connection.execute(change.values(made)).rowcount == 0:
            (stored,) = self._row(connection, plugin_id, col(Plugin.revision))
            raise Conflict("The plugin has changed since you opened it.", revision=stored)


def _checked(key: str) -> str:
    if read_id(key) is not None:
        raise InvalidInput("The key of a plugin is no number: that would be taken for an id.", field="key")
    return checked_key(key)


def _key_from(name: str) -> str:
    key = key_from(name)
    return key if read_id(key) is None else ""


def _drafts(plugin_id: int) -> tuple[Any, Any]:
    return col(PluginToolRow.plugin_id) == plugin_id, col(PluginToolRow.version) == DRAFT


def _disabled(connection: Connection, plugin_id: int) -> set[str]:
    statement = select(col(PluginToolRow.name)).where(*_drafts(plugin_id), col(PluginToolRow.enabled) == 0)
    return {*connection.scalars(statement)}


def _drop_tools(connection: Connection, plugin_id: int) -> None:
    connection.execute(delete(PluginToolRow).where(*_drafts(plugin_id)))


def _put_tools(connection: Connection, plugin_id: int, tools: Sequence[HttpTool], *, disabled: set[str]) -> None:
    rows = [
        {
            "plugin_id": plugin_id,
            "version": DRAFT,
            "name": tool.name,
            "position": position,
            "enabled": int(tool.name not in disabled),
            "tool": tool.model_dump(mode="json", exclude_defaults=True),
        }
        for position, tool in enumerate(tools)
    ]
    if rows:
        connection.execute(insert(PluginToolRow), rows)
