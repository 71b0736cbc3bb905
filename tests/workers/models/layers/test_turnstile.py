"""Calls wait for their turn at a model with limits, hold their place while they last, and say what they used."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

import pytest

from nodes.chat import ChatDelta, ModelUnavailable
from nodes.ranking import Embeddings, Ranked
from storage.errors import StorageUnavailable
from storage.ports import Quota, Throttle
from storage.stores import Stores
from tests.workers.models.layers.models import HELLO, Speaker, answer, question
from workers.models.layers.turnstile import Throttled, ThrottledEmbedder, ThrottledReranker, Turnstile

ONE = Quota(concurrency=1)
USED = (
    ChatDelta(text="ok"),
    ChatDelta(usage={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}, finish_reason="stop"),
)


@dataclass
class Heard:
    """A throttle that lets everybody in, and remembers what it heard."""

    left: list[int] = field(default_factory=list)
    broken: bool = False

    async def enter(self, name: str, quota: Quota, *, lease: str, seconds: float) -> float:
        return 0.0

    async def leave(self, name: str, *, lease: str, tokens: int = 0) -> None:
        self.left.append(tokens)
        if self.broken:
            raise StorageUnavailable("The disk is full.")


def turnstile(throttle: Throttle, quota: Quota = ONE, longest: float = 10.0) -> Turnstile:
    return Turnstile(throttle, "model/1", quota, model="slowpoke", longest=longest)


async def test_one_call_waits_for_the_other(stores: Stores) -> None:
    going = asyncio.Event()
    first = Throttled(Speaker([ChatDelta(text="one"), going, *USED]), turnstile(stores.throttle))
    second = Speaker()
    async with aclosing(first.stream(question("hi"))) as deltas:
        assert (await anext(deltas)).text == "one"
        waiting = asyncio.create_task(answer(Throttled(second, turnstile(stores.throttle)), question("hi")))
        await asyncio.sleep(0.3)
        assert second.asked == []
        going.set()
        assert [delta.text async for delta in deltas] == ["ok", ""]
    assert await waiting == "".join(delta.text for delta in HELLO)


async def test_a_wait_that_is_too_long_says_when_to_come_back(stores: Stores) -> None:
    await stores.throttle.enter("model/1", ONE, lease="another", seconds=60)
    within = Speaker()
    with pytest.raises(ModelUnavailable, match="no place for it within") as refused:
        await answer(Throttled(within, turnstile(stores.throttle, longest=0.3)), question("hi"))
    assert refused.value.facts["reason"] == "rate_limited"
    after = refused.value.facts["retry_after"]
    assert isinstance(after, float)
    assert after > 0
    assert within.asked == []


async def test_a_minute_that_is_used_up_is_not_waited_for(stores: Stores) -> None:
    quota = Quota(requests_per_minute=1)
    assert await answer(Throttled(Speaker(), turnstile(stores.throttle, quota)), question("hi"))
    async with asyncio.timeout(30):
        with pytest.raises(ModelUnavailable):
            await answer(Throttled(Speaker(), turnstile(stores.throttle, quota, longest=0.5)), question("hi"))


async def test_who_gives_up_leaves_the_place_to_others(stores: Stores) -> None:
    for _ in range(2):
        held = Throttled(Speaker([ChatDelta(text="one"), asyncio.Event()]), turnstile(stores.throttle))
        call = asyncio.create_task(answer(held, question("hi")))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert await answer(Throttled(Speaker(), turnstile(stores.throttle, longest=1.0)), question("hi"))


@pytest.mark.parametrize(
    ("pieces", "tokens"),
    [
        (USED, 7),
        ((ChatDelta(text="four"), ChatDelta(finish_reason="stop")), 1 + 1),
        ((ChatDelta(text="四个汉字"), ModelUnavailable("Gone.")), 1 + 4),
    ],
)
async def test_what_was_used_is_told_also_of_a_call_that_failed(
    pieces: tuple[ChatDelta | Exception, ...], tokens: int
) -> None:
    throttle = Heard()
    with suppress(ModelUnavailable):
        await answer(Throttled(Speaker(pieces), turnstile(throttle)), question("hi"))
    assert throttle.left == [tokens]


async def test_an_answer_is_not_lost_because_the_throttle_could_not_be_told() -> None:
    assert await answer(Throttled(Speaker(USED), turnstile(Heard(broken=True))), question("hi")) == "ok"


async def test_vectors_and_rankings_wait_for_their_turn_too() -> None:
    class Ranks:
        dimensions = 1

        async def embed(self, texts: object, *, purpose: str = "document") -> Embeddings:
            return Embeddings(((1.0,),), {"total_tokens": 5})

        async def rerank(self, query: str, documents: object, *, top: int | None = None) -> tuple[Ranked, ...]:
            return (Ranked(0, 1.0),)

    throttle = Heard()
    embedder = ThrottledEmbedder(Ranks(), turnstile(throttle))
    assert (await embedder.embed(["a"])).vectors == ((1.0,),)
    assert embedder.dimensions == 1
    assert await ThrottledReranker(Ranks(), turnstile(throttle)).rerank("abcd", ["efgh"]) == (Ranked(0, 1.0),)
    assert throttle.left == [5, 2]
