"""Plugins in a dictionary, with one that tells the weather."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.errors import NotFound
from engine.openapi.document import read_document
from storage.ports.plugins import CommonParameters, PluginAuth, PluginKey, PluginTool

WEATHER: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Weather", "version": "1"},
    "servers": [{"url": "https://weather.example.test"}],
    "paths": {
        "/forecast/{city}": {
            "get": {
                "operationId": "forecast",
                "summary": "What the weather will be.",
                "parameters": [
                    {"name": "city", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "days", "in": "query", "schema": {"type": "integer", "default": 1}},
                ],
                "responses": {
                    "200": {
                        "description": "The forecast.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "city": {"type": "string"},
                                        "days": {"type": "integer"},
                                        "sky": {"type": "string"},
                                    },
                                }
                            }
                        },
                    }
                },
            }
        }
    },
}


@dataclass
class KeptPlugins:
    """Implements `storage.ports.plugins.Plugins`; every version of a tool is the same."""

    tools: dict[tuple[str, str], PluginTool] = field(default_factory=dict)
    keys: dict[str, PluginKey] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.tools:
            self.add("weather", WEATHER)

    def add(
        self,
        plugin: str,
        document: dict[str, Any],
        *,
        auth: PluginAuth | None = None,
        common: CommonParameters | None = None,
        base_url: str = "",
    ) -> None:
        """Keep the tools of a document under the key of a plugin, which is its id too."""
        described = read_document(document)
        for tool in described.tools:
            self.tools[plugin, tool.name] = PluginTool(
                plugin_id=plugin,
                plugin=plugin,
                version="v0.0.1",
                base_url=base_url or described.base_url,
                auth=auth or PluginAuth(),
                common=common or CommonParameters(),
                tool=tool,
            )

    async def tool(self, org_id: str, space_id: str, plugin: str, tool: str, version: str = "") -> PluginTool:
        if (plugin, tool) not in self.tools:
            raise NotFound(f"The plugin {plugin} has no tool {tool}.", plugin=plugin, tool=tool)
        return self.tools[plugin, tool]

    async def key(self, org_id: str, space_id: str, plugin_id: str) -> PluginKey | None:
        self.opened.append(plugin_id)
        return self.keys.get(plugin_id)
