"""What comes in and goes out where tokens are concerned. The token itself goes out once, when it is made."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field, StringConstraints

from api.parameters import Body, Id, Millis
from api.tokens.service import DEFAULT_DAYS, MOST_DAYS
from storage.tables import AccessToken

TokenId = Annotated[str, Path(max_length=30, description="The id of a token.", examples=["208134112739467264"])]
Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    Field(description="What it is for.", examples=["nightly import"]),
]
Scope = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Scopes = Annotated[
    list[Scope],
    Field(
        max_length=200,
        description="What it may at most: permissions, everything of a resource (`run.*`), or `*`. It never may more "
        "than the account itself at that moment.",
        examples=[["workflow.view", "run.*"]],
    ),
]
SpaceId = Annotated[str, StringConstraints(max_length=30)]
Spaces = Annotated[
    list[SpaceId],
    Field(
        max_length=100,
        description="The ids of the spaces that it opens, and then nothing of the organisations around them; none: all "
        "that the account may enter.",
        examples=[["208134112739467264"]],
    ),
]
Home = Annotated[
    str | None,
    Field(
        max_length=30,
        description="The space of requests that name none; without, the first of `spaces`, or the account's own.",
        examples=["208134112739467264"],
    ),
]
Days = Annotated[int, Field(ge=1, le=MOST_DAYS, description="For how many days it is good.", examples=[30])]
Rate = Annotated[
    int | None,
    Field(ge=1, le=1_000_000, description="In one process; null: as the server's setting says.", examples=[600]),
]
OwnerEmail = Annotated[
    str | None,
    Field(
        max_length=191,
        description="The address of the account that it acts for: one's own. The operator's token may name any.",
        examples=["wang@example.com"],
    ),
]


class NewTokenIn(Body):
    """A personal token to be."""

    name: Name
    days: Days = DEFAULT_DAYS
    scopes: Scopes = Field(["*"])
    spaces: Spaces = Field([])
    space_id: Home = None
    account: OwnerEmail = None
    requests_per_minute: Rate = None
    runs_per_minute: Rate = None


class TokenChange(Body):
    """What shall be different."""

    name: Name


class RateChange(Body):
    """How often a token may ask, instead of what the server's settings say."""

    requests_per_minute: Rate = None
    runs_per_minute: Rate = None


class Regenerate(Body):
    """For how long the new text is good."""

    days: Days = DEFAULT_DAYS


class TokenOut(BaseModel):
    """A personal token, without what opens anything."""

    id: Id
    name: str = Field(examples=["nightly import"])
    prefix: str = Field(description="How it begins.", examples=["pat_1krx8e2d4v_1krx8f7q0a2_Zx3k"])
    account_id: Id
    space_id: Id
    scopes: list[str] = Field(examples=[["run.*"]])
    spaces: list[Id]
    created: Millis
    expires: Millis
    expired: bool
    last_used: Millis | None = Field(description="To the minute.")
    last_ip: str = Field(examples=["192.0.2.7"])
    requests_per_minute: int | None
    runs_per_minute: int | None


class TokenMade(TokenOut):
    """A personal token that was made just now."""

    token: str = Field(description="The token itself: nobody is told again.", repr=False)


class TokenPage(BaseModel):
    """Some tokens, the newest first."""

    items: list[TokenOut]
    next_cursor: str | None


class InstanceTokenMade(BaseModel):
    """The token that opens everything from now on."""

    token: str = Field(description="The token itself: nobody is told again.", repr=False)


class NewGuest(Body):
    """An end user who is to be let in."""

    user_id: Annotated[str, StringConstraints(min_length=1, max_length=191)] = Field(
        description="What the end user is called, in any words: his runs and conversations are those of this name.",
        examples=["customer-17"],
    )
    workflows: list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] = Field(
        min_length=1, max_length=50, description="Ids or keys of the workflows that he may run.", examples=[["greet"]]
    )
    seconds: int = Field(3_600, ge=1, le=24 * 3_600, description="For how long.", examples=[3_600])
    app_id: Annotated[str, StringConstraints(max_length=191)] = Field(
        "", description="The application whose variables and conversations he uses, in any words.", examples=["shop"]
    )
    origins: list[Annotated[str, StringConstraints(max_length=253, pattern=r"^https?://[^/?#\s]+$")]] = Field(
        [],
        max_length=20,
        description="The sites whose pages may carry the token; none: those of any.",
        examples=[["https://shop.example.com"]],
    )


class GuestOut(BaseModel):
    """An end user's token, without what opens anything."""

    id: Id
    user_id: str = Field(examples=["customer-17"])
    workflows: list[Id]
    app_id: str
    origins: list[str]
    space_id: Id
    prefix: str = Field(description="How it begins.", examples=["gst_1krx8e2d4v_1krx8f7q0a2_Zx3k"])
    created: Millis
    expires: Millis
    last_used: Millis | None = Field(description="To the minute.")


class GuestMade(GuestOut):
    """An end user's token that was made just now."""

    token: str = Field(description="The token itself: nobody is told again.", repr=False)


class GuestPage(BaseModel):
    """Some tokens of end users, the newest first."""

    items: list[GuestOut]
    next_cursor: str | None


def token_out(token: AccessToken) -> TokenOut:
    """A token as it is shown."""
    scopes, spaces, expires = token.scopes, token.spaces, token.expires or 0
    return TokenOut(
        id=str(token.id),
        name=token.name,
        prefix=token.prefix,
        account_id=str(token.account_id),
        space_id=str(token.space_id),
        scopes=[str(one) for one in scopes] if isinstance(scopes, list) else ["*"],
        spaces=[str(one) for one in spaces] if isinstance(spaces, list) else [],
        created=token.created,
        expires=expires,
        expired=expires <= time.time_ns() // 1_000_000,
        last_used=token.last_used,
        last_ip=token.last_ip,
        requests_per_minute=token.requests_per_minute,
        runs_per_minute=token.runs_per_minute,
    )


def guest_out(token: AccessToken) -> GuestOut:
    """An end user's token as it is shown."""
    guest = token.guest if isinstance(token.guest, dict) else {}
    workflows, origins = guest.get("workflows"), guest.get("origins")
    return GuestOut(
        id=str(token.id),
        user_id=str(guest.get("user")),
        workflows=[str(one) for one in workflows] if isinstance(workflows, list) else [],
        app_id=str(guest.get("app") or ""),
        origins=[str(one) for one in origins] if isinstance(origins, list) else [],
        space_id=str(token.space_id),
        prefix=token.prefix,
        created=token.created,
        expires=token.expires or 0,
        last_used=token.last_used,
    )
