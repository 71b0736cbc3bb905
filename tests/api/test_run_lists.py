"""Finding runs again, and what became of their steps."""

from typing import Any

import pytest

from tests.api.drawings import TEXT, chain, end, greeting, start
from tests.api.serving import Serving


def failing() -> dict[str, Any]:
    read = {"id": "read", "type": "json_from", "data": {"inputs": {"input": {"ref": ["start", "text"]}}}}
    return chain(start(text=TEXT), read, end())


async def ids(serving: Serving, **params: Any) -> list[str]:
    answer = await serving.get("/runs", **params)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["items"]]


async def test_runs_are_listed_the_newest_first_in_pages(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    runs = [(await serving.run(workflow, {"name": str(number)}))["id"] for number in range(5)]
    first = (await serving.get("/runs", limit=2)).json()
    assert [one["id"] for one in first["items"]] == [runs[4], runs[3]]
    assert await ids(serving, limit=3, cursor=first["next_cursor"]) == [runs[2], runs[1], runs[0]]
    assert "inputs" not in first["items"][0]


async def test_runs_are_found_by_what_they_are(serving: Serving) -> None:
    greet = await serving.published(greeting(), key="greet")
    fails = await serving.published(failing(), key="fails")
    good = await serving.run(greet, {"name": "Grace Hopper"})
    bad = await serving.run(fails, {"text": "{"})
    test = await serving.run(greet, {"name": "Ada"}, version="draft")
    assert await ids(serving, state="failed") == [bad["id"]]
    assert await ids(serving, state=["failed", "succeeded"]) == [test["id"], bad["id"], good["id"]]
    assert await ids(serving, state="waiting") == []
    assert await ids(serving, workflow="greet") == await ids(serving, workflow=greet) == [test["id"], good["id"]]
    assert await ids(serving, kind="test") == await ids(serving, version="draft") == [test["id"]]
    assert await ids(serving, search="Hopper") == [good["id"]]
    assert await ids(serving, search=bad["id"]) == [bad["id"]]
    assert await ids(serving, since=good["created"], until=good["created"] + 1, workflow="greet", kind="run") == [
        good["id"]
    ]
    assert await ids(serving, until=good["created"]) == []
    assert (await serving.get("/runs", workflow="nobody")).status_code == 404


async def test_records_of_steps_come_in_pages(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "Ada"})
    path = f"/runs/{run['id']}/nodes"
    first = (await serving.get(path, limit=2)).json()
    assert [one["node"] for one in first["items"]] == ["start", "greet"]
    rest = (await serving.get(path, limit=2, cursor=first["next_cursor"])).json()
    assert ([one["node"] for one in rest["items"]], rest["next_cursor"]) == (["end"], None)
    assert (await serving.get(path, cursor="x")).status_code == 422


async def test_records_of_turns_are_found_by_place(serving: Serving) -> None:
    body = {"id": "say", "type": "text_concat", "data": {"inputs": {"template": {"template": "{{index}}"}}}}
    laps = {
        "id": "laps",
        "type": "loop",
        "data": {
            "inputs": {"count": {"value": 12}},
            "settings": {"mode": "count"},
            "outputs": {"type": "object", "properties": {"all": {"type": "array", "items": TEXT}}},
            "results": {"all": {"ref": ["say", "output"]}},
        },
        "blocks": [body],
        "edges": [{"sourceNodeID": "laps", "targetNodeID": "say"}, {"sourceNodeID": "say", "targetNodeID": "laps"}],
    }
    workflow = await serving.published(chain(start(), laps, end(all=["laps", "all"])))
    run = await serving.run(workflow)
    assert run["output"] == {"all": [str(number) for number in range(12)]}

    async def paths(**params: Any) -> list[str]:
        return [one["path"] for one in (await serving.get(f"/runs/{run['id']}/nodes", **params)).json()["items"]]

    assert await paths(node="say") == [f"laps[{number}]/say" for number in range(12)]
    assert await paths(path="laps[1]") == ["laps[1]/say"]
    assert len(await paths(path="laps")) == 13
    assert await paths(path="lap") == []
    assert await paths(state="failed") == []
    assert await paths(node="say", limit=3) == ["laps[0]/say", "laps[1]/say", "laps[2]/say"]


@pytest.mark.parametrize("run", ["7", "x", "9" * 25, "-1"])
async def test_a_run_that_is_not_there_is_not_found(serving: Serving, run: str) -> None:
    for answer in (
        await serving.get(f"/runs/{run}"),
        await serving.get(f"/runs/{run}/nodes"),
        await serving.get(f"/runs/{run}/events"),
        await serving.get(f"/runs/{run}/events/stream"),
        await serving.get(f"/runs/{run}/values/{'0' * 64}"),
        await serving.post(f"/runs/{run}/cancel"),
        await serving.post(f"/runs/{run}/answers", {"wait_id": "a", "answer": "b"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_run_that_has_ended_takes_no_answer_and_stays_as_it_is_when_cancelled(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    run = await serving.run(workflow, {"name": "Ada"})
    answer = await serving.post(f"/runs/{run['id']}/answers", {"wait_id": "ask", "answer": "yes"})
    assert answer.status_code == 404
    for body in (None, {"reason": "no more"}):
        answer = await serving.post(f"/runs/{run['id']}/cancel", body)
        assert (answer.status_code, answer.json()) == (200, run)
