"""Conversations with tools on Temporal: children and activities of their own, people asked by tools, and workers that
die.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from engine.errors import NodeFailed
from engine.events import EventType, StoredEvent
from engine.limits import Limits
from engine.values import Json
from nodes.context import NodeContext
from tests.engine.draw import answer, callee, canvas, end, node, start
from tests.workers.harness import World, bench
from tests.workers.test_crashes import Scene, exact, scene
from workers.embedded import EmbeddedTemporal

__all__ = ["scene"]

ECHO = callee(
    "echo",
    canvas(
        start({"word": "string"}),
        node("c", "compute", {"template": "{{start.word}}!"}, settings={"operation": "text.concat"}),
        end({"said": "=c.output"}),
        lines="start>c>end",
    ),
)
SLOW = callee(
    "slow",
    canvas(
        start({"word": "string", "rounds": "integer"}),
        node("a", "work", {"text": "{{start.word}}", "rounds": "=start.rounds"}),
        end({"said": "=a.text"}),
        lines="start>a>end",
    ),
)
ASKS = callee(
    "asks", canvas(start(), node("q", "ask", {"question": "?"}), end({"said": "=q.answer"}), lines="start>q>end")
)
SAYS = callee("says", canvas(start({"w": "string"}), answer("So: {{start.w}}"), lines="start>end"))
CALLEES = (ECHO, SLOW, ASKS, SAYS)


def talking(*script: list[Any], **data: Any) -> Any:
    """A canvas around a model that calls these tools: echo, slow, asks, says, and work."""
    tools = [*(one.workflow_id for one in CALLEES), "work"]
    settings = {"tools": tools, **data.pop("settings", {})}
    return canvas(
        start(),
        node("t", "talk", {"script": {"value": [*script]}, **data.pop("inputs", {})}, settings=settings, **data),
        end({"told": "=t.told"}),
        lines="start>t>end",
    )


async def test_turns_and_tools_are_told_as_they_are_in_memory(temporal_server: EmbeddedTemporal) -> None:
    script = [[[0, {"word": "a"}], [1, {"word": "b"}], [4, {"text": "c"}], [3, {"w": "d"}]], [[1, {"word": "e"}]]]
    async with bench(temporal_server) as here:
        run = await here.start(talking(*script), {}, *CALLEES)
        ended = await here.ended(run)
        assert ended.data["output"] == {"told": [{"said": "a!"}, {"said": "b"}, {"text": "c"}, "So: d", {"said": "e"}]}
        assert [call for call in here.world.calls if "#" in call] == ["t#0", "t#1", "t#2"]
        told = [event for event in here.events(run) if event.type is EventType.STEP_SUCCEEDED]
        assert {"t/tools[1.0]", "t/tools[1.0]/c", "t/tools[1.1]/a", "t/tools[1.2]", "t/tools[2.0]/a"} <= {
            event.path for event in told
        }
        assert not any(event.type is EventType.MESSAGE_COMPLETED for event in here.events(run))
        record = next(event for event in told if event.path == "t")
        assert len(record.data["details"]["tool_calls"]) == 5  # type: ignore[arg-type, call-overload, index]


async def test_people_asked_by_tools_answer_in_any_order_and_turns_go_on(temporal_server: EmbeddedTemporal) -> None:
    async with bench(temporal_server) as here:
        run = await here.start(talking([[2, {}], [2, {}]], [[2, {}]]), {}, *CALLEES)
        for number, place in enumerate(("1.1", "1.0", "2.0")):
            opened = await here.asked(run, f"t/tools[{place}]/q")
            executor = str(opened.data["executor"])
            await here.client.answer(executor, f"t/tools[{place}]/q", place, answer_id=str(number))
        ended = await here.ended(run)
        assert ended.data["output"] == {"told": [{"said": "1.0"}, {"said": "1.1"}, {"said": "2.0"}]}


async def test_a_tool_that_fails_is_told_and_one_that_is_cancelled_is_not(temporal_server: EmbeddedTemporal) -> None:
    async def fails(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        raise NodeFailed("No.")

    async with bench(temporal_server, world=World({"a": fails})) as here:
        ended = await here.run(talking([[1, {"word": "x"}]]), {}, *CALLEES)
        told: Any = ended.data["output"]
        assert told["told"][0] == {"code": "node_failed", "message": "No."}
        run = await here.start(talking([[2, {}]]), {}, *CALLEES)
        await here.asked(run, "t/tools[1.0]/q")
        await here.client.cancel(run.executor, "Enough.")
        assert (await here.ended(run)).type is EventType.RUN_CANCELLED
        assert [event.path for event in here.events(run) if event.type is EventType.STEP_CANCELLED] == [
            "t/tools[1.0]/q",
            "t/tools[1.0]",
            "t",
        ]


async def test_a_large_answer_of_a_tool_reaches_the_model_whole(temporal_server: EmbeddedTemporal) -> None:
    async def large(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        return {"text": "长" * 4_000}

    async with bench(temporal_server, world=World({"a": large}), limits=Limits(inline_value_bytes=2_048)) as here:
        ended = await here.run(talking([[1, {"word": "x"}]], [[0, {"word": "y"}]]), {}, *CALLEES)
        output = await here.client_output(ended)
        assert output["told"] == [{"said": "长" * 4_000}, {"said": "y!"}]


async def test_a_long_run_is_not_handed_over_in_the_middle_of_a_talk(temporal_server: EmbeddedTemporal) -> None:
    drawn = canvas(
        start(),
        node("t", "talk", {"script": {"value": [[[0, {}], [1, {}]]]}}, settings={"tools": ["asks", "slow"]}),
        node(
            "turns",
            "loop",
            {"count": 12},
            settings={"mode": "count"},
            blocks=[node("a", "work", {"n": "=index"})],
            lines="turns>a>turns",
            results={"all": "=a.n"},
        ),
        end({"told": "=t.told", "all": "=turns.all"}),
        lines="start>t>end start>turns>end",
    )
    async with bench(temporal_server, hand_over_events=30) as here:
        run = await here.start(drawn, {}, ASKS, SLOW)
        opened = await here.asked(run, "t/tools[1.0]/q")
        await here.told(run, EventType.STEP_SUCCEEDED, "turns[8]/a")
        await here.client.answer(str(opened.data["executor"]), "t/tools[1.0]/q", "yes", answer_id="1")
        ended = await here.ended(run)
        output: Any = ended.data["output"]
        assert output["all"] == list(range(12))
        assert output["told"][0] == {"said": "yes"}
        assert [call for call in here.world.calls if "#" in call] == ["t#0", "t#1"]


# --- workers that die ---


async def test_a_worker_killed_again_and_again_repeats_what_was_in_flight_alone(scene: Scene) -> None:
    """Dies in a tool, while a person is asked, in another tool and in the last turn: nothing done comes again."""
    drawn = talking(
        [[1, {"word": "a", "rounds": 1}], [1, {"word": "b", "rounds": 2}]],
        [[2, {}], [4, {"text": "c"}]],
        [[1, {"word": "d", "rounds": 2}]],
        inputs={"hangs": 3},
    )
    run = await scene.start(drawn, *CALLEES)
    stream: list[StoredEvent] = []
    reading = asyncio.create_task(scene.to_the_end(run, stream))
    worker = await scene.worker()
    await scene.told(run, EventType.STEP_SUCCEEDED, "t/tools[1.0]")
    await scene.begun("t/tools[1.1]/a")
    await scene.kill(worker)
    worker = await scene.worker()
    opened = await scene.told(run, EventType.WAIT_OPENED, "t/tools[2.0]/q")
    await scene.told(run, EventType.STEP_SUCCEEDED, "t/tools[2.1]")
    await scene.kill(worker)
    giving = asyncio.create_task(
        scene.client.answer(str(opened.data["executor"]), "t/tools[2.0]/q", "yes", answer_id="1")
    )
    worker = await scene.worker()
    await giving
    await scene.begun("t/tools[3.0]/a")
    await scene.kill(worker)
    worker = await scene.worker()
    await scene.begun("t#3")
    await scene.kill(worker)
    await scene.worker()
    await reading
    exact(stream)
    output: Any = stream[-1].event.data["output"]
    assert output["told"] == [{"said": "a"}, {"said": "b"}, {"said": "yes"}, {"text": "c"}, {"said": "d"}]
    begun = scene.trace("begin")
    assert {path: count for path, count in begun.items() if count > 1} == {
        "t/tools[1.1]/a": 2,
        "t/tools[3.0]/a": 2,
        "t#3": 2,
    }
    assert {path: begun[path] for path in begun if "#" in path} == {"t#0": 1, "t#1": 1, "t#2": 1, "t#3": 2}
