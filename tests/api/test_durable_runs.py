"""Runs that go through Temporal: watched, answered, cancelled and read over HTTP."""

import asyncio
from pathlib import Path
from typing import Any

from engine.limits import Limits
from tests.api.drawings import TEXT, chain, concat, end, greeting, long_chain, start
from tests.api.durable import durable, unreachable
from tests.api.serving import Serving
from tests.api.streams import frames_of, read_stream
from workers.client import RunStart
from workers.embedded import EmbeddedTemporal

ENDED = ("succeeded", "failed", "cancelled")


def working(**inputs: Any) -> dict[str, Any]:
    """A canvas with one activity."""
    work = {"id": "work", "type": "work", "data": {"inputs": {"text": {"ref": ["start", "text"]}, **inputs}}}
    return chain(start(text=TEXT), work, end(text=["work", "output"]))


def asking(*options: str, free: bool = True) -> dict[str, Any]:
    """A canvas that asks a person."""
    data = {"title": "Ask", "inputs": {"question": {"value": "Really?"}, "options": {"value": [*options]}}}
    ask = {"id": "ask", "type": "question", "data": {**data, "settings": {"free": free}}}
    return chain(start(text=TEXT), ask, end(text=["ask", "answer"]))


async def in_state(serving: Serving, run: str, *states: str) -> dict[str, Any]:
    """The run once it is in one of these states."""
    async with asyncio.timeout(60):
        while True:
            shown: dict[str, Any] = (await serving.get(f"/runs/{run}")).json()
            if shown["state"] in states:
                return shown
            await asyncio.sleep(0.02)


async def test_a_synchronous_run_answers_when_it_has_ended(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path, temporal_ui="http://127.0.0.1:8233/namespaces/default/") as there:
        workflow = await there.serving.published(working())
        run = await there.serving.run(workflow, {"text": "done"})
        assert (run["state"], run["output"], run["mode"]) == ("succeeded", {"text": "done"}, "durable")
        assert run["usage"] == {"input_tokens": 3, "output_tokens": 5}
        assert run["executed_steps"] == 3
        assert run["temporal_url"].startswith("http://127.0.0.1:8233/namespaces/default/workflows/")
        assert run["id"] in run["temporal_url"]
        assert (await there.serving.get(f"/runs/{run['id']}")).json() == run


