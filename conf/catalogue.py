"""The catalogue: what is known of providers and their models; a model that is not in it works all the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ModelKind = Literal["chat", "embedding", "rerank"]
ParameterName = Literal[
    "temperature", "top_p", "top_k", "max_tokens", "frequency_penalty", "presence_penalty", "seed", "thinking",
    "thinking_tokens",
]  # fmt: skip
"""The options of a chat request that a model may have a say in."""

_RELEASE: Final = re.compile(r"(?:[-@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{4}|latest|preview|default)|:[\w.-]+)$")
"""What stands behind a name and changes nothing that is told here: the date of a release, or a tag."""


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Capabilities(_Fact):
    """What a model takes, and what it can do by itself."""

    tools: bool
    images: bool
    audio: bool
    video: bool
    files: bool
    reasoning: bool
    """It may think before it answers, and tell its thoughts."""
    json_schema: bool
    """The server keeps an answer to a schema; without it the model is only asked to."""
    json_object: bool
    streaming: bool


class Presets(_Fact):
    """Values for a temper."""

    creative: int | float
    balanced: int | float
    precise: int | float


class Parameter(_Fact):
    """An option that a model has. `default` is what its provider does by itself: it is sent only where `required`."""

    name: ParameterName
    type: Literal["float", "int", "bool", "enum"]
    min: int | float | None = None
    max: int | float | None = None
    precision: int = 0
    """Digits behind the point, in a form."""
    default: int | float | bool | str | None = None
    presets: Presets | None = None
    options: tuple[str, ...] = ()
    required: bool = False
    """The provider refuses a request without it."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        values: list[object] = [] if self.default is None else [self.default]
        if self.presets is not None:
            values += [self.presets.creative, self.presets.balanced, self.presets.precise]
        if wrong := [value for value in values if self.complaint(value)]:
            raise ValueError(f"{self.name}: {self.complaint(wrong[0])}")
        if self.required and self.default is None:
            raise ValueError(f"{self.name} is required, so it has a default")
        return self

    def complaint(self, value: object) -> str:
        """What is wrong with a value, as the end of a sentence; empty when it is right."""
        match self.type:
            case "enum":
                return "" if value in self.options else f"must be one of {', '.join(self.options)}"
            case "bool":
                return "" if isinstance(value, bool) else "must be true or false"
            case "int" | "float":
                if isinstance(value, bool) or not isinstance(value, int | float):
                    return "must be a number"
                if self.type == "int" and value != int(value):
                    return "must be a whole number"
                low = self.min is None or value >= self.min
                high = self.max is None or value <= self.max
                return "" if low and high else f"must be {self.span}"

    @property
    def span(self) -> str:
        """The range in words."""
        if self.max is None:
            return "anything" if self.min is None else f"at least {self.min:.12g}"
        return f"at most {self.max:.12g}" if self.min is None else f"between {self.min:.12g} and {self.max:.12g}"


class Prices(_Fact):
    """What a million tokens cost. `as_of` says when that was so: providers change their prices."""

    input: Annotated[float, Field(ge=0)]
    output: Annotated[float, Field(ge=0)] = 0.0
    cached_input: Annotated[float, Field(ge=0)] | None = None
    """Absent: like any input."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    as_of: str = ""


class ModelFacts(_Fact):
    """What is known of a model. A number that is absent is not known."""

    title: str
    kind: ModelKind
    capabilities: Capabilities
    context_tokens: Annotated[int, Field(ge=1)] | None = None
    output_tokens: Annotated[int, Field(ge=1)] | None = None
    dimensions: Annotated[int, Field(ge=1)] | None = None
    parameters: tuple[Parameter, ...] = ()
    prices: Prices | None = None
    aliases: tuple[str, ...] = ()

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of this name, where the model has it."""
        return next((one for one in self.parameters if one.name == name), None)


class ConnectionOption(_Fact):
    """Something more that a provider's connection is described by; written as a text, whatever its type."""

    name: str
    title: str
    description: str
    type: Literal["text", "int", "bool"] = "text"
    default: str = ""
    required: bool = False
    options: tuple[str, ...] = ()
    kinds: tuple[ModelKind, ...] = ("chat", "embedding", "rerank")
    """The models that have it."""

    def complaint(self, text: str) -> str:
        """What is wrong with a value, as the end of a sentence; empty when it is right."""
        if self.options and text not in self.options:
            return f"must be one of {', '.join(self.options)}"
        if self.type == "int" and not (text.isascii() and text.isdecimal() and int(text[:10]) > 0 and len(text) < 10):
            return "must be a whole number above 0"
        return "must be true or false" if self.type == "bool" and text not in ("true", "false") else ""

    def value(self, text: str) -> str | int | bool:
        """A right text as what it stands for."""
        match self.type:
            case "int":
                return int(text)
            case "bool":
                return text == "true"
            case "text":
                return text


