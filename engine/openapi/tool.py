"""A tool: one operation of an HTTP API, with what it takes, where each argument goes, and what comes back."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import JsonSchema

Place = Literal["path", "query", "header", "body"]
Style = Literal["simple", "label", "matrix", "form", "spaceDelimited", "pipeDelimited", "deepObject"]

HIDDEN: Final = "x-hidden"
"""Marks a member of a type that nobody gives or reads: a call sends what the document says by default."""

_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME: Final = 64


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Argument(_Part):
    """One thing that a tool takes. Hidden ones nobody gives: they are what the document says by default."""

    name: str
    place: Place
    type: JsonSchema = Field(default_factory=dict)
    required: bool = False
    hidden: bool = False
    style: Style = "form"
    explode: bool = True
    reserved: bool = False
    """Whether `/`, `?`, `&` and their like go into a query as they are."""


class ToolBody(_Part):
    """How a request's body is written. `whole`: the one argument of the place `body` is all of it."""

    content_type: str
    whole: bool = False


class HttpTool(_Part):
    """One operation. `name` is its operationId, as the document has it."""

    name: str
    title: str = ""
    description: str = ""
    method: str
    path: str
    arguments: tuple[Argument, ...] = ()
    body: ToolBody | None = None
    result: JsonSchema | None = None
    """The object that comes back; None where the document does not say."""
    auth: Literal["required", "supported", "disabled"] = "required"
    """Whether the plugin's key is sent along, where the plugin has one."""

    @property
    def function_name(self) -> str:
        """A name that every model's API takes: letters, digits, `_` and `-`, at most 64."""
        return _NO_NAME.sub("_", self.name)[:_LONGEST_NAME] or "tool"

    def parameters(self) -> JsonSchema:
        """The schema of the object that whoever calls the tool gives. A name at two places is one argument."""
        properties: dict[str, Any] = {}
        required: list[str] = []
        for argument in self.arguments:
            if argument.hidden:
                continue
            properties.setdefault(argument.name, without_hidden(argument.type))
            if argument.required and argument.name not in required:
                required.append(argument.name)
        schema: JsonSchema = {"type": "object", "properties": properties, "additionalProperties": False}
        if required:
            schema["required"] = [*required]
        return schema


def without_hidden(type_: JsonSchema) -> JsonSchema:
    """A type as it is shown, without the members that are hidden."""
    made = {name: value for name, value in type_.items() if name != HIDDEN}
    if isinstance(properties := type_.get("properties"), dict):
        shown = {name: one for name, one in properties.items() if not (isinstance(one, dict) and one.get(HIDDEN))}
        made["properties"] = {
            name: without_hidden(one) if isinstance(one, dict) else one for name, one in shown.items()
        }
        if isinstance(required := type_.get("required"), list):
            made["required"] = [name for name in required if name in shown]
    if isinstance(items := type_.get("items"), dict):
        made["items"] = without_hidden(items)
    return made
