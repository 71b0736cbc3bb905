"""What changes between versions, the way back, and people who do things at the same time."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.api.drawings import TEXT, chain, concat, end, greeting, start
from tests.api.serving import Serving
from tests.api.test_versions import calling

Document = dict[str, Any]


def farewell() -> Document:
    return chain(
        start(("name",), name=TEXT),
        concat("greet", "再见 {{name}}!", name=["start", "name"]),
        concat("more", "…"),
        end(text=["greet", "output"]),
    )


async def twice_published(serving: Serving) -> str:
    made = await serving.published(greeting(), key="greet")
    await serving.put("/workflows/greet/draft", {"canvas": farewell(), "revision": 1})
    assert (await serving.post("/workflows/greet/versions", {})).status_code == 201
    return made


async def test_any_two_versions_are_compared(serving: Serving) -> None:
    await twice_published(serving)
    found = (await serving.get("/workflows/greet/diff", **{"from": "v0.0.1", "to": "latest"})).json()
    assert (found["before"], found["after"], found["same"]) == ("v0.0.1", "v0.0.2", False)
    assert [one["id"] for one in found["added"]] == ["more"]
    (change,) = found["changed"]
    assert change["fields"] == [
        {
            "path": ["data", "inputs", "template", "template"],
            "before": "Hello {{name}}!",
            "after": "再见 {{name}}!",
            "added": False,
            "removed": False,
        }
    ]
    assert [(one["source"], one["target"]) for one in found["edges_removed"]] == [("greet", "end")]
    assert (await serving.get("/workflows/greet/diff")).json()["same"]
    for which, status in (("v9.9.9", 404), ("nine", 422), ("draft@7", 404), ("draft@x", 422)):
        assert (await serving.get("/workflows/greet/diff", to=which)).status_code == status


async def test_a_draft_goes_back_to_a_version_and_forth_again(serving: Serving) -> None:
    await twice_published(serving)
    body = {"version": "v0.0.1", "revision": 2}
    done = (await serving.post("/workflows/greet/rollback", body)).json()
    assert done == {"revision": 3, "kept": "draft@2", "diagnostics": []}
    assert (await serving.get("/workflows/greet/draft")).json()["canvas"] == greeting()
    assert (await serving.get("/workflows/greet")).json()["state"] == "changed"
    assert (await serving.run("greet", {"name": "A"}))["output"] == {"text": "再见 A!"}
    late = await serving.post("/workflows/greet/rollback", body)
    assert (late.status_code, late.json()["facts"]["revision"]) == (409, 3)
    kept = (await serving.get("/workflows/greet/kept-drafts")).json()["items"]
    assert [(one["name"], one["revision"]) for one in kept] == [("draft@2", 2)]
    forth = (await serving.post("/workflows/greet/rollback", {"version": "draft@2", "revision": 3})).json()
    assert (forth["revision"], forth["kept"]) == (4, "draft@3")
    assert (await serving.get("/workflows/greet/draft")).json()["canvas"] == farewell()
    back = await serving.post("/workflows/greet/rollback", {"version": "latest", "revision": 4})
    assert back.status_code == 200
    assert (await serving.get("/workflows/greet")).json()["state"] == "published"
    for refused, status in (("draft", 422), ("v7.0.0", 404), ("", 422)):
        answer = await serving.post("/workflows/greet/rollback", {"version": refused, "revision": 5})
        assert answer.status_code == status
    assert (await serving.post("/workflows/greet/rollback", {"version": "v0.0.1"})).status_code == 422


async def test_of_the_drafts_that_gave_way_the_last_twenty_are_kept(serving: Serving) -> None:
    await twice_published(serving)
    for number in range(23):
        body = {"version": f"v0.0.{number % 2 + 1}", "revision": number + 2}
        assert (await serving.post("/workflows/greet/rollback", body)).status_code == 200
    kept = (await serving.get("/workflows/greet/kept-drafts")).json()["items"]
    assert [one["revision"] for one in kept] == [*range(24, 4, -1)]


async def test_a_version_that_is_taken_back_runs_for_who_names_it(serving: Serving) -> None:
    await twice_published(serving)
    await serving.published(calling("greet", name=["start", "name"]), key="caller")
    changed = await serving.patch("/workflows/greet/versions/latest", {"withdrawn": True, "notes": "有错"})
    assert (changed.status_code, changed.json()["version"], changed.json()["notes"]) == (200, "v0.0.2", "有错")
    assert changed.json()["withdrawn"] is not None
    assert (await serving.run("greet", {"name": "A"}))["output"] == {"text": "Hello A!"}
    assert (await serving.run("greet", {"name": "A"}, version="v0.0.2"))["output"] == {"text": "再见 A!"}
    assert (await serving.run("caller", {"name": "A"}))["output"] == {"text": "再见 A!"}
    await serving.post("/workflows/caller/versions", {})
    assert (await serving.run("caller", {"name": "A"}))["output"] == {"text": "Hello A!"}
    assert (await serving.get("/workflows/greet/versions/next")).json() == {
        "newest": "v0.0.2", "patch": "v0.0.3", "minor": "v0.1.0", "major": "v1.0.0",
    }  # fmt: skip
    assert (await serving.post("/workflows/greet/versions", {"version": "v0.0.2"})).status_code == 409
    await serving.patch("/workflows/greet/versions/v0.0.1", {"withdrawn": True})
    assert (await serving.post("/workflows/greet/runs", {"inputs": {"name": "A"}})).status_code == 409
    await serving.patch("/workflows/greet/versions/v0.0.2", {"withdrawn": False})
    assert (await serving.get("/workflows/greet")).json()["latest_version"] == "v0.0.2"
    assert (await serving.patch("/workflows/greet/versions/v3.0.0", {"notes": ""})).status_code == 404


async def test_what_was_seen_must_still_be_there(serving: Serving) -> None:
    await serving.drawn(greeting(), key="greet")
    path = "/api/v1/workflows/greet"
    draft = await serving.client.get(f"{path}/draft")
    assert draft.headers["etag"] == '"1"'
    assert (await serving.client.get(f"{path}/draft", headers={"if-none-match": '"1"'})).status_code == 304
    body = {"canvas": farewell()}
    saved = await serving.client.put(f"{path}/draft", json=body, headers={"if-match": '"1"'})
    assert (saved.status_code, saved.headers["etag"]) == (200, '"2"')
    late = await serving.client.put(f"{path}/draft", json=body, headers={"if-match": '"1"'})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert late.json()["facts"]["revision"] == 2
    assert (await serving.client.get(f"{path}/draft", headers={"if-none-match": '"1"'})).status_code == 200
    both = await serving.client.put(f"{path}/draft", json={**body, "revision": 1}, headers={"if-match": '"2"'})
    assert both.status_code == 409
    assert (await serving.client.put(f"{path}/draft", json=body)).status_code == 422
    assert (await serving.client.put(f"{path}/draft", json=body, headers={"if-match": "*"})).status_code == 200

    tag = (await serving.client.get(path)).headers["etag"]
    assert (await serving.client.get(path, headers={"if-none-match": f'"x", {tag}'})).status_code == 304
    renamed = await serving.client.patch(path, json={"name": "新"}, headers={"if-match": tag})
    assert (renamed.status_code, renamed.headers["etag"] != tag) == (200, True)
    assert (await serving.client.patch(path, json={"name": "旧"}, headers={"if-match": tag})).status_code == 412
    assert (await serving.client.delete(path, headers={"if-match": tag})).status_code == 412
    rollback = {"version": "latest"}
    answer = await serving.client.post(f"{path}/rollback", json=rollback, headers={"if-match": '"1"'})
    assert answer.status_code == 404
    again = {"if-match": renamed.headers["etag"]}
    assert (await serving.client.delete(path, headers=again)).status_code == 204


async def test_of_two_that_save_one_draft_at_once_one_does_and_the_other_hears_of_it(serving: Serving) -> None:
    await serving.drawn(greeting(), key="greet")
    bodies: list[Document] = [{"canvas": {"nodes": [], "meta": {"by": by}}, "revision": 1} for by in "abcd"]
    answers = await asyncio.gather(*(serving.put("/workflows/greet/draft", body) for body in bodies))
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
    (won,) = (body for body, one in zip(bodies, answers, strict=True) if one.status_code == 200)
    assert (await serving.get("/workflows/greet/draft")).json()["canvas"] == won["canvas"]


async def test_of_those_that_publish_one_version_at_once_one_does(serving: Serving) -> None:
    await serving.drawn(greeting(), key="greet")
    path = "/workflows/greet/versions"
    answers = await asyncio.gather(*(serving.post(path, {"version": "v1.0.0"}) for _ in range(4)))
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    answers = await asyncio.gather(*(serving.post(path, {}) for _ in range(4)))
    assert sorted(one.json()["version"] for one in answers) == [f"v1.0.{number}" for number in range(1, 5)]
