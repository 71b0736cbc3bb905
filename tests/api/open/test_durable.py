"""Runs with a worker, as programs follow them: questions, forms, streams, a server that starts again, and chats."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cozepy import ChatEventType, CozeAPIError, Message, WorkflowEvent, WorkflowEventType

from tests.api.drawings import TEXT, chain, concat, end, start
from tests.api.open.coze import Programs, durable_programs, sync
from tests.api.test_chat_runs import answer, ended, node
from workers.embedded import EmbeddedTemporal

SAID, ASKED, BROKE = WorkflowEventType.MESSAGE, WorkflowEventType.INTERRUPT, WorkflowEventType.ERROR


def asking() -> dict[str, Any]:
    """Says something, asks twice, and answers."""
    say = {"settings": {"content": "请稍候，{{name}}。"}}
    return chain(
        start(("name",), name=TEXT),
        node("tell", "message", {"name": {"ref": ["start", "name"]}}, title="Tell", **say),
        node("ask", "question", {"question": {"value": "茶还是咖啡？"}}, title="Ask"),
        node("more", "question", {"question": {"value": "加糖吗？"}}, title="More"),
        answer("{{drink}}，{{sugar}}。", drink=["ask", "answer"], sugar=["more", "answer"]),
    )


def filling() -> dict[str, Any]:
    form = {"type": "object", "properties": {"copies": {"type": "integer"}}, "required": ["copies"]}
    return chain(
        start(name=TEXT),
        node("form", "form", {}, title="Form", outputs=form),
        end(copies=["form", "copies"]),
    )


def working() -> dict[str, Any]:
    return chain(
        start(("text",), text=TEXT),
        node("work", "work", {"text": {"ref": ["start", "text"]}}, title="Work"),
        answer("[{{it}}]", it=["work", "output"]),
    )


async def streamed(there: Programs, workflow: str, **parameters: Any) -> list[WorkflowEvent]:
    runs = there.coze.workflows.runs
    return await sync(lambda: [*runs.stream(workflow_id=workflow, parameters=parameters)])


async def resumed(there: Programs, workflow: str, event: WorkflowEvent, said: str) -> list[WorkflowEvent]:
    assert event.interrupt is not None
    data, runs = event.interrupt.interrupt_data, there.coze.workflows.runs
    return await sync(
        lambda: [
            *runs.resume(workflow_id=workflow, event_id=data.event_id, resume_data=said, interrupt_type=int(data.type))
        ]
    )


def contents(events: list[WorkflowEvent]) -> list[tuple[str, str]]:
    return [(one.message.node_title, one.message.content) for one in events if one.message is not None]


async def test_a_run_is_resumed_twice_also_after_the_server_has_started_again(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable_programs(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(asking())
        first = await streamed(there, workflow, name="安娜")
        assert [one.event for one in first] == [SAID, SAID, ASKED]
        assert [one.id for one in first] == [0, 1, 2]
        assert contents(first) == [("Tell", "请稍候，安娜。"), ("Ask", "茶还是咖啡？")]
        assert first[2].interrupt is not None
        assert first[2].interrupt.node_title == "Ask"
        assert first[2].interrupt.interrupt_data.type == 2
        execute_id, _, event_id = first[2].interrupt.interrupt_data.event_id.partition("/")
        assert event_id.isdecimal()
        second = await resumed(there, workflow, first[2], "茶")
        assert [one.event for one in second] == [SAID, ASKED]
        assert contents(second) == [("More", "加糖吗？")]
        # The answer that was given once more only follows the run.
        again = await resumed(there, workflow, first[2], "茶")
        assert [(one.event, one.id) for one in again] == [(SAID, 0), (ASKED, 1)]
        with pytest.raises(CozeAPIError) as error:
            await resumed(there, workflow, first[2], "咖啡")
        assert error.value.code == 4090
    async with durable_programs(temporal_server, tmp_path, queue=there.queue) as there:
        last = await resumed(there, workflow, second[1], "不加")
        assert [one.event for one in last] == [SAID]
        assert contents(last) == [("", "茶，不加。")]
        history = await sync(
            partial(there.coze.workflows.runs.run_histories.retrieve, workflow_id=workflow, execute_id=execute_id)
        )
        assert history.execute_status == "Success"


async def test_a_form_is_answered_with_json(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable_programs(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(filling())
        (asked,) = await streamed(there, workflow)
        assert asked.interrupt is not None
        assert asked.interrupt.interrupt_data.type == 5
        with pytest.raises(CozeAPIError) as error:
            await resumed(there, workflow, asked, "many")
        assert error.value.code == 4000
        done = await resumed(there, workflow, asked, '{"copies": 3}')
        assert contents(done) == [("", '{"copies":3}')]


async def test_a_sync_run_that_asks_is_6039_and_can_be_answered(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable_programs(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(asking())
        body = {"workflow_id": workflow, "parameters": {"name": "a"}}
        refused = (await there.raw.post("/v1/workflow/run", json=body)).json()
        assert refused["code"] == 6039
        assert refused["interrupt_data"]["event_id"].startswith(refused["execute_id"] + "/")
        resume = {"workflow_id": workflow, "resume_data": "x", **refused["interrupt_data"]}
        answered = await there.raw.post("/v1/workflow/stream_resume", json=resume)
        assert "event: Interrupt" in answered.text
        assert "event: Done" not in answered.text


async def test_a_sync_run_that_takes_too_long_is_6023_and_goes_on(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable_programs(temporal_server, tmp_path) as there:
        there.serving.app.state.open_run_seconds = 0.05
        assert there.work is not None
        workflow = await there.serving.published(working())
        body = {"workflow_id": workflow, "parameters": {"text": "hold"}}
        refused = (await there.raw.post("/v1/workflow/run", json=body)).json()
        assert refused["code"] == 6023
        there.work.go.set()
        shown = await ended(there.serving, refused["execute_id"])
        assert shown["state"] == "succeeded"


async def test_an_async_run_is_running_and_then_done(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable_programs(temporal_server, tmp_path) as there:
        assert there.work is not None
        workflow = await there.serving.published(working())
        runs = there.async_coze.workflows.runs
        started = await runs.create(workflow_id=workflow, parameters={"text": "hold"}, is_async=True)
        assert not started.data
        execute_id = started.execute_id or ""
        history = await runs.run_histories.retrieve(workflow_id=workflow, execute_id=execute_id)
        assert history.execute_status == "Running"
        there.work.go.set()
        await ended(there.serving, execute_id)
        history = await runs.run_histories.retrieve(workflow_id=workflow, execute_id=execute_id)
        assert history.execute_status == "Success"
        assert history.usage is not None
        assert (history.usage.input_count, history.usage.output_count) == (3, 5)


async def test_pieces_of_an_answer_are_numbered_and_the_last_bears_the_tokens(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable_programs(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(working())
        events = await streamed(there, workflow, text="one two")
        messages = [one.message for one in events if one.message is not None]
        assert "".join(one.content for one in messages).startswith("[one two")
        assert [one.node_seq_id for one in messages] == [str(number) for number in range(len(messages))]
        assert [one.node_is_finish for one in messages] == [False] * (len(messages) - 1) + [True]
        assert messages[-1].usage is not None
        assert messages[-1].usage.token_count == 8


async def test_a_failed_run_ends_its_stream_with_an_error(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable_programs(temporal_server, tmp_path) as there:
        workflow = await there.serving.published(working())
        events = await streamed(there, workflow, text="fail")
        assert events[-1].event == BROKE
        assert events[-1].error is not None
        assert "does not work" in events[-1].error.error_message


async def chatted(there: Programs, workflow: str, said: str, **more: Any) -> list[Any]:
    messages = [Message.build_user_question_text(said)]
    chat = there.coze.workflows.chat
    return await sync(lambda: [*chat.stream(workflow_id=workflow, additional_messages=messages, **more)])


async def test_a_chat_goes_on_with_the_next_message_of_its_conversation(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable_programs(temporal_server, tmp_path) as there:
        drawn = chain(
            start(USER_INPUT=TEXT, CONVERSATION_NAME=TEXT),
            concat("said", "您说{{x}}", x=["start", "USER_INPUT"]),
            node("ask", "question", {"question": {"value": "茶还是咖啡？"}}, title="Ask"),
            answer("{{said}}，{{drink}}。", said=["said", "output"], drink=["ask", "answer"]),
        )
        workflow = await there.serving.published(drawn)
        more = {"parameters": {"CONVERSATION_NAME": "售后"}, "app_id": "shop", "ext": {"user_id": "安娜"}}
        first = await chatted(there, workflow, "你好", **more)
        assert [one.event.value for one in first] == [
            "conversation.chat.created",
            "conversation.chat.in_progress",
            "conversation.message.delta",
            "conversation.message.completed",
            "conversation.chat.requires_action",
        ]
        chat = first[-1].chat
        assert first[3].message.content == "茶还是咖啡？"
        second = await chatted(there, workflow, "茶", conversation_id=chat.conversation_id)
        assert second[0].chat.id == chat.id
        assert second[-1].event == ChatEventType.CONVERSATION_CHAT_COMPLETED
        whole = [one.message for one in second if one.event.value == "conversation.message.completed"]
        assert (whole[0].type.value, whole[0].content) == ("answer", "您说你好，茶。")
        assert json.loads(whole[1].content)["msg_type"] == "generate_answer_finish"
        third = await chatted(there, workflow, "又来了", **more)
        assert third[0].chat.id != chat.id
        assert third[0].chat.conversation_id == chat.conversation_id


async def test_the_frames_of_a_chat_have_no_id(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable_programs(temporal_server, tmp_path) as there:
        drawn = chain(start(USER_INPUT=TEXT), answer("{{x}}", x=["start", "USER_INPUT"]))
        workflow = await there.serving.published(drawn)
        said = {"role": "user", "content": "中\u2028文", "content_type": "text", "meta_data": None}
        body = {"workflow_id": workflow, "additional_messages": [said], "parameters": {"CONVERSATION_NAME": "x"}}
        answered = await there.raw.post("/v1/workflows/chat", json=body)
        assert answered.content.isascii()
        frames = answered.content.decode().split("\n\n")[:-1]
        assert all([line.partition(":")[0] for line in one.splitlines()] == ["event", "data"] for one in frames)
        assert frames[-1].startswith("event: done")
        for wrong in ({}, {"additional_messages": [{"role": "assistant", "content": "x"}]}):
            refused = await there.raw.post("/v1/workflows/chat", json={**body, "additional_messages": [], **wrong})
            assert (refused.status_code, refused.json()["code"]) == (422, 4000)
        del body["parameters"]
        refused = await there.raw.post("/v1/workflows/chat", json=body)
        assert refused.json()["code"] == 4000


async def test_streams_end_when_the_server_stops(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable_programs(temporal_server, tmp_path) as there:
        assert there.work is not None
        workflow = await there.serving.published(working())
        body = {"workflow_id": workflow, "parameters": {"text": "hold"}}
        async with there.raw.stream("POST", "/v1/workflow/stream_run", json=body) as answered:
            await there.work.began.wait()
            async with asyncio.timeout(30):
                there.serving.app.state.streams.stop()
                read = "".join([part async for part in answered.aiter_text()])
        assert "event: Done" not in read
        there.work.go.set()
