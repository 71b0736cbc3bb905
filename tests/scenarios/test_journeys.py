"""A person draws, publishes, runs, follows and reads: against everything that `mainspring up` starts."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.engine.draw import node
from tests.scenarios.conftest import Stage
from tests.scenarios.drawing import Document, begin, document, end, say
from tests.scenarios.follower import Event, Follower, fold, texts
from tests.scenarios.journey import Journey, publish

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ran(stage: Stage, workflow: str, inputs: Document, **fields: Any) -> Document:
    """A run, once it has ended."""
    start = {"inputs": inputs, "wait_seconds": 120, **fields}
    reply = await stage.system.client.post(f"/workflows/{workflow}/runs", json=start, timeout=150)
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


async def test_a_canvas_is_drawn_mended_published_run_followed_and_read(stage: Stage) -> None:
    client = stage.system.client
    model = node(
        "write", "llm", {"model": "scripted", "prompt": "say: 河水 flows {{times}} times", "times": "=start.times"}
    )
    told = node("end", "end", {}, settings={"mode": "answer", "answer": "So: {{write.output}}"})
    unfinished = document(begin(times="integer"), model, told, lines="start>write")
    drawn = (
        await client.post("/workflows", json={"name": "A first try", "key": "first-try", "canvas": unfinished})
    ).json()
    assert {finding["code"] for finding in drawn["diagnostics"]}
    refused = await client.post("/workflows/first-try/versions", json={})
    assert refused.status_code == 422

    canvas = document(begin(times="integer"), model, told, lines="start>write>end")
    saved = await client.put("/workflows/first-try/draft", json={"canvas": canvas, "revision": drawn["revision"]})
    assert saved.json()["diagnostics"] == []
    assert (await client.post("/workflows/first-try/versions", json={})).json()["version"] == "v0.0.1"

    events: list[Event] = []
    start = {"inputs": {"times": "3"}, "mode": "stream"}
    async with client.stream("POST", "/workflows/first-try/runs", json=start) as reply:
        assert reply.status_code == 201
        run_id = reply.headers["location"].rpartition("/")[2]
        async for line in reply.aiter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
    assert [event["seq"] for event in events] == [*range(1, len(events) + 1)]
    assert events[-1]["data"]["answer"] == "So: [scripted reply, no model] 河水 flows 3 times"
    made, whole = texts(events)
    assert made == whole == {"end": events[-1]["data"]["answer"]}

    run = (await client.get(f"/runs/{run_id}")).json()
    assert (run["state"], run["answer"], run["version"]) == ("succeeded", events[-1]["data"]["answer"], "v0.0.1")
    assert run["usage"]["output_tokens"] > 0
    records = {one["path"]: one for one in (await client.get(f"/runs/{run_id}/nodes")).json()["items"]}
    assert records["write"]["inputs"]["times"] == 3
    for path, made_of_events in fold(events).items():
        assert {name: records[path][name] for name in made_of_events} == made_of_events
    again = Follower(client, run_id)
    await again.finish(10)
    assert [event["key"] for event in again.events] == [event["key"] for event in events]


async def test_a_thousand_clicks_with_one_key_start_one_run(stage: Stage) -> None:
    client = stage.system.client
    canvas = document(begin(base="string"), say("call"), end(heard="=call.body"), lines="start>call>end")
    await publish(client, "once", canvas)
    start = {"inputs": {"base": stage.out.url}, "mode": "async"}
    sent = [client.post("/workflows/once/runs", json=start, headers={"idempotency-key": "an order"}) for _ in range(60)]
    replies = await asyncio.gather(*sent)
    assert {reply.status_code for reply in replies} == {200, 201}
    assert [reply.status_code for reply in replies].count(201) == 1
    (run_id,) = {reply.json()["id"] for reply in replies}
    await Follower(client, run_id).finish(30)
    assert stage.out.counted(run_id) == {"call": 1}
    other = await client.post(
        "/workflows/once/runs", json=start | {"inputs": {"base": "another"}}, headers={"idempotency-key": "an order"}
    )
    assert other.status_code == 409


async def test_twenty_megabytes_pass_through_a_condition_and_a_template_to_the_end(stage: Stage) -> None:
    client = stage.system.client
    large = {"left": {"ref": ["get", "body"]}, "operator": "length_greater", "right": {"value": 1_000_000}}
    instead = {"policy": "default", "default": {"output": "too long for a template"}}
    canvas = document(
        begin(base="string"),
        node("get", "http_request", {"url": "{{start.base}}/bytes?size=20000000"}),
        node("large", "condition", settings={"cases": [{"port": "yes", "comparisons": [large]}]}),
        node("whole", "text_concat", {"template": "<{{body}}>", "body": "=get.body"}, on_error=instead),
        node("short", "text_concat", {"template": "short"}),
        end(body="=get.body", status="=get.statusCode", whole="=whole.output"),
        lines="start>get>large large:yes>whole>end large:otherwise>short>end",
    )
    await publish(client, "large", canvas)
    run = await ran(stage, "large", {"base": stage.out.url})
    assert run["state"] == "succeeded", run["error"]
    assert (run["output"]["status"], run["output"]["whole"]) == (200, "too long for a template")
    reference = run["output"]["body"]["$blob"]
    assert reference["size"] > 19_000_000
    value = await client.get(f"/runs/{run['id']}/values/{reference['sha']}")
    assert json.loads(json.loads(value.content))["text"] == "文" * 6_666_660
    records = await client.get(f"/runs/{run['id']}/nodes")
    assert len(records.content) < 100_000


async def test_ten_megabytes_go_in_and_come_out(stage: Stage) -> None:
    canvas = document(begin(base="string", text="string"), say("call"), end(text="=start.text"), lines="start>call>end")
    await publish(stage.system.client, "much", canvas)
    run = await ran(stage, "much", {"base": stage.out.url, "text": "m" * (10 * 1024 * 1024 - 100)})
    assert run["state"] == "succeeded", run["error"]
    assert run["output"]["text"]["$blob"]["length"] == 10 * 1024 * 1024 - 100


async def test_a_batch_of_ten_thousand_items_is_walked_in_pieces(stage: Stage) -> None:
    body = [node("label", "text_concat", {"template": "#{{item}}"})]
    results = {"all": "=label.output"}
    batch = node("each", "batch", {"items": "=start.items"}, blocks=body, lines="each>label>each", results=results)
    await publish(
        stage.system.client,
        "ten-thousand",
        document(begin(items="array"), batch, end(all="=each.all"), lines="start>each>end"),
    )
    run = await ran(stage, "ten-thousand", {"items": [*range(10_000)]})
    assert run["state"] == "succeeded", run["error"]
    assert run["output"]["all"] == [f"#{number}" for number in range(10_000)]
    assert (run["mode"], run["executed_steps"]) == ("durable", 10_003)


async def test_a_batch_of_three_thousand_calls_is_walked_in_children_and_calls_each_once(stage: Stage) -> None:
    batch = node(
        "each",
        "batch",
        {"items": "=start.items", "concurrency": 32},
        blocks=[say("call", "=item")],
        lines="each>call>each",
        results={"all": "=call.body"},
    )
    canvas = document(begin(base="string", items="array"), batch, end(all="=each.all"), lines="start>each>end")
    await publish(stage.system.client, "three-thousand", canvas)
    run = await ran(stage, "three-thousand", {"base": stage.out.url, "items": [str(number) for number in range(3_000)]})
    assert run["state"] == "succeeded", run["error"]
    assert [json.loads(one)["heard"] for one in run["output"]["all"]] == [str(number) for number in range(3_000)]
    assert stage.out.counted(run["id"]) == {f"each[{number}]/call": 1 for number in range(3_000)}


async def test_a_long_loop_goes_on_in_a_fresh_history_and_calls_each_once(stage: Stage) -> None:
    turns = 750
    loop = node(
        "each",
        "loop",
        {"count": turns, "variables": {"object": {"sum": {"value": 0}}}},
        settings={"mode": "count"},
        blocks=[say("call", "{{index}}"), node("add", "set_variable", {"sum": "=index"})],
        lines="each>call>add>each",
        results={"last": "=loop.sum", "heard": "=call.statusCode"},
    )
    canvas = document(begin(base="string"), loop, end(last="=each.last", heard="=each.heard"), lines="start>each>end")
    await publish(stage.system.client, "long-loop", canvas)
    journey = await Journey.begin(stage.system.client, "long-loop", {"base": stage.out.url})
    ended = await journey.finish(120)
    assert ended["data"]["output"] == {"last": turns - 1, "heard": [200] * turns}
    assert stage.out.counted(journey.run_id) == {f"each[{number}]/call": 1 for number in range(turns)}
    assert [event["seq"] for event in journey.follower.events] == [*range(1, len(journey.follower.events) + 1)]
    assert len(await stage.system.histories(journey.run_id)) > 1
