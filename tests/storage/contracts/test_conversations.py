"""What every store of conversations keeps."""

import asyncio
from dataclasses import replace

import pytest

from engine.errors import Conflict, InvalidInput, NotFound
from storage.ports.conversations import Conversation, Conversations, Party

ANNA = Party(org_id="7", space_id="8", app_id="shop", user_id="安娜")


@pytest.fixture
async def talk(conversations: Conversations) -> Conversation:
    return (await conversations.open(ANNA, "售后")).conversation


async def say(conversations: Conversations, talk: Conversation, *lines: str) -> list[str]:
    """Say lines in turn, the user first; the ids of the messages."""
    said = []
    for number, line in enumerate(lines):
        role = "assistant" if number % 2 else "user"
        said.append((await conversations.add("7", "8", talk.id, role, line)).id)  # type: ignore[arg-type]
    return said


async def test_a_conversation_is_made_at_its_first_mention_and_found_after(conversations: Conversations) -> None:
    assert await conversations.find(ANNA, "售后") is None
    made = await conversations.open(ANNA, "售后")
    assert not made.existed
    assert (made.conversation.kind, made.conversation.name, made.conversation.party) == ("dynamic", "售后", ANNA)
    assert await conversations.open(ANNA, "售后") == replace(made, existed=True)
    assert await conversations.find(ANNA, "售后") == made.conversation
    assert await conversations.get("7", "8", made.conversation.id) == made.conversation


async def test_conversations_without_a_name_are_all_different(conversations: Conversations) -> None:
    first, second = await conversations.open(ANNA, ""), await conversations.open(ANNA, "")
    assert first.conversation.id != second.conversation.id
    assert [one.id for one in await conversations.of(ANNA)] == [second.conversation.id, first.conversation.id]


@pytest.mark.parametrize(
    "other",
    [
        replace(ANNA, org_id="9"),
        replace(ANNA, space_id="9"),
        replace(ANNA, app_id="Shop"),
        replace(ANNA, user_id="安"),
        replace(ANNA, channel="web"),
        replace(ANNA, draft=True),
    ],
)
async def test_parties_have_conversations_of_their_own(
    conversations: Conversations, talk: Conversation, other: Party
) -> None:
    assert await conversations.find(other, "售后") is None
    assert await conversations.of(other) == ()
    assert not (await conversations.open(other, "售后")).existed


