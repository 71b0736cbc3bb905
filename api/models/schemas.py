"""What routes about models take and give. What a model is reached with comes in, and never goes out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr, StringConstraints

from api.parameters import Body, Id, Millis
from conf.catalogue import ProviderFacts
from storage.models import ModelKind

ModelRef = Annotated[str, Path(max_length=100, description="The id of a model, or its key.", examples=["gpt-5-mini"])]
Kind = Annotated[ModelKind, Field(description="What it does.")]
Media = Literal["inline", "url"]

Title = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=190, strip_whitespace=True)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Url = Annotated[str, StringConstraints(max_length=2_000, strip_whitespace=True)]
ApiKey = Annotated[SecretStr, Field(max_length=20_000)]
Header = Annotated[SecretStr, Field(max_length=4_000)]
Seconds = Annotated[float, Field(gt=0, le=3_600)]
Bound = Annotated[int, Field(ge=0, le=10**12)]
Price = Annotated[float, Field(ge=0, le=10**6)]

KEY: Any = Field(description="The name that nodes ask for.", examples=["gpt-5-mini"])
BASE_URL: Any = Field("", description="Where it is reached; empty means the provider's own address.")
API_KEY: Any = Field(None, description="Kept encrypted and never shown again.")
HEADERS: Any = Field(None, description="Further headers of every request; kept like the key.")
OPTIONS: Any = Field(default_factory=dict, description="What else the provider's connection is described by.")
DEFAULTS: Any = Field(
    default_factory=dict,
    description="What holds where a node leaves it open: temperature, max_tokens and what else the model has.",
    examples=[{"temperature": 0.7}],
)
FALLBACK: Any = Field(
    default_factory=list, max_length=5, description="Models that are asked in turn when this one cannot be had."
)
DEFAULT: Any = Field(
    None, description="Nodes that ask for `default` mean this one. When absent: yes, if it is the first of its kind."
)
TEST: Any = Field(True, description="Try it with one short call, and save it only if that works.")


class CapabilitiesIn(Body):
    """What a model can do where the catalogue does not know it, or knows it otherwise."""

    tools: bool | None = None
    images: bool | None = None
    audio: bool | None = None
    video: bool | None = None
    files: bool | None = None
    reasoning: bool | None = None
    json_schema: bool | None = None
    json_object: bool | None = None
    streaming: bool | None = None


class QuotaIn(Body):
    """How much it may be used by all processes together; 0 means without bound."""

    concurrency: Bound = 0
    requests_per_minute: Bound = 0
    tokens_per_minute: Bound = 0


class PatienceIn(Body):
    """How long it is waited for."""

    first_token_seconds: Seconds | None = Field(None, description="From the request to the first piece.")
    gap_seconds: Seconds | None = Field(None, description="Between two pieces.")


class PricesIn(Body):
    """What a million tokens cost."""

    input: Price
    output: Price = 0.0
    cached_input: Price | None = Field(None, description="Absent: like any input.")
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"


class ModelIn(Body):
    """A model to be set up."""

    key: Key = KEY
    title: Title | None = Field(None, description="What people read; the key when absent.")
    kind: Kind = "chat"
    provider: Word = Field(description="An id of `GET /providers`.", examples=["openai"])
    vendor_model: Word = Field(description="What the provider calls it.", examples=["gpt-5-mini"])
    base_url: Url = BASE_URL
    api_key: ApiKey | None = API_KEY
    headers: dict[str, Header] | None = HEADERS
    options: dict[str, str] = OPTIONS
    defaults: dict[str, JsonValue] = DEFAULTS
    capabilities: CapabilitiesIn = Field(default_factory=CapabilitiesIn)
    quota: QuotaIn = Field(default_factory=QuotaIn)
    patience: PatienceIn = Field(default_factory=PatienceIn)
    prices: PricesIn | None = Field(None, description="Absent: those that the catalogue knows.")
    fallback: list[Key] = FALLBACK
    media: Media = Field("inline", description="`url`: the provider fetches pictures and files for itself.")
    is_default: bool | None = DEFAULT
    enabled: bool = True
    instance: bool = Field(False, description="For every organisation of this instance.")
    test: bool = TEST


class ModelChange(Body):
    """What is to be different; what is absent stays. A new address needs the key again: it is not sent elsewhere."""

    revision: int = Field(description="The revision you opened. When the model has changed since, nothing is saved.")
    key: Key | None = None
    title: Title | None = None
    provider: Word | None = None
    vendor_model: Word | None = None
    base_url: Url | None = None
    api_key: ApiKey | None = Field(None, description="A new key; null takes the stored one away.")
    headers: dict[str, Header] | None = Field(None, description="New headers, all of them; null takes them away.")
    options: dict[str, str] | None = None
    defaults: dict[str, JsonValue] | None = None
    capabilities: CapabilitiesIn | None = None
    quota: QuotaIn | None = None
    patience: PatienceIn | None = None
    prices: PricesIn | None = Field(None, description="Null: those that the catalogue knows.")
    fallback: Annotated[list[Key], Field(max_length=5)] | None = None
    media: Media | None = None
    is_default: bool | None = None
    enabled: bool | None = None
    test: bool = TEST


class KeyOut(BaseModel):
    """Whether there is a key, and its end where that does not give it away."""

    set: bool
    last4: str = ""


class TrialOut(BaseModel):
    """What one short call gave."""

    ok: bool
    message: str = Field("", description="Why not, in the provider's own words where there are any.")
    reason: str = Field("", description="A word for programs: auth, not_found, connection, timeout …")
    status: int | None = Field(None, description="The provider's HTTP status.")
    milliseconds: int = 0
    answer: str = Field("", description="The beginning of what a chat model said.")
    dimensions: int | None = Field(None, description="How long the vectors of an embedding model are.")
    usage: dict[str, int] = {}


class ModelOut(BaseModel):
    """A model as it is set up."""

    id: Id
    key: str
    title: str
    kind: Kind
    provider: str
    vendor_model: str
    base_url: str
    api_key: KeyOut
    headers: dict[str, KeyOut]
    options: dict[str, JsonValue]
    defaults: dict[str, JsonValue]
    capabilities: dict[str, JsonValue] = Field(description="What was said of it; the catalogue knows the rest.")
    quota: dict[str, JsonValue]
    patience: dict[str, JsonValue]
    prices: dict[str, JsonValue]
    fallback: list[str]
    media: Media
    is_default: bool
    enabled: bool
    instance: bool = Field(description="It belongs to the instance: every organisation sees it.")
    revision: int = Field(description="Grows with every change.")
    created: Millis
    updated: Millis


class ModelSaved(ModelOut):
    """A model that was just saved, and what trying it gave; null when it was not tried."""

    test: TrialOut | None


class ModelPage(BaseModel):
    """Some models, the newest first."""

    items: list[ModelOut]
    next_cursor: str | None


class Providers(BaseModel):
    """Every provider that is known, with its models."""

    model_config = ConfigDict(frozen=True)

    items: list[ProviderFacts]
