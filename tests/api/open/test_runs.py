"""Runs that only compute, as programs start them with the SDK."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from cozepy import CozeAPIError, WorkflowEventType

from tests.api.drawings import TEXT, chain, concat, end, greeting, start
from tests.api.open.coze import Programs, programs, sync
from tests.api.people import somebody
from tests.api.serving import Serving
from tests.api.test_chat_runs import answer

NAMES = {"name": "安娜\u2028\u2029\u0085\u000b\u000c\u001c\u001d\u001e😀"}


def answering() -> dict[str, object]:
    return chain(start(("name",), name=TEXT), answer("你好，{{name}}！", name=["start", "name"]))


async def test_a_sync_run_hands_back_the_variables_as_json(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        workflow = await there.serving.published(greeting())
        result = await sync(lambda: there.coze.workflows.runs.create(workflow_id=workflow, parameters={"name": "Ada"}))
        assert json.loads(result.data or "") == {"text": "Hello Ada!"}
        assert result.execute_id
        assert result.debug_url == f"{there.url}/api/v1/runs/{result.execute_id}"
        assert result.usage is not None
        assert result.usage.token_count == 0
        assert result.response.logid
        shown = await there.raw.get(result.debug_url)
        assert shown.json()["user_id"] is not None
        again = await there.async_coze.workflows.runs.create(workflow_id=workflow, parameters={"name": "李雷"})
        assert json.loads(again.data or "") == {"text": "Hello 李雷!"}


async def test_a_text_is_handed_back_in_its_wrapper(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        workflow = await there.serving.published(answering())
        result = await sync(lambda: there.coze.workflows.runs.create(workflow_id=workflow, parameters=NAMES))
        text = f"你好，{NAMES['name']}！"
        assert json.loads(result.data or "") == {"content_type": 1, "data": text, "type_for_model": 2}


async def test_an_async_run_is_found_in_its_history(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        workflow = await there.serving.published(greeting())
        started = await sync(
            lambda: there.coze.workflows.runs.create(
                workflow_id=workflow, parameters={"name": "Ada"}, is_async=False, ext={"user_id": "客人"}
            )
        )
        history = await sync(
            lambda: there.coze.workflows.runs.run_histories.retrieve(
                workflow_id=workflow, execute_id=started.execute_id or ""
            )
        )
        assert history.execute_status == "Success"
        assert history.connector_uid == "客人"
        assert json.loads(json.loads(history.output)["Output"]) == {"text": "Hello Ada!"}
        assert not history.is_output_trimmed
        nodes = history.node_execute_status or {}
        assert "greet" in nodes
        node = await sync(
            lambda: there.coze.workflows.runs.run_histories.execute_nodes.retrieve(
                workflow_id=workflow,
                execute_id=history.execute_id,
                node_execute_uuid=nodes["greet"].node_execute_uuid,
            )
        )
        assert node.is_finish
        assert json.loads(node.node_output or "") == {"output": "Hello Ada!"}
        raw = await there.raw.get(
            "/v1/workflow/get_run_history", params={"workflow_id": workflow, "execute_id": started.execute_id}
        )
        assert raw.json()["data"][0]["execute_status"] == "Success"


async def test_a_stream_tells_the_end_and_counts_from_nought(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        workflow = await there.serving.published(answering())
        events = await sync(
            lambda: [*there.coze.workflows.runs.stream(workflow_id=workflow, parameters=NAMES)],
        )
        assert [event.event for event in events] == [WorkflowEventType.MESSAGE]
        (message,) = [event.message for event in events]
        assert message is not None
        assert message.content == f"你好，{NAMES['name']}！"
        assert (message.node_title, message.node_seq_id, message.node_is_finish) == ("", "0", True)
        assert message.usage is not None
        several = [
            event
            async for event in there.async_coze.workflows.runs.stream(workflow_id=workflow, parameters={"name": "b"})
        ]
        assert [event.id for event in several] == [0]


async def test_the_frames_of_a_stream_are_ascii_and_three_lines_each(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        workflow = await there.serving.published(answering())
        answer = await there.raw.post("/v1/workflow/stream_run", json={"workflow_id": workflow, "parameters": NAMES})
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-accel-buffering"] == "no"
        assert answer.headers["x-tt-logid"]
        assert answer.content.isascii()
        frames = answer.content.decode().split("\n\n")
        assert frames.pop() == ""
        for number, frame in enumerate(frames):
            lines = frame.splitlines()
            assert [line.partition(": ")[0] for line in lines] == ["id", "event", "data"]
            assert lines[0] == f"id: {number}"
            json.loads(lines[2].removeprefix("data: "))
        assert [frame.splitlines()[1] for frame in frames] == ["event: Message", "event: Done"]


async def refused(there: Programs, **body: object) -> CozeAPIError:
    with pytest.raises(CozeAPIError) as error:
        await sync(lambda: there.coze.workflows.runs.create(**body))  # type: ignore[arg-type]
    assert error.value.logid
    return error.value


async def test_what_is_wrong_is_an_error_of_the_sdk_with_its_number(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        workflow = await there.serving.published(greeting())
        drawn = str((await there.serving.drawn(greeting()))["id"])
        assert (await refused(there, workflow_id="7")).code == 4200
        assert (await refused(there, workflow_id="greet")).code == 4200
        assert (await refused(there, workflow_id="")).code == 4000
        assert (await refused(there, workflow_id=drawn)).code == 6031
        assert (await refused(there, workflow_id=workflow, parameters={})).code == 4000
        assert (await refused(there, workflow_id=workflow, bot_id="1", app_id="2")).code == 4000
        with pytest.raises(CozeAPIError) as error:
            await sync(lambda: [*there.coze.workflows.runs.stream(workflow_id=drawn)])
        assert error.value.code == 6031
        with pytest.raises(CozeAPIError) as error:
            await sync(lambda: there.as_("ms_nobody").workflows.runs.create(workflow_id=workflow))
        assert error.value.code == 4100


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, 4000),
        (b"[]", "application/json", 422, 4000),
        (b"{}", "application/json", 422, 4000),
        (b'{"workflow_id": ["7"]}', "application/json", 422, 4000),
        (b'{"workflow_id": "7", "parameters": "no"}', "application/json", 404, 4200),
        (b"workflow_id=7", "application/x-www-form-urlencoded", 415, 4150),
        (b" " * (11 * 1024 * 1024), "application/json", 413, 4130),
    ],
)
async def test_bodies_that_are_none_are_refused_in_the_envelope(
    serving: Serving, content: bytes, kind: str, status: int, code: int
) -> None:
    answer = await serving.client.post("/v1/workflow/run", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["detail"]["logid"] == answer.headers["x-tt-logid"]


async def test_nulls_numbers_texts_and_unknown_fields_are_taken(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        workflow = await there.serving.published(greeting())
        answer = await there.raw.post(
            "/v1/workflow/run",
            json={
                "workflow_id": int(workflow),
                "parameters": '{"name": "Ada"}',
                "bot_id": None,
                "app_id": "",
                "ext": None,
                "what": [1],
            },
            headers={"agw-js-conv": "str"},
        )
        assert answer.status_code == 200
        assert json.loads(answer.json()["data"]) == {"text": "Hello Ada!"}


async def test_the_same_key_starts_one_run(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        workflow = await there.serving.published(greeting())
        body = {"workflow_id": workflow, "parameters": {"name": "Ada"}}
        both = [
            (await there.raw.post("/v1/workflow/run", json=body, headers={"idempotency-key": "k"})).json()
            for _ in range(2)
        ]
        assert both[0]["execute_id"] == both[1]["execute_id"]
        assert both[0]["data"] == both[1]["data"]


async def test_a_workflow_of_another_space_runs_for_its_members_alone(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        workflow = await there.serving.published(greeting())
        stranger, viewer = await somebody(there.serving), await somebody(there.serving, "viewer")
        editor = await somebody(there.serving, "editor")
        for one, code in ((stranger, 4200), (viewer, 4101)):
            with pytest.raises(CozeAPIError) as error:
                await sync(partial(there.as_(one.token).workflows.runs.create, workflow_id=workflow))
            assert error.value.code == code
            await one.client.aclose()
        ran = await sync(
            lambda: there.as_(editor.token).workflows.runs.create(workflow_id=workflow, parameters={"name": "A"})
        )
        assert ran.data == '{"text":"Hello A!"}'
        await editor.client.aclose()


async def test_a_failed_run_is_an_error_with_the_number_of_coze(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        failing = chain(
            start(text=TEXT),
            {"id": "read", "type": "json_from", "data": {"inputs": {"input": {"ref": ["start", "text"]}}}},
            concat("c", "{{x}}", x=["read", "output"]),
            end(text=["c", "output"]),
        )
        workflow = await there.serving.published(failing)
        error = await refused(there, workflow_id=workflow, parameters={"text": "{"})
        assert error.code == 720701013
        assert error.debug_url is not None
        events = await sync(lambda: [*there.coze.workflows.runs.stream(workflow_id=workflow, parameters={"text": "{"})])
        assert [event.event for event in events] == [WorkflowEventType.ERROR]
        assert events[0].error is not None
        assert events[0].error.error_code == 720701013
