"""What routes about imports and exports take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, JsonValue, StringConstraints

from api.parameters import Body
from api.workflows.schemas import DiagnosticOut

IdTable = Annotated[
    dict[str, dict[str, str]],
    Field(
        default_factory=dict,
        description="By kind (workflow, model, plugin, tool, knowledge, database, field), what things are called "
        "there and what they are here: ids of workflows, plugins, databases and knowledge, names of models, tools and "
        "fields. A field is known by its database's id and its own with a slash between; `*` of the kind `model` "
        "stands for every model that has no entry.",
        examples=[{"model": {"1737521813": "default"}, "workflow": {"7494849202016272435": "208134112739467264"}}],
    ),
]


class ForeignDocument(Body):
    """A workflow as another system has it."""

    id: Annotated[str, StringConstraints(max_length=191)] = Field(
        "", description="Its id there: other documents call it by that.", examples=["7494849202016272435"]
    )
    name: Annotated[str, StringConstraints(max_length=200)] = ""
    description: Annotated[str, StringConstraints(max_length=4_000)] = ""
    canvas: dict[str, JsonValue] | str = Field(description="The canvas, as an object or as JSON text.")


class ImportIn(Body):
    """What is to be imported. Without `from`, a bundle of ours."""

    source: Literal["coze", "mainspring"] = Field("mainspring", alias="from")
    documents: list[ForeignDocument] = Field(
        [], max_length=500, description="With `coze`: the workflows. They may call each other, in any order."
    )
    bundle: dict[str, JsonValue] | None = Field(None, description="With `mainspring`: what an export gave.")
    table: IdTable
    existing: Literal["refuse", "update", "copy"] = Field(
        "refuse",
        description="A document whose id was imported before: refuse the import, bring that workflow's draft up to it, "
        "or make another workflow.",
    )
    publish: bool = Field(False, description="Publish what has no errors, those that are called first.")
    dry_run: bool = Field(False, description="Say what would come of it, and store nothing.")


class ImportedWorkflow(BaseModel):
    """What became of one document."""

    external_id: str = Field(description="Its id there.")
    id: str = Field(description="Its id here.")
    key: str
    name: str
    action: Literal["created", "updated", "would_create", "would_update"]
    published: list[str] = Field([], description="The versions that were published.")
    diagnostics: list[DiagnosticOut] = Field(
        description="What could not be kept or found, and what is wrong with the canvas as it is now."
    )


class Unmapped(BaseModel):
    """An id of the other system that nothing here is known for: the nodes fail when a run reaches them."""

    kind: str
    id: str
    workflow: str = Field(description="The document's id there, or its name.")
    nodes: list[str]


class ImportOut(BaseModel):
    """What came of an import."""

    workflows: list[ImportedWorkflow]
    unmapped: list[Unmapped] = []
    made: dict[str, dict[str, str]] = Field(
        {}, description="Databases, plugins and knowledge that were made, by kind: their ids there and here."
    )


class ExternalIdsOut(BaseModel):
    """What things of this space are called in another system."""

    table: dict[str, dict[str, str]]


class ExternalIdsIn(Body):
    """Names to be known from now on; those that are not named stay."""

    table: IdTable
