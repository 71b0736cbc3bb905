"""What comes in and goes out where OAuth applications are concerned. A private key goes out once, when it is made."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field, StringConstraints

from api.parameters import Body, Id, Millis
from api.tokens.schemas import Home, Name, OwnerEmail, Scopes, Spaces
from storage.tables import OAuthApp, OAuthKey

AppId = Annotated[str, Path(max_length=30, description="The id of an application.", examples=["208134112739467264"])]
Kid = Annotated[str, Path(max_length=64, description="The fingerprint of a key.")]
KeyName = Annotated[str, StringConstraints(max_length=200)]


class NewAppIn(Body):
    """An application to be."""

    name: Name
    scopes: Scopes = Field(["*"])
    spaces: Spaces = Field([])
    space_id: Home = None
    account: OwnerEmail = None


class AppChange(Body):
    """What shall be different. All but another name ends the tokens that the application has."""

    name: Name | None = None
    scopes: Scopes | None = None
    spaces: Spaces | None = None
    space_id: Home = None
    disabled: bool | None = None


class AppOut(BaseModel):
    """An application."""

    id: Id
    organisation_id: Id
    client_id: str = Field(description="What it calls itself.", examples=["app_5f0c2d6b8a3e4f179c1d2b3a4e5f6071"])
    name: str = Field(examples=["nightly import"])
    account_id: Id = Field(description="On whose behalf it acts.")
    space_id: Id
    scopes: list[str] = Field(examples=[["run.*"]])
    spaces: list[Id]
    disabled: bool
    created: Millis
    updated: Millis
    last_used: Millis | None


class AppPage(BaseModel):
    """Some applications, the newest first."""

    items: list[AppOut]
    next_cursor: str | None


class NewKeyIn(Body):
    """A public key; without one a pair is made, and its private half is in the answer."""

    name: KeyName = Field("", description="What it is called.", examples=["server 1"])
    public_key: Annotated[str, StringConstraints(max_length=8_192)] | None = Field(
        None, description="RSA of at least 2048 bits, in PEM.", examples=["-----BEGIN PUBLIC KEY-----\n…"]
    )


class AppKeyOut(BaseModel):
    """A public key of an application."""

    kid: str = Field(description="Its fingerprint: the `kid` in the header of what it signs.")
    name: str
    public_key: str = Field(description="In PEM.")
    created: Millis
    last_used: Millis | None


class KeyMade(AppKeyOut):
    """A public key that was added just now."""

    private_key: str | None = Field(
        None, description="Of a pair that was made: nobody is told again, and nobody here keeps it.", repr=False
    )


class KeysOut(BaseModel):
    """The public keys of an application, the newest first."""

    items: list[AppKeyOut]


def app_out(app: OAuthApp) -> AppOut:
    """An application as it is shown."""
    return AppOut(
        id=str(app.id),
        organisation_id=str(app.org_id),
        client_id=app.client_id,
        name=app.name,
        account_id=str(app.account_id),
        space_id=str(app.space_id),
        scopes=[str(one) for one in app.scopes or ()],
        spaces=[str(one) for one in app.spaces or ()],
        disabled=bool(app.disabled),
        created=app.created,
        updated=app.updated,
        last_used=app.last_used,
    )


def key_out(key: OAuthKey) -> AppKeyOut:
    """A key as it is shown."""
    return AppKeyOut(kid=key.kid, name=key.name, public_key=key.pem, created=key.created, last_used=key.last_used)
