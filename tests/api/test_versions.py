"""Published versions, and workflows that call each other."""

from typing import Any

from tests.api.drawings import TEXT, chain, concat, end, greeting, start
from tests.api.serving import Serving

Document = dict[str, Any]


def calling(workflow: str, version: str = "", **inputs: Any) -> Document:
    call = {
        "id": "call",
        "type": "subworkflow",
        "data": {
            "inputs": {name: {"ref": ref} for name, ref in inputs.items()},
            "settings": {"workflow": workflow, "version": version},
            "outputs": {"type": "object", "properties": {"text": TEXT}},
        },
    }
    return chain(start(name=TEXT), call, end(text=["call", "text"]))


async def test_publishing_freezes_the_draft(serving: Serving) -> None:
    workflow = await serving.drawn(greeting(), key="greet")
    answer = await serving.post("/workflows/greet/versions", {"notes": "Erste Fassung"})
    assert answer.status_code == 201
    version = answer.json()
    assert (version["version"], version["notes"], version["workflow_id"]) == ("v0.0.1", "Erste Fassung", workflow["id"])
    await serving.put("/workflows/greet/draft", {"canvas": {}, "revision": 1})
    for wanted in ("v0.0.1", "latest"):
        frozen = (await serving.get(f"/workflows/greet/versions/{wanted}")).json()
        assert frozen["canvas"] == greeting()
        assert frozen["inputs"]["required"] == ["name"]
        assert {name: frozen[name] for name in version} == version
    assert (await serving.get("/workflows/greet")).json()["latest_version"] == "v0.0.1"


async def test_publishing_without_a_body_takes_the_next_version(serving: Serving) -> None:
    workflow = await serving.drawn(greeting())
    path = f"/api/v1/workflows/{workflow['id']}/versions"
    assert [(await serving.client.post(path)).json()["version"] for _ in range(3)] == ["v0.0.1", "v0.0.2", "v0.0.3"]
    first = (await serving.get(f"/workflows/{workflow['id']}/versions", limit=2)).json()
    assert [one["version"] for one in first["items"]] == ["v0.0.3", "v0.0.2"]
    rest = (await serving.get(f"/workflows/{workflow['id']}/versions", cursor=first["next_cursor"])).json()
    assert [one["version"] for one in rest["items"]] == ["v0.0.1"]


async def test_versions_grow(serving: Serving) -> None:
    workflow = await serving.drawn(greeting())
    path = f"/workflows/{workflow['id']}/versions"
    assert (await serving.post(path, {"version": "v2.0.0"})).status_code == 201
    for wanted, status in (("v2.0.0", 409), ("v1.9.9", 409), ("two", 422), ("v2.0.1", 201)):
        assert (await serving.post(path, {"version": wanted})).status_code == status


async def test_a_draft_that_has_moved_on_is_not_published_unseen(serving: Serving) -> None:
    workflow = await serving.drawn(greeting())
    path = f"/workflows/{workflow['id']}/versions"
    assert (await serving.post(path, {"revision": 7})).status_code == 409
    assert (await serving.post(path, {"revision": 1})).status_code == 201


