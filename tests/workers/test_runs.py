"""Runs through Temporal: the same outcome as in memory, told as it happens, and stored before the workflow closes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.events import EventType
from tests.engine.draw import canvas, end, node, start
from tests.workers.harness import Bench, bench
from workers.embedded import EmbeddedTemporal


@pytest.fixture
async def here(temporal_server: EmbeddedTemporal) -> AsyncIterator[Bench]:
    async with bench(temporal_server) as made:
        yield made


async def test_a_run_gives_its_output_and_tells_every_step(here: Bench) -> None:
    drawn = canvas(
        start({"name": "string"}),
        node("a", "work", {"text": "你好 {{start.name}}"}),
        end({"said": "=a.text"}),
        lines="start>a>end",
    )
    run = await here.start(drawn, {"name": "世界"})
    ended = await here.ended(run)
    assert ended.type is EventType.RUN_SUCCEEDED
    assert ended.data["output"] == {"said": "你好 世界"}
    assert [event.key for event in here.events(run)] == [
        "run:started", "start:succeeded", "a:started", "a:succeeded", "end:succeeded", "run:succeeded",
    ]  # fmt: skip
    assert (await here.client.describe(run.executor)).status == "succeeded"
