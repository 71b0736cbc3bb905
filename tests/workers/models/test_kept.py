"""An adapter that has been replaced is closed when nobody uses it, and still serves whoever was handed it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

from nodes.chat import ChatDelta, ChatRequest
from tests.workers.models.layers.models import HELLO, answer, question
from workers.models.adapters import ChatAdapter
from workers.models.kept import Kept, KeptChat


@dataclass
class Adapter:
    """Speaks while it is open."""

    events: list[str] = field(default_factory=list)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        for delta in HELLO:
            assert self.events[-1:] != ["closed"]
            self.events.append("spoke")
            yield delta

    async def aclose(self) -> None:
        self.events.append("closed")


async def test_an_adapter_is_made_when_it_is_first_used_and_then_kept() -> None:
    made: list[Adapter] = []

    def make() -> Adapter:
        made.append(Adapter())
        return made[-1]

    model = KeptChat(Kept(make))
    assert made == []
    for _ in range(3):
        await answer(model, question("hi"))
    assert [one.events for one in made] == [["spoke"] * 9]


async def test_one_that_is_let_go_of_ends_its_answers_before_it_is_closed() -> None:
    adapter = Adapter()
    kept: Kept[ChatAdapter] = Kept(lambda: adapter)
    async with aclosing(KeptChat(kept).stream(question("hi"))) as deltas:
        await anext(deltas)
        await kept.let_go()
        assert adapter.events == ["spoke"]
        assert len([delta async for delta in deltas]) == 2
    assert adapter.events == ["spoke", "spoke", "spoke", "closed"]


async def test_one_that_is_used_after_it_was_let_go_of_serves_once_more() -> None:
    made: list[Adapter] = []

    def make() -> Adapter:
        made.append(Adapter())
        return made[-1]

    kept: Kept[ChatAdapter] = Kept(make)
    model = KeptChat(kept)
    await answer(model, question("hi"))
    await kept.let_go()
    assert await answer(model, question("hi")) == "你好, world"
    assert [one.events[-1] for one in made] == ["closed", "closed"]


async def test_letting_go_of_what_was_never_used_makes_nothing() -> None:
    made: list[Adapter] = []

    def make() -> Adapter:
        made.append(Adapter())
        return made[-1]

    await Kept(make).let_go()
    assert made == []
