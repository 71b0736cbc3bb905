"""Runs of inline steps, walked by the API itself."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.limits import Limits
from tests.api.drawings import TEXT, chain, concat, end, greeting, long_chain, start
from tests.api.serving import Serving, serve
from tests.api.streams import read_stream


async def test_a_run_answers_with_its_output(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "Ada"})
    assert (run["state"], run["output"], run["mode"]) == ("succeeded", {"text": "Hello Ada!"}, "in_place")


async def test_what_is_answered_is_what_is_stored(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    for name in ("世界", 7):
        answer = await serving.post(f"/workflows/{workflow}/runs", {"inputs": {"name": name}})
        stored = await serving.get(f"/runs/{answer.json()['id']}")
        assert stored.json() == answer.json()
        assert answer.headers["location"] == f"/api/v1/runs/{stored.json()['id']}"


async def test_a_run_that_fails_is_stored_with_its_reason(serving: Serving) -> None:
    broken = chain(
        start(text=TEXT),
        {"id": "read", "type": "json_from", "data": {"inputs": {"input": {"ref": ["start", "text"]}}}},
        end(),
    )
    workflow = await serving.published(broken)
    run = await serving.run(workflow, {"text": "{nope"})
    assert run["state"] == "failed"
    assert run["error"]["facts"]["node"] == "read"
    assert (await serving.get(f"/runs/{run['id']}")).json() == run
    nodes = (await serving.get(f"/runs/{run['id']}/nodes")).json()["items"]
    assert [(one["node"], one["state"]) for one in nodes] == [("start", "succeeded"), ("read", "failed")]


async def test_a_secret_input_is_used_and_shown_nowhere(serving: Serving) -> None:
    canvas = chain(start(key={"type": "string", "format": "password"}, name=TEXT), end(text=["start", "name"]))
    workflow = await serving.published(canvas)
    body = {"inputs": {"key": "s3cret", "name": "李"}, "idempotency_key": "once"}
    answer = await serving.post(f"/workflows/{workflow}/runs", body)
    run = answer.json()
    assert run["inputs"] == {"key": "***", "name": "李"}
    for page in ("", "/nodes", "/events"):
        shown = await serving.get(f"/runs/{run['id']}{page}")
        assert shown.status_code == 200
        assert "s3cret" not in shown.text
    again = await serving.post(f"/workflows/{workflow}/runs", body)
    assert again.json() == run


async def test_every_step_leaves_a_record(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "Ada"})
    answer = await serving.get(f"/runs/{run['id']}/nodes")
    records = answer.json()["items"]
    assert [one["path"] for one in records] == ["start", "greet", "end"]
    assert records[1]["inputs"] == {"name": "Ada", "template": "Hello {{name}}!"}
    assert records[1]["output"] == {"output": "Hello Ada!"}
    assert {one["state"] for one in records} == {"succeeded"}


async def test_the_events_of_a_run_can_be_read_in_pages(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "Ada"})
    first = (await serving.get(f"/runs/{run['id']}/events", limit=2)).json()
    assert [one["type"] for one in first["items"]] == ["run.started", "step.succeeded"]
    assert first["ended"] is False
    rest = (await serving.get(f"/runs/{run['id']}/events", after=first["items"][-1]["seq"])).json()
    assert [one["seq"] for one in rest["items"]] == [3, 4, 5]
    assert rest["items"][-1]["type"] == "run.succeeded"
    assert rest["ended"] is True


async def test_a_stream_goes_on_behind_the_last_event_seen(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "Ada"})
    for path, headers in (
        (f"/api/v1/runs/{run['id']}/events/stream", {"last-event-id": "3"}),
        (f"/api/v1/runs/{run['id']}/events", {"last-event-id": "3", "accept": "text/event-stream"}),
        (f"/api/v1/runs/{run['id']}/events/stream?after=3", {}),
    ):
        async with serving.client.stream("GET", path, headers=headers) as answer:
            assert [frame.id for frame in await read_stream(answer)] == [4, 5]


async def test_a_stream_behind_the_end_is_empty(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "Ada"})
    async with serving.client.stream("GET", f"/api/v1/runs/{run['id']}/events/stream?after=5") as answer:
        assert await read_stream(answer) == []


@pytest.mark.parametrize(
    ("inputs", "field"),
    [({}, "name"), ({"name": "A", "age": "many"}, "age"), ({"name": "A", "tags": [1, {"a": "b"}]}, "tags")],
)
async def test_inputs_that_do_not_fit_are_named_before_anything_is_stored(
    serving: Serving, inputs: dict[str, Any], field: str
) -> None:
    numbers = {"type": "array", "items": {"type": "integer"}}
    drawn = chain(start(("name",), name=TEXT, age={"type": "integer"}, tags=numbers), end())
    workflow = await serving.published(drawn)
    answer = await serving.post(f"/workflows/{workflow}/runs", {"inputs": inputs})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "invalid_input"
    assert field in problem["errors"][0]["field"]
    assert (await serving.get("/runs")).json()["items"] == []


async def test_the_same_key_starts_one_run(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    request = {"inputs": {"name": "Ada"}, "idempotency_key": "once"}
    first = await serving.post(f"/workflows/{workflow}/runs", request)
    again = await serving.post(f"/workflows/{workflow}/runs", {"inputs": {"name": "Ada"}}, idempotency_key="once")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert len((await serving.get("/runs")).json()["items"]) == 1


async def test_the_same_key_with_another_request_is_a_conflict(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    await serving.run(workflow, {"name": "Ada"}, idempotency_key="once")
    others = (
        {"inputs": {"name": "Eve"}},
        {"inputs": {"name": "Ada", "x": 1}},
        {"inputs": {"name": "Ada"}, "version": "draft"},
    )
    for other in others:
        answer = await serving.post(f"/workflows/{workflow}/runs", {**other, "idempotency_key": "once"})
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_a_number_and_a_truth_are_different_requests(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    await serving.run(workflow, {"name": "Ada", "more": [1]}, idempotency_key="once")
    for more, status in (([True], 409), ([1.0], 409), ([1], 200)):
        request = {"inputs": {"more": more, "name": "Ada"}, "idempotency_key": "once"}
        assert (await serving.post(f"/workflows/{workflow}/runs", request)).status_code == status


async def test_the_same_key_at_the_same_time_starts_one_run(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    request = {"inputs": {"name": "Ada"}, "idempotency_key": "race"}
    answers = await asyncio.gather(*(serving.post(f"/workflows/{workflow}/runs", request) for _ in range(20)))
    assert sorted({answer.status_code for answer in answers}) in ([200, 201], [201])
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert [answer.status_code for answer in answers].count(201) == 1


async def test_two_keys_in_one_request_are_refused(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    request = {"inputs": {"name": "Ada"}, "idempotency_key": "a"}
    answer = await serving.post(f"/workflows/{workflow}/runs", request, idempotency_key="b")
    assert answer.status_code == 422


async def test_the_latest_version_runs_unless_another_is_wanted(serving: Serving) -> None:
    workflow = await serving.published(greeting(), key="greet")
    other = chain(
        start(name=TEXT), concat("greet", "Bye {{name}}!", name=["start", "name"]), end(text=["greet", "output"])
    )
    await serving.put("/workflows/greet/draft", {"canvas": other, "revision": 1})
    assert (await serving.run("greet", {"name": "A"}))["output"] == {"text": "Hello A!"}
    await serving.post("/workflows/greet/versions", {"version": "v2.0.0"})
    latest = await serving.run("greet", {"name": "A"})
    assert (latest["output"], latest["version"], latest["workflow_id"]) == ({"text": "Bye A!"}, "v2.0.0", workflow)
    assert (await serving.run("greet", {"name": "A"}, version="v0.0.1"))["output"] == {"text": "Hello A!"}
    answer = await serving.post("/workflows/greet/runs", {"inputs": {"name": "A"}, "version": "v9.0.0"})
    assert answer.status_code == 404
    answer = await serving.post("/workflows/greet/runs", {"inputs": {"name": "A"}, "version": "nine"})
    assert answer.status_code == 422


async def test_a_draft_runs_as_a_test(serving: Serving) -> None:
    workflow = await serving.drawn(greeting())
    answer = await serving.post(f"/workflows/{workflow['id']}/runs", {"inputs": {"name": "A"}})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    run = await serving.run(workflow["id"], {"name": "A"}, version="draft")
    assert (run["kind"], run["version"], run["output"]) == ("test", "draft", {"text": "Hello A!"})


async def test_a_broken_draft_does_not_run_and_says_why(serving: Serving) -> None:
    workflow = await serving.drawn(chain(start(), {"id": "what", "type": "no_such_type"}, end()))
    answer = await serving.post(f"/workflows/{workflow['id']}/runs", {"version": "draft"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_canvas")
    assert [one["node"] for one in answer.json()["errors"]] == ["what"]


async def test_a_run_without_a_body_has_no_inputs(serving: Serving) -> None:
    workflow = await serving.published(chain(start(), end(text="nothing needed")))
    answer = await serving.client.post(f"/api/v1/workflows/{workflow}/runs")
    assert answer.status_code == 201
    assert answer.json()["output"] == {"text": "nothing needed"}


async def test_what_cannot_be_walked_in_place_is_not_served_without_a_way_to_the_workers(tmp_path: Path) -> None:
    async with serve(tmp_path, limits=Limits(in_place_steps=5)) as serving:
        workflow = await serving.published(long_chain(10))
        answer = await serving.post(f"/workflows/{workflow}/runs", {"inputs": {"name": "A"}})
        assert (answer.status_code, answer.json()["code"]) == (503, "not_available")
        assert (await serving.get("/runs")).json()["items"] == []


async def test_running_in_place_can_be_turned_off(tmp_path: Path) -> None:
    async with serve(tmp_path, run_in_place=False) as serving:
        workflow = await serving.published(greeting())
        answer = await serving.post(f"/workflows/{workflow}/runs", {"inputs": {"name": "A"}})
        assert answer.status_code == 503


async def test_many_runs_at_once_all_end(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    runs = await asyncio.gather(*(serving.run(workflow, {"name": str(number)}) for number in range(50)))
    assert [run["output"]["text"] for run in runs] == [f"Hello {number}!" for number in range(50)]
    assert len({run["id"] for run in runs}) == 50
