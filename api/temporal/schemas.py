"""What routes about Temporal's pages take and give."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from api.parameters import Millis

MOST_PAYLOADS = 2_000


class PayloadBody(BaseModel):
    """A payload as Temporal's pages and its command line write it."""

    # Temporal may add fields of its own; what is not understood is handed back as it came.
    model_config = ConfigDict(extra="allow")

    metadata: dict[str, str] = Field({}, description="Values in base64.", examples=[{"encoding": "anNvbi9wbGFpbg=="}])
    data: str = Field("", description="In base64.", examples=["IkFkYSI="])


class Payloads(BaseModel):
    """Payloads, in the order in which they are wanted back."""

    model_config = ConfigDict(extra="allow")

    payloads: Annotated[list[PayloadBody], Field(max_length=MOST_PAYLOADS)] = []


class SignIn(BaseModel):
    """A link for one browser."""

    path: str = Field(description="Behind the address of the API; good for once.")
    expires: Millis
