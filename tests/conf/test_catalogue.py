"""What the catalogue says of providers and models holds together, and says something of models it does not know."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from conf.catalogue import Capabilities, ModelFacts, Parameter, load_catalogue, read_catalogue

CATALOGUE = load_catalogue()
MODELS = [(provider.id, name) for provider in CATALOGUE.providers.values() for name in provider.models]


def facts(provider: str, model: str) -> ModelFacts:
    found = CATALOGUE.providers[provider].models[model]
    return found


def document(**more: Any) -> dict[str, Any]:
    flags = dict.fromkeys(Capabilities.model_fields, True)
    return {
        "title": "A",
        "title_zh": "甲",
        "kinds": ["chat"],
        "connection": {},
        "default": {"chat": {"title": "Another", "capabilities": flags}},
        "models": {},
        **more,
    }


def test_the_providers_of_the_reference_are_there() -> None:
    assert {"openai", "azure", "anthropic", "gemini", "qwen", "deepseek", "ark", "ollama", "openai_compatible"} <= {
        *CATALOGUE.providers
    }


@pytest.mark.parametrize("provider", CATALOGUE.providers)
def test_a_provider_says_for_each_of_its_kinds_what_holds_for_unknown_models(provider: str) -> None:
    said = CATALOGUE.providers[provider]
    assert said.title
    assert said.title_zh
    for kind in said.kinds:
        unknown = CATALOGUE.facts(provider, "no-such-model-yet", kind)
        assert unknown is not None
        assert unknown.kind == kind
        assert unknown.prices is None, "nobody knows what an unknown model costs"


@pytest.mark.parametrize("provider", CATALOGUE.providers)
def test_a_provider_without_an_address_asks_for_one(provider: str) -> None:
    connection = CATALOGUE.providers[provider].connection
    assert bool(connection.base_url) != connection.needs_base_url


@pytest.mark.parametrize(("provider", "model"), MODELS)
def test_what_is_said_of_a_model_fits_together(provider: str, model: str) -> None:
    said = facts(provider, model)
    assert said.title
    names = [one.name for one in said.parameters]
    assert len(names) == len(set(names))
    if said.context_tokens is not None and said.output_tokens is not None:
        assert said.output_tokens <= said.context_tokens
    longest = said.parameter("max_tokens")
    assert longest is None or longest.max == said.output_tokens
    if said.kind == "chat":
        assert longest is not None
        assert said.capabilities.streaming
        assert said.capabilities.reasoning or said.parameter("thinking") is None
    else:
        assert not any(said.capabilities.model_dump().values())
    if said.prices is not None:
        assert said.prices.as_of, "a price without a date is worth nothing"
        assert said.prices.cached_input is None or said.prices.cached_input <= said.prices.input


@pytest.mark.parametrize(
    ("provider", "name", "known"),
    [
        ("openai", "gpt-4o", "gpt-4o"),
        ("openai", "gpt-4o-2024-11-20", "gpt-4o"),
        ("openai", "gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("openai", "gpt-4-0613", "gpt-4"),
        ("azure", "gpt-4.1", "gpt-4.1"),
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("anthropic", "claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"),
        ("anthropic", "claude-opus-4-20250514", "claude-opus-4-0"),
        ("ark", "doubao-seed-1-6-251015", "doubao-seed-1-6-250615"),
        ("ollama", "qwen3:8b-q4_K_M", "qwen3"),
        ("qwen", "qwen-plus-latest", "qwen-plus"),
    ],
)
def test_another_release_of_a_model_is_known(provider: str, name: str, known: str) -> None:
    assert CATALOGUE.facts(provider, name, "chat") == facts(provider, known)


@pytest.mark.parametrize("name", ["gpt-4o-something-else", "gpt", "ft:gpt-4o:acme::1", "通用模型"])
def test_a_name_that_only_looks_like_one_is_unknown(name: str) -> None:
    assert CATALOGUE.facts("openai", name, "chat") == CATALOGUE.providers["openai"].default["chat"]


def test_there_are_no_facts_of_a_kind_that_a_provider_does_not_have_nor_of_an_unknown_provider() -> None:
    assert CATALOGUE.facts("anthropic", "claude-sonnet-4-5", "embedding") is None
    assert CATALOGUE.facts("nobody", "x", "chat") is None


def test_azure_has_the_models_of_openai_at_prices_of_its_own() -> None:
    assert {*CATALOGUE.providers["azure"].models} == {*CATALOGUE.providers["openai"].models}
    assert all(one.prices is None for one in CATALOGUE.providers["azure"].models.values())


def test_models_that_think_have_no_temperature_at_openai() -> None:
    assert facts("openai", "o3").parameter("temperature") is None
    assert facts("openai", "gpt-4o").parameter("temperature") is not None


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "temperature", "type": "float", "min": 0, "max": 1, "default": 2}, "between 0 and 1"),
        ({"name": "top_k", "type": "int", "default": 1.5}, "whole number"),
        ({"name": "thinking", "type": "enum", "options": ["auto"], "default": "on"}, "one of auto"),
        ({"name": "top_p", "type": "float", "max": 1, "presets": {"creative": 2, "balanced": 1, "precise": 0}}, "most"),
        ({"name": "max_tokens", "type": "int", "required": True}, "has a default"),
        ({"name": "mood", "type": "int"}, "Input should be"),
    ],
)
def test_a_parameter_that_does_not_hold_together_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Parameter.model_validate(wrong)


def test_a_provider_that_does_not_hold_together_is_refused() -> None:
    with pytest.raises(ValidationError, match="a default for each of the kinds"):
        read_catalogue({"a": document(kinds=["chat", "rerank"])})
    with pytest.raises(ValidationError, match="unknown"):
        read_catalogue({"a": document(unknown=1)})
    with pytest.raises(ValidationError, match="tools"):
        read_catalogue({"a": document(default={"chat": {"title": "Another", "capabilities": {"images": True}}})})


def test_a_model_says_only_in_what_it_differs() -> None:
    models = {"big": {"family": "blind", "title": "Big", "output_tokens": 10}}
    made = document(models=models, families={"blind": {"capabilities": {"images": False}}})
    made["default"]["chat"]["parameters"] = [{"name": "max_tokens", "type": "int", "min": 1}]
    big = read_catalogue({"a": made}).providers["a"].models["big"]
    assert (big.capabilities.images, big.capabilities.tools) == (False, True)
    assert big.parameter("max_tokens") == Parameter(name="max_tokens", type="int", min=1, max=10)