async def test_a_run_that_fails_says_why(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(working())
        run = await there.serving.run(workflow, {"text": "fail"})
        assert run["state"] == "failed"
        assert (run["error"]["code"], run["error"]["message"]) == ("node_failed", "It does not work.")
        assert run["error"]["facts"]["node"] == "work"


async def test_an_asynchronous_run_answers_at_once_and_ends_later(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(working())
        run = await there.serving.run(workflow, {"text": "hold"}, mode="async")
        assert run["state"] in ("queued", "running")
        there.work.go.set()
        assert (await in_state(there.serving, run["id"], *ENDED))["output"] == {"text": "hold"}


async def test_an_asynchronous_run_of_inline_steps_is_durable_too(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(greeting())
        run = await there.serving.run(workflow, {"name": "Ada"}, mode="async")
        assert run["mode"] == "durable"
        assert (await in_state(there.serving, run["id"], *ENDED))["output"] == {"text": "Hello Ada!"}


async def test_a_synchronous_run_that_takes_long_is_shown_under_way(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(working())
        run = await there.serving.run(workflow, {"text": "hold"}, wait_seconds=0.3)
        assert run["state"] in ("queued", "running")
        assert run["output"] is None
        there.work.go.set()
        assert (await in_state(there.serving, run["id"], *ENDED))["state"] == "succeeded"


async def test_a_run_too_long_to_be_walked_in_place_starts_over_through_temporal(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path, limits=Limits(in_place_steps=5)) as there:
        workflow = await there.serving.published(long_chain(10))
        run = await there.serving.run(workflow, {"name": "Ada"})
        assert (run["state"], run["mode"]) == ("succeeded", "durable")
        assert run["output"] == {"text": "Ada 0 1 2 3 4 5 6 7"}
        assert len((await there.serving.get("/runs")).json()["items"]) == 1


async def test_both_roads_leave_the_same_records(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(greeting())
        in_place = await there.serving.run(workflow, {"name": "Ada"})
        queued = await there.serving.run(workflow, {"name": "Ada"}, mode="async")
        through = await in_state(there.serving, queued["id"], *ENDED)
        differing = {name for name in in_place if in_place[name] != through[name]}
        assert differing <= {"id", "mode", "created", "started", "finished", "duration_ms", "temporal_url"}
        told = []
        for run in (in_place, through):
            events = (await there.serving.get(f"/runs/{run['id']}/events")).json()["items"]
            told.append([{**event, "at": 0} for event in events])
        assert told[0] == told[1]


async def test_a_stream_tells_pieces_as_they_come_and_the_end(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(working())
        request = {"inputs": {"text": "done"}, "mode": "stream"}
        async with there.serving.client.stream("POST", f"/api/v1/workflows/{workflow}/runs", json=request) as answer:
            frames = await read_stream(answer)
        assert [frame.id for frame in frames] == [*range(1, len(frames) + 1)]
        told = [frame.event for frame in frames]
        assert (told[0], told[-1]) == ("run.started", "run.succeeded")
        assert "".join(frame.data["data"]["text"] for frame in frames if frame.event == "step.delta") == "one two"


async def test_a_stream_of_inline_steps_tells_where_its_run_is(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(greeting())
        request = {"inputs": {"name": "Ada"}, "mode": "stream"}
        async with there.serving.client.stream("POST", f"/api/v1/workflows/{workflow}/runs", json=request) as answer:
            assert answer.status_code == 201
            assert answer.headers["content-type"].startswith("text/event-stream")
            frames = await read_stream(answer)
        assert [frame.id for frame in frames] == [1, 2, 3, 4, 5]
        assert frames[-1].data["data"]["output"] == {"text": "Hello Ada!"}
        run = (await there.serving.client.get(answer.headers["location"])).json()
        assert (run["state"], run["mode"]) == ("succeeded", "durable")


async def test_a_run_can_be_followed_while_it_goes_on_and_again_from_where_one_was(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(working())
        run = await there.serving.run(workflow, {"text": "hold"}, mode="async")

        async def follow(after: int) -> list[int]:
            headers = {"last-event-id": str(after)}
            async with there.serving.client.stream(
                "GET", f"/api/v1/runs/{run['id']}/events/stream", headers=headers
            ) as answer:
                return [frame.id async for frame in frames_of(answer)]

        whole, rest = asyncio.create_task(follow(0)), asyncio.create_task(follow(2))
        await there.work.began.wait()
        there.work.go.set()
        seen = await whole
        assert seen == [*range(1, len(seen) + 1)]
        assert await rest == seen[2:]


async def test_a_question_is_answered(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(asking("yes", "no"))
        run = await there.serving.run(workflow)
        assert run["state"] == "waiting"
        [wait] = run["waits"]
        assert (wait["wait_id"], wait["prompt"], wait["options"], wait["title"]) == (
            "ask",
            "Really?",
            ["yes", "no"],
            "Ask",
        )
        path = f"/runs/{run['id']}/answers"
        assert (await there.serving.post(path, {"wait_id": "who", "answer": "yes"})).status_code == 404
        refused = await there.serving.post(path, {"wait_id": "ask", "answer": {"not": "a text"}})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
        assert "text" in refused.json()["detail"]
        assert (await there.serving.get(f"/runs/{run['id']}")).json()["state"] == "waiting"
        answered = await there.serving.post(path, {"wait_id": "ask", "answer": "yes", "answer_id": "first"})
        assert answered.status_code == 200
        assert (await in_state(there.serving, run["id"], *ENDED))["output"] == {"text": "yes"}
        again = await there.serving.post(path, {"wait_id": "ask", "answer": "no"})
        assert (again.status_code, again.json()["code"]) == (409, "conflict")


async def test_two_answers_at_once_are_one_answer_and_a_conflict(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(asking())
        run = await there.serving.run(workflow)
        path = f"/runs/{run['id']}/answers"
        answers = await asyncio.gather(
            *(there.serving.post(path, {"wait_id": "ask", "answer": str(number)}) for number in range(4))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        [won] = [number for number, answer in enumerate(answers) if answer.status_code == 200]
        assert (await in_state(there.serving, run["id"], *ENDED))["output"] == {"text": str(won)}


async def test_a_run_is_cancelled_within_a_moment(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path) as there:
        for drawn in (working(), asking()):
            workflow = await there.serving.published(drawn)
            run = await there.serving.run(workflow, {"text": "hold"}, wait_seconds=0.5)
            answer = await there.serving.post(f"/runs/{run['id']}/cancel", {"reason": "changed my mind"})
            assert answer.status_code == 200
            ended = await in_state(there.serving, run["id"], *ENDED)
            assert (ended["state"], ended["error"]["message"]) == ("cancelled", "changed my mind")
            assert (await there.serving.post(f"/runs/{run['id']}/cancel")).json() == ended


async def test_a_cancelled_question_takes_no_answer(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(asking())
        run = await there.serving.run(workflow)
        await there.serving.post(f"/runs/{run['id']}/cancel")
        await in_state(there.serving, run["id"], *ENDED)
        answer = await there.serving.post(f"/runs/{run['id']}/answers", {"wait_id": "ask", "answer": "x"})
        assert answer.status_code == 409


async def test_the_same_key_starts_one_durable_run(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(working())
        request = {"inputs": {"text": "x" * 1_000}, "idempotency_key": "once"}
        answers = await asyncio.gather(*(there.serving.post(f"/workflows/{workflow}/runs", request) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert {answer.json()["state"] for answer in answers} == {"succeeded"}
        other = await there.serving.post(f"/workflows/{workflow}/runs", {**request, "inputs": {"text": "y"}})
        assert other.status_code == 409


async def test_large_values_go_by_reference_and_are_shown_whole_or_linked(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path, limits=Limits(inline_value_bytes=10_000)) as there:
        drawn = working(size={"ref": ["start", "size"]})
        drawn["nodes"][0]["data"]["outputs"]["properties"]["size"] = {"type": "integer"}
        workflow = await there.serving.published(drawn)
        run = await there.serving.run(workflow, {"text": "a" * 20_000, "size": 30_000}, idempotency_key="big")
        assert run["output"] == {"text": "a" * 20_000 + "x" * 30_000}
        assert run["inputs"] == {"text": "a" * 20_000, "size": 30_000}
        large = await there.serving.run(workflow, {"text": "a", "size": 2_000_000})
        reference = large["output"]["text"]["$blob"]
        assert reference["size"] > 2_000_000
        value = await there.serving.get(f"/runs/{large['id']}/values/{reference['sha']}")
        assert value.json() == "a" + "x" * 2_000_000
        again = await there.serving.post(
            f"/workflows/{workflow}/runs",
            {"inputs": {"text": "a" * 20_000, "size": 30_000}, "idempotency_key": "big"},
        )
        assert (again.status_code, again.json()["id"]) == (200, run["id"])


async def test_a_large_value_of_inline_steps_starts_over_through_temporal(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path, limits=Limits(inline_value_bytes=10_000)) as there:
        drawn = chain(start(a=TEXT), concat("twice", "{{a}}{{a}}", a=["start", "a"]), end(text=["twice", "output"]))
        workflow = await there.serving.published(drawn)
        run = await there.serving.run(workflow, {"a": "x" * 8_000})
        assert (run["state"], run["mode"], run["output"]) == ("succeeded", "durable", {"text": "x" * 16_000})


async def test_a_run_that_temporal_cannot_take_yet_is_queued(tmp_path: Path, temporal_server: EmbeddedTemporal) -> None:
    async with durable(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(working())
    async with unreachable(tmp_path) as away:
        run = await away.run(workflow, {"text": "x"}, mode="async")
        assert run["state"] == "queued"
        [left] = await away.stores.unfinished.stale(2**53)
        assert isinstance(left.start_request, dict)
        assert RunStart.from_json(left.start_request).executor == left.temporal_id
        answer = await away.post(f"/runs/{run['id']}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (503, "runs_unavailable")
