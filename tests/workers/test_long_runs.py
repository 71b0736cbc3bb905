"""Runs too long for one history, batches too wide for one, and values too big for any."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from engine.events import EventType
from engine.limits import Limits
from engine.values import Json
from nodes.context import NodeContext
from tests.engine.draw import answer, callee, canvas, end, node, start
from tests.workers.harness import Bench, bench
from workers.client import RunStart
from workers.embedded import EmbeddedTemporal

MEGABYTE = 1_000_000


def loop(count: int, *blocks: Any, lines: str, **data: Any) -> Any:
    return node("turns", "loop", {"count": count}, settings={"mode": "count"}, blocks=list(blocks), lines=lines, **data)


def batch(items: Any, *blocks: Any, lines: str, **data: Any) -> Any:
    return node("each", "batch", {"items": items, **data.pop("inputs", {})}, blocks=list(blocks), lines=lines, **data)


def keys_once(here: Bench, run: RunStart) -> None:
    """No event is there twice, and every step that started ended."""
    counted = Counter(event.key for event in here.events(run))
    assert max(counted.values()) == 1
    ends = {EventType.STEP_SUCCEEDED, EventType.STEP_FAILED, EventType.STEP_CANCELLED}
    started = {event.path for event in here.events(run) if event.type is EventType.STEP_STARTED}
    assert started <= {event.path for event in here.events(run) if event.type in ends}


async def test_a_long_loop_goes_on_in_fresh_histories(temporal_server: EmbeddedTemporal) -> None:
    async with bench(temporal_server, hand_over_events=60) as here:
        drawn = canvas(
            start(),
            loop(30, node("a", "work", {"n": "=index"}), lines="turns>a>turns", results={"all": "=a.n"}),
            end({"all": "=turns.all"}),
            lines="start>turns>end",
        )
        run = await here.start(drawn)
        ended = await here.ended(run)
        assert ended.data["output"] == {"all": list(range(30))}
        assert here.world.calls == [f"turns[{n}]/a" for n in range(30)]
        keys_once(here, run)
        assert len(await here.history(run.executor)) < 90
        assert await here.histories(run.executor) >= 3


async def test_a_question_stays_open_while_the_run_changes_its_history(temporal_server: EmbeddedTemporal) -> None:
    async with bench(temporal_server, hand_over_events=40) as here:
        drawn = canvas(
            start(),
            node("ask", "ask", {"question": "?"}),
            loop(30, node("a", "work", {"n": "=index"}), lines="turns>a>turns", results={"all": "=a.n"}),
            end({"said": "=ask.answer", "all": "=turns.all"}),
            lines="start>ask>end start>turns>end",
        )
        run = await here.start(drawn)
        opened = await here.told(run, EventType.WAIT_OPENED)
        await here.told(run, EventType.STEP_SUCCEEDED, "turns")
        data: Any = opened.data
        await here.client.answer(data["executor"], "ask", "yes", answer_id="1")
        ended = await here.ended(run)
        assert ended.data["output"] == {"said": "yes", "all": list(range(30))}
        assert await here.histories(run.executor) >= 3
        keys_once(here, run)


async def test_answers_that_come_while_the_history_changes_are_never_lost(temporal_server: EmbeddedTemporal) -> None:
    """Every answer is either taken or refused as too early: six runs, answered while they hand over again and again."""
    async with bench(temporal_server, hand_over_events=12) as here:
        drawn = canvas(
            start(),
            node("ask", "ask", {"question": "?"}),
            loop(25, node("a", "work", {"n": "=index"}), lines="turns>a>turns", results={"all": "=a.n"}),
            end({"said": "=ask.answer", "all": "=turns.all"}),
            lines="start>ask>end start>turns>end",
        )

        async def one(number: int) -> None:
            run = await here.start(drawn)
            await here.told(run, EventType.STEP_STARTED, f"turns[{number}]/a")
            await here.client.answer(run.executor, "ask", f"answer {number}", answer_id="1")
            await here.client.answer(run.executor, "ask", f"answer {number}", answer_id="1")
            ended = await here.ended(run)
            assert ended.data["output"] == {"said": f"answer {number}", "all": list(range(25))}
            keys_once(here, run)

        await asyncio.gather(*(one(number) for number in range(6)))


async def test_cancelling_reaches_the_latest_history(temporal_server: EmbeddedTemporal) -> None:
    async with bench(temporal_server, hand_over_events=30) as here:
        drawn = canvas(
            start(),
            loop(10_000, node("a", "work", {"n": "=index"}), lines="turns>a>turns"),
            end({}),
            lines="start>turns>end",
        )
        run = await here.start(drawn)
        await here.told(run, EventType.STEP_SUCCEEDED, "turns[8]/a")
        await here.client.cancel(run.executor)
        assert (await here.ended(run)).type is EventType.RUN_CANCELLED


async def test_a_batch_of_inline_steps_is_walked_in_a_few_activities(temporal_server: EmbeddedTemporal) -> None:
    async with bench(temporal_server) as here:
        drawn = canvas(
            start({"items": "array"}),
            batch(
                "=start.items",
                node("c", "compute", {"template": "{{item}}!"}, settings={"operation": "text.concat"}),
                lines="each>c>each",
                results={"all": "=c.output"},
                inputs={"limit": 10_000},
            ),
            end({"all": "=each.all"}),
            lines="start>each>end",
        )
        run = await here.start(drawn, {"items": [f"i{n}" for n in range(10_000)]})
        ended = await here.ended(run)
        assert ended.type is EventType.RUN_SUCCEEDED, ended.data
        assert await here.client_output(ended) == {"all": [f"i{n}!" for n in range(10_000)]}
        assert len(await here.history(run.executor)) < 1_000
        assert sum(event.key.endswith("/c:succeeded") for event in here.events(run)) == 10_000


async def test_a_batch_with_local_nodes_calls_them_within_the_slice(temporal_server: EmbeddedTemporal) -> None:
    async with bench(temporal_server) as here:
        drawn = canvas(
            start({"items": "array"}),
            node("other", "work", {"word": "outside"}),
            batch(
                "=start.items",
                node("a", "work", {"n": "=item", "word": "=other.word"}, settings={"tier": "local"}),
                lines="each>a>each",
                results={"all": "=a.n", "words": "=a.word"},
                inputs={"limit": 500, "concurrency": 16},
            ),
            end({"all": "=each.all", "words": "=each.words"}),
            lines="start>other>each>end",
        )
        run = await here.start(drawn, {"items": list(range(500))})
        ended = await here.ended(run)
        assert ended.data["output"] == {"all": list(range(500)), "words": ["outside"] * 500}
        assert sorted(here.world.calls) == sorted(["other", *(f"each[{n}]/a" for n in range(500))])
        keys_once(here, run)


async def test_an_error_in_a_slice_names_its_step(temporal_server: EmbeddedTemporal) -> None:
    async def picky(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        if inputs["n"] == 321:
            raise ValueError("not this one")
        return inputs

    async with bench(temporal_server) as here:
        here.world.handlers["a"] = picky
        drawn = canvas(
            start({"items": "array"}),
            batch(
                "=start.items",
                node("a", "work", {"n": "=item"}, settings={"tier": "local"}),
                lines="each>a>each",
                results={"all": "=a.n"},
                inputs={"limit": 500},
            ),
            end({}),
            lines="start>each>end",
        )
        error: Any = (await here.run(drawn, {"items": list(range(500))})).data["error"]
        assert (error["code"], error["facts"]["path"]) == ("node_crashed", "each[321]/a")


async def test_a_batch_of_activities_keeps_its_order_and_its_bound(temporal_server: EmbeddedTemporal) -> None:
    running = most = 0

    async def count(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return inputs

    async with bench(temporal_server) as here:
        here.world.handlers["a"] = count
        drawn = canvas(
            start({"items": "array"}),
            batch(
                "=start.items",
                node("a", "work", {"n": "=item"}),
                lines="each>a>each",
                results={"all": "=a.n"},
                inputs={"concurrency": 5},
            ),
            end({"all": "=each.all"}),
            lines="start>each>end",
        )
        ended = await here.run(drawn, {"items": list(range(60))})
        assert ended.data["output"] == {"all": list(range(60))}
        assert 2 <= most <= 5


async def test_a_node_may_return_twenty_megabytes_and_the_next_one_reads_them(
    temporal_server: EmbeddedTemporal,
) -> None:
    lengths: list[int] = []

    async def give(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        return {"text": "x" * 20 * MEGABYTE, "small": 1}

    async def measure(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        lengths.append(len(inputs["text"]))
        return {"length": len(inputs["text"]), "small": inputs["small"]}

    async with bench(temporal_server) as here:
        here.world.handlers |= {"a": give, "b": measure}
        drawn = canvas(
            start(),
            node("a", "work", {}),
            node("b", "work", {"text": "=a.text", "small": "=a.small"}),
            end({"length": "=b.length", "text": "=a.text"}),
            lines="start>a>b>end",
        )
        run = await here.start(drawn)
        ended = await here.ended(run)
        assert ended.type is EventType.RUN_SUCCEEDED, ended.data
        output = await here.client_output(ended)
        assert output == {"length": 20 * MEGABYTE, "text": "x" * 20 * MEGABYTE}
        assert lengths == [20 * MEGABYTE]
        assert await here.history_bytes(run.executor) < 20_000


async def test_ten_megabytes_of_input_are_carried_by_reference(temporal_server: EmbeddedTemporal) -> None:
    async with bench(temporal_server) as here:
        drawn = canvas(
            start({"text": "string", "list": "array"}),
            node("a", "work", {"one": "=start.list.7.n"}),
            end({"one": "=a.one", "text": "=start.text"}),
            lines="start>a>end",
        )
        inputs: dict[str, Json] = {"text": "长" * MEGABYTE, "list": [{"n": n, "pad": "y" * 100} for n in range(50_000)]}
        run = await here.start(drawn, inputs)
        ended = await here.ended(run)
        assert ended.type is EventType.RUN_SUCCEEDED, ended.data
        assert await here.client_output(ended) == {"one": 7, "text": "长" * MEGABYTE}
        assert await here.history_bytes(run.executor) < 20_000


async def test_inline_steps_compute_with_values_by_reference(temporal_server: EmbeddedTemporal) -> None:
    async def give(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        return {"text": "é" * MEGABYTE}

    async with bench(temporal_server, limits=Limits(rendered_bytes=4 * MEGABYTE)) as here:
        here.world.handlers["a"] = give
        drawn = canvas(start(), node("a", "work", {}), answer("<{{text}}>", {"text": "=a.text"}), lines="start>a>end")
        run = await here.start(drawn)
        ended = await here.ended(run)
        assert ended.type is EventType.RUN_SUCCEEDED, ended.data
        assert await here.client_output(ended) == {"output": f"<{'é' * MEGABYTE}>"}


async def test_many_fields_each_under_the_limit_do_not_break_the_history(temporal_server: EmbeddedTemporal) -> None:
    async def give(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        return {f"f{n}": "z" * 200_000 for n in range(30)}

    async with bench(temporal_server) as here:
        here.world.handlers["a"] = give
        drawn = canvas(start(), node("a", "work", {}), end({"all": {"ref": ["a"]}}), lines="start>a>end")
        run = await here.start(drawn)
        ended = await here.ended(run)
        assert ended.type is EventType.RUN_SUCCEEDED, ended.data
        output: Any = await here.client_output(ended)
        assert output == {"all": {f"f{n}": "z" * 200_000 for n in range(30)}}
        assert await here.history_bytes(run.executor) < 20_000


async def test_a_value_over_the_limit_fails_its_node_and_names_the_setting(temporal_server: EmbeddedTemporal) -> None:
    async def give(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        return {"text": "x" * 3 * MEGABYTE}

    async with bench(temporal_server, limits=Limits(value_bytes=2 * MEGABYTE)) as here:
        here.world.handlers["a"] = give
        drawn = canvas(start(), node("a", "work", {}), end({}), lines="start>a>end")
        error: Any = (await here.run(drawn)).data["error"]
        assert (error["code"], error["facts"]["setting"]) == ("limit_exceeded", "MAINSPRING_VALUE_BYTES")


async def test_a_large_batch_of_activities_gets_a_history_for_every_slice(temporal_server: EmbeddedTemporal) -> None:
    async with bench(temporal_server) as here:
        inner = callee(
            "inner",
            canvas(
                start({"n": "integer"}), node("w", "work", {"n": "=start.n"}), end({"n": "=w.n"}), lines="start>w>end"
            ),
        )
        drawn = canvas(
            start({"items": "array"}),
            batch(
                "=start.items",
                node("sub", "subworkflow", {"n": "=item"}, settings={"workflow": "inner"}),
                lines="each>sub>each",
                results={"all": "=sub.n"},
                inputs={"limit": 500, "concurrency": 16},
            ),
            end({"all": "=each.all"}),
            lines="start>each>end",
        )
        run = await here.start(drawn, {"items": list(range(12))}, inner)
        ended = await here.ended(run, seconds=60)
        assert ended.data["output"] == {"all": list(range(12))}
        keys_once(here, run)


@pytest.mark.parametrize("tier", ["local", "activity"])
async def test_what_many_steps_hand_on_at_once_fits_into_a_workflow_task(
    temporal_server: EmbeddedTemporal, tier: str
) -> None:
    """Four megabytes is all that a task may tell the server: one more, and the server ends the run."""

    async def give(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        return {"text": "x" * 15_000}

    async with bench(temporal_server) as here:
        ids = [f"n{number}" for number in range(300)]
        here.world.handlers |= dict.fromkeys(ids, give)
        steps = [node(one, "work", {"text": "=start.text"}, settings={"tier": tier}) for one in ids]
        drawn = canvas(
            start({"text": "string"}),
            *steps,
            end({"text": "=n7.text"}),
            lines=" ".join(f"start>{one}>end" for one in ids),
        )
        run = await here.start(drawn, {"text": "y" * 15_000})
        ended = await here.ended(run)
        assert ended.type is EventType.RUN_SUCCEEDED, ended.data
        keys_once(here, run)
