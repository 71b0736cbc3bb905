"""Debugging over HTTP: one node alone, data pinned to nodes, and what a node was given the last time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.api.drawings import TEXT, chain, concat, end, start
from tests.api.durable import durable
from tests.api.people import somebody
from tests.api.serving import Serving
from tests.nodes.replies import WrittenReplies
from workers.embedded import EmbeddedTemporal


def two_steps() -> dict[str, Any]:
    return chain(
        start(("name",), name=TEXT),
        concat("greet", "Hello {{name}}!", name=["start", "name"]),
        concat("shout", "{{said}} {{start.name}}!!", said=["greet", "output"]),
        end(text=["shout", "output"]),
    )


def looping() -> dict[str, Any]:
    turns = {
        "id": "turns",
        "type": "loop",
        "data": {
            "settings": {"mode": "array"},
            "inputs": {"items": {"ref": ["start", "names"]}},
            "results": {"all": {"ref": ["greet", "output"]}},
        },
        "blocks": [concat("greet", "{{word}} {{item}} {{index}}", word=["start", "word"])],
        "edges": [
            {"sourceNodeID": "turns", "targetNodeID": "greet"},
            {"sourceNodeID": "greet", "targetNodeID": "turns"},
        ],
    }
    return chain(start(names={"type": "array"}, word=TEXT), turns, end(all=["turns", "all"]))


async def debug(serving: Serving, workflow: str, node: str, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await serving.post(f"/workflows/{workflow}/nodes/{node}/runs", {"inputs": inputs, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def last(serving: Serving, workflow: str, node: str) -> dict[str, Any]:
    answer = await serving.get(f"/workflows/{workflow}/nodes/{node}/last-inputs")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


# --- one node alone ---------------------------------------------------------------------------------------------------


async def test_a_node_runs_alone_with_what_it_is_given(serving: Serving) -> None:
    workflow = (await serving.drawn(two_steps()))["id"]
    run = await debug(serving, workflow, "shout", {"said": "嗨", "start": {"name": "Ada"}})
    assert (run["state"], run["kind"], run["output"]) == ("succeeded", "debug", {"output": {"output": "嗨 Ada!!"}})
    assert (run["record"]["node"], run["record"]["output"]) == ("shout", {"output": "嗨 Ada!!"})
    nodes = (await serving.get(f"/runs/{run['id']}/nodes")).json()["items"]
    assert [one["node"] for one in nodes] == ["debug_start", "shout", "debug_end"]
    listed = (await serving.get("/runs", kind="debug")).json()["items"]
    assert [one["id"] for one in listed] == [run["id"]]
    assert (await serving.get("/runs", kind="test")).json()["items"] == []


async def test_a_composite_runs_alone_with_its_body_and_its_turns_are_read_by_their_place(serving: Serving) -> None:
    workflow = (await serving.drawn(looping()))["id"]
    run = await debug(serving, workflow, "turns", {"items": ["a", "b", "c"], "start": {"word": "hi"}})
    assert run["output"] == {"output": {"all": ["hi a 0", "hi b 1", "hi c 2"]}}
    assert run["record"]["path"] == "turns"
    found = (await serving.get(f"/runs/{run['id']}/nodes", path="turns", node="greet", limit=2)).json()
    assert [(one["path"], one["turn"]) for one in found["items"]] == [("turns[0]/greet", 0), ("turns[1]/greet", 1)]
    rest = (
        await serving.get(f"/runs/{run['id']}/nodes", path="turns", node="greet", cursor=found["next_cursor"])
    ).json()
    assert [one["output"]["output"] for one in rest["items"]] == ["hi c 2"]


async def test_a_node_of_a_body_runs_alone_with_a_turn_of_ones_own(serving: Serving) -> None:
    workflow = (await serving.drawn(looping()))["id"]
    run = await debug(serving, workflow, "greet", {"item": "x", "index": 7, "word": "hey"})
    assert run["output"]["output"] == {"output": "hey x 7"}


async def test_an_input_that_the_node_does_not_read_is_refused_with_those_that_it_reads(serving: Serving) -> None:
    workflow = (await serving.drawn(looping()))["id"]
    given = {"inputs": {"names": ["李雷"], "word": "嗨"}}
    answer = await serving.post(f"/workflows/{workflow}/nodes/turns/runs", given)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "inputs.names")
    assert answer.json()["detail"] == ('The node reads nothing of the name "names"; it can be given "items", "start".')


async def test_the_port_by_which_a_node_was_left_is_in_its_record(serving: Serving) -> None:
    check = {
        "id": "check",
        "type": "condition",
        "data": {
            "settings": {
                "cases": [
                    {
                        "port": "long",
                        "comparisons": [
                            {"left": {"ref": ["start", "name"]}, "operator": "length_greater", "right": {"value": 3}}
                        ],
                    }
                ]
            }
        },
    }
    canvas = chain(start(name=TEXT), check, end(text="x"))
    canvas["edges"] = [
        {"sourceNodeID": "start", "targetNodeID": "check"},
        {"sourceNodeID": "check", "targetNodeID": "end", "sourcePortID": "long"},
        {"sourceNodeID": "check", "targetNodeID": "end", "sourcePortID": "otherwise"},
    ]
    workflow = (await serving.drawn(canvas))["id"]
    for name, port in (("Ada!", "long"), ("A", "otherwise")):
        run = await debug(serving, workflow, "check", {"start": {"name": name}})
        assert run["record"]["port"] == port, run


async def test_a_node_that_fails_alone_says_why(serving: Serving) -> None:
    workflow = (
        await serving.drawn(
            chain(
                start(t=TEXT),
                {
                    "id": "n",
                    "type": "json_from",
                    "data": {
                        "inputs": {"input": {"ref": ["start", "t"]}},
                        "outputs": {"type": "object", "properties": {"output": {"type": "object"}}},
                    },
                },
                end(x=["n", "output"]),
            )
        )
    )["id"]
    run = await debug(serving, workflow, "n", {"input": "{"})
    assert run["state"] == "failed"
    assert run["record"]["state"] == "failed"
    assert run["error"]["facts"]["node"] == "n"


async def test_nodes_that_cannot_run_alone_are_refused(serving: Serving) -> None:
    workflow = (await serving.drawn(two_steps()))["id"]
    for node, status, code in (("nobody", 404, "not_found"), ("start", 422, "invalid_input")):
        answer = await serving.post(f"/workflows/{workflow}/nodes/{node}/runs", {})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    broken = (await serving.drawn(chain(start(), {"id": "n", "type": "llmm", "data": {}}, end(x=["n"])), "B"))["id"]
    answer = await serving.post(f"/workflows/{broken}/nodes/n/runs", {})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_canvas")


# --- pins -------------------------------------------------------------------------------------------------------------


async def test_a_test_run_takes_what_is_pinned(serving: Serving) -> None:
    workflow = (await serving.drawn(two_steps()))["id"]
    pins = {"greet": {"output": {"output": "钉"}}}
    run = await serving.run(workflow, {"name": "Ada"}, version="draft", pins=pins)
    assert run["output"] == {"text": "钉 Ada!!"}
    nodes = {one["node"]: one for one in (await serving.get(f"/runs/{run['id']}/nodes")).json()["items"]}
    assert nodes["greet"]["details"] == {"pinned": True}
    assert nodes["shout"]["details"] is None
    plain = await serving.run(workflow, {"name": "Ada"}, version="draft")
    assert plain["output"] == {"text": "Hello Ada! Ada!!"}


async def test_within_a_composite_alone_its_body_may_be_pinned(serving: Serving) -> None:
    workflow = (await serving.drawn(looping()))["id"]
    pins = {"greet": {"output": {"output": "p"}}, "start": {"output": {}}}
    run = await debug(serving, workflow, "turns", {"items": [1, 2]}, pins=pins)
    assert run["output"]["output"] == {"all": ["p", "p"]}


async def test_a_published_version_has_no_pins(serving: Serving) -> None:
    workflow = await serving.published(two_steps())
    body = {"inputs": {"name": "x"}, "pins": {"greet": {"output": {}}}}
    for version in ({}, {"version": "v0.0.1"}):
        answer = await serving.post(f"/workflows/{workflow}/runs", {**body, **version})
        assert answer.status_code in (404, 422), answer.text
    answer = await serving.post(f"/workflows/{workflow}/runs", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    answer = await serving.post(
        f"/workflows/{workflow}/runs", {**body, "version": "draft", "pins": {"no": {"output": {}}}}
    )
    assert answer.status_code == 422


async def test_a_key_of_a_run_with_other_pins_is_a_conflict(serving: Serving) -> None:
    workflow = (await serving.drawn(two_steps()))["id"]
    body: dict[str, Any] = {"inputs": {"name": "x"}, "version": "draft", "idempotency_key": "k"}
    first = await serving.run(workflow, **body, pins={"greet": {"output": {"output": "1"}}})
    again = await serving.post(f"/workflows/{workflow}/runs", {**body, "pins": {"greet": {"output": {"output": "1"}}}})
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    other = await serving.post(f"/workflows/{workflow}/runs", {**body, "pins": {"greet": {"output": {"output": "2"}}}})
    assert other.status_code == 409


# --- last inputs ------------------------------------------------------------------------------------------------------


async def test_what_a_node_was_given_can_be_given_again(serving: Serving) -> None:
    workflow = (await serving.drawn(two_steps()))["id"]
    before = await last(serving, workflow, "shout")
    assert (before["inputs"], before["run_id"]) == ({}, None)
    assert before["schema"]["properties"]["said"] == {}
    whole = await serving.run(workflow, {"name": "Ada"}, version="draft")
    known = await last(serving, workflow, "shout")
    assert (known["inputs"], known["run_id"]) == ({"said": "Hello Ada!", "start": {"name": "Ada"}}, whole["id"])
    again = await debug(serving, workflow, "shout", known["inputs"])
    assert again["output"]["output"] == {"output": "Hello Ada! Ada!!"}
    alone = await debug(serving, workflow, "shout", {"said": "x"})
    known = await last(serving, workflow, "shout")
    assert (known["inputs"]["said"], known["run_id"]) == ("x", alone["id"])


async def test_ones_own_test_runs_come_before_runs_of_versions(serving: Serving) -> None:
    workflow = await serving.published(two_steps())
    test = await serving.run(workflow, {"name": "test"}, version="draft")
    await serving.run(workflow, {"name": "real"})
    assert (await last(serving, workflow, "greet"))["run_id"] == test["id"]


async def test_what_a_node_of_a_body_was_given_is_that_of_its_last_turn(serving: Serving) -> None:
    workflow = (await serving.drawn(looping()))["id"]
    await serving.run(workflow, {"names": ["a", "b"], "word": "w"}, version="draft")
    known = await last(serving, workflow, "greet")
    assert known["path"] == "turns[1]/greet"
    assert (known["inputs"]["index"], known["inputs"]["word"]) == (1, "w")


async def test_another_spaces_node_is_not_found(serving: Serving) -> None:
    assert (await serving.get("/workflows/123/nodes/a/last-inputs")).status_code == 404


# --- through Temporal -------------------------------------------------------------------------------------------------


def asking() -> dict[str, Any]:
    ask = {
        "id": "ask",
        "type": "question",
        "data": {
            "inputs": {"question": {"template": "Who is {{start.who}}?"}},
            "settings": {"extract": True},
            "outputs": {
                "type": "object",
                "properties": {"answer": TEXT, "name": TEXT, "age": {"type": "integer"}},
                "required": ["name", "age"],
            },
        },
    }
    return chain(start(who=TEXT), ask, end(name=["ask", "name"], age=["ask", "age"]))


async def test_a_question_is_asked_in_rounds_and_its_record_has_all_of_them(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    replies = [
        '{"fields": {"name": "Ada"}, "question": "How old is she?"}',
        '{"fields": {"name": "Ada", "age": "36"}, "question": ""}',
    ]
    async with durable(temporal_server, tmp_path, models=WrittenReplies([*replies, *replies])) as there:
        serving = there.serving
        workflow = await serving.published(asking())
        alone = await debug(serving, workflow, "ask", {"start": {"who": "she"}})
        for run in (await serving.run(workflow, {"who": "she"}), alone):
            assert (run["state"], run["waits"][0]["prompt"]) == ("waiting", "Who is she?")
            for wait_id, answer in (("ask", "She is Ada."), ("ask.2", "36")):
                async with asyncio.timeout(60):
                    while wait_id not in [one["wait_id"] for one in run["waits"]]:
                        run = (await serving.get(f"/runs/{run['id']}")).json()
                sent = await serving.post(f"/runs/{run['id']}/answers", {"wait_id": wait_id, "answer": answer})
                assert sent.status_code == 200, sent.text
            await serving.stores.events.settle(run["id"], waits=False)
            done = (await serving.get(f"/runs/{run['id']}")).json()
            output = done["output"].get("output", done["output"])
            assert (output["name"], output["age"]) == ("Ada", 36)
            assert done["usage"] == {"input_tokens": 20, "output_tokens": 6}
            (record,) = (await serving.get(f"/runs/{run['id']}/nodes", node="ask")).json()["items"]
            assert record["usage"] == {"input_tokens": 20, "output_tokens": 6}
            assert record["details"]["rounds"] == [
                {"question": "Who is she?", "answer": "She is Ada."},
                {"question": "How old is she?", "answer": "36"},
            ]


async def test_who_is_kept_to_one_end_user_is_shown_what_was_given_for_him(serving: Serving) -> None:
    workflow = await serving.published(two_steps())
    await serving.run(workflow, {"name": "他人"}, user_id="乙")
    program = await somebody(serving, "owner", kind="oauth", guest={"user": "甲"})
    where = f"/api/v1/workflows/{workflow}/nodes/greet/last-inputs"
    async with program.client as client:
        assert (await client.get(where)).json()["run_id"] is None
        own = await serving.run(workflow, {"name": "自己"}, user_id="甲")
        await serving.run(workflow, {"name": "他人"}, user_id="乙")
        seen = (await client.get(where)).json()
        assert (seen["run_id"], "他人" in repr(seen)) == (own["id"], False)
