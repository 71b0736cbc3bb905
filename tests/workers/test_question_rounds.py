"""Questions whose answers are read, and asked on: durable at every point, wherever they sit, in any order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from engine.canvas import Canvas
from engine.errors import Conflict, NodeUnavailable
from engine.events import EventType
from engine.values import Json
from nodes.context import NodeContext
from tests.engine.draw import callee, canvas, end, node, start
from tests.workers.harness import Bench, bench
from workers.client import RunStart
from workers.embedded import EmbeddedTemporal


async def read(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    """Reads answers, and asks on until there are as many as the settings say."""
    rounds = inputs["rounds"]
    ctx.spend(total_tokens=10)
    if len(rounds) < int(str(ctx.settings["answers"])):
        ctx.ask(f"And after {rounds[-1]['answer']}?")
        return {}
    return {"answer": " ".join(one["answer"] for one in rounds)}


def ask(id: str, answers: int = 2, **settings: Any) -> dict[str, Any]:
    return node(id, "ask", {"question": f"{id}?"}, settings={"reader": {"answers": answers}, **settings})


TWO = canvas(start(), ask("ask"), end({"said": "=ask.answer"}), lines="start>ask>end")


@pytest.fixture
async def here(temporal_server: EmbeddedTemporal) -> AsyncIterator[Bench]:
    async with bench(temporal_server) as made:
        for name in ("ask", "other"):
            made.world.handlers |= {name: read, f"{name}.2": read, f"{name}.3": read}
        yield made


async def give(here: Bench, run: RunStart, wait_id: str, said: str, answer_id: str = "") -> None:
    data: Any = (await here.asked(run, wait_id)).data
    await here.client.answer(data["executor"], wait_id, said, answer_id=answer_id or wait_id)


async def test_an_answer_leads_to_a_further_question_with_an_id_of_its_own(here: Bench) -> None:
    run = await here.start(TWO)
    await give(here, run, "ask", "tea")
    opened = await here.asked(run, "ask.2")
    assert (opened.path, opened.node, opened.data["prompt"]) == ("ask", "ask", "And after tea?")
    await give(here, run, "ask.2", "cake")
    assert (await here.ended(run)).data["output"] == {"said": "tea cake"}
    done: Any = next(event for event in here.events(run) if event.key == "ask:succeeded")
    assert done.data["usage"] == {"total_tokens": 20}
    assert [one["answer"] for one in done.data["details"]["rounds"]] == ["tea", "cake"]
    assert here.world.calls == ["ask", "ask.2"]


async def test_a_question_that_was_answered_takes_no_other_answer_while_the_next_is_open(here: Bench) -> None:
    run = await here.start(TWO)
    await give(here, run, "ask", "tea")
    await here.asked(run, "ask.2")
    await give(here, run, "ask", "tea", "ask")
    with pytest.raises(Conflict):
        await give(here, run, "ask", "water", "late")
    await give(here, run, "ask.2", "cake")
    assert (await here.ended(run)).data["output"] == {"said": "tea cake"}


async def test_reading_that_fails_is_tried_again_and_the_person_is_not_asked_again(here: Bench) -> None:
    async def away(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        if ctx.attempt == 1:
            raise NodeUnavailable("Away.", retry_after=0)
        return await read(inputs, ctx)

    here.world.handlers["ask.2"] = away
    run = await here.start(TWO)
    await give(here, run, "ask", "tea")
    await give(here, run, "ask.2", "cake")
    assert (await here.ended(run)).data["output"] == {"said": "tea cake"}
    keys = [event.key for event in here.events(run) if event.type in (EventType.WAIT_OPENED, EventType.STEP_RETRIED)]
    assert keys == ["ask:wait:opened", "ask.2:wait:opened", "ask.2:retried:2"]


async def test_more_answers_than_the_limit_fail_the_step(here: Bench) -> None:
    drawn = canvas(start(), ask("ask", 9, limit=2), end({"said": "=ask.answer"}), lines="start>ask>end")
    run = await here.start(drawn)
    await give(here, run, "ask", "tea")
    await give(here, run, "ask.2", "cake")
    error: Any = (await here.ended(run)).data["error"]
    assert (error["code"], error["facts"]["limit"]) == ("too_many_answers", 2)


def in_loop() -> Canvas:
    turns = node(
        "turns",
        "loop",
        {"count": 2},
        settings={"mode": "count"},
        blocks=[ask("ask")],
        lines="turns>ask>turns",
        results={"all": "=ask.answer"},
    )
    return canvas(start(), turns, end({"all": "=turns.all"}), lines="start>turns>end")


async def test_rounds_within_a_loop_belong_to_their_turn(here: Bench) -> None:
    run = await here.start(in_loop())
    for wait_id in ("turns[0]/ask", "turns[0]/ask.2", "turns[1]/ask", "turns[1]/ask.2"):
        await give(here, run, wait_id, wait_id[6])
    assert (await here.ended(run)).data["output"] == {"all": ["0 0", "1 1"]}


async def test_rounds_within_a_batch_are_answered_in_any_order(here: Bench) -> None:
    each = node(
        "each",
        "batch",
        {"items": [1, 2, 3]},
        blocks=[ask("ask")],
        lines="each>ask>each",
        results={"all": "=ask.answer"},
    )
    run = await here.start(canvas(start(), each, end({"all": "=each.all"}), lines="start>each>end"))
    order = ["each[2]/ask", "each[0]/ask", "each[2]/ask.2", "each[1]/ask", "each[0]/ask.2", "each[1]/ask.2"]
    for number, wait_id in enumerate(order):
        await give(here, run, wait_id, str(number))
    assert (await here.ended(run)).data["output"] == {"all": ["1 4", "3 5", "0 2"]}


async def test_rounds_within_a_sub_workflow_within_a_loop_go_to_its_own_history(here: Bench) -> None:
    turns = node(
        "turns",
        "loop",
        {"count": 2},
        settings={"mode": "count"},
        blocks=[node("sub", "subworkflow", {}, settings={"workflow": "inner"})],
        lines="turns>sub>turns",
        results={"all": "=sub.said"},
    )
    drawn = canvas(start(), turns, end({"all": "=turns.all"}), lines="start>turns>end")
    run = await here.start(drawn, {}, callee("inner", TWO))
    for turn in (0, 1):
        place = f"turns[{turn}]/sub"
        assert (await here.asked(run, f"{place}/ask")).data["executor"] == f"{run.executor}/{place}"
        await give(here, run, f"{place}/ask", f"a{turn}")
        await give(here, run, f"{place}/ask.2", f"b{turn}")
    assert (await here.ended(run)).data["output"] == {"all": ["a0 b0", "a1 b1"]}


async def test_several_questions_side_by_side_go_on_each_by_itself(here: Bench) -> None:
    drawn = canvas(
        start(),
        ask("ask"),
        ask("other", 3),
        end({"a": "=ask.answer", "b": "=other.answer"}),
        lines="start>ask>end start>other>end",
    )
    run = await here.start(drawn)
    for wait_id, said in {"other": "1", "ask": "x", "other.2": "2", "other.3": "3", "ask.2": "y"}.items():
        await give(here, run, wait_id, said)
    assert (await here.ended(run)).data["output"] == {"a": "x y", "b": "1 2 3"}


async def test_rounds_survive_fresh_histories_and_nothing_is_read_twice(temporal_server: EmbeddedTemporal) -> None:
    async with bench(temporal_server, hand_over_events=25) as here:
        here.world.handlers |= {"ask": read, "ask.2": slow, "ask.3": read}
        turns = node(
            "turns",
            "loop",
            {"count": 30},
            settings={"mode": "count"},
            blocks=[node("a", "work", {"n": "=index"})],
            lines="turns>a>turns",
            results={"all": "=a.n"},
        )
        drawn = canvas(
            start(),
            ask("ask", 3),
            turns,
            end({"said": "=ask.answer", "all": "=turns.all"}),
            lines="start>ask>end start>turns>end",
        )
        run = await here.start(drawn)
        await here.told(run, EventType.STEP_SUCCEEDED, "turns[5]/a")
        await give(here, run, "ask", "a")
        await here.told(run, EventType.STEP_SUCCEEDED, "turns[12]/a")
        await give(here, run, "ask.2", "b")
        await give(here, run, "ask.3", "c")
        assert (await here.ended(run)).data["output"] == {"said": "a b c", "all": list(range(30))}
        assert [path for path in here.world.calls if path.startswith("ask")] == ["ask", "ask.2", "ask.3"]
        assert await here.histories(run.executor) >= 3
        done: Any = next(event for event in here.events(run) if event.key == "ask:succeeded")
        assert done.data["usage"] == {"total_tokens": 30}


async def slow(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    """Reading that is under way while the loop beside it asks for a fresh history."""
    await asyncio.sleep(0.5)
    return await read(inputs, ctx)
