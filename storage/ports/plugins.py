"""What is asked of the store of plugins: their tools, ready to be called, and the keys they are called with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from engine.canvas import JsonSchema
from engine.openapi.tool import HttpTool

AuthKind = Literal["none", "api_key", "bearer", "oauth"]

DRAFT: Final = "draft"
"""The version that is still being changed; an empty version is the newest published one."""


@dataclass(frozen=True, slots=True)
class PluginAuth:
    """How a plugin says who asks. An API key goes where `place` says, under `name`."""

    kind: AuthKind = "none"
    place: Literal["header", "query"] = "header"
    name: str = ""


@dataclass(frozen=True, slots=True)
class CommonParameters:
    """What every call of a plugin carries, unless an argument of the same name is given. They are no place for keys."""

    header: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PluginTool:
    """A tool of one version of a plugin: all that a call needs, but for the key."""

    plugin_id: str
    plugin: str
    """The plugin's key, which names it within its space."""
    version: str
    base_url: str
    auth: PluginAuth
    common: CommonParameters
    tool: HttpTool

    @property
    def name(self) -> str:
        """What it is called on a canvas: the document's operationId."""
        return self.tool.name

    @property
    def function_name(self) -> str:
        """What it is called before a model: `name`, where every provider takes that; otherwise close to it."""
        return self.tool.function_name

    @property
    def description(self) -> str:
        """What it does, in words for a model."""
        return self.tool.description or self.tool.title

    @property
    def parameters(self) -> JsonSchema:
        """The schema of its arguments, without those that the document hides."""
        return self.tool.parameters()


@dataclass(frozen=True, slots=True)
class PluginKey:
    """A key, and the origin (`https://api.example.com:443`) it was given for: it is sent nowhere else."""

    text: str = field(repr=False)
    origin: str


class Plugins(Protocol):
    """The plugins of spaces. What belongs to another space is not found."""

    async def tool(self, org_id: str, space_id: str, plugin: str, tool: str, version: str = "") -> PluginTool:
        """A tool by its name (operationId), of a plugin by its id or key.

        `version` is `v1.2.3`, `draft`, or empty for the newest published one. Raises `NotFound`, with a sentence that
        says which of the three is missing.
        """
        ...

    async def key(self, org_id: str, space_id: str, plugin_id: str) -> PluginKey | None:
        """What the plugin is called with, out of the vault; None where nothing was given. For the call alone."""
        ...
