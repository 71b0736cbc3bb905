"""A model that cannot be had is stood in for, as long as nothing of its answer was heard."""

from __future__ import annotations

import pytest

from nodes.chat import ChatDelta, ChatModel, ModelFailed, ModelUnavailable
from tests.workers.models.layers.models import HELLO, Speaker, answer, question
from workers.models.layers.fallback import WithFallback

BUSY = ModelUnavailable("Busy.", reason="overloaded")
SAID = "".join(delta.text for delta in HELLO)


def chain(first: Speaker, **others: Speaker) -> WithFallback:
    async def find(name: str) -> ChatModel:
        if name not in others:
            raise ModelFailed(f"There is no model {name!r}.", reason="not_found")
        return others[name]

    return WithFallback(first, "first", ["missing", *others], find)


async def test_a_model_that_answers_needs_nobody() -> None:
    second = Speaker()
    assert await answer(chain(Speaker(), second=second), question("hi")) == SAID
    assert second.asked == []


@pytest.mark.parametrize("refusal", [BUSY, *(ModelFailed("No.", reason=why) for why in ("auth", "not_found", "quota"))])
async def test_the_next_one_is_asked_where_a_model_cannot_be_had(refusal: Exception) -> None:
    second, asked = Speaker(), question("hi")
    assert await answer(chain(Speaker([refusal]), second=second), asked) == SAID
    assert second.asked == [asked]


@pytest.mark.parametrize("why", ["bad_request", "context_length", "content_filter", "unsupported"])
async def test_a_question_that_is_refused_is_not_asked_elsewhere(why: str) -> None:
    second = Speaker()
    with pytest.raises(ModelFailed, match="Not that"):
        await answer(chain(Speaker([ModelFailed("Not that.", reason=why)]), second=second), question("hi"))
    assert second.asked == []


async def test_after_the_first_piece_there_is_no_way_back() -> None:
    first, second = Speaker([ChatDelta(text="The "), BUSY]), Speaker()
    with pytest.raises(ModelUnavailable):
        await answer(chain(first, second=second), question("hi"))
    assert (first.closed, second.asked) == (1, [])


async def test_when_all_fail_the_first_ones_sentence_is_told() -> None:
    last = Speaker([ModelFailed("No key.", reason="auth")])
    with pytest.raises(ModelUnavailable, match="Busy"):
        await answer(chain(Speaker([BUSY]), last=last), question("hi"))
    assert len(last.asked) == 1