@pytest.mark.parametrize(("org", "space"), [("9", "8"), ("7", "9")])
async def test_another_spaces_conversation_is_not_found(
    conversations: Conversations, talk: Conversation, org: str, space: str
) -> None:
    (said,) = await say(conversations, talk, "你好")
    for attempt in (
        conversations.get(org, space, talk.id),
        conversations.clear(org, space, talk.id),
        conversations.delete(org, space, talk.id),
        conversations.messages(org, space, talk.id),
        conversations.history(org, space, talk.id, rounds=1),
        conversations.add(org, space, talk.id, "user", "x"),
        conversations.edit(org, space, talk.id, said, "x"),
        conversations.remove(org, space, talk.id, said),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert [one.content for one in (await conversations.messages("7", "8", talk.id)).messages] == ["你好"]


async def test_what_cannot_be_an_id_is_the_id_of_nothing(conversations: Conversations) -> None:
    with pytest.raises(NotFound):
        await conversations.get("7", "8", "../售后")


async def test_an_application_names_conversations_that_every_user_has(conversations: Conversations) -> None:
    await conversations.define("7", "8", "shop", "售后")
    await conversations.define("7", "8", "shop", "Orders")
    await conversations.define("7", "8", "shop", "售后")
    assert await conversations.templates("7", "8", "shop") == ("售后", "Orders")
    assert await conversations.templates("7", "8", "other") == ()
    opened = await conversations.open(ANNA, "售后")
    assert (opened.conversation.kind, opened.existed) == ("static", False)
    assert (await conversations.open(ANNA, "售后")).existed
    bob = await conversations.open(replace(ANNA, user_id="bob"), "售后")
    assert bob.conversation.id != opened.conversation.id


async def test_a_name_that_the_application_takes_over_means_its_own_conversation(
    conversations: Conversations, talk: Conversation
) -> None:
    await conversations.define("7", "8", "shop", "售后")
    assert await conversations.find(ANNA, "售后") is None
    assert (await conversations.open(ANNA, "售后")).conversation.id != talk.id


async def test_a_name_taken_back_goes_with_its_conversations(conversations: Conversations) -> None:
    await conversations.define("7", "8", "shop", "售后")
    made = (await conversations.open(ANNA, "售后")).conversation
    await say(conversations, made, "你好")
    await conversations.undefine("7", "8", "shop", "售后")
    assert await conversations.templates("7", "8", "shop") == ()
    with pytest.raises(NotFound):
        await conversations.get("7", "8", made.id)
    with pytest.raises(NotFound):
        await conversations.undefine("7", "8", "shop", "售后")


async def test_a_conversation_is_renamed(conversations: Conversations, talk: Conversation) -> None:
    done = await conversations.rename(ANNA, "售后", "退货")
    assert (done.outcome, done.conversation_id) == ("renamed", talk.id)
    assert await conversations.find(ANNA, "售后") is None
    assert (await conversations.get("7", "8", talk.id)).name == "退货"
    again = await conversations.rename(ANNA, "退货", "退货")
    assert (again.outcome, again.conversation_id) == ("renamed", talk.id)


async def test_a_name_that_is_taken_is_not_given(conversations: Conversations, talk: Conversation) -> None:
    other = (await conversations.open(ANNA, "退货")).conversation
    await conversations.define("7", "8", "shop", "订单")
    for name, whose in (("退货", other.id), ("订单", "0")):
        done = await conversations.rename(ANNA, "售后", name)
        assert (done.outcome, done.conversation_id) == ("taken", whose)
    assert await conversations.find(ANNA, "售后") == talk
    missing = await conversations.rename(ANNA, "没有", "退货")
    assert (missing.outcome, missing.conversation_id) == ("missing", "0")


async def test_a_deleted_conversation_is_gone_and_its_name_free(
    conversations: Conversations, talk: Conversation
) -> None:
    await say(conversations, talk, "你好")
    assert await conversations.delete_named(ANNA, "售后")
    assert not await conversations.delete_named(ANNA, "售后")
    again = (await conversations.open(ANNA, "售后")).conversation
    assert (await conversations.messages("7", "8", again.id)).messages == ()
    await conversations.delete("7", "8", again.id)
    with pytest.raises(NotFound):
        await conversations.delete("7", "8", again.id)


async def test_a_user_opens_a_round_and_an_assistant_answers_in_it(
    conversations: Conversations, talk: Conversation
) -> None:
    asked = await conversations.add("7", "8", talk.id, "user", "发货了吗？")
    answered = await conversations.add("7", "8", talk.id, "assistant", "昨天。")
    more = await conversations.add("7", "8", talk.id, "assistant", "两天到。")
    next_ = await conversations.add("7", "8", talk.id, "user", "谢谢")
    assert asked.round_id == asked.id
    assert answered.round_id == more.round_id == asked.id
    assert next_.round_id == next_.id
    assert {one.section_id for one in (asked, answered, more, next_)} == {talk.section_id}


async def test_an_assistant_may_speak_first(conversations: Conversations, talk: Conversation) -> None:
    said = await conversations.add("7", "8", talk.id, "assistant", "您好，有什么可以帮您？")
    assert said.round_id == said.id
    assert [one.id for one in await conversations.history("7", "8", talk.id, rounds=3)] == [said.id]


async def test_a_history_counts_rounds_from_the_end(conversations: Conversations, talk: Conversation) -> None:
    await say(conversations, talk, "一", "1", "二", "2", "三")
    for rounds, lines in ((0, []), (1, ["三"]), (2, ["二", "2", "三"]), (99, ["一", "1", "二", "2", "三"])):
        said = await conversations.history("7", "8", talk.id, rounds=rounds)
        assert [one.content for one in said] == lines


async def test_an_answer_that_comes_late_stands_behind_its_own_question(
    conversations: Conversations, talk: Conversation
) -> None:
    await conversations.add("7", "8", talk.id, "user", "一", run_id="11")
    await conversations.add("7", "8", talk.id, "user", "二", run_id="12")
    await conversations.add("7", "8", talk.id, "assistant", "1", run_id="11")
    said = await conversations.history("7", "8", talk.id, rounds=2)
    assert [one.content for one in said] == ["一", "1", "二"]


async def test_a_history_leaves_a_run_out(conversations: Conversations, talk: Conversation) -> None:
    await say(conversations, talk, "一", "1")
    await conversations.add("7", "8", talk.id, "user", "二", run_id="12")
    said = await conversations.history("7", "8", talk.id, rounds=1, before_run="12")
    assert [one.content for one in said] == ["一", "1"]


async def test_what_was_said_before_a_clearing_is_no_history_any_more(
    conversations: Conversations, talk: Conversation
) -> None:
    await say(conversations, talk, "一", "1")
    section = await conversations.clear("7", "8", talk.id)
    assert section != talk.section_id
    assert await conversations.history("7", "8", talk.id, rounds=5) == ()
    await say(conversations, talk, "二")
    assert [one.content for one in await conversations.history("7", "8", talk.id, rounds=5)] == ["二"]
    assert [one.content for one in (await conversations.messages("7", "8", talk.id)).messages] == ["二", "1", "一"]


async def test_messages_come_in_pages_the_newest_first(conversations: Conversations, talk: Conversation) -> None:
    ids = await say(conversations, talk, "1", "2", "3", "4", "5")
    first = await conversations.messages("7", "8", talk.id, limit=2)
    assert ([one.id for one in first.messages], first.has_more) == ([ids[4], ids[3]], True)
    older = await conversations.messages("7", "8", talk.id, before=ids[3], limit=3)
    assert ([one.id for one in older.messages], older.has_more) == ([ids[2], ids[1], ids[0]], False)
    newer = await conversations.messages("7", "8", talk.id, after=ids[0], limit=2)
    assert ([one.id for one in newer.messages], newer.has_more) == ([ids[2], ids[1]], True)


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 51}, {"before": "1", "after": "2"}])
async def test_a_page_that_makes_no_sense_is_refused(
    conversations: Conversations, talk: Conversation, asked: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput):
        await conversations.messages("7", "8", talk.id, **asked)  # type: ignore[arg-type]


