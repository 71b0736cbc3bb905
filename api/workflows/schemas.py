"""What routes about workflows take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue, StringConstraints

from api.parameters import Body, Id, Millis, Word
from api.told import Told

Key = Annotated[
    str,
    # A letter first: a key must not be taken for an id.
    StringConstraints(pattern=r"^[a-z](?:[a-z0-9-]{0,62}[a-z0-9])?$"),
    Field(description="A short name for addresses and for calls from other workflows.", examples=["greet"]),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Description = Annotated[str, StringConstraints(max_length=4_000)]
CanvasDocument = Annotated[
    dict[str, JsonValue],
    Field(
        description="A canvas; its JSON Schema is at `/api/v1/canvas-schema`.", examples=[{"nodes": [], "edges": []}]
    ),
]


Tags = Annotated[
    list[Annotated[str, StringConstraints(max_length=100)]],
    Field(description="Up to 10 words of up to 40 characters.", examples=[["support", "客服"]]),
]
FolderRef = Annotated[
    str, Field(max_length=30, description="The id of a folder; `0` is the top.", examples=["208134112739467264"])
]


class WorkflowIn(Body):
    """A new workflow. Without a canvas it begins with an empty one, without a key with one made of its name."""

    name: Name = Field(examples=["Greet people"])
    key: Key | None = None
    description: Description = ""
    canvas: CanvasDocument | None = None
    folder_id: FolderRef = "0"
    tags: Tags = Field(default_factory=list)


class WorkflowChange(Body):
    """What is to be different; what is absent stays."""

    name: Name | None = Field(None, examples=["Greet everybody"])
    description: Description | None = None
    folder_id: FolderRef | None = None
    tags: Tags | None = None


class DiagnosticOut(BaseModel):
    """One finding about a canvas."""

    code: str = Field(description="Stable, for programs.", examples=["missing_input"])
    message: Told = Field(description="A sentence for people.")
    node: str = Field("", description="The id of the node; empty when it is about the whole document.")
    field: str = Field("", description="The path within the node.", examples=["data.inputs.url"])
    severity: Literal["error", "warning"] = "error"
    facts: dict[str, JsonValue] = {}


class Author(BaseModel):
    """An account that made or changed something."""

    id: Id
    name: str = Field(description="What it is called now.", examples=["王小明"])


class WorkflowOut(BaseModel):
    """A workflow, without its canvas."""

    id: Id
    key: str
    name: str
    description: str
    revision: int = Field(description="Grows with every save of the draft.")
    latest_version: str | None = Field(description="The version that a run takes unless told otherwise.")
    state: Literal["draft", "published", "changed"] = Field(
        description="`draft`: no version runs; `changed`: the draft has moved on since it was published."
    )
    folder_id: Id = Field(description="The folder it is filed in; `0` is the top.")
    tags: list[str]
    created: Millis
    updated: Millis
    created_by: Author | None = Field(description="null for what was made with the instance's own token.")
    updated_by: Author | None


class NewWorkflow(WorkflowOut):
    """A workflow that was just made, with what is wrong with its draft."""

    diagnostics: list[DiagnosticOut]


class WorkflowPage(BaseModel):
    """Some workflows, in the order that was asked for."""

    items: list[WorkflowOut]
    next_cursor: str | None


class DraftIn(Body):
    """The canvas as it is now, and the revision that it was made from."""

    canvas: CanvasDocument
    revision: int | None = Field(
        None,
        description="The revision you opened. When the draft has moved on since, nothing is saved. It may be left out "
        "when `If-Match` says it.",
        examples=[7],
    )


class DraftSaved(BaseModel):
    """The draft is stored, whatever is wrong with it."""

    revision: int
    diagnostics: list[DiagnosticOut]


class DraftOut(DraftSaved):
    """The draft, and what is wrong with it."""

    canvas: dict[str, Any]
    updated: Millis


class CanvasIn(Body):
    """A canvas that is to be looked at and not stored."""

    canvas: CanvasDocument
    app_id: Word = Field("", description="The application whose variables it sets, for their types.")


class Validation(BaseModel):
    """What is wrong with a canvas."""

    valid: bool = Field(description="Whether it could be published: no finding is an error.")
    diagnostics: list[DiagnosticOut]


class PublishIn(Body):
    """A version to be made of the draft."""

    version: Annotated[str, StringConstraints(max_length=32)] | None = Field(
        None, description="Greater than the latest one; when absent, its last number grows by one.", examples=["v1.4.0"]
    )
    notes: Annotated[str, StringConstraints(max_length=10_000)] = ""
    revision: int | None = Field(None, description="Publish only if the draft still has this revision.")
    app_id: Word = Field("", description="The application whose variables it sets: a value must be of their types.")


class VersionOut(BaseModel):
    """A published version, which never changes."""

    workflow_id: Id
    version: str
    notes: str
    plan_hash: str = Field(description="The name of the plan that it compiled to: SHA-256 of its bytes.")
    created: Millis
    created_by: Author | None
    withdrawn: Millis | None = Field(
        description="When it was taken back: it still runs for who names it, and is never the latest."
    )


class VersionChange(Body):
    """What is to be different about a version; what it does never changes."""

    notes: Annotated[str, StringConstraints(max_length=10_000)] | None = Field(None, examples=["修正了问候语"])
    withdrawn: bool | None = Field(
        None, description="Whether it is taken back. The greatest that is left is the latest then.", examples=[True]
    )


class NextVersions(BaseModel):
    """What the next version could be called."""

    newest: str | None = Field(description="The greatest there has been, withdrawn or not.", examples=["v1.4.2"])
    patch: str = Field(examples=["v1.4.3"])
    minor: str = Field(examples=["v1.5.0"])
    major: str = Field(examples=["v2.0.0"])


class VersionDetail(VersionOut):
    """A published version, whole."""

    canvas: dict[str, Any]
    inputs: dict[str, Any] = Field(description="The JSON Schema of what a run is given.")
    outputs: dict[str, Any] = Field(description="The JSON Schema of what a run hands back.")


class VersionPage(BaseModel):
    """Some versions, the newest first."""

    items: list[VersionOut]
    next_cursor: str | None
