"""What comes in and goes out where accounts are concerned. No hash ever goes out, and a password only once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from api.parameters import Body, Id, Millis
from storage.accounts import Locale
from storage.tables import Account, AccountSession

Email = Annotated[str, Field(max_length=191, description="In any case of letters.", examples=["wang@example.com"])]
Secret = Annotated[str, Field(max_length=1_024, repr=False, examples=["correct horse battery"])]
Name = Annotated[str, Field(min_length=1, max_length=200, description="What people read.", examples=["王小明"])]
Language = Annotated[Locale, Field(description="`en` or `zh`; empty: as the browser says.", examples=["zh"])]
UniqueName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{4,20}$")]
AccountId = Annotated[str, Path(max_length=30, description="The id of an account.", examples=["208134112739467264"])]
SessionId = Annotated[str, Path(max_length=30, description="The id of a session.", examples=["208134112739467264"])]
Search = Annotated[str, Query(max_length=200, description="A part of a name or address, or an id.")]
OnlyEmail = Annotated[str | None, Query(max_length=191, description="The one with this address.")]
OnlyDisabled = Annotated[bool | None, Query(description="Those that are disabled, or those that are not.")]
OnlyOrganisation = Annotated[
    str | None, Query(max_length=30, description="Those at home there, and not in others that you reach.")
]


class LoginIn(Body):
    """Who wants to log in."""

    email: Email
    password: Secret


class RegistrationIn(Body):
    """Who wants an account."""

    email: Email
    password: Secret = Field(description="10 to 256 characters, and none of those that are tried first.")
    name: Name
    locale: Language = ""


class RegistrationOut(BaseModel):
    """Whether one can register by oneself."""

    registration: Literal["open", "closed", "listed"] = Field(
        description="`listed`: with certain addresses or domains.", examples=["closed"]
    )


class AccountOut(BaseModel):
    """An account, as it is shown to whom it concerns."""

    id: Id
    organisation_id: Id
    email: str = Field(examples=["wang@example.com"])
    unique_name: str | None = Field(description="By which it is found; null while none is chosen.", examples=["wang_1"])
    name: str = Field(examples=["王小明"])
    avatar: str = Field(description="Where its picture is.", examples=["https://example.com/wang.png"])
    description: str = Field(examples=["Support, Shanghai"])
    locale: str = Field(examples=["zh"])
    disabled: bool
    change_password: bool = Field(description="The password was given by somebody else, and has to be changed.")
    created: Millis
    updated: Millis
    last_login: int | None = Field(description="UTC milliseconds; null before the first.", examples=[None])


class AccountPage(BaseModel):
    """Some accounts, the newest first."""

    items: list[AccountOut]
    next_cursor: str | None


class NewAccountIn(Body):
    """An account for somebody else."""

    email: Email
    name: Name
    organisation_id: str | None = Field(
        None, max_length=30, description="Where it is at home; your own when absent.", examples=["208134112739467264"]
    )
    password: Secret = Field("", description="To be changed at the first login; one is made when it is absent.")
    locale: Language = ""


class NewAccountOut(AccountOut):
    """The account that was made."""

    one_time_password: str | None = Field(
        description="Shown this once; null when one was given.", examples=["x7Kp2m-Q9rTwv-b4NcHs-e8JkLp"]
    )


class OneTimePassword(BaseModel):
    """A password that opens nothing but its own change."""

    one_time_password: str = Field(description="Shown this once.", examples=["x7Kp2m-Q9rTwv-b4NcHs-e8JkLp"])


class Me(AccountOut):
    """Who one is, and what one may where one stands."""

    session_id: str | None = Field(description="Null for a token.", examples=["208134112739467264"])
    space_id: str | None = Field(description="The space of this request; null for none.")
    role: str = Field(description="In that space; empty for who is there by another right.", examples=["owner"])
    permissions: list[str] = Field(description="What one may there.", examples=[["workflow.view", "run.start"]])


class ProfileIn(Body):
    """What one says of oneself; what is absent stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "王小明", "unique_name": "wang_1"}]})

    name: Name = Field(default="")
    unique_name: UniqueName | None = Field(None, description="4 to 20 of a-z, 0-9 and _; null takes it back.")
    avatar: str = Field("", max_length=500, description="An https address, or a path of this server; or nothing.")
    description: str = Field("", max_length=2_000)
    locale: Language = ""

    @field_validator("avatar")
    @classmethod
    def _shown_safely(cls, value: str) -> str:
        # It ends up in pages: neither scripts nor another scheme, and nothing that leads to another host in disguise.
        ours = value.startswith("/") and not value.startswith(("//", "/\\"))
        if (value and not (ours or value.startswith("https://"))) or any(ord(one) <= 32 for one in value):
            raise ValueError("An avatar is an https address, or a path of this server")
        return value


class PasswordIn(Body):
    """Another password for oneself."""

    current: Secret = Field(description="The one that is to be changed.")
    new: Secret = Field(description="10 to 256 characters, and none of those that are tried first.")


class SessionOut(BaseModel):
    """A browser that is logged in."""

    id: Id
    current: bool = Field(description="Whether it is this one.")
    created: Millis
    last_used: Millis
    expires: Millis
    ip: str = Field(description="From where it logged in.", examples=["203.0.113.7"])
    user_agent: str = Field(description="What the browser says of itself.", examples=["Mozilla/5.0"])


class SessionsOut(BaseModel):
    """Where one is logged in, the newest first."""

    items: list[SessionOut]


def shown(account: Account) -> AccountOut:
    """An account for the outside."""
    return AccountOut(**fields_of(account))


def fields_of(account: Account) -> dict[str, Any]:
    """What is shown of an account, field by field."""
    return {
        "id": str(account.id),
        "organisation_id": str(account.org_id),
        "email": account.email,
        "unique_name": account.unique_name,
        "name": account.name,
        "avatar": account.avatar,
        "description": account.description,
        "locale": account.locale,
        "disabled": bool(account.disabled),
        "change_password": bool(account.change_password),
        "created": account.created,
        "updated": account.updated,
        "last_login": account.last_login,
    }


def shown_session(session: AccountSession, current: int) -> SessionOut:
    """A session for the outside."""
    return SessionOut(
        id=str(session.id),
        current=session.id == current,
        created=session.created,
        last_used=session.last_used,
        expires=session.expires,
        ip=session.ip,
        user_agent=session.user_agent,
    )
