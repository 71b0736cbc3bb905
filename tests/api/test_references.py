"""Who uses what is known, and shown before it goes."""

from __future__ import annotations

from typing import Any

from tests.api.drawings import TEXT, chain, end, greeting, start
from tests.api.people import another_organisation, somebody
from tests.api.serving import Serving
from tests.api.test_versions import calling

Document = dict[str, Any]


def asking(model: str, *tools: Document) -> Document:
    """A canvas whose model may call tools."""
    inputs = {"prompt": {"template": "写诗"}, "model": {"value": model}}
    settings = {"tools": [*tools]} if tools else {}
    ask = {"id": "ask", "type": "llm", "data": {"inputs": inputs, "settings": settings}}
    return chain(start(name=TEXT), ask, end(text=["ask", "output"]))


async def used_by(serving: Serving, kind: str, target: str) -> dict[str, list[str]]:
    answer = await serving.get("/references", kind=kind, target=target)
    assert answer.status_code == 200, answer.text
    return {one["key"]: [held["held_by"] for held in one["holdings"]] for one in answer.json()["items"]}


async def test_a_workflow_knows_who_calls_it_and_what_it_calls(serving: Serving) -> None:
    greet = await serving.published(greeting(), key="greet")
    await serving.published(calling("greet", name=["start", "name"]), key="by-key")
    await serving.drawn(calling(greet, "v0.0.1", name=["start", "name"]), key="by-id")
    found = (await serving.get("/workflows/greet/references")).json()
    assert {one["key"]: [held["held_by"] for held in one["holdings"]] for one in found["used_by"]} == {
        "by-key": ["draft", "v0.0.1"],
        "by-id": ["draft"],
    }
    assert found["used_by"][0]["holdings"] == [
        {"held_by": "draft", "latest": False, "asked": "v0.0.1", "nodes": ["call"]}
    ]
    assert found["uses"] == []
    uses = (await serving.get("/workflows/by-key/references")).json()["uses"]
    # A version means the workflow that had the key when it was published.
    assert [(one["held_by"], one["kind"], one["target"]) for one in uses] == [
        ("draft", "workflow", "greet"),
        ("v0.0.1", "workflow", greet),
    ]
    assert await used_by(serving, "workflow", greet) == await used_by(serving, "workflow", "greet")


async def test_a_draft_that_is_saved_again_names_nothing_that_it_named_before(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    caller = await serving.drawn(calling("greet", name=["start", "name"]), key="caller")
    assert await used_by(serving, "workflow", "greet") == {"caller": ["draft"]}
    await serving.put(f"/workflows/{caller['id']}/draft", {"canvas": greeting(), "revision": 1})
    assert await used_by(serving, "workflow", "greet") == {}


async def test_tools_and_models_of_a_model_are_used_too(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    tools = ({"workflow": "greet"}, {"plugin": "weather", "tool": "now"})
    await serving.drawn(asking("诗人", *tools), key="poet")
    for kind, target in (("model", "诗人"), ("workflow", "greet"), ("plugin", "weather")):
        assert await used_by(serving, kind, target) == {"poet": ["draft"]}
    assert await used_by(serving, "database", "weather") == {}


async def test_what_is_used_is_deleted_only_when_somebody_insists(serving: Serving) -> None:
    greet = await serving.published(greeting(), key="greet")
    caller = await serving.published(calling("greet", name=["start", "name"]), key="caller")
    refused = await serving.delete("/workflows/greet")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert refused.json()["facts"]["used_by"] == [
        {"workflow_id": caller, "key": "caller", "name": "A flow", "in": ["draft", "v0.0.1"]}
    ]
    assert (await serving.delete("/workflows/greet?force=true")).status_code == 204
    # What is published keeps the plan that it was compiled with.
    assert (await serving.run("caller", {"name": "李雷"}))["output"] == {"text": "Hello 李雷!"}
    again = await serving.post("/workflows/caller/versions", {})
    assert (again.status_code, [one["code"] for one in again.json()["errors"]]) == (422, ["unknown_workflow"])
    assert (await serving.delete(f"/trash/workflows/{greet}")).status_code == 204
    assert (await serving.run("caller", {"name": "A"}))["output"] == {"text": "Hello A!"}


async def test_an_older_version_or_one_in_the_trash_keeps_nothing_from_being_deleted(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    caller = await serving.published(calling("greet", name=["start", "name"]))
    other = await serving.drawn(calling("greet", name=["start", "name"]))
    await serving.put(f"/workflows/{caller}/draft", {"canvas": greeting(), "revision": 1})
    assert (await serving.delete("/workflows/greet")).status_code == 409
    await serving.post(f"/workflows/{caller}/versions", {})
    assert (await serving.delete("/workflows/greet")).status_code == 409
    assert (await serving.delete(f"/workflows/{other['id']}")).status_code == 204
    assert await used_by(serving, "workflow", "greet") != {}
    assert (await serving.delete("/workflows/greet")).status_code == 204


async def test_databases_and_knowledge_that_are_used_are_not_deleted_by_accident(serving: Serving) -> None:
    fields = [{"name": "name", "type": "text"}]
    table = await serving.post("/databases", {"name": "customers", "fields": fields})
    assert table.status_code == 201, table.text
    base = (await serving.post("/knowledge", {"name": "手册"})).json()["id"]
    query = {"id": "q", "type": "database_query", "data": {"settings": {"database": "customers"}}}
    find = {"id": "k", "type": "knowledge_retrieve", "data": {"settings": {"bases": [base]}}}
    await serving.drawn(chain(start(), query, find, end()), key="reader")
    assert await used_by(serving, "database", table.json()["id"]) == {"reader": ["draft"]}
    for path in (f"/databases/{table.json()['id']}", "/databases/customers", f"/knowledge/{base}"):
        refused = await serving.delete(path)
        assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    for path in ("/databases/customers", f"/knowledge/{base}"):
        assert (await serving.delete(f"{path}?force=true")).status_code == 204


async def test_what_others_use_is_not_told(serving: Serving) -> None:
    greet = await serving.published(greeting(), key="greet")
    org, space = await another_organisation(serving)
    theirs = await somebody(serving, "editor", org_id=org, space_id=space)
    body = {"name": "x", "key": "spy", "canvas": calling(greet, name=["start", "name"])}
    assert (await theirs.client.post("/api/v1/workflows", json=body)).status_code == 201
    assert await used_by(serving, "workflow", greet) == {}
    assert (await theirs.client.get(f"/api/v1/workflows/{greet}/references")).status_code == 404
    assert (await serving.delete("/workflows/greet")).status_code == 204
