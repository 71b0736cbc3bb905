"""Workflows and their drafts."""

from typing import Any

import pytest

from tests.api.drawings import TEXT, chain, concat, end, greeting, start
from tests.api.serving import Serving


async def test_a_new_workflow_is_found_by_its_id_and_by_its_key(serving: Serving) -> None:
    made = await serving.drawn(greeting(), "Greet people", key="greet", description="Says hello.")
    assert (made["name"], made["key"], made["revision"], made["latest_version"]) == ("Greet people", "greet", 1, None)
    assert made.pop("diagnostics") == []
    for ref in (made["id"], "greet"):
        assert (await serving.get(f"/workflows/{ref}")).json() == made


async def test_a_workflow_without_key_and_canvas_gets_both(serving: Serving) -> None:
    answer = await serving.post("/workflows", {"name": "Zwei Flüsse"})
    assert answer.status_code == 201
    workflow = answer.json()
    assert workflow["key"]
    assert [one["severity"] for one in workflow["diagnostics"]] == ["error"] * len(workflow["diagnostics"])
    draft = (await serving.get(f"/workflows/{workflow['key']}/draft")).json()
    assert draft["canvas"] == {"nodes": [], "edges": []}


async def test_a_key_that_looks_like_an_id_still_leads_to_its_workflow(serving: Serving) -> None:
    made = await serving.drawn(greeting(), "2025")
    assert made["key"] == "2025"
    assert (await serving.get("/workflows/2025")).json()["id"] == made["id"]


async def test_a_key_belongs_to_one_workflow(serving: Serving) -> None:
    await serving.drawn(greeting(), key="greet")
    answer = await serving.post("/workflows", {"name": "Another", "key": "greet"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a", "key": "Not A Key"}, "key"),
        ({"name": "a", "key": "1"}, "key"),
        ({"name": "a", "canvas": []}, "canvas"),
        ({"name": "a", "canvas": "{}"}, "canvas"),
        ({"name": "a", "colour": "red"}, "colour"),
        ({"name": 7}, "name"),
    ],
)
async def test_a_workflow_that_cannot_be_is_refused_by_field(serving: Serving, body: Any, field: str) -> None:
    answer = await serving.post("/workflows", body)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


async def test_workflows_are_listed_the_newest_first_in_pages(serving: Serving) -> None:
    for number in range(5):
        await serving.drawn(greeting(), f"Flow {number}")
    first = (await serving.get("/workflows", limit=3)).json()
    assert [one["name"] for one in first["items"]] == ["Flow 4", "Flow 3", "Flow 2"]
    rest = (await serving.get("/workflows", limit=3, cursor=first["next_cursor"])).json()
    assert [one["name"] for one in rest["items"]] == ["Flow 1", "Flow 0"]
    assert rest["next_cursor"] is None


async def test_workflows_are_found_by_a_part_of_their_name(serving: Serving) -> None:
    await serving.drawn(greeting(), "总结文章")
    await serving.drawn(greeting(), "100%")
    await serving.drawn(greeting(), "Something else")
    assert [one["name"] for one in (await serving.get("/workflows", search="总结")).json()["items"]] == ["总结文章"]
    assert [one["name"] for one in (await serving.get("/workflows", search="0%")).json()["items"]] == ["100%"]


async def test_a_workflow_can_be_renamed(serving: Serving) -> None:
    made = await serving.drawn(greeting(), key="greet")
    answer = await serving.client.patch("/api/v1/workflows/greet", json={"name": "Welcome", "description": "New."})
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["description"], answer.json()["id"]) == ("Welcome", "New.", made["id"])
    workflow = await serving.published(greeting(), "Before")
    await serving.run(workflow, {"name": "A"})
    await serving.client.patch(f"/api/v1/workflows/{workflow}", json={"name": "After"})
    assert (await serving.run(workflow, {"name": "A"}))["workflow_name"] == "After"


async def test_a_deleted_workflow_is_gone_and_its_runs_are_not(serving: Serving) -> None:
    workflow = await serving.published(greeting(), key="greet")
    run = await serving.run(workflow, {"name": "Ada"})
    assert (await serving.client.delete("/api/v1/workflows/greet")).status_code == 204
    for ref in (workflow, "greet"):
        assert (await serving.get(f"/workflows/{ref}")).status_code == 404
        answer = await serving.post(f"/workflows/{ref}/runs", {"inputs": {"name": "A"}})
        assert answer.status_code == 404
    assert (await serving.get(f"/runs/{run['id']}")).json() == run
    assert (await serving.post("/workflows", {"name": "Again", "key": "greet"})).status_code == 201


