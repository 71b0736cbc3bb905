"""What routes about roles take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field, StringConstraints

from api.parameters import Body, Id, Millis
from api.permissions import BUILT_IN, BuiltInRole
from api.roles.effective import Effect, Origin, role_names
from api.roles.powers import permissions_of
from storage.role_grants import Grant
from storage.tables import Role

RoleRef = Annotated[
    str, Path(max_length=64, description="The id of a role, or the key of a built-in one.", examples=["space_editor"])
]
GrantId = Annotated[str, Path(max_length=30, description="The id of a grant.", examples=["208134112739467264"])]
Number = Annotated[str, StringConstraints(max_length=30)]
Points = Annotated[
    list[Annotated[str, StringConstraints(max_length=64)]],
    Field(max_length=200, description="Permissions, as `GET /permissions` lists them.", examples=[["employee.view"]]),
]
Description = Annotated[str, StringConstraints(max_length=2_000)]
DomainName = Literal["organisation", "space", "instance"]
OwnDomain = Literal["organisation", "space"]


class PointOut(BaseModel):
    """Something that may be allowed."""

    permission: str = Field(examples=["workflow.publish"])
    resource: str = Field(examples=["workflow"])
    action: str = Field(examples=["publish"])
    domain: Literal["space", "organisation", "instance", "self"] = Field(
        description="Where it means something; `self`: everybody has it."
    )
    title: str
    description: str
    grantable: bool = Field(description="Whether it may stand in a role of one's own.")


class ResourceOut(BaseModel):
    """The permissions about one thing: a row of a matrix."""

    resource: str
    domain: Literal["space", "organisation", "instance", "self"]
    title: str
    permissions: list[PointOut]


class CatalogueOut(BaseModel):
    """All permissions, by domain and resource, in the language of `Accept-Language`."""

    items: list[ResourceOut]


class RoleIn(Body):
    """A role to be made."""

    name: Annotated[str, StringConstraints(max_length=200)] = Field(examples=["人事专员"])
    key: Annotated[str, StringConstraints(max_length=64)] = Field(
        "", description="For programs; without, one like the name.", examples=["hr"]
    )
    domain: OwnDomain = Field("organisation", description="Whether its permissions are of organisations, or of spaces.")
    permissions: Points = Field([])
    description: Description = ""
    organisation_id: Number = Field(
        "", description="The organisation that has it, and those below; without, where one is at home."
    )


class RoleChange(Body):
    """What is to be different; what is absent stays."""

    revision: int = Field(description="The one that was opened.", examples=[1])
    name: Annotated[str, StringConstraints(max_length=200)] | None = None
    description: Description | None = None
    permissions: Points | None = None
    disabled: bool | None = Field(None, description="Whether it lets nobody do anything, for the time being.")


class RoleOut(BaseModel):
    """A role."""

    id: Id
    key: str
    name: str
    description: str
    domain: DomainName
    built_in: bool = Field(description="Whether it is always there, and as it is.")
    organisation_id: str = Field(description="Whose it is; empty for built-in ones.")
    permissions: list[str]
    disabled: bool
    revision: int
    created: int | None
    updated: int | None


class RolePage(BaseModel):
    """Some roles: the built-in ones, then those of organisations, the newest first."""

    items: list[RoleOut]
    next_cursor: str | None


class GrantIn(Body):
    """To whom a role shall be given, and where. Exactly one of account and department."""

    account_id: Number = Field("", examples=["208134112739467264"])
    department_id: Number = Field("", description="Everybody of it, and of those below it.")
    organisation_id: Number = Field(
        "", description="Where it holds, with all below; `0` is the instance. Without, and without a space: at home."
    )
    space_id: Number = Field("", description="The one space in which it holds, for roles of spaces.")
    expires: int | None = Field(
        None, description="UTC milliseconds from which on it holds no more.", examples=[1_900_000_000_000]
    )


class GrantOut(BaseModel):
    """A role that is given."""

    id: Id
    role_id: Id
    role_key: str
    role_name: str
    account_id: str | None
    department_id: str | None
    subject_name: str
    organisation_id: str = Field(description="Where it holds, with all below; `0` is the instance.")
    space_id: str | None
    expires: int | None
    granted_by: Id
    created: Millis


class GrantPage(BaseModel):
    """Some grants, the newest first."""

    items: list[GrantOut]
    next_cursor: str | None


class RolesIn(Body):
    """All roles that an account shall have in an organisation."""

    role_ids: Annotated[list[Number], Field(max_length=100)] = Field(
        description="Ids; keys of built-in roles are taken too. None: it loses all.", examples=[["2"]]
    )


class RolesOut(BaseModel):
    """The roles of an account in an organisation."""

    items: list[GrantOut]


class OriginOut(BaseModel):
    """Where a permission comes from."""

    kind: Literal["everybody", "membership", "role", "instance"] = Field(
        description="`instance`: the token of the data folder, which opens everything."
    )
    role_id: str | None = None
    role: str = Field("", description="The key of the role, or what one is as a member.")
    role_name: str = ""
    grant_id: str | None = None
    department_id: str | None = Field(None, description="Through which one has the role.")
    department_name: str = ""
    organisation_id: str | None = None
    space_id: str | None = None
    expires: int | None = None


class EffectiveOut(BaseModel):
    """Something that one may, and why."""

    permission: str
    domain: Literal["space", "organisation", "instance", "self"]
    here: bool = Field(description="Whether one may it in this space, or in its organisation.")
    organisation_ids: list[str] = Field(description="Of a permission of organisations: all in which one has it.")
    origins: list[OriginOut]


class PermissionsOut(BaseModel):
    """What somebody may."""

    account_id: str
    organisation_id: str
    space_id: str
    role: str = Field(description="What he is in the space; empty when he is no member.")
    permissions: list[EffectiveOut]


def role_out(role: Role | BuiltInRole) -> RoleOut:
    """A role as answers show it."""
    if isinstance(role, BuiltInRole):
        return RoleOut(
            id=str(role.id),
            key=role.key,
            name=role.name,
            description="",
            domain=role.domain,
            built_in=True,
            organisation_id="",
            permissions=sorted(role.permissions),
            disabled=False,
            revision=0,
            created=None,
            updated=None,
        )
    return RoleOut(
        id=str(role.id),
        key=role.key,
        name=role.name,
        description=role.description,
        domain="space" if role.domain == "space" else "organisation",
        built_in=False,
        organisation_id=str(role.org_id),
        permissions=sorted(permissions_of(role.id, map(str, role.permissions or ()))),
        disabled=bool(role.disabled),
        revision=role.revision,
        created=role.created,
        updated=role.updated,
    )


def grant_out(one: Grant) -> GrantOut:
    """A grant as answers show it."""
    built_in = BUILT_IN.get(one.role_id)
    key, name = (one.role_key, one.role_name) if built_in is None else (built_in.key, built_in.name)
    return GrantOut(
        id=str(one.id),
        role_id=str(one.role_id),
        role_key=key,
        role_name=name,
        account_id=str(one.subject_id) if one.subject_kind == "account" else None,
        department_id=str(one.subject_id) if one.subject_kind == "department" else None,
        subject_name=one.subject_name,
        organisation_id=str(one.org_id),
        space_id=str(one.space_id) if one.space_id else None,
        expires=one.expires,
        granted_by=str(one.granted_by),
        created=one.created,
    )


def origin_out(one: Origin) -> OriginOut:
    """Where a permission comes from, as answers show it."""
    source = one.source
    if source is None:
        kind: Literal["everybody", "membership"] = "membership" if one.kind == "membership" else "everybody"
        return OriginOut(kind=kind, role=one.role, expires=one.expires)
    key, name = role_names(source)
    return OriginOut(
        kind="role",
        role_id=str(source.role_id),
        role=key,
        role_name=name,
        grant_id=str(source.grant_id),
        department_id=str(source.department_id) if source.department_id else None,
        department_name=source.department_name,
        organisation_id=str(source.org_id),
        space_id=str(source.space_id) if source.space_id else None,
        expires=source.expires,
    )


def origins_out(effect: Effect) -> list[OriginOut]:
    """All origins of a permission."""
    return [origin_out(one) for one in effect.origins]
