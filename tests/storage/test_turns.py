"""A run as a turn of a conversation: question and answer are stored with its beginning and its end."""

from __future__ import annotations

from functools import partial

import pytest

from engine.events import EventType, RunEvent
from storage.ids import new_id
from storage.organisations import Home
from storage.ports.conversations import Conversation, Party
from storage.runs import NewRun, RunRepository
from storage.sqlite.projected import rebuild
from storage.sqlite.writer import driver_of
from storage.stores import Stores
from storage.turns import Turn
from tests.storage.samples import a_run, a_whole_run, event


@pytest.fixture
async def talk(stores: Stores, home: Home) -> Conversation:
    party = Party(str(home.org_id), str(home.space_id), "shop", "安娜")
    return (await stores.conversations.open(party, "售后")).conversation


def turn(talk: Conversation, question: str = "发货了吗？", **given: object) -> NewRun:
    return a_run(turn=Turn(int(talk.id), int(talk.section_id), question), **given)


def ending(answer: str | None, how: EventType = EventType.RUN_SUCCEEDED) -> RunEvent:
    said = {} if answer is None else {"answer": answer}
    return event(how, at=3_000, output={"output": answer}, **said)


async def said(stores: Stores, talk: Conversation) -> list[tuple[str, str]]:
    party = talk.party
    page = await stores.conversations.messages(party.org_id, party.space_id, talk.id)
    return [(one.role, one.content) for one in reversed(page.messages)]


async def test_a_run_begins_with_its_question(stores: Stores, runs: RunRepository, talk: Conversation) -> None:
    run, _ = await runs.create(turn(talk))
    assert run.conversation_id == (await runs.get(run.id)).conversation_id == int(talk.id)
    assert await said(stores, talk) == [("user", "发货了吗？")]


async def test_the_same_start_again_asks_once(stores: Stores, runs: RunRepository, talk: Conversation) -> None:
    first, _ = await runs.create(turn(talk, idempotency_key="once"))
    again, fresh = await runs.create(turn(talk, idempotency_key="once"))
    assert (again.id, fresh) == (first.id, False)
    assert await said(stores, talk) == [("user", "发货了吗？")]


async def test_a_run_that_answers_answers_once(stores: Stores, runs: RunRepository, talk: Conversation) -> None:
    run, _ = await runs.create(turn(talk))
    await stores.events.append(str(run.id), [event(EventType.RUN_STARTED), ending("昨天。")])
    await stores.events.append(str(run.id), [ending("昨天。"), ending("another")])
    await stores.database.write(lambda connection: rebuild(driver_of(connection), run.id))
    assert await said(stores, talk) == [("user", "发货了吗？"), ("assistant", "昨天。")]
    party = talk.party
    asked, answered = await stores.conversations.history(party.org_id, party.space_id, talk.id, rounds=1)
    assert (answered.round_id, answered.run_id) == (asked.round_id, asked.run_id) == (asked.id, str(run.id))
    assert (await stores.conversations.get(party.org_id, party.space_id, talk.id)).updated == 3_000


@pytest.mark.parametrize(
    "end", [ending(None), ending(""), ending("half", EventType.RUN_FAILED), ending("half", EventType.RUN_CANCELLED)]
)
async def test_a_run_without_an_answer_says_nothing(
    stores: Stores, runs: RunRepository, talk: Conversation, end: RunEvent
) -> None:
    run, _ = await runs.create(turn(talk))
    await stores.events.append(str(run.id), [end])
    assert await said(stores, talk) == [("user", "发货了吗？")]


async def test_a_run_stored_whole_brings_both(stores: Stores, runs: RunRepository, talk: Conversation) -> None:
    events = [*a_whole_run()[:-1], ending("昨天。")]
    assert await runs.store_finished(turn(talk, mode="in_place"), events) is None
    assert await runs.store_finished(turn(talk, "", mode="in_place"), events) is None
    assert await said(stores, talk) == [("user", "发货了吗？"), ("assistant", "昨天。"), ("assistant", "昨天。")]


async def test_an_answer_without_a_question_belongs_to_the_round_before(
    stores: Stores, runs: RunRepository, talk: Conversation
) -> None:
    party = talk.party
    asked = await stores.conversations.add(party.org_id, party.space_id, talk.id, "user", "在吗？")
    run, _ = await runs.create(turn(talk, ""))
    await stores.events.append(str(run.id), [ending("在。")])
    _, answered = await stores.conversations.history(party.org_id, party.space_id, talk.id, rounds=1)
    assert answered.round_id == asked.id


async def test_an_answer_goes_into_the_section_of_now(stores: Stores, runs: RunRepository, talk: Conversation) -> None:
    party = talk.party
    run, _ = await runs.create(turn(talk))
    section = await stores.conversations.clear(party.org_id, party.space_id, talk.id)
    await stores.events.append(str(run.id), [ending("昨天。")])
    (answered,) = await stores.conversations.history(party.org_id, party.space_id, talk.id, rounds=5)
    assert (answered.content, answered.section_id) == ("昨天。", section)


async def test_a_conversation_that_is_gone_takes_no_answer(
    stores: Stores, runs: RunRepository, talk: Conversation
) -> None:
    party = talk.party
    run, _ = await runs.create(turn(talk))
    await stores.conversations.delete(party.org_id, party.space_id, talk.id)
    await stores.events.append(str(run.id), [ending("昨天。")])
    assert (await runs.get(run.id)).state == "succeeded"
    count = partial(_messages, conversation_id=int(talk.id))
    assert await stores.database.read(count) == 0


async def test_another_spaces_conversation_takes_no_answer(stores: Stores, runs: RunRepository, home: Home) -> None:
    elsewhere = Party(str(home.org_id), str(new_id()), "shop", "安娜")
    theirs = (await stores.conversations.open(elsewhere, "售后")).conversation
    run, _ = await runs.create(turn(theirs, ""))
    await stores.events.append(str(run.id), [ending("昨天。")])
    assert await said(stores, theirs) == []


def _messages(connection: object, *, conversation_id: int) -> int:
    found = connection.exec_driver_sql(  # type: ignore[attr-defined]
        "SELECT COUNT(*) FROM conversation_message WHERE conversation_id = ?", (conversation_id,)
    )
    return int(found.scalar() or 0)
