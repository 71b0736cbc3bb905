"""What somebody has set up of a model, as what it stands for."""

from __future__ import annotations

import pytest

from conf.catalogue import load_catalogue
from nodes.chat import ChatOptions, ModelFailed
from storage.ports import Quota
from workers.models.entry import ModelEntry, chat_options, described, prices_of, quota_of, seconds_of, typed_options
from workers.models.openai_dialect import DIALECTS, base_url_of
from workers.models.provider import ModelConnection

CATALOGUE = load_catalogue()


@pytest.mark.parametrize("provider", [name for name in DIALECTS if name not in ("azure", "openai_compatible")])
def test_the_address_that_a_form_shows_is_the_one_that_is_called(provider: str) -> None:
    said = CATALOGUE.providers[provider].connection.base_url
    assert base_url_of(ModelConnection(provider, "m")) == said  # type: ignore[arg-type]


def test_options_are_typed_and_filled_up_with_the_providers_own() -> None:
    azure = CATALOGUE.provider("azure")
    assert typed_options(azure, "chat", {"deployment": "mine"}, "m") == {
        "api_version": "2024-10-21",
        "deployment": "mine",
    }
    given = {"dimensions": "256", "request_dimensions": "true", "$vault": {"api_key": True}}
    made = typed_options(CATALOGUE.provider("openai"), "embedding", given, "m")  # type: ignore[arg-type]
    assert made == {"dimensions": 256, "request_dimensions": True}


@pytest.mark.parametrize(
    ("provider", "name", "value", "why"),
    [
        ("openai", "dimensions", "-1", "must be a whole number above 0"),
        ("openai", "dimensions", "9" * 30, "must be a whole number above 0"),
        ("openai", "request_dimensions", "yes", "must be true or false"),
        ("gemini", "backend", "cloud", "must be one of api, vertex"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(provider: str, name: str, value: str, why: str) -> None:
    with pytest.raises(ModelFailed, match=f"The option {name} of the model m {why}"):
        typed_options(CATALOGUE.provider(provider), "embedding", {name: value}, "m")


def test_what_is_said_of_capabilities_comes_before_what_is_known() -> None:
    facts = described(CATALOGUE, "chat", "openai", "gpt-4", {"images": True, "mood": True}, "m")
    assert (facts.capabilities.images, facts.capabilities.audio) == (True, False)


def test_stored_values_become_what_they_stand_for() -> None:
    assert chat_options({"temperature": 0.5, "stop": ["a"], "top_p": None, "x": 1}) == ChatOptions(0.5, stop=("a",))
    assert quota_of({"concurrency": 2, "x": 1}) == Quota(concurrency=2)
    assert seconds_of({"gap_seconds": 3}, "gap_seconds", 60.0) == 3.0
    assert seconds_of({"gap_seconds": None}, "gap_seconds", 60.0) == 60.0


def test_prices_of_the_row_come_before_those_of_the_catalogue() -> None:
    facts = described(CATALOGUE, "chat", "openai", "gpt-4o", {}, "m")
    assert prices_of({}, facts) == facts.prices
    own = prices_of({"input": 1.0, "currency": "CNY"}, facts)
    assert own is not None
    assert (own.input, own.output, own.currency) == (1.0, 0.0, "CNY")
    unknown = described(CATALOGUE, "chat", "openai", "gpt-77", {}, "m")
    assert prices_of({}, unknown) is None


def test_a_provider_of_another_version_is_told() -> None:
    facts = described(CATALOGUE, "chat", "openai", "gpt-4o", {}, "m")
    with pytest.raises(ModelFailed, match="the provider venus, which is not known here"):
        ModelEntry("1", 1, "m", "venus", "x", facts).connection("")


def test_a_connection_shows_no_key() -> None:
    facts = described(CATALOGUE, "chat", "anthropic", "claude-sonnet-4-5", {}, "m")
    connection = ModelEntry("1", 1, "m", "anthropic", "claude-sonnet-4-5", facts).connection("sk-secret", {"x": "sk-2"})
    assert "sk-" not in repr(connection)
