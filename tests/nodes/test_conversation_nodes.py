"""The nodes that work on conversations and messages, on a real store in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from engine.errors import FlowError, InvalidInput, NodeFailed
from engine.runtime import RunContext
from engine.values import Json
from nodes.chat import ChatMessage, MediaPart, TextPart
from nodes.conversation.history import history
from nodes.conversation.parts import flat_text
from storage.ports.conversations import Conversation, Party
from tests.nodes.context import RUN, NodeWorld
from tests.nodes.drawing import LIBRARY

SHOP = replace(RUN, app_id="shop")
ANNA = Party("10", "20", "shop", "40")


@dataclass
class Desk:
    """Runs nodes one after another, each as a step of its own."""

    run: RunContext = SHOP
    world: NodeWorld = field(default_factory=NodeWorld)
    steps: int = 0

    async def do(self, node_type: str, *, step: Any = "", **inputs: Any) -> dict[str, Any]:
        self.steps += 1
        key = f"{self.run.run_id}/{step or self.steps}"
        world = replace(self.world, run=self.run, idempotency_key=key)
        return await LIBRARY.activities[node_type].run(inputs, world)

    async def talk(self, name: str = "售后") -> Conversation:
        await self.do("create_conversation", conversationName=name)
        found = await self.world.conversations.find(replace(ANNA, draft=self.run.draft), name)
        assert found is not None
        return found

    async def say(self, *lines: str, name: str = "售后") -> list[str]:
        """Say lines in turn, the user first."""
        ids = []
        for number, line in enumerate(lines):
            role = "assistant" if number % 2 else "user"
            made = await self.do("create_message", conversationName=name, role=role, content=line)
            ids.append(made["message"]["messageId"])
        return ids


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def number_of(failing: Any) -> Json:
    with pytest.raises(FlowError) as failed:
        await failing
    return failed.value.facts.get("number")


# --- conversations ----------------------------------------------------------------------------------------------------


async def test_a_conversation_is_created_once_and_existed_the_second_time(desk: Desk) -> None:
    first = await desk.do("create_conversation", conversationName="售后")
    again = await desk.do("create_conversation", conversationName="售后")
    assert first == {"isSuccess": True, "conversationId": first["conversationId"], "isExisted": False}
    assert isinstance(first["conversationId"], int)
    assert again == {**first, "isExisted": True}


async def test_a_node_that_runs_twice_creates_once_and_says_the_same(desk: Desk) -> None:
    first = await desk.do("create_conversation", conversationName="售后", step="a")
    assert await desk.do("create_conversation", conversationName="售后", step="a") == first
    said = await desk.do("create_message", conversationName="售后", role="user", content="你好", step="b")
    assert await desk.do("create_message", conversationName="售后", role="user", content="你好", step="b") == said
    listed = await desk.do("list_messages", conversationName="售后")
    assert len(listed["messageList"]) == 1


async def test_a_name_of_the_applications_own_means_that_conversation(desk: Desk) -> None:
    await desk.world.conversations.define("10", "20", "shop", "客服")
    made = await desk.do("create_conversation", conversationName="客服")
    kept = await desk.world.conversations.get("10", "20", str(made["conversationId"]))
    assert (kept.kind, made["isExisted"]) == ("static", False)


async def test_a_conversation_without_a_name_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInput):
        await desk.do("create_conversation", conversationName=" ")


NEED_AN_APPLICATION: dict[str, dict[str, Json]] = {
    "create_conversation": {"conversationName": "a"},
    "update_conversation": {"conversationName": "a", "newConversationName": "b"},
    "delete_conversation": {"conversationName": "a"},
    "list_conversations": {},
    "conversation_history": {"conversationName": "a", "rounds": 1},
    "clear_conversation_history": {"conversationName": "a"},
}


@pytest.mark.parametrize(("node_type", "inputs"), NEED_AN_APPLICATION.items())
async def test_conversations_need_an_application(node_type: str, inputs: Mapping[str, Json]) -> None:
    assert await number_of(Desk(RUN).do(node_type, **inputs)) == 702093204


async def test_a_conversation_is_renamed(desk: Desk) -> None:
    talk = await desk.talk()
    done = await desk.do("update_conversation", conversationName="售后", newConversationName="退货")
    assert done == {"conversationId": talk.id, "isSuccess": True, "isExisted": False}


async def test_a_new_name_that_is_taken_gives_the_id_of_who_has_it(desk: Desk) -> None:
    await desk.talk()
    other = await desk.talk("退货")
    done = await desk.do("update_conversation", conversationName="售后", newConversationName="退货")
    assert done == {"conversationId": other.id, "isSuccess": False, "isExisted": True}


async def test_nothing_is_renamed_where_there_is_nothing(desk: Desk) -> None:
    done = await desk.do("update_conversation", conversationName="没有", newConversationName="退货")
    assert done == {"conversationId": "0", "isSuccess": False, "isExisted": False}


@pytest.mark.parametrize("node_type", ["update_conversation", "delete_conversation"])
async def test_what_the_application_names_no_run_changes(desk: Desk, node_type: str) -> None:
    await desk.world.conversations.define("10", "20", "shop", "客服")
    inputs = {"conversationName": "客服"} | ({"newConversationName": "b"} if node_type.startswith("update") else {})
    assert await number_of(desk.do(node_type, **inputs)) == 720702250


async def test_a_deleted_conversation_is_gone(desk: Desk) -> None:
    await desk.talk()
    assert await desk.do("delete_conversation", conversationName="售后", step="a") == {"isSuccess": True}
    assert await desk.do("delete_conversation", conversationName="售后", step="a") == {"isSuccess": True}
    assert await number_of(desk.do("delete_conversation", conversationName="售后", step="b")) == 720702201


async def test_the_applications_own_conversations_are_listed_first(desk: Desk) -> None:
    await desk.world.conversations.define("10", "20", "shop", "客服")
    await desk.world.conversations.define("10", "20", "shop", "订单")
    talk, orders = await desk.talk("售后"), await desk.talk("订单")
    assert await desk.do("list_conversations") == {
        "conversationList": [
            {"conversationName": "客服", "conversationId": "0"},
            {"conversationName": "订单", "conversationId": orders.id},
            {"conversationName": "售后", "conversationId": talk.id},
        ]
    }


async def test_test_runs_have_conversations_of_their_own(desk: Desk) -> None:
    await desk.talk()
    trying = Desk(replace(SHOP, draft=True), desk.world)
    assert await trying.do("list_conversations") == {"conversationList": []}


# --- history ----------------------------------------------------------------------------------------------------------


async def test_a_history_is_read_by_rounds(desk: Desk) -> None:
    await desk.talk()
    await desk.say("一", "1", "二", "2")
    assert await desk.do("conversation_history", conversationName="售后", rounds=1) == {
        "messageList": [{"role": "user", "content": "二"}, {"role": "assistant", "content": "2"}]
    }
    assert await number_of(desk.do("conversation_history", conversationName="没有", rounds=1)) == 720702201


async def test_a_cleared_history_is_empty(desk: Desk) -> None:
    await desk.talk()
    await desk.say("一", "1")
    assert await desk.do("clear_conversation_history", conversationName="售后") == {"isSuccess": True}
    assert await desk.do("conversation_history", conversationName="售后", rounds=5) == {"messageList": []}
    assert await desk.do("clear_conversation_history", conversationName="没有") == {"isSuccess": False}


async def test_a_model_sees_what_was_said_before_its_run(desk: Desk) -> None:
    talk = await desk.talk()
    await desk.say("一", "1", "二", "2")
    later = replace(SHOP, run_id="2", chat=True, conversation_id=talk.id)
    await desk.world.conversations.add("10", "20", talk.id, "user", "三", run_id="2")
    world = replace(desk.world, run=later)
    assert await history(world, 1) == (ChatMessage("user", "二"), ChatMessage("assistant", "2"))
    assert len(await history(world, 9)) == 4
    assert await history(world, 0) == ()


@pytest.mark.parametrize("run", [SHOP, replace(SHOP, chat=True), replace(SHOP, conversation_id="1")])
async def test_a_run_that_is_no_turn_of_a_conversation_has_no_history(desk: Desk, run: RunContext) -> None:
    assert await history(replace(desk.world, run=run), 5) == ()


async def test_pictures_reach_a_model_as_pictures(desk: Desk) -> None:
    talk = await desk.talk()
    parts = (
        '[{"type":"text","text":"这是什么？"},{"type":"image","file_url":"https://example.test/a.png"},'
        '{"type":"strange","file_url":"https://example.test/b"},7]'
    )
    await desk.world.conversations.add("10", "20", talk.id, "user", parts, content_type="object_string")
    run = replace(SHOP, run_id="2", chat=True, conversation_id=talk.id)
    (said,) = await history(replace(desk.world, run=run), 1)
    assert said.content == (
        TextPart("这是什么？"),
        MediaPart("image", url="https://example.test/a.png"),
        MediaPart("file", url="https://example.test/b"),
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('[{"type":"image","file_url":"https://a"},{"type":"text","text":"看"},{"type":"text"}]', "看,https://a"),
        ("[]", ""),
        ("no JSON", "no JSON"),
        ('{"type":"text"}', '{"type":"text"}'),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_parts_are_flattened_to_texts_then_urls(content: str, text: str) -> None:
    assert flat_text(content, "object_string") == text
    assert flat_text(content, "text") == content


# --- messages ---------------------------------------------------------------------------------------------------------


async def test_messages_are_listed_in_pages(desk: Desk) -> None:
    await desk.talk()
    ids = await desk.say("一", "1", "二")
    page = await desk.do("list_messages", conversationName="售后", limit=2)
    assert page == {
        "messageList": [
            {"messageId": ids[2], "role": "user", "contentType": "text", "content": "二"},
            {"messageId": ids[1], "role": "assistant", "contentType": "text", "content": "1"},
        ],
        "firstId": ids[2],
        "lastId": ids[1],
        "hasMore": True,
    }
    older = await desk.do("list_messages", conversationName="售后", limit=2, beforeId=ids[1])
    assert ([one["messageId"] for one in older["messageList"]], older["hasMore"]) == ([ids[0]], False)


@pytest.mark.parametrize("limit", [0, -1, 51, 1_000_000])
async def test_a_limit_out_of_bounds_means_the_most(desk: Desk, limit: int) -> None:
    await desk.talk()
    for number in range(51):
        await desk.say(str(number))
    page = await desk.do("list_messages", conversationName="售后", limit=limit)
    assert (len(page["messageList"]), page["hasMore"]) == (50, True)


@pytest.mark.parametrize("inputs", [{"beforeId": "1", "afterId": "2"}, {"beforeId": "x"}])
async def test_a_page_between_two_messages_cannot_be_had(desk: Desk, inputs: dict[str, Json]) -> None:
    await desk.talk()
    assert await number_of(desk.do("list_messages", conversationName="售后", **inputs)) == 777777781


async def test_a_message_is_created_changed_and_deleted(desk: Desk) -> None:
    await desk.talk()
    made = await desk.do("create_message", conversationName="售后", role="user", content="你号")
    message = made["message"]
    assert made == {
        "isSuccess": True,
        "message": {"messageId": message["messageId"], "role": "user", "contentType": "text", "content": "你号"},
    }
    which: dict[str, Json] = {"conversationName": "售后", "messageId": message["messageId"]}
    assert await desk.do("update_message", **which, newContent="你好") == {"isSuccess": True}
    assert (await desk.do("list_messages", conversationName="售后"))["messageList"][0]["content"] == "你好"
    assert await desk.do("delete_message", **which, step="a") == {"isSuccess": True}
    assert await desk.do("delete_message", **which, step="a") == {"isSuccess": True}
    assert await desk.do("delete_message", **which, step="b") == {"isSuccess": False}
    assert await number_of(desk.do("update_message", **which, newContent="x")) == 777777781


@pytest.mark.parametrize("role", ["", "system", "User"])
async def test_only_a_user_and_an_assistant_say_things(desk: Desk, role: str) -> None:
    assert await number_of(desk.do("create_message", conversationName="售后", role=role, content="a")) == 777777781


NOBODY_THERE: dict[str, tuple[dict[str, Json], dict[str, Json]]] = {
    "list_messages": ({}, {"messageList": [], "firstId": "0", "lastId": "0", "hasMore": False}),
    "create_message": (
        {"role": "user", "content": "你好"},
        {
            "isSuccess": False,
            "message": {"messageId": "0", "role": "user", "contentType": "text", "content": "你好"},
        },
    ),
    "update_message": ({"messageId": "1", "newContent": "a"}, {"isSuccess": False}),
    "delete_message": ({"messageId": "1"}, {"isSuccess": False}),
}


@pytest.mark.parametrize(("node_type", "case"), NOBODY_THERE.items())
async def test_without_an_application_there_is_only_default_and_nothing_in_it(
    node_type: str, case: tuple[dict[str, Json], dict[str, Json]]
) -> None:
    inputs, output = case
    assert await Desk(RUN).do(node_type, conversationName="Default", **inputs) == output
    with pytest.raises(NodeFailed) as refused:
        await Desk(RUN).do(node_type, conversationName="售后", **inputs)
    assert refused.value.facts["number"] == 720712033


@pytest.mark.parametrize(("node_type", "case"), NOBODY_THERE.items())
async def test_a_conversation_that_is_not_there_is_no_error_for_messages(
    desk: Desk, node_type: str, case: tuple[dict[str, Json], dict[str, Json]]
) -> None:
    inputs, output = case
    assert await desk.do(node_type, conversationName="没有", **inputs) == output


async def test_default_is_the_conversation_that_the_run_is_a_turn_of(desk: Desk) -> None:
    talk = await desk.talk()
    turn = Desk(replace(RUN, chat=True, conversation_id=talk.id), desk.world)
    await turn.say("你好", name="Default")
    listed = await desk.do("list_messages", conversationName="售后")
    assert [one["content"] for one in listed["messageList"]] == ["你好"]


async def test_a_conversation_deleted_during_its_run_is_not_there(desk: Desk) -> None:
    talk = await desk.talk()
    turn = Desk(replace(RUN, chat=True, conversation_id=talk.id), desk.world)
    await desk.do("delete_conversation", conversationName="售后")
    made = await turn.do("create_message", conversationName="Default", role="user", content="a")
    assert made["isSuccess"] is False
