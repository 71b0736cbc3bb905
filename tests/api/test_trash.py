"""The trash, copies, and workflows that move to another space."""

from __future__ import annotations

from typing import Any

from tests.api.drawings import TEXT, chain, end, greeting, start
from tests.api.people import another_organisation, somebody
from tests.api.serving import Serving
from tests.api.test_versions import calling

Document = dict[str, Any]


async def test_what_is_deleted_lies_in_the_trash_and_comes_back_whole(serving: Serving) -> None:
    made = await serving.published(greeting(), "问候", key="greet", tags=["客服"])
    before = (await serving.get("/workflows/greet")).json()
    assert (await serving.delete("/workflows/greet")).status_code == 204
    (thrown,) = (await serving.get("/trash/workflows")).json()["items"]
    assert (thrown["id"], thrown["key"], thrown["name"], thrown["deleted_by"]) == (made, "greet", "问候", None)
    back = (await serving.post(f"/trash/workflows/{made}/restore")).json()
    assert (back["key_before"], back["folder_gone"]) == ("greet", False)
    after = (await serving.get("/workflows/greet")).json()
    assert {**after, "updated": 0} == {**before, "updated": 0}
    assert (await serving.run("greet", {"name": "A"}))["output"] == {"text": "Hello A!"}
    assert (await serving.get("/trash/workflows")).json()["items"] == []


async def test_a_key_that_was_taken_meanwhile_gets_an_id_behind_it(serving: Serving) -> None:
    folder = (await serving.post("/folders", {"name": "a"})).json()["id"]
    made = await serving.drawn(greeting(), key="greet", folder_id=folder)
    await serving.delete("/workflows/greet")
    other = await serving.drawn(greeting(), key="greet")
    await serving.delete(f"/folders/{folder}")
    back = (await serving.post(f"/trash/workflows/{made['id']}/restore")).json()
    assert (back["key_before"], back["key"]) == ("greet", f"greet-{made['id']}")
    # It went one up with the folder that it was in.
    assert (back["folder_gone"], back["folder_id"]) == (False, "0")
    assert (await serving.get("/workflows/greet")).json()["id"] == other["id"]
    assert (await serving.post(f"/trash/workflows/{made['id']}/restore")).status_code == 404


async def test_what_is_purged_is_gone_and_its_runs_are_not(serving: Serving) -> None:
    made = await serving.published(greeting(), key="greet")
    run = await serving.run("greet", {"name": "李雷"})
    assert (await serving.delete(f"/trash/workflows/{made}")).status_code == 404
    await serving.delete("/workflows/greet")
    assert (await serving.delete(f"/trash/workflows/{made}")).status_code == 204
    assert (await serving.post(f"/trash/workflows/{made}/restore")).status_code == 404
    assert (await serving.get(f"/runs/{run['id']}")).json() == run
    assert len((await serving.get(f"/runs/{run['id']}/nodes")).json()["items"]) == 3


async def test_the_trash_is_listed_in_pages_and_emptied(serving: Serving) -> None:
    made = [(await serving.drawn(greeting(), f"{number}"))["id"] for number in range(3)]
    for one in made:
        await serving.delete(f"/workflows/{one}")
    first = (await serving.get("/trash/workflows", limit=2)).json()
    rest = (await serving.get("/trash/workflows", limit=2, cursor=first["next_cursor"])).json()
    assert [one["id"] for one in [*first["items"], *rest["items"]]] == made[::-1]
    assert (await serving.get("/trash/workflows", cursor="x")).status_code == 422
    assert (await serving.delete("/trash/workflows?older_than_days=1")).json() == {"purged": 0}
    assert (await serving.delete("/trash/workflows")).json() == {"purged": 3}
    assert (await serving.get("/trash/workflows")).json()["items"] == []


async def test_the_trash_of_others_is_none(serving: Serving) -> None:
    org, space = await another_organisation(serving)
    theirs = await somebody(serving, "owner", org_id=org, space_id=space)
    made = await serving.drawn(greeting())
    await serving.delete(f"/workflows/{made['id']}")
    assert (await theirs.client.get("/api/v1/trash/workflows")).json()["items"] == []
    path = f"/api/v1/trash/workflows/{made['id']}"
    assert (await theirs.client.post(f"{path}/restore")).status_code == 404
    assert (await theirs.client.delete(path)).status_code == 404
    assert (await theirs.client.delete("/api/v1/trash/workflows")).json() == {"purged": 0}


async def test_a_copy_is_a_workflow_of_its_own(serving: Serving) -> None:
    made = await serving.published(greeting(), "问候", key="greet", tags=["客服"])
    copy = (await serving.post("/workflows/greet/copy", {})).json()
    assert (copy["name"], copy["key"], copy["latest_version"]) == ("问候 (copy)", f"greet-{copy['id']}", None)
    assert (copy["tags"], copy["diagnostics"], copy["called"], copy["state"]) == (["客服"], [], [], "draft")
    await serving.put(f"/workflows/{copy['id']}/draft", {"canvas": {}, "revision": 1})
    assert (await serving.get(f"/workflows/{made}/draft")).json()["canvas"] == greeting()
    again = (await serving.post("/workflows/greet/copy", {"name": "新", "version": "v0.0.1"})).json()
    assert again["name"] == "新"
    assert (await serving.post("/workflows/greet/copy", {"version": "v9.9.9"})).status_code == 404


