"""Runs that ask people: side by side, from within batches and sub-workflows, answered after everything was killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.draw import node
from tests.scenarios.conftest import Stage
from tests.scenarios.drawing import ask, begin, document, end, say
from tests.scenarios.endpoint import endpoint
from tests.scenarios.journey import Journey, insist, publish
from tests.scenarios.system import PARTS, running

SOON = 60.0


@pytest.mark.asyncio(loop_scope="session")
async def test_two_questions_side_by_side_are_answered_in_reverse_order(stage: Stage) -> None:
    client = stage.system.client
    canvas = document(
        begin(),
        ask("first", "First?"),
        ask("second", "Second?"),
        end(first="=first.answer", second="=second.answer"),
        lines="start>first>end start>second>end",
    )
    await publish(client, "side-by-side", canvas)
    journey = await Journey.begin(client, "side-by-side", {})
    follower = journey.follower
    await follower.until(lambda: follower.seen("first:wait:opened") and follower.seen("second:wait:opened"), SOON)
    waits = {wait["wait_id"]: wait["prompt"] for wait in (await journey.run())["waits"]}
    assert waits == {"first": "First?", "second": "Second?"}

    second = await client.post(f"/runs/{journey.run_id}/answers", json={"wait_id": "second", "answer": "二"})
    assert second.status_code == 200
    await follower.until(lambda: follower.seen("second:succeeded"), SOON)
    run = await journey.run()
    assert (run["state"], [wait["wait_id"] for wait in run["waits"]]) == ("waiting", ["first"])
    again = await client.post(f"/runs/{journey.run_id}/answers", json={"wait_id": "second", "answer": "三"})
    assert again.status_code == 409

    first = await client.post(f"/runs/{journey.run_id}/answers", json={"wait_id": "first", "answer": "一"})
    assert first.status_code == 200
    ended = await journey.finish()
    assert ended["data"]["output"] == {"first": "一", "second": "二"}


@pytest.mark.asyncio(loop_scope="session")
async def test_an_answer_that_is_sent_again_is_taken_once_even_after_the_end(stage: Stage) -> None:
    client = stage.system.client
    await publish(client, "one-question", document(begin(), ask("q", "?"), end(a="=q.answer"), lines="start>q>end"))
    journey = await Journey.begin(client, "one-question", {})
    await journey.follower.until(lambda: journey.follower.seen("q:wait:opened"), SOON)
    answer = {"wait_id": "q", "answer": "yes", "answer_id": "a-click"}
    assert (await client.post(f"/runs/{journey.run_id}/answers", json=answer)).status_code == 200
    ended = await journey.finish()
    assert ended["data"]["output"] == {"a": "yes"}
    # The first reply may have been lost on its way: whoever sends the same again is told the same again.
    assert (await client.post(f"/runs/{journey.run_id}/answers", json=answer)).status_code == 200
    other = answer | {"answer": "no", "answer_id": "another-click"}
    assert (await client.post(f"/runs/{journey.run_id}/answers", json=other)).status_code == 409


async def test_questions_in_a_batch_and_a_sub_workflow_are_answered_after_everything_was_killed(tmp_path: Path) -> None:
    async with endpoint() as out, running(tmp_path, {"MAINSPRING_EGRESS_ALLOW": out.place}) as system:
        client = system.client
        inner = document(
            begin(base="string"),
            say("call"),
            ask("deep", "Deep?"),
            end(said="=deep.answer"),
            lines="start>call>deep>end",
        )
        child = await publish(client, "inner", inner)
        batch = node(
            "each",
            "batch",
            {"items": {"value": ["a", "b", "c"]}, "concurrency": 3},
            blocks=[ask("which", "{{item}}?")],
            lines="each>which>each",
            results={"said": "=which.answer"},
        )
        canvas = document(
            begin(base="string"),
            batch,
            node("sub", "subworkflow", {"base": "=start.base"}, settings={"workflow": child}),
            end(each="=each.said", sub="=sub.said"),
            lines="start>each>end start>sub>end",
        )
        await publish(client, "asks", canvas)
        journey = await Journey.begin(client, "asks", {"base": out.url})
        waits = ["each[0]/which", "each[1]/which", "each[2]/which", "sub/deep"]
        follower = journey.follower
        await follower.until(lambda: all(follower.seen(f"{wait}:wait:opened") for wait in waits), SOON)
        assert sorted(wait["wait_id"] for wait in (await journey.run())["waits"]) == waits

        await system.kill(*PARTS)
        await system.start(*PARTS)
        assert sorted(wait["wait_id"] for wait in (await journey.run())["waits"]) == waits
        # Two are given before, two after another death of the worker.
        for wait in ("sub/deep", "each[2]/which"):
            given = {"wait_id": wait, "answer": f"to {wait}", "answer_id": wait}
            assert (await insist(client, "POST", f"/runs/{journey.run_id}/answers", json=given)).status_code == 200
        await system.kill("worker")
        await system.start("worker")
        for wait in ("each[1]/which", "each[0]/which"):
            given = {"wait_id": wait, "answer": f"to {wait}", "answer_id": wait}
            assert (await insist(client, "POST", f"/runs/{journey.run_id}/answers", json=given)).status_code == 200
        ended = await journey.finish()
        assert ended["data"]["output"] == {
            "each": ["to each[0]/which", "to each[1]/which", "to each[2]/which"],
            "sub": "to sub/deep",
        }
        assert out.counted(journey.run_id) == {"sub/call": 1}
        assert [event["seq"] for event in follower.events] == [*range(1, len(follower.events) + 1)]
