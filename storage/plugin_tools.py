"""Tools of plugins as runs ask for them: one at a time, by name and version, and with the key of their plugin."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import col

from engine.errors import EngineError, NotFound
from engine.openapi.tool import HttpTool
from storage import encoding
from storage.database import Database
from storage.ids import parse_id, read_id
from storage.plugins import SECRET_KIND
from storage.ports import Secrets
from storage.ports.plugins import DRAFT, CommonParameters, PluginAuth, PluginKey, PluginTool
from storage.tables import Plugin, PluginToolRow, PluginVersion
from storage.versions import parse_version

_MOST_NAMES = 20


class SqlPlugins:
    """Implements `storage.ports.plugins.Plugins`."""

    def __init__(self, database: Database, secrets: Secrets) -> None:
        self._database = database
        self._secrets = secrets

    async def tool(self, org_id: str, space_id: str, plugin: str, tool: str, version: str = "") -> PluginTool:
        """See the port."""
        if version not in ("", DRAFT):
            parse_version(version)
        which = col(Plugin.key) == plugin if (id_ := read_id(plugin)) is None else col(Plugin.id) == id_
        columns = (Plugin.id, Plugin.key, Plugin.latest_version, Plugin.base_url, Plugin.auth, Plugin.common)
        statement = select(*(col(one) for one in columns)).where(*_mine(org_id, space_id), which)

        def job(connection: Connection) -> PluginTool:
            found = connection.execute(statement).one_or_none()
            if found is None:
                raise NotFound(f"There is no plugin {plugin[:100]}.", plugin=plugin[:100])
            wanted = version or found.latest_version
            if wanted is None:
                raise NotFound(
                    f"The plugin {found.key} has no published version yet; its draft is the version draft.",
                    plugin=found.key,
                )
            face = found if wanted == DRAFT else _version(connection, found, wanted)
            return PluginTool(
                plugin_id=str(found.id),
                plugin=found.key,
                version=wanted,
                base_url=face.base_url,
                auth=PluginAuth(**face.auth),
                common=CommonParameters(**face.common),
                tool=_tool(connection, found, wanted, tool),
            )

        return await self._database.read(job)

    async def key(self, org_id: str, space_id: str, plugin_id: str) -> PluginKey | None:
        """See the port."""
        number = parse_id(plugin_id, "plugin")
        statement = select(col(Plugin.secret_id)).where(*_mine(org_id, space_id), col(Plugin.id) == number)
        secret_id = await self._database.read(lambda connection: connection.scalar(statement))
        if secret_id is None:
            return None
        try:
            return read_key(await self._secrets.open(org_id, SECRET_KIND, str(secret_id)))
        except NotFound:
            # It was changed or taken away this very moment.
            return None


def write_key(key: PluginKey) -> str:
    """A key as one text for the vault."""
    return encoding.dump({"key": key.text, "origin": key.origin})


def read_key(text: str) -> PluginKey:
    """The key in a text that `write_key` made."""
    match encoding.load(text):
        case {"key": str(key), "origin": str(origin)}:
            return PluginKey(key, origin)
    raise EngineError("The secret of a plugin is not what this version of Mainspring writes.")


def _mine(org_id: str, space_id: str) -> tuple[Any, ...]:
    return (
        col(Plugin.org_id) == parse_id(org_id, "organisation"),
        col(Plugin.space_id) == parse_id(space_id, "space"),
        col(Plugin.deleted_at).is_(None),
    )


def _version(connection: Connection, plugin: Any, version: str) -> Any:
    columns = (PluginVersion.base_url, PluginVersion.auth, PluginVersion.common)
    statement = select(*(col(one) for one in columns)).where(
        col(PluginVersion.plugin_id) == plugin.id, col(PluginVersion.version) == version
    )
    found = connection.execute(statement).one_or_none()
    if found is None:
        raise NotFound(f"The plugin {plugin.key} has no version {version}.", plugin=plugin.key, version=version)
    return found


def _tool(connection: Connection, plugin: Any, version: str, name: str) -> HttpTool:
    mine = (col(PluginToolRow.plugin_id) == plugin.id, col(PluginToolRow.version) == version)
    statement = select(col(PluginToolRow.tool), col(PluginToolRow.enabled)).where(
        *mine, col(PluginToolRow.name) == name
    )
    found = connection.execute(statement).one_or_none()
    if found is not None and found.enabled:
        return HttpTool.model_validate(found.tool)
    facts: dict[str, Any] = {"plugin": plugin.key, "tool": name[:128], "version": version}
    if found is not None:
        raise NotFound(f"The tool {name} of the plugin {plugin.key} is switched off.", **facts)
    known = select(col(PluginToolRow.name)).where(*mine).order_by(col(PluginToolRow.position)).limit(_MOST_NAMES)
    names = ", ".join(connection.scalars(known))
    raise NotFound(f"The plugin {plugin.key} ({version}) has no tool {name[:128]}; it has: {names}.", **facts)
