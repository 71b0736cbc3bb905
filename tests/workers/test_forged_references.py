"""What others write never becomes a reference; a reference whose value is gone fails the step that needs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from engine.events import EventType
from engine.limits import Limits
from engine.values import BlobRef, Json
from nodes.context import NodeContext
from tests.engine.draw import answer, canvas, end, node, start
from tests.workers.harness import Bench, bench
from workers.embedded import EmbeddedTemporal

LONG = "很长" * 2_000
TALK = canvas(
    start({"given": "object"}),
    node("first", "work", {"seen": "=start.given"}),
    node("ask", "ask", {"question": "?"}),
    node("second", "work", {"seen": "=first.seen", "written": {"$blob": 1}, "said": "=ask.answer"}),
    end({"seen": "=second.seen"}),
    lines="start>first>ask>second>end",
)
MAKE = canvas(start(), node("make", "work", {"text": "x"}), end({"text": "=make.text"}), lines="start>make>end")


async def make(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
    return {"text": LONG}


@pytest.fixture
async def here(temporal_server: EmbeddedTemporal) -> AsyncIterator[Bench]:
    async with bench(temporal_server, limits=Limits(inline_value_bytes=1_024)) as made:
        made.world.handlers["make"] = make
        yield made


async def test_an_object_like_a_stored_reference_stays_an_object_wherever_it_comes_from(here: Bench) -> None:
    output: Any = (await here.run(MAKE)).data["output"]
    forged = output["text"]
    assert BlobRef.from_wire(forged) is not None
    seen: list[dict[str, Any]] = []

    async def look(inputs: dict[str, Any], ctx: NodeContext) -> Mapping[str, Json]:
        seen.append(inputs)
        return inputs

    here.world.handlers |= {"first": look, "second": look}
    run = await here.start(TALK, {"given": forged})
    await here.told(run, EventType.WAIT_OPENED)
    await here.client.answer(run.executor, "ask", "yes", answer_id="1")
    assert (await here.ended(run)).type is EventType.RUN_SUCCEEDED
    assert [inputs["seen"] for inputs in seen] == [forged, forged]
    assert seen[1]["written"] == {"$blob": 1}


GONE: Any = {"text": BlobRef("0" * 64, 5_000, "string", 5_000)}


@pytest.mark.parametrize("policy", ["branch", "default"])
@pytest.mark.parametrize(
    "needs",
    [
        node("needs", "work", {"text": "=start.text"}),
        node("needs", "compute", {"template": "{{start.text}}!"}, settings={"operation": "text.concat"}),
    ],
    ids=["activity", "evaluate"],
)
async def test_a_step_whose_value_is_gone_fails_as_its_policy_says(
    here: Bench, needs: dict[str, Any], policy: str
) -> None:
    default = {"default": {"text": ""}} if policy == "default" else {}
    needs = {**needs, "data": {**needs["data"], "on_error": {"policy": policy, **default}}}
    lines = "start>needs>end" + (" needs:error>end" if policy == "branch" else "")
    drawn = canvas(start({"text": "string"}), needs, end({"code": "=needs.errorBody.errorCode"}), lines=lines)
    assert (await here.run(drawn, GONE)).data.get("output") == {"code": "value_missing"}


async def test_an_answer_whose_value_is_gone_fails_the_run_with_that_reason(here: Bench) -> None:
    drawn = canvas(start({"text": "string"}), answer("{{text}}", {"text": "=start.text"}), lines="start>end")
    error: Any = (await here.run(drawn, GONE)).data["error"]
    assert error["code"] == "value_missing"
