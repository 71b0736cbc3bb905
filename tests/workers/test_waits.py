"""Questions to people: asked, refused, answered once, and open again whatever died in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.errors import Conflict, InvalidInput, NotFound
from engine.events import EventType, RunEvent
from tests.engine.draw import callee, canvas, end, node, start
from tests.workers.harness import Bench, bench
from workers.client import RunStart
from workers.embedded import EmbeddedTemporal
from workers.worker import WorkerOptions

QUESTION = canvas(
    start(),
    node("ask", "ask", {"question": "Which colour?"}, title="Colour"),
    end({"colour": "=ask.answer"}),
    lines="start>ask>end",
)
TWO_QUESTIONS = canvas(
    start(),
    node("first", "ask", {"question": "One?"}, title="First"),
    node("second", "ask", {"question": "Two?"}, title="Second"),
    end({"one": "=first.answer", "two": "=second.answer"}),
    lines="start>first>end start>second>end",
)
FORM: Any = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}


@pytest.fixture
async def here(temporal_server: EmbeddedTemporal) -> AsyncIterator[Bench]:
    async with bench(temporal_server) as made:
        yield made


async def answer(here: Bench, opened: RunEvent, given: Any, answer_id: str = "answer 1") -> None:
    data: Any = opened.data
    await here.client.answer(data["executor"], data["wait_id"], given, answer_id=answer_id)


async def test_a_question_waits_until_it_is_answered(here: Bench) -> None:
    run = await here.start(QUESTION)
    opened = await here.told(run, EventType.WAIT_OPENED)
    assert (opened.data["prompt"], opened.data["executor"]) == ("Which colour?", run.executor)
    await answer(here, opened, "blau")
    ended = await here.ended(run)
    assert ended.data["output"] == {"colour": "blau"}
    answered = next(event for event in here.events(run) if event.type is EventType.WAIT_ANSWERED)
    assert answered.data == {"wait_id": "ask", "answer": "blau"}


async def test_an_operator_sees_that_a_run_waits_and_where(here: Bench) -> None:
    run = await here.start(QUESTION)
    opened = await here.told(run, EventType.WAIT_OPENED)
    await here.waits(run)
    assert (await here.attributes(run.executor))["AppNode"] == "Colour"
    await answer(here, opened, "red")
    await here.ended(run)
    found = await here.attributes(run.executor)
    assert found["AppState"] == "running"
    assert "AppNode" not in found


async def test_an_answer_that_does_not_fit_is_refused_with_a_sentence_and_leaves_no_trace(here: Bench) -> None:
    drawn = canvas(
        start(),
        node("ask", "ask", {}, settings={"kind": "form", "form": FORM}),
        end({"age": "=ask.age"}),
        lines="start>ask>end",
    )
    run = await here.start(drawn)
    opened = await here.told(run, EventType.WAIT_OPENED)
    await here.waits(run)
    before = len(await here.history(run.executor))
    with pytest.raises(InvalidInput, match="age"):
        await answer(here, opened, {"age": "old"})
    assert len(await here.history(run.executor)) == before
    await answer(here, opened, {"age": "42"}, "answer 2")
    assert (await here.ended(run)).data["output"] == {"age": 42}


async def test_questions_side_by_side_are_answered_in_any_order(here: Bench) -> None:
    run = await here.start(TWO_QUESTIONS)
    first = await here.told(run, EventType.WAIT_OPENED, "first")
    second = await here.told(run, EventType.WAIT_OPENED, "second")
    await answer(here, second, "b", "answer b")
    await answer(here, first, "a", "answer a")
    assert (await here.ended(run)).data["output"] == {"one": "a", "two": "b"}


async def test_the_same_answer_sent_twice_is_taken_once(here: Bench) -> None:
    run = await here.start(TWO_QUESTIONS)
    first = await here.told(run, EventType.WAIT_OPENED, "first")
    second = await here.told(run, EventType.WAIT_OPENED, "second")
    await answer(here, first, "a", "answer a")
    await answer(here, first, "a", "answer a")
    with pytest.raises(Conflict, match="answered already"):
        await answer(here, first, "other", "answer x")
    await answer(here, second, "b", "answer b")
    await here.ended(run)
    await answer(here, first, "a", "answer a")
    with pytest.raises(Conflict):
        await answer(here, first, "other", "answer y")


async def test_an_answer_to_nobody_is_not_found(here: Bench) -> None:
    run = await here.start(QUESTION)
    await here.told(run, EventType.WAIT_OPENED)
    here.client.opening_seconds = 0.3
    with pytest.raises(NotFound):
        await here.client.answer(run.executor, "nobody", "x", answer_id="1")
    with pytest.raises(Conflict):
        await here.client.answer("no/such/run", "ask", "x", answer_id="1")


async def test_a_question_in_a_sub_workflow_is_answered_where_its_event_says(here: Bench) -> None:
    drawn = canvas(
        start(),
        node("sub", "subworkflow", {}, settings={"workflow": "inner"}),
        end({"colour": "=sub.colour"}),
        lines="start>sub>end",
    )
    run = await here.start(drawn, {}, callee("inner", QUESTION))
    opened = await here.told(run, EventType.WAIT_OPENED)
    assert (opened.data["wait_id"], opened.data["executor"]) == ("sub/ask", f"{run.executor}/sub")
    await answer(here, opened, "green")
    assert (await here.ended(run)).data["output"] == {"colour": "green"}


async def test_a_run_that_fails_while_it_asks_closes_the_question(here: Bench) -> None:
    async def crash(inputs: dict[str, Any], ctx: Any) -> dict[str, Any]:
        await go_on.wait()
        raise ValueError("no")

    go_on = asyncio.Event()
    here.world.handlers["bad"] = crash
    drawn = canvas(
        start(),
        node("ask", "ask", {"question": "?"}),
        node("bad", "work", {}),
        end({"a": "=ask.answer"}),
        lines="start>ask>end start>bad>end",
    )
    run = await here.start(drawn)
    opened = await here.told(run, EventType.WAIT_OPENED)
    go_on.set()
    assert (await here.ended(run)).type is EventType.RUN_FAILED
    with pytest.raises(Conflict):
        await answer(here, opened, "late")


async def test_runs_that_wait_are_dropped_from_memory_and_nothing_is_told_of_it(
    temporal_server: EmbeddedTemporal,
) -> None:
    """A worker that may keep two workflows in memory evicts the others: that is no cancellation."""
    async with bench(temporal_server, options=WorkerOptions(cached_workflows=2)) as here:
        runs: list[tuple[RunStart, RunEvent]] = []
        for _ in range(6):
            run = await here.start(QUESTION)
            runs.append((run, await here.told(run, EventType.WAIT_OPENED)))
        for run, opened in runs:
            await answer(here, opened, run.run_id)
        for run, _ in runs:
            assert (await here.ended(run)).data["output"] == {"colour": run.run_id}
            assert [event.key for event in here.events(run)] == [
                "run:started",
                "start:succeeded",
                "ask:started",
                "ask:wait:opened",
                "ask:wait:answered",
                "ask:succeeded",
                "end:succeeded",
                "run:succeeded",
            ]
