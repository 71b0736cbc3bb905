"""Loops and batches, in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.events import EventType
from engine.runtime import CallRequest, CallResult, StepError
from tests.engine.draw import World, canvas, choose, end, node, run, start, told

DONE = EventType.STEP_SUCCEEDED


def loop(
    id: str,
    inputs: dict[str, Any],
    blocks: list[dict[str, Any]],
    lines: str,
    results: dict[str, Any],
    mode: str = "array",
) -> dict[str, Any]:
    return node(id, "loop", inputs, settings={"mode": mode}, blocks=blocks, lines=lines, results=results)


async def test_a_loop_walks_its_items_in_order_and_collects() -> None:
    drawn = canvas(
        start({"names": {"type": "array"}}),
        loop(
            "each",
            {"items": "=start.names"},
            [node("w", "work", {"text": "{{index}}:{{item}}"})],
            "each>w>each",
            {"all": "=w.text"},
        ),
        end({"all": "=each.all"}),
        lines="start>each>end",
    )
    result, runtime = await run(drawn, {"names": ["甲", "乙", "丙"]})
    assert result.output == {"all": ["0:甲", "1:乙", "2:丙"]}
    assert "each[2]/w" in told(runtime, DONE)


async def test_a_loop_leaves_out_skipped_turns_and_a_batch_keeps_null() -> None:
    def body(owner: str) -> tuple[list[dict[str, Any]], str]:
        blocks = [choose("pick", odd=("=item", "equal", 1)), node("w", "work", {"text": "{{item}}"})]
        return blocks, f"{owner}>pick pick:odd>w>{owner} pick:otherwise>{owner}"

    blocks, lines = body("each")
    looped = canvas(
        start(),
        loop("each", {"items": [1, 2, 1]}, blocks, lines, {"all": "=w.text"}),
        end({"all": "=each.all"}),
        lines="start>each>end",
    )
    assert (await run(looped))[0].output == {"all": ["1", "1"]}
    blocks, lines = body("many")
    batched = canvas(
        start(),
        node("many", "batch", {"items": [1, 2, 1]}, blocks=blocks, lines=lines, results={"all": "=w.text"}),
        end({"all": "=many.all"}),
        lines="start>many>end",
    )
    assert (await run(batched))[0].output == {"all": ["1", None, "1"]}


async def test_loop_variables_live_across_turns_and_break_ends_the_loop() -> None:
    blocks = [
        node("w", "work", {"text": "{{loop.sum}}{{item}}"}),
        node("set", "set_variable", {"sum": "=w.text"}),
        choose("pick", stop=("=item", "equal", 3)),
        node("out", "break"),
    ]
    drawn = canvas(
        start(),
        loop(
            "each",
            {"items": [1, 2, 3, 4], "variables": {"object": {"sum": {"value": ""}}}},
            blocks,
            "each>w>set>pick pick:stop>out pick:otherwise>each",
            {"sum": "=loop.sum", "all": "=w.text"},
        ),
        end({"sum": "=each.sum", "all": "=each.all"}),
        lines="start>each>end",
    )
    result, _ = await run(drawn)
    assert result.output == {"sum": "123", "all": ["1", "12", "123"]}


async def test_a_counted_loop_and_lists_walked_together() -> None:
    counted = canvas(
        start(),
        loop("n", {"count": 3}, [node("w", "work", {"text": "{{index}}"})], "n>w>n", {"all": "=w.text"}, "count"),
        end({"all": "=n.all"}),
        lines="start>n>end",
    )
    assert (await run(counted))[0].output == {"all": ["0", "1", "2"]}
    zipped = canvas(
        start(),
        loop(
            "z",
            {"items": {"object": {"a": {"value": [1, 2, 3]}, "b": {"value": ["x", "y"]}}}},
            [node("w", "work", {"text": "{{item.a}}{{item.b}}"})],
            "z>w>z",
            {"all": "=w.text"},
        ),
        end({"all": "=z.all"}),
        lines="start>z>end",
    )
    assert (await run(zipped))[0].output == {"all": ["1x", "2y"]}


async def test_a_batch_keeps_its_order_and_bounds_what_is_in_flight() -> None:
    class Counting(World):
        now = most = 0

        async def work(self, request: CallRequest) -> CallResult:
            self.now += 1
            self.most = max(self.most, self.now)
            for _ in range(int(str(request.inputs["text"])) % 3 + 2):
                await asyncio.sleep(0)
            self.now -= 1
            return await super().work(request)

    drawn = canvas(
        start(),
        node(
            "many",
            "batch",
            {"items": list(range(40)), "concurrency": 4},
            blocks=[node("w", "work", {"text": "{{item}}"})],
            lines="many>w>many",
            results={"all": "=w.text"},
        ),
        end({"all": "=many.all"}),
        lines="start>many>end",
    )
    world = Counting()
    result, _ = await run(drawn, world=world)
    assert result.output == {"all": [str(number) for number in range(40)]}
    assert world.most == 4


async def test_a_failing_item_fails_the_batch_and_starts_no_further_ones() -> None:
    class Third(World):
        async def work(self, request: CallRequest) -> CallResult:
            if request.inputs["text"] == "3":
                raise InvalidInput("three is bad")
            return await super().work(request)

    drawn = canvas(
        start(),
        node(
            "many",
            "batch",
            {"items": list(range(50)), "concurrency": 2},
            blocks=[node("w", "work", {"text": "{{item}}"})],
            lines="many>w>many",
            results={"all": "=w.text"},
        ),
        end({}),
        lines="start>many>end",
    )
    world = Third()
    with pytest.raises(StepError, match="three is bad"):
        await run(drawn, world=world)
    assert len(world.calls) < 10


async def test_a_large_batch_of_local_steps_is_walked_in_slices() -> None:
    drawn = canvas(
        start(),
        node(
            "many",
            "batch",
            {"items": list(range(450))},
            blocks=[node("w", "work", {"text": "{{item}}{{start.x}}"}, settings={"tier": "local"})],
            lines="many>w>many",
            results={"all": "=w.text"},
        ),
        end({"all": "=many.all"}),
        lines="start>many>end",
    )
    drawn = drawn.model_copy(update={"nodes": [*drawn.nodes]})
    result, runtime = await run(drawn)
    assert result.output["all"] == [f"{number}{{{{start.x}}}}" for number in range(450)]
    assert "many[449]/w" in told(runtime, DONE)


async def test_a_retried_composite_is_a_place_of_its_own() -> None:
    class Once(World):
        async def work(self, request: CallRequest) -> CallResult:
            self.calls.append(request.path)
            if request.path == "each[1]/w":
                raise InvalidInput("not now")
            return CallResult(output={"text": request.path})

    blocks = [node("w", "work", {"text": "{{item}}"})]
    drawn = canvas(
        start(),
        node(
            "each",
            "loop",
            {"items": [1, 2]},
            settings={"mode": "array"},
            blocks=blocks,
            lines="each>w>each",
            results={"all": "=w.text"},
            on_error={"retries": 1},
        ),
        end({"all": "=each.all"}),
        lines="start>each>end",
    )
    world = Once()
    result, _ = await run(drawn, world=world)
    assert world.calls == ["each[0]/w", "each[1]/w", "each~2[0]/w", "each~2[1]/w"]
    assert result.output == {"all": ["each~2[0]/w", "each~2[1]/w"]}
