"""Wishes are filled up with a model's defaults, and kept to its ranges without changing them."""

from __future__ import annotations

from typing import Any

import pytest

from conf.catalogue import load_catalogue
from nodes.chat import ChatOptions, ModelFailed
from tests.workers.models.layers.models import Speaker, answer, question
from workers.models.layers.options import WithOptions

CATALOGUE = load_catalogue()


async def sent(provider: str, model: str, wishes: ChatOptions, defaults: ChatOptions | None = None) -> ChatOptions:
    """The options with which the model is asked in the end."""
    facts = CATALOGUE.facts(provider, model, "chat")
    assert facts is not None
    within = Speaker()
    await answer(WithOptions(within, "mine", facts, defaults or ChatOptions()), question("hi", options=wishes))
    return within.asked[0].options


async def test_a_wish_comes_before_the_rows_default_and_what_nobody_said_stays_open() -> None:
    defaults = ChatOptions(temperature=0.2, top_p=0.5, stop=("END",))
    options = await sent("openai", "gpt-4o", ChatOptions(temperature=0.0), defaults)
    assert options == ChatOptions(temperature=0.0, top_p=0.5, stop=("END",))


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"temperature": 1.5}, "The temperature 1.5 does not fit the model mine: it must be between 0 and 1."),
        ({"temperature": -0.1}, "The temperature -0.1 does not fit the model mine: it must be between 0 and 1."),
        ({"max_tokens": 64_001}, "The max_tokens 64001 does not fit the model mine: it must be between 1 and 64000."),
        ({"max_tokens": 0}, "The max_tokens 0 does not fit the model mine: it must be between 1 and 64000."),
        ({"thinking_tokens": 10}, "The thinking_tokens 10 does not fit the model mine: it must be at least 1024."),
    ],
)
async def test_what_is_out_of_range_is_refused_with_its_range(wish: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModelFailed) as refused:
        await sent("anthropic", "claude-sonnet-4-5", ChatOptions(**wish))
    ((name, value),) = wish.items()
    assert refused.value.message == sentence
    assert refused.value.facts["reason"] == "bad_request"
    assert (refused.value.facts["parameter"], refused.value.facts["value"]) == (name, value)


async def test_a_default_of_the_row_that_is_out_of_range_is_refused_too() -> None:
    with pytest.raises(ModelFailed, match="temperature 2"):
        await sent("anthropic", "claude-sonnet-4-5", ChatOptions(), ChatOptions(temperature=2))


async def test_a_wish_for_what_the_model_does_not_have_is_left_out() -> None:
    wishes = ChatOptions(temperature=0.5, top_k=3, thinking="enabled", max_tokens=10)
    assert await sent("openai", "o3", wishes) == ChatOptions(thinking="enabled", max_tokens=10)
    assert await sent("openai", "gpt-4o", wishes) == ChatOptions(temperature=0.5, max_tokens=10)


async def test_what_the_provider_insists_on_is_sent_though_nobody_asked() -> None:
    assert (await sent("anthropic", "claude-sonnet-4-5", ChatOptions())).max_tokens == 4096
    assert (await sent("anthropic", "claude-sonnet-4-5", ChatOptions(max_tokens=7))).max_tokens == 7
    assert await sent("openai", "gpt-4o", ChatOptions()) == ChatOptions()


async def test_an_unknown_model_takes_the_widest_range() -> None:
    assert (await sent("openai_compatible", "谁知道", ChatOptions(temperature=2, max_tokens=10**6))).temperature == 2