async def test_a_broken_draft_is_not_published_and_every_finding_comes_back(serving: Serving) -> None:
    broken = chain(start(), {"id": "a", "type": "nope"}, {"id": "b", "type": "text_concat"}, end())
    workflow = await serving.drawn(broken)
    answer = await serving.post(f"/workflows/{workflow['id']}/versions", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_canvas")
    assert {one["node"] for one in answer.json()["errors"]} >= {"a", "b"}
    assert (await serving.get(f"/workflows/{workflow['id']}/versions")).json()["items"] == []


async def test_what_is_no_canvas_at_all_is_not_published(serving: Serving) -> None:
    workflow = await serving.drawn({"nodes": "none"})
    answer = await serving.post(f"/workflows/{workflow['id']}/versions", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_canvas")
    assert answer.json()["errors"]


async def test_a_version_that_is_not_there_is_not_found(serving: Serving) -> None:
    workflow = await serving.published(greeting())
    assert (await serving.get(f"/workflows/{workflow}/versions/v9.9.9")).status_code == 404
    assert (await serving.get(f"/workflows/{workflow}/versions/nine")).status_code == 422


async def test_a_workflow_calls_another_by_id_or_key(serving: Serving) -> None:
    greet = await serving.published(greeting(), key="greet")
    for ref in (greet, "greet"):
        caller = await serving.published(calling(ref, name=["start", "name"]))
        run = await serving.run(caller, {"name": "Ada"})
        assert (run["output"], run["mode"]) == ({"text": "Hello Ada!"}, "in_place")
        nodes = (await serving.get(f"/runs/{run['id']}/nodes")).json()["items"]
        assert [one["path"] for one in nodes] == ["start", "call", "call/start", "call/greet", "call/end", "end"]
        inner = (await serving.get(f"/runs/{run['id']}/nodes", path="call", state="succeeded", node="greet")).json()
        assert [one["path"] for one in inner["items"]] == ["call/greet"]


async def test_the_called_version_is_settled_when_the_caller_is_published(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    latest = await serving.published(calling("greet", name=["start", "name"]))
    pinned = await serving.published(calling("greet", "v0.0.1", name=["start", "name"]))
    bye = chain(start(name=TEXT), concat("greet", "Bye {{n}}!", n=["start", "name"]), end(text=["greet", "output"]))
    await serving.put("/workflows/greet/draft", {"canvas": bye, "revision": 1})
    await serving.post("/workflows/greet/versions", {})
    for caller in (latest, pinned):
        assert (await serving.run(caller, {"name": "A"}))["output"] == {"text": "Hello A!"}
        await serving.post(f"/workflows/{caller}/versions", {})
    assert (await serving.run(latest, {"name": "A"}))["output"] == {"text": "Bye A!"}
    assert (await serving.run(pinned, {"name": "A"}))["output"] == {"text": "Hello A!"}


async def test_a_workflow_that_is_not_published_can_be_called_in_a_test_run_only(serving: Serving) -> None:
    await serving.drawn(greeting(), key="greet")
    caller = await serving.drawn(calling("greet", name=["start", "name"]))
    assert caller["diagnostics"] == []
    run = await serving.run(caller["id"], {"name": "Ada"}, version="draft")
    assert run["output"] == {"text": "Hello Ada!"}
    answer = await serving.post(f"/workflows/{caller['id']}/versions", {})
    assert answer.status_code == 422
    assert [one["code"] for one in answer.json()["errors"]] == ["unknown_workflow"]


async def test_a_call_of_nobody_is_a_finding(serving: Serving) -> None:
    caller = await serving.drawn(calling("nobody"))
    assert "unknown_workflow" in {one["code"] for one in caller["diagnostics"]}
    caller = await serving.drawn(calling("nobody", "not a version"))
    assert "unknown_workflow" in {one["code"] for one in caller["diagnostics"]}


async def test_a_workflow_that_calls_itself_is_found_out(serving: Serving) -> None:
    workflow = await serving.drawn(greeting(), key="me")
    for published in (False, True):
        if published:
            await serving.post("/workflows/me/versions", {})
        for ref in ("me", workflow["id"]):
            revision = (await serving.get("/workflows/me")).json()["revision"]
            body = {"canvas": calling(ref, name=["start", "name"]), "revision": revision}
            found = (await serving.put("/workflows/me/draft", body)).json()["diagnostics"]
            assert "recursive_workflow" in {one["code"] for one in found}
            answer = await serving.post("/workflows/me/runs", {"version": "draft"})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_canvas")
        await serving.put("/workflows/me/draft", {"canvas": greeting(), "revision": revision + 1})


async def test_a_ring_of_drafts_is_found_out(serving: Serving) -> None:
    keys = ["ring-a", "ring-b", "ring-c"]
    for key, following in zip(keys, [*keys[1:], keys[0]], strict=True):
        await serving.drawn(calling(following, name=["start", "name"]), key=key)
    for key in keys:
        found = (await serving.post(f"/workflows/{key}/validate")).json()["diagnostics"]
        assert "recursive_workflow" in {one["code"] for one in found}
        assert (await serving.post(f"/workflows/{key}/runs", {"version": "draft"})).status_code == 422


async def test_a_ring_through_published_versions_is_found_out(serving: Serving) -> None:
    await serving.published(greeting(), key="inner")
    await serving.published(calling("inner", name=["start", "name"]), key="outer")
    canvas = calling("outer", name=["start", "name"])
    saved = await serving.put("/workflows/inner/draft", {"canvas": canvas, "revision": 1})
    assert "recursive_workflow" in {one["code"] for one in saved.json()["diagnostics"]}
    assert (await serving.post("/workflows/inner/versions", {})).status_code == 422


async def test_a_long_chain_of_drafts_compiles(serving: Serving) -> None:
    await serving.drawn(greeting(), key="link-0")
    for number in range(12):
        await serving.drawn(calling(f"link-{number}", name=["start", "name"]), key=f"link-{number + 1}")
    run = await serving.run("link-12", {"name": "A"}, version="draft")
    assert run["output"] == {"text": "Hello A!"}