async def test_a_draft_comes_back_as_it_was_saved(serving: Serving) -> None:
    workflow = await serving.drawn(greeting())
    canvas = chain(start(文章=TEXT), concat("t", "{{a}}\n\u0000 \U0001f600", a=["start", "文章"]), end(n=1.5))
    canvas["meta"] = {"zoom": 0.75, "deep": [[[[None]]]]}
    saved = await serving.put(f"/workflows/{workflow['id']}/draft", {"canvas": canvas, "revision": 1})
    assert (saved.status_code, saved.json()) == (200, {"revision": 2, "diagnostics": []})
    draft = (await serving.get(f"/workflows/{workflow['id']}/draft")).json()
    assert (draft["canvas"], draft["revision"], draft["diagnostics"]) == (canvas, 2, [])


async def test_a_draft_that_has_moved_on_is_not_overwritten(serving: Serving) -> None:
    workflow = await serving.drawn(greeting())
    path = f"/workflows/{workflow['id']}/draft"
    await serving.put(path, {"canvas": greeting(), "revision": 1})
    answer = await serving.put(path, {"canvas": {"nodes": []}, "revision": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert answer.json()["facts"]["revision"] == 2
    assert (await serving.get(path)).json()["canvas"] == greeting()


async def test_an_unfinished_draft_is_kept_with_everything_that_is_wrong_with_it(serving: Serving) -> None:
    workflow = await serving.drawn(greeting())
    half = {"nodes": [start(), {"id": "x", "type": "nothing_like_it"}, {"no": "id"}], "edges": 7}
    answer = await serving.put(f"/workflows/{workflow['id']}/draft", {"canvas": half, "revision": 1})
    assert answer.status_code == 200
    assert len(answer.json()["diagnostics"]) >= 2
    draft = (await serving.get(f"/workflows/{workflow['id']}/draft")).json()
    assert draft["canvas"] == half
    assert draft["diagnostics"] == answer.json()["diagnostics"]


async def test_a_finding_names_its_node_and_field(serving: Serving) -> None:
    broken = chain(start(), concat("greet", "{{name}}", name=["nowhere", "name"]), end())
    answer = await serving.post("/validate", {"canvas": broken})
    assert answer.status_code == 200
    found = answer.json()
    assert found["valid"] is False
    assert ("greet", "data.inputs.name") in {
        (one["node"], one["field"].rpartition(".ref")[0] or one["field"]) for one in found["diagnostics"]
    }
    assert (await serving.post("/validate", {"canvas": greeting()})).json() == {"valid": True, "diagnostics": []}


async def test_the_stored_draft_can_be_validated(serving: Serving) -> None:
    workflow = await serving.drawn(chain(start(), {"id": "x", "type": "nope"}, end()))
    found = (await serving.post(f"/workflows/{workflow['id']}/validate")).json()
    assert (found["valid"], found["diagnostics"]) == (False, workflow["diagnostics"])


async def test_a_number_beyond_64_bits_in_a_canvas_is_a_finding_and_not_lost(serving: Serving) -> None:
    workflow = await serving.drawn(greeting())
    canvas = chain(start(), end(n=2**70))
    saved = await serving.put(f"/workflows/{workflow['id']}/draft", {"canvas": canvas, "revision": 1})
    assert saved.status_code == 200
    assert saved.json()["diagnostics"] != []
    assert (await serving.get(f"/workflows/{workflow['id']}/draft")).json()["canvas"] == canvas


@pytest.mark.parametrize("ref", ["7", "nobody", "9" * 40, "%00", "..", "a" * 100])
async def test_a_workflow_that_is_not_there_is_not_found(serving: Serving, ref: str) -> None:
    for answer in (
        await serving.get(f"/workflows/{ref}"),
        await serving.get(f"/workflows/{ref}/draft"),
        await serving.get(f"/workflows/{ref}/versions"),
        await serving.put(f"/workflows/{ref}/draft", {"canvas": {}, "revision": 1}),
        await serving.post(f"/workflows/{ref}/runs", {}),
        await serving.post(f"/workflows/{ref}/versions", {}),
        await serving.client.delete(f"/api/v1/workflows/{ref}"),
    ):
        assert (answer.status_code, answer.json()["code"]) in {(404, "not_found"), (405, "method_not_allowed")}
