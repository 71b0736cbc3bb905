"""What routes about folders, the trash, copies, moves and references take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.parameters import Body, Id, Millis
from api.workflows.schemas import Author, Description, DiagnosticOut, FolderRef, Name, WorkflowOut

FolderName = Annotated[
    str, StringConstraints(max_length=200), Field(description="1 to 100 characters.", examples=["客服"])
]


class FolderIn(Body):
    """A new folder."""

    name: FolderName
    parent_id: FolderRef = "0"


class FolderChange(Body):
    """What is to be different; what is absent stays."""

    name: FolderName | None = None
    parent_id: FolderRef | None = None


class FolderOut(BaseModel):
    """A folder."""

    id: Id
    parent_id: Id = Field(description="The folder it stands in; `0` is the top.")
    name: str
    workflows: int = Field(description="How many are filed in it, not counting those below it.")
    created: Millis
    updated: Millis


class FolderTree(BaseModel):
    """All folders of a space, by their names. There are at most 2,000: no page is needed."""

    items: list[FolderOut]


class DiscardedOut(BaseModel):
    """A workflow in the trash."""

    id: Id
    key: str = Field(description="That it had; meanwhile another may have it.")
    name: str
    description: str
    latest_version: str | None
    created: Millis
    deleted: Millis
    deleted_by: Author | None


class TrashPage(BaseModel):
    """Some of the trash; what was thrown away last comes first."""

    items: list[DiscardedOut]
    next_cursor: str | None


class RestoredOut(WorkflowOut):
    """A workflow that is back."""

    key_before: str = Field(description="Its key before; when it is not the key now, another has taken it.")
    folder_gone: bool = Field(description="Whether its folder is gone: then it is filed at the top.")


class EmptiedOut(BaseModel):
    """What came of emptying the trash."""

    purged: int = Field(description="How many workflows are gone for good.")


class CopyIn(Body):
    """A copy to be made, in this space unless another is named."""

    space_id: Annotated[str, StringConstraints(max_length=30)] | None = Field(
        None, description="The space; there it takes the permission to edit workflows.", examples=["208134112739467264"]
    )
    folder_id: FolderRef = "0"
    name: Name | None = None
    description: Description | None = None
    version: Annotated[str, StringConstraints(max_length=32)] = Field(
        "draft", description="What becomes the copy's draft: `draft`, `latest` or a version.", examples=["v1.4.0"]
    )
    with_called: bool = Field(False, description="Copy the drafts of the workflows that it calls too, however deep.")


class CopiedOut(BaseModel):
    """A workflow that was copied along."""

    from_id: Id
    id: Id
    key: str


class CopyOut(WorkflowOut):
    """A copy. What it names and is not in its space is among the diagnostics."""

    space_id: Id
    diagnostics: list[DiagnosticOut]
    called: list[CopiedOut] = Field([], description="What was copied along.")


class MoveIn(Body):
    """Where a workflow shall belong from now on."""

    space_id: Annotated[str, StringConstraints(max_length=30)] = Field(
        description="The space; there it takes the permission to edit workflows.", examples=["208134112739467264"]
    )
    folder_id: FolderRef = "0"
    force: bool = Field(False, description="Also when others here call it, which do not find it any more then.")


class MovedOut(WorkflowOut):
    """A workflow that belongs to another space. What it names and is not there is among the diagnostics."""

    space_id: Id
    key_before: str = Field(description="Its key before; when it is not the key now, another has it there.")
    diagnostics: list[DiagnosticOut]


class HoldingOut(BaseModel):
    """A draft or a version that uses something."""

    held_by: str = Field(description="`draft` or the version.", examples=["draft"])
    latest: bool = Field(description="Whether it is the version that runs unless told otherwise.")
    asked: str = Field(description="The version it asks for; empty for the newest.")
    nodes: list[str] = Field(description="The nodes in which it stands, up to 50.")


class UserOut(BaseModel):
    """A workflow that uses something."""

    id: Id
    key: str
    name: str
    holdings: list[HoldingOut] = Field(description="The draft first, then the newest version.")


class UserPage(BaseModel):
    """Some of the workflows that use something, the newest first."""

    items: list[UserOut]
    next_cursor: str | None


class UseOut(BaseModel):
    """Something that a draft or version uses."""

    held_by: str = Field(description="`draft` or the version.", examples=["v1.4.0"])
    kind: Literal["workflow", "plugin", "database", "knowledge", "model"]
    target: str = Field(description="Its id, key or name.")
    asked: str = Field(description="The version that is asked for; empty for the newest.")
    nodes: list[str]


class ReferencesOut(BaseModel):
    """Who uses a workflow, and what it uses."""

    used_by: list[UserOut] = Field(description="A page of those in this space, the newest first.")
    next_cursor: str | None = Field(description="Of `used_by`.")
    uses: list[UseOut] = Field(description="What the draft and each version names.")
