"""A run that is cancelled stops at once, whatever it is doing."""

from __future__ import annotations

import pytest

from tests.engine.draw import node
from tests.scenarios.conftest import Stage
from tests.scenarios.drawing import Document, ask, begin, document, end, say
from tests.scenarios.journey import Journey, publish

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOON = 60.0


def states(records: dict[str, Document]) -> dict[str, str]:
    return {path: record["state"] for path, record in records.items()}


async def cancelled(stage: Stage, journey: Journey) -> None:
    """Cancel a run, and see it end: minutes before what it is doing would, if that ended at all."""
    reply = await stage.system.client.post(f"/runs/{journey.run_id}/cancel", json={"reason": "enough"})
    assert (reply.status_code, reply.json()["state"]) == (200, "cancelled")
    ended = await journey.finish()
    assert (ended["type"], ended["data"]["reason"]) == ("run.cancelled", "enough")


async def test_at_once_while_an_activity_runs_in_a_loop(stage: Stage) -> None:
    loop = node(
        "each", "loop", {"count": 5}, settings={"mode": "count"}, blocks=[say("call")], lines="each>call>each",
        results={"heard": "=call.body"},
    )  # fmt: skip
    canvas = document(begin(base="string"), loop, end(heard="=each.heard"), lines="start>each>end")
    await publish(stage.system.client, "cancelled-in-a-loop", canvas)
    gate = stage.out.hold("each[1]/call")
    try:
        journey = await Journey.begin(stage.system.client, "cancelled-in-a-loop", {"base": stage.out.url})
        await gate.arrived.wait()
        await cancelled(stage, journey)
    finally:
        stage.out.open_all()
    assert states(await journey.records()) == {
        "start": "succeeded",
        "each": "cancelled",
        "each[0]/call": "succeeded",
        "each[1]/call": "cancelled",
    }
    again = await stage.system.client.post(f"/runs/{journey.run_id}/cancel", json={})
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")


async def test_at_once_while_a_child_waits_and_a_model_writes(stage: Stage) -> None:
    client = stage.system.client
    inner = document(
        begin(base="string"), say("call"), ask("deep", "?"), end(said="=deep.answer"), lines="start>call>deep>end"
    )
    child = await publish(client, "cancelled-child", inner)
    slow = "delay: 200\nsay: " + "and so on " * 500
    canvas = document(
        begin(base="string"),
        node("sub", "subworkflow", {"base": "=start.base"}, settings={"workflow": child}),
        node("write", "llm", {"model": "scripted", "prompt": slow}),
        end(said="=sub.said", text="=write.output"),
        lines="start>sub>end start>write>end",
    )
    await publish(client, "cancelled-parent", canvas)
    journey = await Journey.begin(client, "cancelled-parent", {"base": stage.out.url})
    follower = journey.follower
    await follower.until(lambda: follower.seen("sub/deep:wait:opened") and follower.seen("write:delta:1.1.5"), SOON)
    await cancelled(stage, journey)
    assert states(await journey.records()) == {
        "start": "succeeded",
        "sub": "cancelled",
        "sub/start": "succeeded",
        "sub/call": "succeeded",
        "sub/deep": "cancelled",
        "write": "cancelled",
    }
    late = await client.post(f"/runs/{journey.run_id}/answers", json={"wait_id": "sub/deep", "answer": "too late"})
    assert late.status_code == 409
    assert await stage.system.under_way(journey.run_id) == []


async def test_while_it_pauses(stage: Stage) -> None:
    canvas = document(begin(), node("pause", "delay", {"seconds": 3_600}), end(), lines="start>pause>end")
    await publish(stage.system.client, "cancelled-pause", canvas)
    journey = await Journey.begin(stage.system.client, "cancelled-pause", {})
    await journey.follower.until(lambda: journey.follower.seen("pause:started"), SOON)
    await cancelled(stage, journey)
