"""A model as it would be after a request: what came in, over what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import SecretStr

from api.models.schemas import ModelChange, ModelIn
from engine.values import Json
from nodes.probe import ModelOnTrial
from storage.model_secret import ModelSecret
from storage.models import ModelKind, ModelSettings
from storage.tables import Model

_IN_VAULT: Final = "$vault"
"""Under this option stands what the vault has of a model, so that nobody need open it to say so."""

_CALLED_WITH: Final = frozenset(
    {"provider", "vendor_model", "base_url", "api_key", "headers", "options", "defaults", "patience"}
)
_AS_THEY_ARE: Final = ("key", "title", "provider", "vendor_model", "base_url", "media", "is_default", "enabled")


@dataclass(frozen=True)
class ModelDraft:
    """All that is to be checked and tried before it is saved."""

    kind: ModelKind
    provider: str
    vendor_model: str
    base_url: str
    options: Mapping[str, str]
    defaults: Mapping[str, Json]
    patience: Mapping[str, Json]
    secret: ModelSecret = field(repr=False)

    def on_trial(self) -> ModelOnTrial:
        """What a probe needs of it."""
        return ModelOnTrial(
            kind=self.kind,
            provider=self.provider,
            vendor_model=self.vendor_model,
            base_url=self.base_url,
            api_key=self.secret.api_key,
            headers=self.secret.headers,
            options=self.options,
            defaults=self.defaults,
            patience=self.patience,
        )


def new_draft(body: ModelIn) -> ModelDraft:
    """A model that is not there yet."""
    return ModelDraft(
        kind=body.kind,
        provider=body.provider,
        vendor_model=body.vendor_model,
        base_url=body.base_url,
        options=body.options,
        defaults=body.defaults,
        patience=body.patience.model_dump(exclude_none=True),
        secret=given_secret(body.api_key, body.headers),
    )


def stored_draft(model: Model, secret: ModelSecret) -> ModelDraft:
    """A model as it is."""
    return ModelDraft(
        kind=model.kind,  # type: ignore[arg-type]  # what was stored was one
        provider=model.provider,
        vendor_model=model.vendor_model,
        base_url=model.base_url,
        options=shown_options(model),
        defaults=model.defaults,
        patience=model.patience,
        secret=secret,
    )


def changed_draft(model: Model, body: ModelChange, secret: ModelSecret) -> ModelDraft:
    """A model as it would be then."""
    changes = changes_of(body)
    return ModelDraft(
        kind=model.kind,  # type: ignore[arg-type]  # as above
        provider=changes.get("provider", model.provider),
        vendor_model=changes.get("vendor_model", model.vendor_model),
        base_url=changes.get("base_url", model.base_url),
        options=changes.get("options", shown_options(model)),
        defaults=changes.get("defaults", model.defaults),
        patience=changes.get("patience", model.patience),
        secret=secret,
    )


def new_settings(body: ModelIn, secret: ModelSecret, secret_id: str) -> ModelSettings:
    """What is stored of a new model."""
    return ModelSettings(
        key=body.key,
        title=body.title or body.key,
        kind=body.kind,
        provider=body.provider,
        vendor_model=body.vendor_model,
        base_url=body.base_url,
        options=stored_options(body.options, secret),
        secret_id=int(secret_id) if secret_id else None,
        defaults=body.defaults,
        capabilities=body.capabilities.model_dump(exclude_none=True),
        quota=body.quota.model_dump(exclude_defaults=True),
        patience=body.patience.model_dump(exclude_none=True),
        prices={} if body.prices is None else body.prices.model_dump(exclude_none=True),
        fallback=tuple(body.fallback),
        media=body.media,
        is_default=body.is_default,
        enabled=body.enabled,
    )


def changes_of(body: ModelChange) -> dict[str, Any]:
    """What is to be otherwise; a null means what an absent field means in a new model."""
    given = body.model_fields_set
    changes: dict[str, Any] = {
        name: value for name in _AS_THEY_ARE if name in given and (value := getattr(body, name)) is not None
    }
    if "base_url" in given and body.base_url is None:
        changes["base_url"] = ""
    for name, nothing in (("options", {}), ("defaults", {}), ("fallback", [])):
        if name in given:
            changes[name] = getattr(body, name) or nothing
    for name in ("capabilities", "patience", "prices"):
        if name in given:
            value = getattr(body, name)
            changes[name] = {} if value is None else value.model_dump(exclude_none=True)
    if "quota" in given:
        changes["quota"] = {} if body.quota is None else body.quota.model_dump(exclude_defaults=True)
    return changes


def is_called_otherwise(body: ModelChange) -> bool:
    """Whether calls would be other calls afterwards."""
    return bool(_CALLED_WITH & body.model_fields_set) or body.enabled is True


def is_elsewhere(draft: ModelDraft, model: Model) -> bool:
    """Whether a key would be sent to another place than before. Some options are part of a host's name."""
    before = (model.provider, model.base_url.rstrip("/"), shown_options(model))
    return before != (draft.provider, draft.base_url.rstrip("/"), draft.options)


def given_secret(api_key: SecretStr | None, headers: Mapping[str, SecretStr] | None) -> ModelSecret:
    """What came in, as the vault keeps it."""
    return ModelSecret(
        "" if api_key is None else api_key.get_secret_value(),
        {name: value.get_secret_value() for name, value in (headers or {}).items()},
    )


def stored_options(options: Mapping[str, str], secret: ModelSecret) -> dict[str, Json]:
    """Options as they are stored, beside what the vault has."""
    kept: Json = {"api_key": bool(secret.api_key), "headers": [*secret.headers]}
    return {**options, _IN_VAULT: kept} if secret else {**options}


def shown_options(model: Model) -> dict[str, str]:
    """The options as they were given."""
    return {name: str(value) for name, value in model.options.items() if name != _IN_VAULT}


def has_key(model: Model) -> bool:
    """Whether a key is stored."""
    kept = model.options.get(_IN_VAULT)
    return isinstance(kept, dict) and kept.get("api_key") is True


def header_names(model: Model) -> list[str]:
    """The names of the headers that are stored."""
    kept = model.options.get(_IN_VAULT)
    names = kept.get("headers") if isinstance(kept, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else []
