"""What routes about organisations and departments take and give."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field, StringConstraints

from api.parameters import Body, Id, Millis
from storage.tables.tenancy import OrganisationKind

OrganisationRef = Annotated[
    str, Path(max_length=100, description="The id of an organisation, or its key.", examples=["acme"])
]
DepartmentId = Annotated[str, Path(max_length=30, description="The id of a department.")]
Search = Annotated[str, Query(max_length=100, description="A part of a name, key, code or number.")]
Depth = Annotated[int | None, Query(ge=1, le=20, description="How many levels; absent: all.")]
Counts = Annotated[bool, Query(description="Tell how many people work there and below.")]

Title = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
IdText = Annotated[str, StringConstraints(min_length=1, max_length=30)]
Code = Annotated[str, StringConstraints(max_length=32, strip_whitespace=True)]
Description = Annotated[str, StringConstraints(max_length=2_000)]
Order = Annotated[list[IdText], Field(max_length=5_000)]

STAYS = "Absent or null: it stays."
ORDER: Any = Field(description="Every one that stands there, in the order wanted.", examples=[["208134112739467264"]])


class OrganisationIn(Body):
    """An organisation to be made, with a first space `default`."""

    name: Title = Field(
        description="What people read; no two stand in one place with the same.", examples=["华东分公司"]
    )
    key: Annotated[str, Field(max_length=64)] = Field(
        "", description="Unique in the instance; absent: one like its name.", examples=["acme-east"]
    )
    kind: OrganisationKind = Field(
        "company", description="Groups hold anything, companies companies and branches, branches branches."
    )
    parent_id: IdText | None = Field(
        None, description="Below which it stands; null: at the top, for administrators of the instance."
    )


class OrganisationChange(Body):
    """What shall be otherwise."""

    name: Title | None = Field(None, description=STAYS, examples=["华东公司"])
    kind: OrganisationKind | None = Field(None, description=STAYS)


class OrganisationMove(Body):
    """Where it shall stand, as the last there."""

    parent_id: IdText | None = Field(
        description="Below which; null: at the top, for administrators of the instance.",
        examples=["208134112739467264"],
    )


class OrganisationOrder(Body):
    """The order of siblings."""

    parent_id: IdText | None = Field(None, description="Below which they stand; null: at the top.")
    order: Order = ORDER


class OrganisationOut(BaseModel):
    """An organisation. Of what stands above it nothing is told that one may not see."""

    id: Id
    key: str
    name: str
    kind: OrganisationKind
    parent_id: Id | None
    path: str = Field(description="The names from the top down.", examples=["华夏集团/华东公司"])
    position: int = Field(description="Its place among its siblings.")
    created: Millis
    updated: Millis


class OrganisationPage(BaseModel):
    """Some organisations, the newest first."""

    items: list[OrganisationOut]
    next_cursor: str | None


class DepartmentNode(BaseModel):
    """A department and those below it."""

    id: Id
    name: str
    code: str | None
    disabled: bool
    level: int = Field(description="1 right below the organisation.")
    leader_id: Id | None
    employees: int | None = Field(description="Who works in it or below; null unless asked for.")
    more: bool = Field(description="There is more below, which the depth cut off.")
    departments: list[DepartmentNode]


class OrganisationNode(BaseModel):
    """An organisation and those below it."""

    id: Id
    key: str
    name: str
    kind: OrganisationKind
    employees: int | None = Field(description="Who works in it or below; null unless asked for.")
    more: bool = Field(description="There are more organisations below, which the depth cut off.")
    departments: list[DepartmentNode] | None = Field(description="Null unless asked for.")
    organisations: list[OrganisationNode]


class OrganisationForest(BaseModel):
    """The organisations one may see, from the topmost down, siblings in their order."""

    items: list[OrganisationNode]


class DepartmentForest(BaseModel):
    """The departments of an organisation, siblings in their order."""

    items: list[DepartmentNode]


class DepartmentIn(Body):
    """A department to be made."""

    name: Title = Field(description="No two stand in one place with the same.", examples=["平台组"])
    parent_id: IdText | None = Field(None, description="Below which it stands; null: right below the organisation.")
    code: Code | None = Field(None, description="Unique in the organisation.", examples=["RD-01"])
    description: Description = ""
    leader_id: IdText | None = Field(None, description="An employee of the organisation who works there now.")


class DepartmentChange(Body):
    """What shall be otherwise. What is absent stays."""

    name: Title | None = Field(None, description=STAYS, examples=["基础平台组"])
    code: Code | None = Field(None, description="Null takes it away.")
    description: Description | None = Field(None, description=STAYS)
    leader_id: IdText | None = Field(None, description="Null: nobody leads it.")
    disabled: bool | None = Field(None, description=f"True: nobody new comes into it. {STAYS}")


class DepartmentMove(Body):
    """Where it shall stand in its organisation, as the last there."""

    parent_id: IdText | None = Field(
        description="Below which; null: right below the organisation.", examples=["208134112739467264"]
    )


class DepartmentOrder(Body):
    """The order of siblings."""

    parent_id: IdText | None = Field(None, description="Below which they stand; null: right below the organisation.")
    order: Order = ORDER


class DepartmentOut(BaseModel):
    """A department."""

    id: Id
    organisation_id: Id
    parent_id: Id | None
    name: str
    code: str | None
    description: str
    leader_id: Id | None
    disabled: bool
    level: int = Field(description="1 right below the organisation.")
    path: str = Field(description="The names from the top down.", examples=["华夏集团/华东公司/研发部/平台组"])
    position: int = Field(description="Its place among its siblings.")
    created: Millis
    updated: Millis


class DepartmentPage(BaseModel):
    """Some departments, the newest first."""

    items: list[DepartmentOut]
    next_cursor: str | None