async def test_a_message_is_changed_and_removed(conversations: Conversations, talk: Conversation) -> None:
    (said,) = await say(conversations, talk, "你号")
    changed = await conversations.edit("7", "8", talk.id, said, "你好")
    assert (changed.id, changed.content, changed.content_type) == (said, "你好", "text")
    assert await conversations.remove("7", "8", talk.id, said)
    assert not await conversations.remove("7", "8", talk.id, said)
    with pytest.raises(NotFound):
        await conversations.edit("7", "8", talk.id, said, "你好")


async def test_a_message_of_another_conversation_is_not_found(conversations: Conversations, talk: Conversation) -> None:
    (said,) = await say(conversations, talk, "你好")
    other = (await conversations.open(ANNA, "另一个")).conversation
    with pytest.raises(NotFound):
        await conversations.edit("7", "8", other.id, said, "x")
    assert not await conversations.remove("7", "8", other.id, said)


async def test_parts_of_a_message_come_back_as_they_were(conversations: Conversations, talk: Conversation) -> None:
    parts = '[{"type":"text","text":"看"},{"type":"image","file_url":"https://example.test/猫.png"}]'
    said = await conversations.add("7", "8", talk.id, "user", parts, content_type="object_string")
    assert (said.content, said.content_type) == (parts, "object_string")


async def test_half_a_surrogate_pair_does_no_harm(conversations: Conversations, talk: Conversation) -> None:
    assert (await conversations.add("7", "8", talk.id, "user", "a\ud800b")).content == "a?b"


async def test_a_message_that_is_too_long_is_refused(conversations: Conversations, talk: Conversation) -> None:
    with pytest.raises(InvalidInput):
        await conversations.add("7", "8", talk.id, "user", "x" * 1_000_001)


async def test_a_write_that_is_made_twice_happens_once(conversations: Conversations) -> None:
    made = await conversations.open(ANNA, "售后", key="1/open")
    assert await conversations.open(ANNA, "售后", key="1/open") == made
    talk = made.conversation
    said = await conversations.add("7", "8", talk.id, "user", "你好", key="1/say")
    assert await conversations.add("7", "8", talk.id, "user", "你好", key="1/say") == said
    assert await conversations.clear("7", "8", talk.id, key="1/clear") == await conversations.clear(
        "7", "8", talk.id, key="1/clear"
    )
    renamed = await conversations.rename(ANNA, "售后", "退货", key="1/rename")
    assert await conversations.rename(ANNA, "售后", "退货", key="1/rename") == renamed
    assert await conversations.remove("7", "8", talk.id, said.id, key="1/remove")
    assert await conversations.remove("7", "8", talk.id, said.id, key="1/remove")
    assert await conversations.delete_named(ANNA, "退货", key="1/delete")
    assert await conversations.delete_named(ANNA, "退货", key="1/delete")
    assert await conversations.of(ANNA) == ()


async def test_the_same_key_in_another_space_is_another_write(conversations: Conversations) -> None:
    await conversations.open(ANNA, "售后", key="1/open")
    elsewhere = replace(ANNA, space_id="9")
    assert not (await conversations.open(elsewhere, "售后", key="1/open")).existed


async def test_many_who_ask_at_once_get_one_conversation(conversations: Conversations) -> None:
    opened = await asyncio.gather(*(conversations.open(ANNA, "售后") for _ in range(20)))
    assert len({one.conversation.id for one in opened}) == 1
    assert sum(not one.existed for one in opened) == 1


@pytest.mark.parametrize(
    ("party", "name"),
    [
        (ANNA, "x" * 192),
        (replace(ANNA, user_id="x" * 192), "a"),
        (replace(ANNA, app_id="x" * 192), "a"),
        (replace(ANNA, channel="x" * 65), "a"),
    ],
)
async def test_a_word_that_no_column_takes_is_refused(conversations: Conversations, party: Party, name: str) -> None:
    with pytest.raises(InvalidInput):
        await conversations.open(party, name)


async def test_an_application_names_a_bounded_number_of_conversations(conversations: Conversations) -> None:
    for number in range(100):
        await conversations.define("7", "8", "shop", f"第{number}个")
    assert len(await conversations.templates("7", "8", "shop")) == 100
    with pytest.raises(Conflict):
        await conversations.define("7", "8", "shop", "one more")