class ConnectionFacts(_Fact):
    """How a provider is reached. Where there is no `base_url` a model has to name one: `needs_base_url`."""

    base_url: str = ""
    needs_base_url: bool = False
    needs_key: bool = True
    options: tuple[ConnectionOption, ...] = ()


class ProviderFacts(_Fact):
    """A provider, its models, and for each kind what holds for a model that is not among them."""

    id: str
    title: str
    title_zh: str
    kinds: tuple[ModelKind, ...]
    connection: ConnectionFacts
    models: Mapping[str, ModelFacts]
    default: Mapping[ModelKind, ModelFacts]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if set(self.kinds) != set(self.default):
            raise ValueError(f"{self.id}: a default for each of the kinds, and for no other")
        if strays := [name for name, facts in self.models.items() if facts.kind not in self.kinds]:
            raise ValueError(f"{self.id}: {strays[0]} is of a kind that the provider does not have")
        return self

    def model(self, name: str, kind: ModelKind) -> ModelFacts | None:
        """What is known of a model: under its name, another name of it, or that of another release of it.

        None when the provider has no models of the kind.
        """
        mine = {known: facts for known, facts in self.models.items() if facts.kind == kind}
        for known, facts in mine.items():
            if name == known or name in facts.aliases:
                return facts
        for known, facts in mine.items():
            if _RELEASE.sub("", name) == _RELEASE.sub("", known):
                return facts
        return self.default.get(kind)


class Catalogue(_Fact):
    """All providers, by their ids."""

    providers: Mapping[str, ProviderFacts]

    def provider(self, provider_id: str) -> ProviderFacts | None:
        """The provider of this id."""
        return self.providers.get(provider_id)

    def facts(self, provider_id: str, model: str, kind: ModelKind) -> ModelFacts | None:
        """What is known of a model, or else of its provider's models in general. None where there can be none such."""
        provider = self.providers.get(provider_id)
        return None if provider is None else provider.model(model, kind)


@cache
def load_catalogue() -> Catalogue:
    """Read the files of `conf/models`, one a provider."""
    documents = {
        entry.name.removesuffix(".json"): json.loads(entry.read_text("utf-8"))
        for entry in sorted((files("conf") / "models").iterdir(), key=lambda one: one.name)
        if entry.name.endswith(".json")
    }
    return read_catalogue(documents)


def read_catalogue(documents: Mapping[str, Mapping[str, Any]]) -> Catalogue:
    """The catalogue in documents as they are written: short, because a model says only in what it differs.

    A model stands on the default of its kind, then on the `family` it names; capabilities are laid over each other one
    by one, all else as a whole; without reasoning there is nothing to set about it. A provider `like` another has its
    families, defaults and models, without their prices.
    """
    return Catalogue(providers={name: _provider(name, documents) for name in documents})


def _provider(name: str, documents: Mapping[str, Mapping[str, Any]]) -> ProviderFacts:
    document = dict(documents[name])
    if like := document.pop("like", None):
        other = documents[like]
        document = {**{part: other[part] for part in ("kinds", "default", "families", "models")}, **document}
    families: Mapping[str, Mapping[str, Any]] = document.pop("families", {})
    defaults = {kind: {**entry, "kind": kind} for kind, entry in document["default"].items()}
    for kind in {*defaults} - {"chat"}:
        defaults[kind]["capabilities"] = dict.fromkeys(Capabilities.model_fields, False)
    models: dict[str, dict[str, Any]] = {}
    for key, entry in document["models"].items():
        own = {part: value for part, value in entry.items() if part != "family"}
        whole = _over(defaults[entry.get("kind", "chat")], families.get(entry.get("family", ""), {}), own)
        models[key] = {part: value for part, value in whole.items() if not (like and part == "prices")}
    return ProviderFacts.model_validate({**document, "id": name, "default": defaults, "models": models})


def _over(*layers: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for layer in layers:
        capabilities = {**made.get("capabilities", {}), **layer.get("capabilities", {})}
        made = {**made, **layer, "capabilities": capabilities}
    parameters = made.get("parameters", [])
    if not made["capabilities"].get("reasoning"):
        parameters = [one for one in parameters if not one["name"].startswith("thinking")]
    # The greatest length of an answer is said once.
    if (longest := made.get("output_tokens")) is not None:
        parameters = [{**one, "max": longest} if one["name"] == "max_tokens" else one for one in parameters]
    return {**made, "parameters": parameters}
