"""Streams through Temporal: into messages of callers, behind merges, after a cue, and past deaths and retries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from engine.canvas import Canvas
from engine.compile import Callee
from engine.errors import NodeUnavailable
from engine.events import EventType, RunEvent
from engine.runtime import ToolUse
from engine.values import Json
from nodes.context import NodeContext
from tests.engine.draw import answer, callee, canvas, end, node, start
from tests.scenarios.follower import texts
from tests.workers.harness import Anything, Bench, Handler, World, bench
from workers.client import RunStart
from workers.embedded import EmbeddedTemporal


@pytest.fixture
async def here(temporal_server: EmbeddedTemporal) -> AsyncIterator[Bench]:
    async with bench(temporal_server) as made:
        yield made


def write(id: str, **more: Any) -> dict[str, Any]:
    settings = {"streams": "text", "attempts": more.pop("attempts", 1), "backoff_ms": 10}
    return node(id, "work", {}, settings=settings, **more)


def says(*pieces: str, until: asyncio.Event | None = None) -> Handler:
    """Tells the first piece, waits, and tells the others."""

    async def told(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        await ctx.emit(pieces[0])
        if until is not None:
            await until.wait()
        for piece in pieces[1:]:
            await ctx.emit(piece)
        return {"text": "".join(pieces)}

    return told


async def when(until: asyncio.Event, text: str) -> Mapping[str, Json]:
    await until.wait()
    return {"text": text}


def teller(name: str = "teller", around: str = "«{{w.text}}»") -> Callee:
    return callee(name, canvas(start(), write("w"), answer(around), lines="start>w>end"))


def messages(here: Bench, run: RunStart) -> dict[str, str]:
    """The messages of a run that has ended, put together from their pieces, which are their texts."""
    made, whole = texts([{**event.to_json(), "received": 0.0} for event in here.events(run)])
    assert made == {path: whole.get(path, "") for path in made}
    assert [event.path for event in here.events(run) if event.type is EventType.MESSAGE_COMPLETED] == [*whole]
    return whole


async def piece(here: Bench, run: RunStart, path: str) -> RunEvent:
    return await here.told(run, EventType.MESSAGE_DELTA, path)


async def test_the_answer_of_a_sub_workflow_streams_into_its_callers_answer_several_deep(here: Bench) -> None:
    go_on = asyncio.Event()
    here.world.handlers["w"] = says("Rivers ", "flow ", "down.", until=go_on)
    low = teller()
    middle = callee(
        "middle",
        canvas(start(), node("t", "subworkflow", {}, settings={"workflow": "teller"}), answer("[{{t.output}}]"),
               lines="start>t>end"),
        lambda workflow, version: low,
    )  # fmt: skip
    drawn = canvas(
        start(), node("s", "subworkflow", {}, settings={"workflow": "middle"}), answer("It says {{s.output}}!"),
        lines="start>s>end",
    )  # fmt: skip
    run = await here.start(drawn, None, low, middle)
    first = await piece(here, run, "end")
    assert first.data == {"text": "It says [«Rivers ", "source": "s/t/w", "attempt": 1, "delivery": 1}
    assert not any(event.key == "s/t/w:succeeded" for event in here.events(run))
    go_on.set()
    ended = await here.ended(run)
    assert ended.data["answer"] == "It says [«Rivers flow down.»]!"
    assert messages(here, run) == {
        "s/t/end": "«Rivers flow down.»",
        "s/end": "[«Rivers flow down.»]",
        "end": "It says [«Rivers flow down.»]!",
    }


async def test_streams_side_by_side_come_in_the_order_of_the_message(here: Bench) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    here.world.handlers |= {"a": says("eins ", "zwei", until=first), "b": says("drei ", "vier", until=second)}
    drawn = canvas(start(), write("a"), write("b"), answer("{{a.text}}, {{b.text}}."), lines="start>a>end start>b>end")
    run = await here.start(drawn)
    await here.told(run, EventType.STEP_DELTA, "b")
    # Its turn has not come: the message goes on with the first alone.
    first.set()
    opened = await here.told(run, EventType.MESSAGE_OPENED)
    assert (opened.path, opened.data) == ("end", {"source": "b"})
    async with asyncio.timeout(60):
        async for stored in here.log.follow(run.run_id):
            if stored.event.type is EventType.MESSAGE_DELTA and stored.event.data["source"] == "b":
                assert stored.event.data["text"] == "drei "
                break
    assert not any(event.key == "b:succeeded" for event in here.events(run))
    second.set()
    await here.ended(run)
    assert messages(here, run) == {"end": "eins zwei, drei vier."}


async def test_a_sub_workflow_catches_up_once_its_callers_message_is_ready(here: Bench) -> None:
    known, go_on = asyncio.Event(), asyncio.Event()
    here.world.handlers |= {"w": says("Rivers ", "flow.", until=go_on), "x": lambda inputs, ctx: when(known, "Well")}
    drawn = canvas(
        start(),
        node("x", "work", {}),
        node("s", "subworkflow", {}, settings={"workflow": "teller"}),
        answer("{{x.text}}: {{s.output}}"),
        lines="start>x>end start>s>end",
    )
    run = await here.start(drawn, None, teller())
    await piece(here, run, "s/end")
    known.set()
    assert (await piece(here, run, "end")).data["text"] == "Well: "
    async with asyncio.timeout(60):
        async for stored in here.log.follow(run.run_id):
            if stored.event.path == "end" and stored.event.data.get("source") == "s/w" and "text" in stored.event.data:
                assert stored.event.data["text"] == "«Rivers "
                break
    go_on.set()
    await here.ended(run)
    assert messages(here, run) == {"s/end": "«Rivers flow.»", "end": "Well: «Rivers flow.»"}


async def test_an_attempt_that_failed_below_is_taken_back_above(here: Bench) -> None:
    async def once(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        await ctx.emit("Riv" if ctx.attempt == 1 else "Rivers.")
        if ctx.attempt == 1:
            raise NodeUnavailable("Away.")
        return {"text": "Rivers."}

    here.world.handlers["w"] = once
    low = callee("teller", canvas(start(), write("w", attempts=2), answer("«{{w.text}}»"), lines="start>w>end"))
    drawn = canvas(
        start(), node("s", "subworkflow", {}, settings={"workflow": "teller"}), answer("> {{s.output}}"),
        lines="start>s>end",
    )  # fmt: skip
    run = await here.start(drawn, None, low)
    await here.ended(run)
    assert messages(here, run) == {"s/end": "«Rivers.»", "end": "> «Rivers.»"}


async def test_what_a_step_did_not_tell_in_pieces_is_told_in_the_end(here: Bench) -> None:
    async def silent(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        return {"text": "Rivers."}

    here.world.handlers["w"] = silent
    run = await here.start(canvas(start(), write("w"), answer("> {{w.text}}"), lines="start>w>end"))
    await here.ended(run)
    assert messages(here, run) == {"end": "> Rivers."}
    assert (await piece(here, run, "end")).data["text"] == "> Rivers."


async def test_an_empty_message_is_no_message(here: Bench) -> None:
    here.world.handlers["w"] = says("")
    drawn = canvas(
        start(), write("w"), node("m", "message", {}, settings={"content": "{{w.text}}"}), end(), lines="start>w>m>end"
    )
    run = await here.start(drawn)
    await here.ended(run)
    assert messages(here, run) == {}


async def test_thoughts_are_heard_before_the_text_where_a_message_names_them(here: Bench) -> None:
    go_on = asyncio.Event()

    async def thinks(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        assert await ctx.think("Hm, ")
        await go_on.wait()
        assert await ctx.think("well.")
        await ctx.emit("Rivers ")
        await ctx.emit("flow.")
        return {"text": "Rivers flow.", "thought": "Hm, well."}

    here.world.handlers["w"] = thinks
    settings = {"streams": "text", "thinks": "thought"}
    drawn = canvas(
        start(), node("w", "work", {}, settings=settings), answer("<{{w.thought}}> {{w.text}}"), lines="start>w>end"
    )
    run = await here.start(drawn)
    assert (await piece(here, run, "end")).data["text"] == "<Hm, "
    go_on.set()
    await here.ended(run)
    assert messages(here, run) == {"end": "<Hm, well.> Rivers flow."}
    steps = [event.data["text"] for event in here.events(run) if event.type is EventType.STEP_DELTA]
    assert "".join(map(str, steps)) == "Rivers flow."


class Asks(World):
    """A model that calls the one tool it has, and says what that answers."""

    async def think(self, inputs: Anything, ctx: NodeContext) -> Mapping[str, Json]:
        turns: Any = ctx.turns
        if not turns:
            await ctx.emit("Let me see …")
            ctx.call_tools({}, [ToolUse("1", "teller", 0, {})], told=True)
            return {}
        text = turns[0]["answers"][0]["text"]
        await ctx.emit(text)
        return {"text": text}


def talking() -> Canvas:
    return canvas(
        start(), node("talk", "talk", {}, settings={"tools": ["teller"]}), answer("> {{talk.text}}"),
        lines="start>talk>end",
    )  # fmt: skip


async def test_a_workflow_that_answers_in_a_models_place_is_heard_as_it_speaks(
    temporal_server: EmbeddedTemporal,
) -> None:
    go_on = asyncio.Event()
    world = Asks(handlers={"w": says("Rivers ", "flow.", until=go_on)})
    async with bench(temporal_server, world=world) as here:
        run = await here.start(talking(), None, teller())
        async with asyncio.timeout(60):
            async for stored in here.log.follow(run.run_id):
                if stored.event.type is EventType.MESSAGE_DELTA and stored.event.data["source"] != "talk":
                    assert (stored.event.path, stored.event.data["text"]) == ("end", "> «Rivers ")
                    break
        assert not any(event.key == "talk:succeeded" for event in here.events(run))
        go_on.set()
        ended = await here.ended(run)
        assert ended.data["answer"] == "> «Rivers flow.»"
        # What a tool says is no message of its own, and what the model said before it called it is void.
        assert messages(here, run) == {"end": "> «Rivers flow.»"}
