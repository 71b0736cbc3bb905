"""Pinned data: a node gives what was written down for it, and does nothing."""

from __future__ import annotations

from typing import Any

import pytest

from engine.canvas import Canvas
from engine.compile import compile_canvas
from engine.errors import InvalidInput
from engine.interpret import interpret
from engine.pins import Pin
from engine.plan import plan_hash
from engine.runtime import RunContext
from tests.engine.draw import World, canvas, choose, end, node, start
from tests.engine.library import LIBRARY


async def run(drawn: Canvas, world: World, **pins: dict[str, Any]) -> tuple[Any, Any]:
    """The output of a run with pins, and the event of each step."""
    plan = compile_canvas(drawn, LIBRARY, pins={name: Pin.model_validate(pin) for name, pin in pins.items()})
    digest = plan_hash(plan.to_bytes())
    runtime = world.runtime({digest: plan})
    result = await interpret(plan, {"n": 1}, runtime, RunContext("1", "1", "1", "7", "draft", digest))
    return result.output, {event.key: event for event in runtime.events}


DRAWN = canvas(
    start({"n": "integer"}),
    node("a", "work", {"text": "{{start.n}}"}),
    node(
        "b",
        "work",
        {"text": "=a.text"},
        outputs={"type": "object", "properties": {"text": {"type": "string"}, "count": {"type": "integer"}}},
    ),
    end({"t": "=b.text", "n": "=b.count"}),
    lines="start>a>b>end",
)


async def test_a_pinned_node_gives_its_pin_and_does_nothing() -> None:
    world = World()
    output, told = await run(DRAWN, world, b={"output": {"text": "钉", "count": "3"}})
    assert output == {"t": "钉", "n": 3}
    assert world.calls == ["a"]
    assert told["b:succeeded"].data["details"] == {"pinned": True}
    assert "details" not in told["a:succeeded"].data


async def test_a_pinned_node_leaves_by_the_port_of_its_pin() -> None:
    drawn = canvas(
        start({"n": "integer"}),
        choose("pick", large=("=start.n", "greater", 3)),
        node("big", "work", {"text": "big"}),
        node("small", "work", {"text": "small"}),
        end({"b": "=big.text", "s": "=small.text"}),
        lines="start>pick pick:large>big>end pick:otherwise>small>end",
    )
    output, _ = await run(drawn, World(), pick={"output": {}, "port": "large"})
    assert output["b"] == "big"
    assert output.get("s") is None
    for pin, sentence in (({"output": {}}, "several ways out"), ({"output": {}, "port": "left"}, 'no port "left"')):
        with pytest.raises(InvalidInput, match=sentence):
            await run(drawn, World(), pick=pin)


async def test_a_pin_may_say_that_the_node_failed() -> None:
    drawn = canvas(
        start({"n": "integer"}),
        node("a", "work", {"text": "x"}, on_error={"policy": "branch"}),
        node("b", "work", {"text": "plan b"}),
        end({"t": "=b.text"}),
        lines="start>a>end a:error>b>end",
    )
    world = World()
    output, _ = await run(drawn, world, a={"output": {"errorBody": {"errorCode": "x"}}, "port": "error"})
    assert (output["t"], world.calls) == ("plan b", ["b"])


async def test_a_composite_and_a_node_of_a_body_may_be_pinned() -> None:
    turns = node(
        "turns",
        "loop",
        {"count": 2},
        settings={"mode": "count"},
        blocks=[node("a", "work", {"text": "x"})],
        lines="turns>a>turns",
        results={"all": "=a.text"},
    )
    drawn = canvas(start({"n": "integer"}), turns, end({"all": "=turns.all"}), lines="start>turns>end")
    world = World()
    output, _ = await run(drawn, world, a={"output": {"text": "p"}})
    assert (output, world.calls) == ({"all": ["p", "p"]}, [])
    output, told = await run(drawn, world, turns={"output": {"all": [1]}})
    assert output == {"all": [1]}
    assert not any(key.startswith("turns[") for key in told)


async def test_what_is_wrong_with_a_pinned_node_does_not_matter() -> None:
    drawn = canvas(
        start({"n": "integer"}),
        node("a", "nothing_yet", {}),
        end({"t": "=a.text"}),
        lines="start>a>end",
    )
    with pytest.raises(InvalidInput, match="cannot be pinned"):
        await run(drawn, World(), a={"output": {"text": "x"}})
    drawn = canvas(start({"n": "integer"}), node("a", "strict_work", {}), end({"t": "=a.body"}), lines="start>a>end")
    output, _ = await run(drawn, World(), a={"output": {"status": 200, "body": "x"}})
    assert output == {"t": "x"}


@pytest.mark.parametrize(
    ("name", "sentence"), [("nobody", "no node"), ("start", "cannot be pinned"), ("end", "cannot be pinned")]
)
async def test_a_pin_that_cannot_be_is_refused(name: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        await run(DRAWN, World(), **{name: {"output": {}}})


async def test_a_pin_that_is_too_large_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the limit is"):
        await run(DRAWN, World(), b={"output": {"text": "x" * 300_000}})
