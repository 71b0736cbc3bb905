"""What routes about plugins take and give. A key comes in, and never goes out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, Field, JsonValue, SecretStr, StringConstraints

from api.parameters import Body, Id, Millis
from api.told import Told
from storage.ports.plugins import AuthKind

PluginRef = Annotated[str, Path(max_length=100, description="The id of a plugin, or its key.", examples=["weather"])]
ToolName = Annotated[
    str, Path(max_length=128, description="The operationId of a tool; slashes in it may stay.", examples=["forecast"])
]

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Description = Annotated[str, Field(max_length=20_000)]
Url = Annotated[str, StringConstraints(max_length=2_000, strip_whitespace=True)]
Pairs = dict[Annotated[str, Field(min_length=1, max_length=200)], Annotated[str, Field(max_length=4_000)]]
Version = Annotated[str, StringConstraints(max_length=32, strip_whitespace=True)]

DOCUMENT: Any = Field(
    description="An OpenAPI 3.0 or 3.1 document, or one of Swagger 2.0: as an object, or as a text in JSON or YAML.",
    examples=[{"openapi": "3.0.3", "info": {"title": "Weather", "version": "1"}, "paths": {}}],
)
BASE_URL: Any = Field(None, description="Where the tools are; absent: the first server of the document.")
AUTH: Any = Field(None, description="How the plugin says who asks; absent: what the document says.")
COMMON: Any = Field(None, description="What every call carries, unless an argument of the same name is given.")


class AuthIn(Body):
    """How a plugin says who asks. The key itself is stored with `PUT /plugins/{plugin}/credentials`."""

    kind: AuthKind = "none"
    place: Literal["header", "query"] = Field("header", description="Where an API key is sent.")
    name: Annotated[str, Field(max_length=200)] = Field("", description="Under which name an API key is sent.")


class CommonIn(Body):
    """Parameters of every call, by where they are sent. They are shown to everybody: no place for keys."""

    header: Pairs = Field(default_factory=dict)
    query: Pairs = Field(default_factory=dict)
    path: Pairs = Field(default_factory=dict)
    body: Pairs = Field(default_factory=dict)


class PluginIn(Body):
    """A plugin to be made of an OpenAPI document."""

    document: dict[str, JsonValue] | str = DOCUMENT
    name: Name | None = Field(None, description="What people read; absent: the title of the document.")
    key: Annotated[str, Field(max_length=64)] = Field(
        "", description="The name that canvases use; absent: one like its name.", examples=["weather"]
    )
    description: Description | None = None
    base_url: Url | None = BASE_URL
    auth: AuthIn | None = AUTH
    common: CommonIn | None = COMMON


class PluginChange(Body):
    """What is to be different in the draft; what is absent stays. Versions stay as they are."""

    revision: int = Field(description="The revision you opened. When the plugin has changed since, nothing is saved.")
    document: dict[str, JsonValue] | str | None = None
    name: Name | None = None
    description: Description | None = None
    base_url: Url | None = BASE_URL
    auth: AuthIn | None = None
    common: CommonIn | None = None


class KeyIn(Body):
    """A key for the vault."""

    key: Annotated[SecretStr, Field(min_length=1, max_length=20_000)] = Field(
        description="Kept encrypted, never shown again, and sent nowhere but to the address that the plugin has now."
    )


class KeyKept(BaseModel):
    """Whether there is a key, and its end where that does not give it away."""

    set: bool
    last4: str = ""


class ToolChange(Body):
    """Whether a tool of the draft may be called, and is published."""

    enabled: bool


class PluginVersionIn(Body):
    """A version to be published."""

    version: Version | None = Field(None, description="Absent: the next patch version.", examples=["v1.0.0"])
    notes: Annotated[str, Field(max_length=20_000)] = ""


class CallIn(Body):
    """A call of a tool, to see what it does."""

    arguments: dict[str, JsonValue] = Field(default_factory=dict, examples=[{"city": "杭州"}])
    version: Version = Field("draft", description="Empty: the newest published version.")


class FindingOut(BaseModel):
    """One thing about a document: an error costs a tool, a warning says what is read otherwise."""

    field: str = Field(description="Where in the document.", examples=["paths./weather.get.parameters.0"])
    code: str
    message: Told
    severity: Literal["error", "warning"]


class PluginListed(BaseModel):
    """A plugin as lists show it."""

    id: Id
    key: str
    name: str
    description: str
    base_url: str
    revision: int = Field(description="Grows with every change of the draft.")
    latest_version: str | None = Field(description="The newest published version, which canvases get by default.")
    created: Millis
    updated: Millis


class PluginOut(PluginListed):
    """A plugin: its draft, and whether a key is stored."""

    auth: AuthIn
    common: CommonIn
    credentials: KeyKept


class PluginSaved(PluginOut):
    """A plugin that was just saved, and what there is to say about its document."""

    findings: list[FindingOut]


class PluginPage(BaseModel):
    """Some plugins, the newest first."""

    items: list[PluginListed]
    next_cursor: str | None


class ToolOut(BaseModel):
    """A tool."""

    name: str = Field(description="Its operationId.")
    function_name: str = Field(description="What models call it.")
    title: str
    description: str
    method: str
    path: str
    enabled: bool
    auth: Literal["required", "supported", "disabled"]
    parameters: dict[str, JsonValue] = Field(description="The schema of its arguments.")
    result: dict[str, JsonValue] | None = Field(description="The schema of its answer, where the document has one.")


class ToolList(BaseModel):
    """The tools of a version, in the order of the document."""

    items: list[ToolOut]


class PluginVersionOut(BaseModel):
    """A published version."""

    version: str
    notes: str
    created: Millis


class PluginVersionPage(BaseModel):
    """Some versions, the newest first."""

    items: list[PluginVersionOut]
    next_cursor: str | None


class CallOut(BaseModel):
    """What a call of a tool gave."""

    ok: bool
    output: dict[str, JsonValue] = {}
    warnings: list[str] = []
    code: str = Field("", description="Of the error, where it failed.")
    message: str = Field("", description="Why it failed, in the tool's own words where there are any.")
    facts: dict[str, JsonValue] = {}
    milliseconds: int = 0
