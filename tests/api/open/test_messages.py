"""Messages as programs write, read and rate them with the SDK."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cozepy import CozeAPIError, Message, MessageContentType, MessageObjectString, MessageRole
from cozepy.conversations.message.feedback import FeedbackType

from tests.api.open.coze import Programs, programs, sync


async def talk(there: Programs, count: int) -> tuple[str, list[str]]:
    """A conversation with so many messages, the oldest first."""
    said = [Message.build_user_question_text(f"第{n}句") for n in range(count)]
    made = await there.async_coze.conversations.create(messages=said, bot_id="7")
    found = await there.raw.post(
        "/v1/conversation/message/list", params={"conversation_id": made.id}, json={"order": "asc"}
    )
    return made.id, [one["id"] for one in found.json()["data"]]


async def test_a_message_is_said_read_changed_and_deleted(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        mine = there.coze.conversations
        talk = await sync(lambda: mine.create(bot_id="7"))
        said = await sync(
            lambda: mine.messages.create(
                conversation_id=talk.id,
                role=MessageRole.USER,
                content="你好\u2028😀",
                content_type=MessageContentType.TEXT,
                meta_data={"k": "v"},
            )
        )
        where = {"conversation_id": talk.id, "message_id": said.id or ""}
        assert (said.bot_id, said.content, said.meta_data) == ("7", "你好\u2028😀", {"k": "v"})
        found = await sync(lambda: mine.messages.retrieve(**where))
        assert found.model_dump() == said.model_dump()
        changed = await sync(lambda: mine.messages.update(**where, content="再见"))
        assert (changed.id, changed.content, changed.meta_data) == (said.id, "再见", {"k": "v"})
        noted = await sync(lambda: mine.messages.update(**where, meta_data={}))
        assert (noted.content, noted.meta_data) == ("再见", {})
        gone = await sync(lambda: mine.messages.delete(**where))
        assert (gone.id, gone.content) == (said.id, "再见")
        for call in (
            lambda: mine.messages.retrieve(**where),
            lambda: mine.messages.update(**where, content="x"),
            lambda: mine.messages.delete(**where),
        ):
            with pytest.raises(CozeAPIError) as missing:
                await sync(call)
            assert missing.value.code == 4200


async def test_parts_of_a_message_are_kept_as_they_were_sent(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        talk = await there.async_coze.conversations.create()
        parts = [MessageObjectString.build_text("这是什么？"), MessageObjectString.build_image(file_id="123")]
        question = Message.build_user_question_objects(parts)
        said = await there.async_coze.conversations.messages.create(
            conversation_id=talk.id,
            role=question.role,
            content=question.content,
            content_type=MessageContentType.OBJECT_STRING,
        )
        assert said.content_type is MessageContentType.OBJECT_STRING
        assert [part["type"] for part in json.loads(said.content)] == ["text", "image"]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_hold_every_message_once_and_end(tmp_path: Path, order: str) -> None:
    async with programs(tmp_path) as there:
        talked, ids = await talk(there, 7)
        expected = ids if order == "asc" else ids[::-1]
        messages = there.coze.conversations.messages
        for limit in (1, 2, 3, 6, 7, 8):
            found = await sync(
                lambda limit=limit: [*messages.list(conversation_id=talked, order=order, limit=limit)]  # type: ignore[misc]
            )
            assert [one.id for one in found] == expected
        listed = await there.async_coze.conversations.messages.list(conversation_id=talked, order=order, limit=3)
        assert [one.id async for one in listed] == expected


async def test_what_stands_before_a_message_is_next_to_it(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        talked, ids = await talk(there, 6)
        body = {"order": "asc", "before_id": ids[4], "limit": 2}
        answer = await there.raw.post("/v1/conversation/message/list", params={"conversation_id": talked}, json=body)
        page = answer.json()
        assert [one["id"] for one in page["data"]] == ids[2:4]
        assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[2], ids[3], True)


async def test_an_empty_page_has_empty_ends(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        talk = await there.async_coze.conversations.create()
        listed = await sync(lambda: there.coze.conversations.messages.list(conversation_id=talk.id))
        assert (listed.items, listed.first_id, listed.last_id, listed.has_more) == ([], "", "", False)
        none = await sync(lambda: there.coze.conversations.messages.list(conversation_id=talk.id, chat_id="123"))
        assert none.items == []


async def test_one_thinks_something_of_a_message_and_takes_it_back(tmp_path: Path) -> None:
    async with programs(tmp_path) as there:
        talked, [message] = await talk(there, 1)
        feedback = there.coze.conversations.messages.feedback
        where = {"conversation_id": talked, "message_id": message}
        await sync(lambda: feedback.create(**where, feedback_type=FeedbackType.LIKE))
        await sync(
            lambda: feedback.create(**where, feedback_type=FeedbackType.UNLIKE, reason_types=["不对"], comment="说错了")
        )

        async def kept() -> list[tuple[object, ...]]:
            rows = await there.serving.stores.database.read(
                lambda connection: connection.exec_driver_sql("SELECT kind, comment FROM message_feedback").all()
            )
            return [tuple(row) for row in rows]

        assert await kept() == [("unlike", "说错了")]
        await sync(lambda: feedback.delete(**where))
        await sync(lambda: feedback.delete(**where))
        assert await kept() == []
        with pytest.raises(CozeAPIError) as missing:
            await sync(lambda: feedback.create(conversation_id=talked, message_id="7", feedback_type=FeedbackType.LIKE))
        assert missing.value.code == 4200
        await sync(lambda: feedback.create(**where, feedback_type=FeedbackType.LIKE))
        await sync(lambda: there.coze.conversations.delete(conversation_id=talked))
        assert await kept() == []
