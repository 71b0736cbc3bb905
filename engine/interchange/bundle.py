"""A bundle: workflows of ours in one file, with the workflows they call and the names of all else they need."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from engine.errors import InvalidInput
from engine.findings import short

BUNDLE_FORMAT: Final = 1
KIND: Final = "mainspring-bundle"
MOST_WORKFLOWS: Final = 500


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BundledVersion(_Part):
    """A published version that something in the bundle asks for, or the latest."""

    version: str = Field(max_length=32)
    notes: str = Field("", max_length=10_000)
    canvas: dict[str, JsonValue]


class BundledWorkflow(_Part):
    """A workflow with its draft. `id` is the one it had where the bundle was made: canvases in the bundle name it."""

    id: str = Field(min_length=1, max_length=30)
    key: str = Field("", max_length=64)
    name: str = Field(min_length=1, max_length=200)
    description: str = Field("", max_length=4_000)
    draft: dict[str, JsonValue]
    versions: list[BundledVersion] = Field(default_factory=list, max_length=1_000)


class Definition(_Part):
    """Something that canvases name and that is no workflow: how to make it again, without its secrets."""

    id: str = Field(min_length=1, max_length=191)
    name: str = Field("", max_length=200)
    definition: dict[str, JsonValue] = Field(default_factory=dict)


class Bundle(_Part):
    """One file. `root` is the workflow that was exported; the others are what it calls."""

    kind: Literal["mainspring-bundle"] = KIND
    format: Literal[1] = BUNDLE_FORMAT
    root: str = Field(max_length=30)
    workflows: list[BundledWorkflow] = Field(min_length=1, max_length=MOST_WORKFLOWS)
    databases: list[Definition] = Field(default_factory=list, max_length=500)
    plugins: list[Definition] = Field(default_factory=list, max_length=500)
    knowledge: list[Definition] = Field(default_factory=list, max_length=500)
    models: list[str] = Field(default_factory=list, max_length=500)
    """Names of the models that nodes ask for: they are set up on each server by itself."""


def read_bundle(document: Any) -> Bundle:
    """The bundle in a document. Raises `InvalidInput` that names the first field that is wrong."""
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise InvalidInput(f'This is no bundle: one is an object with "kind": "{KIND}".', field="bundle.kind")
    try:
        bundle = Bundle.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(["bundle", *(str(part) for part in first["loc"])])
        raise InvalidInput(f"The bundle is not as it should be: {first['msg']}.", field=short(field)) from error
    ids = [one.id for one in bundle.workflows]
    if len(set(ids)) < len(ids):
        raise InvalidInput("Two workflows of the bundle have the same id.", field="bundle.workflows")
    if bundle.root not in ids:
        raise InvalidInput(f"The bundle's root {bundle.root} is none of its workflows.", field="bundle.root")
    return bundle