async def test_a_copy_into_another_space_says_what_is_missing_there(serving: Serving) -> None:
    await serving.published(greeting(), key="greet")
    inputs = {"prompt": {"template": "写诗"}, "model": {"value": "诗人"}}
    query = {"id": "q", "type": "database_query", "data": {"settings": {"database": "客户"}}}
    ask = {"id": "ask", "type": "llm", "data": {"inputs": inputs}}
    call = calling("greet", name=["start", "name"])["nodes"][1]
    made = await serving.drawn(chain(start(name=TEXT), ask, query, call, end()), "诗")
    editor = await somebody(serving, "editor")
    spaces = (await editor.client.get("/api/v1/spaces")).json()["items"]
    target = next(one["id"] for one in spaces if one["kind"] == "personal")
    answer = await editor.client.post(f"/api/v1/workflows/{made['id']}/copy", json={"space_id": target})
    assert answer.status_code == 201, answer.text
    copy = answer.json()
    assert (copy["name"], copy["space_id"]) == ("诗", target)
    found = {(one["code"], one["node"]) for one in copy["diagnostics"]}
    assert found >= {("missing_model", "ask"), ("missing_database", "q"), ("unknown_workflow", "call")}
    along = {"space_id": target, "with_called": True, "name": "诗 2"}
    second = (await editor.client.post(f"/api/v1/workflows/{made['id']}/copy", json=along)).json()
    assert [one["key"] for one in second["called"]] == ["greet"]
    assert "unknown_workflow" not in {one["code"] for one in second["diagnostics"]}
    own = {"x-space-id": target}
    draft = (await editor.client.get(f"/api/v1/workflows/{second['id']}/draft", headers=own)).json()
    assert draft["canvas"]["nodes"][3]["data"]["settings"]["workflow"] == second["called"][0]["id"]


async def test_one_copies_only_to_where_one_may_edit(serving: Serving) -> None:
    _org, space = await another_organisation(serving)
    made = await serving.drawn(greeting())
    path = f"/api/v1/workflows/{made['id']}"
    viewer, editor = await somebody(serving, "viewer"), await somebody(serving, "editor")
    assert (await viewer.client.post(f"{path}/copy", json={})).status_code == 403
    for address in ("copy", "move"):
        for place in (str(space), "7", "x"):
            answer = await editor.client.post(f"{path}/{address}", json={"space_id": place})
            assert answer.status_code == 404, answer.text
    assert (await viewer.client.post(f"{path}/move", json={"space_id": str(space)})).status_code == 403


async def test_a_workflow_moves_to_another_space_with_its_versions(serving: Serving) -> None:
    made = await serving.published(greeting(), key="greet")
    run = await serving.run("greet", {"name": "A"})
    await serving.published(calling("greet", name=["start", "name"]), key="caller")
    _, space = await another_organisation(serving)
    body: Document = {"space_id": str(space)}
    assert (await serving.post(f"/workflows/{made}/move", body)).status_code == 409
    moved = await serving.post(f"/workflows/{made}/move", {**body, "force": True})
    assert moved.status_code == 200, moved.text
    assert (moved.json()["space_id"], moved.json()["key"], moved.json()["diagnostics"]) == (str(space), "greet", [])
    assert (await serving.get(f"/workflows/{made}")).status_code == 404
    there = {"x-space-id": str(space)}
    found = (await serving.client.get(f"/api/v1/workflows/{made}/versions", headers=there)).json()
    assert [one["version"] for one in found["items"]] == ["v0.0.1"]
    started = await serving.post(f"/workflows/{made}/runs", {"inputs": {"name": "B"}}, x_space_id=str(space))
    assert started.json()["output"] == {"text": "Hello B!"}
    assert (await serving.get(f"/runs/{run['id']}")).json() == run
    assert (await serving.run("caller", {"name": "C"}))["output"] == {"text": "Hello C!"}


async def test_what_is_done_is_written_down(serving: Serving) -> None:
    editor = await somebody(serving, "editor", name="李雷", grants=(2,))
    made = (await editor.client.post("/api/v1/workflows", json={"name": "问候", "canvas": greeting()})).json()
    path = f"/api/v1/workflows/{made['id']}"
    await editor.client.post(f"{path}/versions")
    await editor.client.post(f"{path}/rollback", json={"version": "v0.0.1", "revision": 1})
    await editor.client.post(f"{path}/copy", json={})
    await editor.client.delete(path)
    await editor.client.post(f"/api/v1/trash/workflows/{made['id']}/restore")
    await editor.client.delete(path)
    await editor.client.delete(f"/api/v1/trash/workflows/{made['id']}")
    await editor.client.post("/api/v1/folders", json={"name": "夜班"})
    found = (await editor.client.get("/api/v1/audit", params={"limit": 200})).json()["items"]
    done = [(one["action"], one["target_name"]) for one in found][::-1]
    assert [action for action, _ in done if action.partition(".")[0] in ("workflow", "folder")] == [
        "workflow.create", "workflow.publish", "workflow.rollback", "workflow.copy", "workflow.delete",
        "workflow.restore", "workflow.delete", "workflow.purge", "folder.create",
    ]  # fmt: skip
    assert {name for _, name in done} >= {"问候", "问候 (copy)", "夜班"}
