"""A model as somebody has set it up, and what follows from that: its facts, its limits, where it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, get_args

from conf.catalogue import Capabilities, Catalogue, ModelFacts, ModelKind, Prices, ProviderFacts
from engine.values import Json
from nodes.chat import ChatOptions, ModelFailed
from storage.ports import Quota
from workers.models.provider import ModelConnection, ProviderName

_PROVIDERS: Final = get_args(ProviderName)
_OPTIONS: Final = tuple(one.name for one in fields(ChatOptions))
_QUOTA: Final = tuple(one.name for one in fields(Quota))


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model. `id` and `revision` together never mean another content."""

    id: str
    revision: int
    name: str
    """Its key; also where a node asked for `default`, so that its calls are counted together."""
    provider: str
    vendor_model: str
    facts: ModelFacts
    org_id: str = ""
    """Whose it is; empty for the instance's."""
    secret_id: str = ""
    base_url: str = ""
    options: Mapping[str, Json] = field(default_factory=dict)
    defaults: ChatOptions = field(default_factory=ChatOptions)
    quota: Quota = field(default_factory=Quota)
    first_token_seconds: float = 120.0
    gap_seconds: float = 60.0
    prices: Prices | None = None
    media: Literal["inline", "url"] = "inline"
    fallback: tuple[str, ...] = ()

    def connection(self, api_key: str, headers: Mapping[str, str] | None = None) -> ModelConnection:
        """Where it is reached. Raises `ModelFailed` for a provider that this version does not know."""
        if self.provider not in _PROVIDERS:
            raise ModelFailed(
                f"The model {self.name} belongs to the provider {self.provider}, which is not known here.",
                reason="not_found",
                model=self.name,
            )
        provider: Any = self.provider
        options = dict(self.options)
        if headers:
            options["headers"] = dict(headers)
        return ModelConnection(
            provider=provider,
            vendor_model=self.vendor_model,
            base_url=self.base_url,
            api_key=api_key,
            options=options,
            first_token_seconds=self.first_token_seconds,
            gap_seconds=self.gap_seconds,
        )


def described(
    catalogue: Catalogue, kind: ModelKind, provider: str, vendor_model: str, said: Mapping[str, Json], name: str
) -> ModelFacts:
    """What is known of a model, with what somebody has `said` of its capabilities. Raises `ModelFailed`."""
    facts = catalogue.facts(provider, vendor_model, kind)
    if facts is None:
        raise ModelFailed(
            f"The model {name} cannot be: the provider {provider} has no {kind} models.", reason="not_found", model=name
        )
    known = {flag: value for flag, value in said.items() if flag in Capabilities.model_fields}
    if not known:
        return facts
    capabilities = facts.capabilities.model_copy(update={flag: bool(value) for flag, value in known.items()})
    return facts.model_copy(update={"capabilities": capabilities})


def typed_options(
    provider: ProviderFacts | None, kind: ModelKind, given: Mapping[str, Json], name: str
) -> dict[str, Json]:
    """Options of a connection as what they stand for, with those of the provider. Raises `ModelFailed`."""
    known = {one.name: one for one in provider.connection.options if kind in one.kinds} if provider is not None else {}
    made: dict[str, Json] = {one.name: one.value(one.default) for one in known.values() if one.default}
    for key, value in given.items():
        if key.startswith("$"):
            continue  # what the store notes there for itself
        option = known.get(key)
        if option is None or not isinstance(value, str):
            made[key] = value
        elif complaint := option.complaint(value):
            raise ModelFailed(
                f"The option {key} of the model {name} {complaint}.", reason="bad_request", model=name, option=key
            )
        else:
            made[key] = option.value(value)
    return made


def chat_options(given: Mapping[str, Json]) -> ChatOptions:
    """The options among some values; what is none is passed over."""
    made: dict[str, Any] = {name: value for name, value in given.items() if name in _OPTIONS and value is not None}
    if isinstance(stop := made.get("stop"), list):
        made["stop"] = tuple(str(one) for one in stop)
    return ChatOptions(**made)


def quota_of(given: Mapping[str, Json]) -> Quota:
    """The bounds among some values."""
    return Quota(**{name: value for name, value in given.items() if name in _QUOTA and isinstance(value, int)})


def seconds_of(given: Mapping[str, Json], name: str, otherwise: float) -> float:
    """A time among some values."""
    value = given.get(name)
    return float(value) if isinstance(value, int | float) and value > 0 else otherwise


def prices_of(given: Mapping[str, Json], facts: ModelFacts) -> Prices | None:
    """What somebody has said that a model costs, or else what the catalogue knows."""
    said = {name: value for name, value in given.items() if name in Prices.model_fields and value is not None}
    return Prices.model_validate({"input": 0.0, **said}) if said else facts.prices
