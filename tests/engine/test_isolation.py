"""A node alone: what it reads becomes what the run is given, by the names of its inputs or by the nodes it reads."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.canvas import Canvas
from engine.compile import Callee, compile_canvas
from engine.errors import InvalidCanvas, InvalidInput, NotFound
from engine.events import EventType
from engine.interpret import interpret
from engine.isolation import Isolated, isolate
from engine.memory import InMemoryRuntime
from engine.plan import plan_hash
from engine.runtime import RunContext
from tests.engine.draw import World, callee, canvas, choose, end, node, start
from tests.engine.draw import run as run_whole
from tests.engine.library import LIBRARY


async def debug(
    drawn: Canvas, name: str, inputs: dict[str, Any] | None = None, *callees: Callee, world: World | None = None
) -> tuple[Any, InMemoryRuntime]:
    """Run one node of a canvas alone; its output, and what was told."""
    known = {one.workflow_id: one for one in callees}
    alone = isolate(drawn, name, LIBRARY)
    plan = compile_canvas(alone.canvas, LIBRARY, lambda workflow, version: known.get(workflow))
    digest = plan_hash(plan.to_bytes())
    runtime = (world or World()).runtime({digest: plan} | {one.plan_hash: one.plan for one in callees})
    context = RunContext("1", "1", "1", "7", "draft", digest)
    result = await interpret(plan, inputs or {}, runtime, context)
    return result.output.get("output", result.output), runtime


def properties(alone: Isolated) -> Any:
    return alone.inputs["properties"]


CHAIN = canvas(
    start({"article": {"type": "string", "default": "none"}}),
    node("first", "work", {"text": "=start.article"}),
    node(
        "second",
        "work",
        {
            "text": "=first.text",
            "count": "=first.count",
            "fixed": 7,
            "both": {"template": "{{text}} of {{start.article}} and {{first.list[0].x}}"},
            "made": {
                "object": {"a": {"ref": ["first", "text"]}, "b": {"value": 1}, "c": {"list": [{"ref": ["first"]}]}}
            },
            "who": "=user.name",
        },
        types={
            "count": {"type": "integer", "default": 3},
            "made": {"type": "object", "properties": {"a": {"type": "string"}}},
        },
    ),
    end({"all": "=second.text"}),
    lines="start>first>second>end",
)


def test_inputs_have_the_names_of_the_nodes_own_and_their_types() -> None:
    alone = isolate(CHAIN, "second", LIBRARY)
    assert properties(alone) == {
        "text": {"type": "string"},
        "count": {"type": "integer"},
        "made": {"type": "object", "properties": {"a": {"type": "string"}, "c": {"type": "array"}}},
        "start": {"type": "object", "properties": {"article": {"type": "string"}}},
        "first": {"type": "object", "properties": {"list": {}}},
    }
    assert alone.roots == ("start", "first")
    assert [one.id for one in alone.canvas.nodes] == ["debug_start", "second", "debug_end"]


async def test_a_node_runs_alone_with_what_it_is_given() -> None:
    given = {
        "text": "河",
        "count": "4",
        "made": {"a": 5, "c": [{"x": 1}]},
        "start": {"article": "rivers"},
        "first": {"list": [{"x": True}]},
    }
    output, runtime = await debug(CHAIN, "second", given)
    assert output["text"] == "河"
    assert (output["count"], output["fixed"], output["who"]) == (4, 7, "name")
    assert output["both"] == "河 of rivers and true"
    assert output["made"] == {"a": "5", "b": 1, "c": [{"x": 1}]}
    assert [event.path for event in runtime.events if event.type is EventType.STEP_SUCCEEDED] == [
        "debug_start",
        "second",
        "debug_end",
    ]


async def test_what_is_not_given_is_null() -> None:
    output, _ = await debug(CHAIN, "second", {"first": {"list": [{"x": None}]}})
    # A declared type is filled with its zero.
    assert (output["text"], output["count"]) == (None, 0)
    assert output["both"] == " of  and "


async def test_settings_read_what_is_given_too_and_every_port_leads_on() -> None:
    drawn = canvas(
        start({"n": "integer"}),
        choose("pick", large=("=start.n", "greater", 3)),
        node("big", "work", {"text": "x"}),
        end({"t": "=big.text"}),
        lines="start>pick pick:large>big>end pick:otherwise>end",
    )
    alone = isolate(drawn, "pick", LIBRARY)
    assert properties(alone) == {"start": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    for n, port in ((5, "large"), (1, "otherwise")):
        _, runtime = await debug(drawn, "pick", {"start": {"n": n}})
        told = next(event for event in runtime.events if event.key == "pick:succeeded")
        assert told.data["port"] == port


async def test_a_failure_that_the_node_handles_is_its_output() -> None:
    drawn = canvas(
        start(),
        node("a", "work", {"text": "x"}, on_error={"policy": "branch"}),
        end({"t": "=a.text"}),
        lines="start>a>end a:error>end",
    )
    output, _ = await debug(drawn, "a", world=World(failures={"a": 9}))
    assert output["isSuccess"] is False


def loop(**data: Any) -> Canvas:
    turns = node(
        "turns",
        "loop",
        {
            "items": {"object": {"name": {"ref": ["start", "names"]}}},
            "variables": {"object": {"last": {"value": ""}}},
        },
        blocks=[
            node("a", "work", {"text": "{{item.name}} {{start.word}} {{index}}", "n": "=index", "w": "=start.word"}),
            node("b", "work", {"text": "=a.text", "last": "=loop.last"}),
            node("set", "set_variable", {"last": "=b.text"}),
        ],
        lines="turns>a>b>set>turns",
        results={"all": "=b.text", "last": "=loop.last"},
    )
    return canvas(
        start({"names": {"type": "array"}, "word": "string"}),
        turns,
        end({"all": "=turns.all"}),
        lines="start>turns>end",
    )


async def test_a_composite_runs_alone_with_its_body() -> None:
    alone = isolate(loop(), "turns", LIBRARY)
    assert properties(alone) == {
        "items": {"type": "object", "properties": {"name": {}}},
        "start": {"type": "object", "properties": {"word": {"type": "string"}}},
    }
    output, runtime = await debug(loop(), "turns", {"items": {"name": ["x", "y"]}, "start": {"word": "w"}})
    assert output == {"all": ["x w 0", "y w 1"], "last": "y w 1"}
    assert "turns[1]/b" in [event.path for event in runtime.events]


async def test_a_node_of_a_body_runs_alone_with_a_turn_that_is_given() -> None:
    alone = isolate(loop(), "b", LIBRARY)
    assert properties(alone) == {"text": {"type": "string"}, "last": {}}
    output, _ = await debug(loop(), "b", {"text": "t", "last": "l"})
    assert output == {"text": "t", "last": "l"}
    output, _ = await debug(loop(), "a", {"item": {"name": "x"}, "index": 3, "start": {"word": "w"}, "n": 8, "w": "v"})
    assert output == {"text": "x w 3", "n": 8, "w": "v"}


async def test_a_sub_workflow_and_a_question_run_alone() -> None:
    inner = canvas(
        start({"x": "string"}),
        node("ask", "ask", {"question": "=start.x"}),
        end({"y": "=ask.answer"}),
        lines="start>ask>end",
    )
    drawn = canvas(
        start(),
        node("sub", "subworkflow", {"x": "=start.q"}, settings={"workflow": "inner"}),
        end({"t": "=sub.y"}),
        lines="start>sub>end",
    )
    known = callee("inner", inner)
    plan = compile_canvas(isolate(drawn, "sub", LIBRARY).canvas, LIBRARY, lambda workflow, version: known)
    digest = plan_hash(plan.to_bytes())
    runtime = World().runtime({digest: plan, known.plan_hash: known.plan})
    context = RunContext("1", "1", "1", "7", "draft", digest)
    run = asyncio.create_task(interpret(plan, {"x": "Well?"}, runtime, context))
    await runtime.wait_opened.wait()
    assert runtime.waits["sub/ask"].prompt == "Well?"
    runtime.answer("sub/ask", "yes")
    assert (await run).output == {"output": {"y": "yes"}}


async def test_an_end_runs_alone() -> None:
    output, _ = await debug(CHAIN, "end", {"all": "x"})
    assert output == {"all": "x"}


def test_what_is_nothing_alone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="begin a run"):
        isolate(CHAIN, "start", LIBRARY)
    with pytest.raises(InvalidInput, match="within its loop"):
        isolate(loop(), "set", LIBRARY)
    with pytest.raises(NotFound):
        isolate(loop(), "nobody", LIBRARY)


async def test_what_is_wrong_elsewhere_does_not_matter_and_what_is_wrong_here_is_said() -> None:
    drawn = canvas(
        start(),
        node("good", "work", {"text": "=broken.text"}),
        node("broken", "nothing_of_this_name", {}),
        end({}),
        lines="start>broken>good>end",
    )
    output, _ = await debug(drawn, "good", {"text": "x"})
    assert output == {"text": "x"}
    with pytest.raises(InvalidCanvas, match="no node type"):
        await debug(drawn, "broken")
    with pytest.raises(InvalidCanvas):
        await run_whole(drawn)
