"""What routes about spaces take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field, StringConstraints, model_validator

from api.parameters import Body, Id, Millis
from storage.space_members import Membership
from storage.spaces import Seat
from storage.tables.tenancy import SpaceKind

SpaceRef = Annotated[
    str, Path(max_length=100, description="The id of a space, or its key in one's own organisation.", examples=["team"])
]
SpaceId = Annotated[str, Path(max_length=30, description="The id of a space.", examples=["208134112739467264"])]
AccountId = Annotated[str, Path(max_length=30, description="The id of an account.", examples=["208134112739467264"])]
SpaceRole = Literal["owner", "admin", "editor", "viewer"]
Name = Annotated[str, StringConstraints(max_length=200), Field(description="For people.", examples=["市场部"])]
Description = Annotated[str, StringConstraints(max_length=2_000), Field(description="What it is for.")]
Icon = Annotated[str, StringConstraints(max_length=500), Field(description="The id of a picture, or its address.")]
Who = Annotated[
    str, StringConstraints(min_length=1, max_length=191), Field(description="An account, by its id or e-mail address.")
]
Expires = Annotated[
    int | None,
    Field(description="UTC milliseconds from which on he is no member; null for no end.", examples=[1_900_000_000_000]),
]


class SpaceIn(Body):
    """A team space to be made."""

    name: Name
    key: Annotated[str, StringConstraints(max_length=64)] = Field(
        "", description="For addresses; without, one like the name.", examples=["marketing"]
    )
    description: Description = ""
    icon: Icon = ""
    organisation_id: str = Field("", max_length=30, description="Where it belongs to; without, where one is at home.")
    owner: str = Field(
        "",
        max_length=191,
        description="Whom it shall belong to, by id or e-mail address, for who may manage spaces; without, who asks.",
        examples=["wang@example.com"],
    )


class SpaceChange(Body):
    """What is to be different; what is absent stays."""

    name: Name | None = None
    description: Description | None = None
    icon: Icon | None = None


class SpaceOut(BaseModel):
    """A space, and what one is in it."""

    id: Id
    organisation_id: Id
    key: str
    name: str
    kind: SpaceKind
    description: str
    icon: str
    created: Millis
    created_by: Id = Field(description="The account that made it; 0 when nobody did.")
    updated: int | None = Field(description="UTC milliseconds.")
    deleted: int | None = Field(description="UTC milliseconds.")
    role: str = Field(description="What one is in it; empty when one may enter it by another right, or not at all.")
    expires: int | None = Field(description="When one's membership ends by itself.")


class SpacePage(BaseModel):
    """Some spaces, the newest first."""

    items: list[SpaceOut]
    next_cursor: str | None


class InvitationIn(Body):
    """Somebody to let in."""

    account_id: str = Field("", max_length=30, description="By id, or else by e-mail.", examples=["208134112739467264"])
    email: str = Field("", max_length=191, description="Of an account of the same tree of organisations.")
    role: SpaceRole = Field("editor", description="Up to what one may oneself; only owners make owners.")
    expires: Expires = None

    @model_validator(mode="after")
    def _one_of_them(self) -> InvitationIn:
        if bool(self.account_id) == bool(self.email):
            raise ValueError("name the account by its id or by its e-mail address")
        return self


class InvitationsIn(Body):
    """People to let in, all in one go."""

    members: Annotated[list[InvitationIn], Field(min_length=1, max_length=100)] = Field(
        examples=[[{"email": "li@example.com", "role": "editor"}]]
    )


class MemberOut(BaseModel):
    """Somebody who works in a space."""

    account_id: Id
    name: str
    email: str
    unique_name: str | None
    avatar: str
    disabled: bool = Field(description="Whether he cannot log in at present.")
    role: SpaceRole
    expires: int | None = Field(description="When his membership ends by itself, in UTC milliseconds.")
    invited_by: Id = Field(description="The account that let him in; 0 when nobody did.")
    created: Millis


class MemberPage(BaseModel):
    """Some members, the latest accounts first."""

    items: list[MemberOut]
    next_cursor: str | None


class InvitedOut(BaseModel):
    """What became of an invitation."""

    account_id: str
    email: str
    outcome: Literal["added", "already_member", "unknown", "disabled"] = Field(
        description="`unknown`: no such account in this tree of organisations; `disabled`: it cannot log in."
    )
    member: MemberOut | None = Field(description="What he is now, also when he was one already.")


class InvitationsOut(BaseModel):
    """What became of each, in their order."""

    items: list[InvitedOut]


class MemberChange(Body):
    """What is to be different; what is absent stays."""

    role: SpaceRole | None = Field(None, examples=["viewer"])
    expires: Expires = None


class TransferIn(Body):
    """Whom a space shall belong to."""

    account: Who


def space_out(seat: Seat) -> SpaceOut:
    """A space as answers show it."""
    space = seat.space
    return SpaceOut(
        id=str(space.id),
        organisation_id=str(space.org_id),
        key=space.key.partition("~")[0],
        name=space.name,
        kind="personal" if space.kind == "personal" else "team",
        description=space.description,
        icon=space.icon,
        created=space.created,
        created_by=str(space.created_by),
        updated=space.updated,
        deleted=space.deleted_at,
        role=seat.role,
        expires=seat.expires,
    )


def member_out(one: Membership) -> MemberOut:
    """A member as answers show him."""
    return MemberOut.model_validate(
        {
            "account_id": str(one.account_id),
            "name": one.name,
            "email": one.email,
            "unique_name": one.unique_name,
            "avatar": one.avatar,
            "disabled": one.disabled,
            "role": one.role,
            "expires": one.expires,
            "invited_by": str(one.invited_by),
            "created": one.created,
        }
    )
