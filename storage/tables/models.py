"""Models as an organisation or the instance has set them up, what their calls cost, and who may call them now.

No foreign keys: organisation 0 is the instance itself, and what was spent outlives what it was spent on.
"""

from __future__ import annotations

from sqlalchemy import Index, String, UniqueConstraint
from sqlmodel import Field

from engine.values import Json
from storage.tables.columns import (
    KEY_LENGTH,
    NAME_LENGTH,
    NODE_ID_LENGTH,
    PATH_LENGTH,
    Id,
    JsonText,
    LongText,
    Millis,
    Row,
    Word,
    id_column,
)

PROVIDER_LENGTH = 64
VENDOR_MODEL_LENGTH = 191
THROTTLE_LENGTH = 191


class Model(Row, table=True):
    """A model under the name that nodes ask for. What it is reached with is in the vault, under `secret_id`."""

    __tablename__ = "model"
    __table_args__ = (UniqueConstraint("org_id", "key", name="uq_model_key"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    key: str = Field(sa_type=Word(KEY_LENGTH))
    title: str = Field(sa_type=String(NAME_LENGTH))
    kind: str = Field(sa_type=Word(16))
    provider: str = Field(sa_type=Word(PROVIDER_LENGTH))
    vendor_model: str = Field(sa_type=Word(VENDOR_MODEL_LENGTH))
    secret_id: int | None = Field(default=None, sa_type=Id)
    media: str = Field(default="inline", sa_type=Word(8))
    is_default: int = 0
    enabled: int = 1
    revision: int = 1
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    deleted_at: int | None = Field(default=None, sa_type=Millis)
    base_url: str = Field(default="", sa_type=LongText)
    options: dict[str, Json] = Field(default_factory=dict, sa_type=JsonText, nullable=False)
    defaults: dict[str, Json] = Field(default_factory=dict, sa_type=JsonText, nullable=False)
    capabilities: dict[str, Json] = Field(default_factory=dict, sa_type=JsonText, nullable=False)
    quota: dict[str, Json] = Field(default_factory=dict, sa_type=JsonText, nullable=False)
    patience: dict[str, Json] = Field(default_factory=dict, sa_type=JsonText, nullable=False)
    prices: dict[str, Json] = Field(default_factory=dict, sa_type=JsonText, nullable=False)
    fallback: list[str] = Field(default_factory=list, sa_type=JsonText, nullable=False)


class ModelCallRow(Row, table=True):
    """A call of a model as it was paid for. Costs in millionths of the currency."""

    __tablename__ = "model_call"
    __table_args__ = (
        UniqueConstraint("key", name="uq_model_call_key"),
        Index("ix_model_call_org", "org_id", "started"),
        Index("ix_model_call_run", "run_id"),
    )

    id: int = id_column()
    key: str = Field(sa_type=Word(64))
    """The SHA-256 of the call's own key, which may be of any length."""
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(sa_type=Id)
    run_id: int = Field(sa_type=Id)
    workflow_id: int = Field(sa_type=Id)
    node: str = Field(sa_type=Word(NODE_ID_LENGTH))
    path: str = Field(sa_type=Word(PATH_LENGTH))
    attempt: int
    model: str = Field(sa_type=Word(KEY_LENGTH))
    provider: str = Field(sa_type=Word(PROVIDER_LENGTH))
    vendor_model: str = Field(sa_type=Word(VENDOR_MODEL_LENGTH))
    outcome: str = Field(sa_type=Word(32))
    input_tokens: int = Field(sa_type=Millis)
    output_tokens: int = Field(sa_type=Millis)
    cached_input_tokens: int = Field(sa_type=Millis)
    reasoning_tokens: int = Field(sa_type=Millis)
    cost: int = Field(sa_type=Millis)
    currency: str = Field(sa_type=Word(8))
    started: int = Field(sa_type=Millis)
    milliseconds: int = Field(sa_type=Millis)
    estimated: int = 0


class ThrottleLease(Row, table=True):
    """A place that somebody holds until `expires`."""

    __tablename__ = "throttle_lease"

    name: str = Field(primary_key=True, sa_type=Word(THROTTLE_LENGTH))
    lease: str = Field(primary_key=True, sa_type=Word(THROTTLE_LENGTH))
    taken: int = Field(sa_type=Millis)
    expires: int = Field(sa_type=Millis)


class ThrottleUse(Row, table=True):
    """How much of a thing was used within one second. What is older than a minute is of no use to anyone."""

    __tablename__ = "throttle_use"

    name: str = Field(primary_key=True, sa_type=Word(THROTTLE_LENGTH))
    second: int = id_column()
    requests: int = Field(default=0, sa_type=Millis)
    tokens: int = Field(default=0, sa_type=Millis)
