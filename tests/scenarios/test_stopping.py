"""A system that is asked to stop stops soon, leaves nothing running, and loses nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil

from tests.engine.draw import node
from tests.scenarios.drawing import Document, begin, document, end, say
from tests.scenarios.endpoint import endpoint
from tests.scenarios.follower import texts
from tests.scenarios.journey import Journey, publish
from tests.scenarios.system import WHOLE, running

SOON = 60.0


def busy() -> Document:
    """Two calls side by side, then a model that writes for two seconds, then another call."""
    slow = "delay: 100\nsay: one two three four five six seven eight nine ten"
    return document(
        begin(base="string"),
        say("first"),
        say("second"),
        node("write", "llm", {"model": "scripted", "prompt": slow}),
        node("tell", "message", {}, settings={"content": "It says: {{write.output}}"}),
        say("last"),
        end(text="=write.output", heard="=last.body"),
        lines="start>first>write start>second>write write>tell>last>end",
    )


async def test_the_whole_stops_in_the_middle_of_a_run_and_goes_on_at_the_next_start(tmp_path: Path) -> None:
    async with endpoint() as out, running(tmp_path, {"MAINSPRING_EGRESS_ALLOW": out.place}, WHOLE) as system:
        await publish(system.client, "busy", busy())
        journey = await Journey.begin(system.client, "busy", {"base": out.url})
        follower = journey.follower
        await follower.until(lambda: follower.seen("write:delta:1.1.5"), SOON)
        started = psutil.Process(system.pid("up"))
        family = [started, *started.children(recursive=True)]
        assert any("temporal" in process.name() for process in family)

        status = await system.stop("up")
        assert (status, [process for process in family if process.is_running()]) == (0, [])
        assert not (system.data / "api.json").exists()
        assert not (system.data / "temporal.json").exists()

        await system.start("up")
        ended = await journey.finish(SOON)
        assert ended["type"] == "run.succeeded"
        assert out.counted(journey.run_id) == {"first": 1, "second": 1, "last": 1}
        assert [event["seq"] for event in follower.events] == [*range(1, len(follower.events) + 1)]
        made, whole = texts(follower.events)
        assert made == whole


async def test_a_worker_that_stops_lets_calls_finish_and_hands_the_rest_to_the_next_at_once(tmp_path: Path) -> None:
    async with endpoint() as out, running(tmp_path, {"MAINSPRING_EGRESS_ALLOW": out.place}) as system:
        await publish(system.client, "busy", busy())
        long, short = out.hold("first"), out.hold("second")
        journey = await Journey.begin(system.client, "busy", {"base": out.url})
        await long.arrived.wait()
        await short.arrived.wait()
        stopping = asyncio.create_task(system.stop("worker"))
        # What comes back while the worker stops is taken; what does not within its patience is handed on.
        await asyncio.sleep(0.5)
        short.opened.set()
        assert await stopping == 0
        long.opened.set()
        await system.start("worker")
        assert (await journey.finish(SOON))["type"] == "run.succeeded"
        assert out.counted(journey.run_id) == {"first": 2, "second": 1, "last": 1}
        # By the worker itself as it went. Temporal alone finds out when heartbeats stay away.
        assert await system.handed_on(journey.run_id) == ["worker_stops"]


async def test_an_api_that_stops_ends_its_streams_and_readers_come_back_with_their_offset(tmp_path: Path) -> None:
    async with endpoint() as out, running(tmp_path, {"MAINSPRING_EGRESS_ALLOW": out.place}) as system:
        await publish(system.client, "busy", busy())
        journey = await Journey.begin(system.client, "busy", {"base": out.url})
        follower = journey.follower
        for key in ("write:delta:1.1.2", "write:delta:1.1.9"):
            await follower.until(lambda key=key: follower.seen(key), SOON)  # type: ignore[misc]
            assert await system.stop("api") == 0
            await system.start("api")
        assert (await journey.finish(SOON))["type"] == "run.succeeded"
        assert len(follower.connected) >= 2
        assert [event["seq"] for event in follower.events] == [*range(1, len(follower.events) + 1)]
        assert out.counted(journey.run_id) == {"first": 1, "second": 1, "last": 1}
