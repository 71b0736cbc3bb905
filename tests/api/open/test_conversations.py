"""Conversations as programs keep them with the SDK: each its maker's alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from cozepy import CozeAPIError, Message, MessageContentType, MessageRole

from tests.api.open.coze import programs, sync
from tests.api.people import somebody


async def test_a_conversation_is_made_found_named_cleared_and_deleted(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        coze = there.coze
        made = await sync(lambda: coze.conversations.create(bot_id="7", name="售后", meta_data={"来源": "店"}))
        assert (made.name, made.meta_data, made.connector_id) == ("售后", {"来源": "店"}, "1024")
        assert made.response.logid
        found = await sync(lambda: coze.conversations.retrieve(conversation_id=made.id))
        assert found.model_dump() == made.model_dump()
        named = await sync(lambda: coze.conversations.update(conversation_id=made.id, name="新名"))
        assert named.name == "新名"
        cleared = await sync(lambda: coze.conversations.clear(conversation_id=made.id))
        assert cleared.conversation_id == made.id
        assert cleared.id != made.last_section_id
        again = await sync(lambda: coze.conversations.retrieve(conversation_id=made.id))
        assert again.last_section_id == cleared.id
        await sync(lambda: coze.conversations.delete(conversation_id=made.id))
        with pytest.raises(CozeAPIError) as gone:
            await sync(lambda: coze.conversations.retrieve(conversation_id=made.id))
        assert gone.value.code == 4200


async def test_notes_are_never_null_and_may_be_left_out(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        made = await there.async_coze.conversations.create()
        assert (made.meta_data, made.name) == ({}, "")
        listed = await there.async_coze.conversations.list(bot_id="")
        assert [one.meta_data async for one in listed] == [{}]


async def test_what_was_said_before_comes_with_the_conversation(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        said = [
            Message.build_user_question_text("发货了吗？", {"k": "v"}),
            Message.build_assistant_answer("明天。"),
        ]
        made = await there.async_coze.conversations.create(messages=said, bot_id="7")
        found = await there.async_coze.conversations.messages.list(conversation_id=made.id, order="asc")
        shown = [(one.role, one.type.value if one.type else "", one.content) async for one in found]
        assert shown == [
            (MessageRole.USER, "question", "发货了吗？"),
            (MessageRole.ASSISTANT, "answer", "明天。"),
        ]


async def test_a_list_ends_where_it_ends(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        made = [(await there.async_coze.conversations.create(bot_id="7")).id for _ in range(6)]
        await there.async_coze.conversations.create(bot_id="8")
        for size in (1, 2, 3, 4, 6, 7):
            page = await sync(lambda size=size: [*there.coze.conversations.list(bot_id="7", page_size=size)])  # type: ignore[misc]
            assert [one.id for one in page] == made[::-1]
        last = await there.raw.get("/v1/conversations", params={"bot_id": "7", "page_num": 3, "page_size": 2})
        assert last.json()["data"]["has_more"] is False
        oldest = await there.raw.get("/v1/conversations?bot_id=7&sort_order=asc&page_num=&page_size=")
        assert [one["id"] for one in oldest.json()["data"]["conversations"]] == made


async def test_a_conversation_is_its_makers_alone(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        made = await there.async_coze.conversations.create(bot_id="7")
        said = await there.async_coze.conversations.messages.create(
            conversation_id=made.id, role=MessageRole.USER, content="密", content_type=MessageContentType.TEXT
        )
        other = there.as_((await somebody(there.serving, "admin")).token)
        calls = [
            lambda: other.conversations.retrieve(conversation_id=made.id),
            lambda: other.conversations.update(conversation_id=made.id, name="x"),
            lambda: other.conversations.delete(conversation_id=made.id),
            lambda: other.conversations.clear(conversation_id=made.id),
            lambda: other.conversations.messages.list(conversation_id=made.id),
            lambda: other.conversations.messages.retrieve(conversation_id=made.id, message_id=said.id or ""),
            lambda: other.conversations.messages.delete(conversation_id=made.id, message_id=said.id or ""),
            lambda: other.conversations.retrieve(conversation_id="77"),
        ]
        for call in calls:
            with pytest.raises(CozeAPIError) as refused:
                await sync(call)
            assert refused.value.code == 4200
        assert [*(await sync(lambda: [*other.conversations.list(bot_id="7")]))] == []
        # He may have one of the same name.
        assert (await sync(lambda: other.conversations.create(bot_id="7", name="售后"))).name == "售后"


async def test_many_may_bear_one_name(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        first = await there.async_coze.conversations.create(bot_id="7", name="同名")
        second = await there.async_coze.conversations.create(bot_id="7", name="同名")
        third = await there.async_coze.conversations.create(bot_id="7", name="别的")
        await there.async_coze.conversations.update(conversation_id=third.id, name="同名")
        body = {"app_id": "7", "conversation_name": "同名", "get_or_create": True}
        found = await there.raw.post("/v1/workflow/conversation/create", json=body)
        assert first.id != second.id
        assert found.json()["data"]["id"] == first.id


async def test_a_conversation_of_a_workflow_is_got_or_made_by_its_name(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        body = {"app_id": "7", "conversation_name": "默认", "get_or_create": True, "meta_data": None}
        first, second = [
            (await there.raw.post("/v1/workflow/conversation/create", json=body)).json()["data"] for _ in range(2)
        ]
        draft = await there.raw.post("/v1/workflow/conversation/create", json={**body, "draft_mode": True})
        assert first == second
        assert draft.json()["data"]["id"] != first["id"]
        foreign = await there.raw.post("/v1/workflow/conversation/create", json={**body, "workflow_id": "77"})
        assert foreign.json()["code"] == 4200


@pytest.mark.parametrize(
    "body",
    [
        {"meta_data": {"k": 1}},
        {"meta_data": {str(n): "v" for n in range(17)}},
        {"meta_data": {"k": "v" * 513}},
        {"name": "n" * 101},
        {"messages": [{"role": "system", "content": "x"}]},
        {"messages": [{"role": "user", "content": "x", "content_type": "card"}]},
        {"messages": [{"role": "user", "content": "no list", "content_type": "object_string"}]},
    ],
)
async def test_what_does_not_fit_is_said_in_the_envelope(tmp_path: Path, body: dict[str, object]) -> None:
    async with programs(tmp_path) as there:
        answer = await there.raw.post("/v1/conversation/create", json=body)
        assert answer.json()["code"] == 4000, answer.text
        assert answer.json()["msg"]
