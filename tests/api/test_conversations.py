"""Conversations over HTTP, and runs that are turns of them."""

from pathlib import Path
from typing import Any

import pytest

from tests.api.drawings import TEXT, Document, chain, concat, end, start
from tests.api.serving import Serving, serve
from tests.api.test_access import in_another_space


async def made(serving: Serving, **fields: Any) -> Document:
    answer = await serving.post("/conversations", {"user_id": "安娜", "app_id": "shop", **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def said(serving: Serving, conversation: str) -> list[tuple[str, str]]:
    """Who said what, the oldest first."""
    answer = await serving.get(f"/conversations/{conversation}/messages")
    return [(one["role"], one["content"]) for one in reversed(answer.json()["items"])]


def answering() -> Document:
    """A chat workflow of inline steps: it says what it heard, and in which conversation."""
    finish: Document = {
        "id": "end",
        "type": "end",
        "data": {
            "inputs": {"text": {"ref": ["echo", "output"]}},
            "settings": {"mode": "answer", "answer": "{{text}}"},
        },
    }
    return chain(
        start(USER_INPUT=TEXT, CONVERSATION_NAME=TEXT),
        concat("echo", "{{name}}: {{said}}", said=["start", "USER_INPUT"], name=["start", "CONVERSATION_NAME"]),
        finish,
    )


async def test_a_conversation_is_made_and_read(serving: Serving) -> None:
    talk = await made(serving, name="售后", channel="web")
    assert talk["name"] == "售后"
    assert (talk["kind"], talk["user_id"], talk["app_id"], talk["channel"]) == ("dynamic", "安娜", "shop", "web")
    assert (await serving.get(f"/conversations/{talk['id']}")).json() == talk


async def test_a_name_is_given_once_unless_one_asks_for_the_one_that_is_there(serving: Serving) -> None:
    talk = await made(serving, name="售后")
    wanted = {"user_id": "安娜", "app_id": "shop", "name": "售后"}
    assert (await serving.post("/conversations", wanted)).status_code == 409
    again = await serving.post("/conversations", {**wanted, "get_or_create": True})
    assert (again.status_code, again.json()["id"]) == (200, talk["id"])


async def test_without_a_user_a_conversation_is_the_tokens_own(serving: Serving) -> None:
    answer = await serving.post("/conversations", {})
    talk = answer.json()
    assert (talk["name"], talk["app_id"]) == ("", "")
    assert talk["user_id"].isdecimal()


async def test_conversations_are_listed_by_whose_they_are(serving: Serving) -> None:
    first, second = await made(serving, name="a"), await made(serving, name="b")
    await made(serving, name="c", user_id="bob")
    await made(serving, name="d", draft=True)
    page = (await serving.get("/conversations", user_id="安娜", draft=False, limit=1)).json()
    assert [one["id"] for one in page["items"]] == [second["id"]]
    rest = await serving.get("/conversations", user_id="安娜", draft=False, limit=1, cursor=page["next_cursor"])
    assert ([one["id"] for one in rest.json()["items"]], rest.json()["next_cursor"]) == ([first["id"]], None)


async def test_a_conversation_is_renamed_cleared_and_deleted(serving: Serving) -> None:
    talk = await made(serving, name="a")
    await made(serving, name="b")
    where = f"/conversations/{talk['id']}"
    assert (await serving.patch(where, {"name": "b"})).status_code == 409
    assert (await serving.patch(where, {"name": "c"})).json()["name"] == "c"
    assert (await serving.post(f"{where}/clear")).json()["section_id"] != talk["section_id"]
    assert (await serving.delete(where)).status_code == 204
    for answer in (await serving.get(where), await serving.delete(where), await serving.post(f"{where}/clear")):
        assert answer.status_code == 404


async def test_messages_are_said_changed_and_deleted(serving: Serving) -> None:
    talk = await made(serving)
    where = f"/conversations/{talk['id']}/messages"
    asked = (await serving.post(where, {"role": "user", "content": "发货了马？"})).json()
    answered = (await serving.post(where, {"role": "assistant", "content": "昨天。"})).json()
    assert answered["round_id"] == asked["round_id"] == asked["id"]
    assert asked["run_id"] is None
    changed = await serving.patch(f"{where}/{asked['id']}", {"content": "发货了吗？"})
    assert changed.json()["content"] == "发货了吗？"
    assert await said(serving, talk["id"]) == [("user", "发货了吗？"), ("assistant", "昨天。")]
    assert (await serving.delete(f"{where}/{asked['id']}")).status_code == 204
    assert (await serving.delete(f"{where}/{asked['id']}")).status_code == 404
    assert (await serving.patch(f"{where}/{asked['id']}", {"content": "x"})).status_code == 404


async def test_messages_are_listed_before_and_after_one(serving: Serving) -> None:
    talk = await made(serving)
    where = f"/conversations/{talk['id']}/messages"
    ids = [(await serving.post(where, {"role": "user", "content": str(number)})).json()["id"] for number in range(4)]
    older = (await serving.get(where, before=ids[3], limit=2)).json()
    assert ([one["id"] for one in older["items"]], older["has_more"]) == ([ids[2], ids[1]], True)
    newer = (await serving.get(where, after=ids[2])).json()
    assert ([one["id"] for one in newer["items"]], newer["has_more"]) == ([ids[3]], False)
    assert (await serving.get(where, before=ids[0], after=ids[1])).status_code == 422


@pytest.mark.parametrize(
    "message",
    [
        {"role": "system", "content": "x"},
        {"role": "user"},
        {"role": "user", "content": "{}", "content_type": "object_string"},
        {"role": "user", "content": "no JSON", "content_type": "object_string"},
        {"role": "user", "content": "x" * 1_000_001},
    ],
)
async def test_a_message_that_is_none_is_refused(serving: Serving, message: Document) -> None:
    talk = await made(serving)
    assert (await serving.post(f"/conversations/{talk['id']}/messages", message)).status_code == 422


async def test_an_application_names_conversations_of_its_own(serving: Serving) -> None:
    named = await serving.post("/conversation-templates", {"app_id": "shop", "name": "客服"})
    assert named.json() == {"app_id": "shop", "names": ["客服"]}
    talk = await made(serving, name="客服")
    assert talk["kind"] == "static"
    assert (await serving.patch(f"/conversations/{talk['id']}", {"name": "x"})).status_code == 409
    gone = await serving.client.delete("/api/v1/conversation-templates", params={"app_id": "shop", "name": "客服"})
    assert gone.status_code == 204
    assert (await serving.get("/conversation-templates", app_id="shop")).json()["names"] == []
    assert (await serving.get(f"/conversations/{talk['id']}")).status_code == 404


async def test_another_spaces_conversation_is_not_found(serving: Serving) -> None:
    talk = await made(serving)
    async with await in_another_space(serving) as other:
        assert (await other.get(f"/api/v1/conversations/{talk['id']}")).status_code == 404
        assert (await other.get("/api/v1/conversations")).json()["items"] == []


# --- runs -------------------------------------------------------------------------------------------------------------


async def test_a_run_shows_on_whose_behalf_it_runs(serving: Serving) -> None:
    workflow = await serving.published(answering())
    run = await serving.run(workflow, {"USER_INPUT": "a"}, user_id="安娜", app_id="shop", channel="web")
    assert (run["user_id"], run["app_id"], run["channel"]) == ("安娜", "shop", "web")
    assert run["conversation_id"] is None
    assert (await serving.get(f"/runs/{run['id']}")).json() == run
    plain = await serving.run(workflow, {"USER_INPUT": "a"})
    assert plain["user_id"].isdecimal()
    assert plain["app_id"] is None


async def test_a_run_of_a_conversation_leaves_its_question_and_its_answer_there(serving: Serving) -> None:
    workflow = await serving.published(answering())
    talk = await made(serving, name="售后")
    run = await serving.run(workflow, {"USER_INPUT": "发货了吗？"}, conversation_id=talk["id"])
    assert (run["state"], run["answer"], run["mode"]) == ("succeeded", "售后: 发货了吗？", "in_place")
    assert (run["user_id"], run["app_id"], run["conversation_id"]) == ("安娜", "shop", talk["id"])
    assert await said(serving, talk["id"]) == [("user", "发货了吗？"), ("assistant", "售后: 发货了吗？")]
    items = (await serving.get(f"/conversations/{talk['id']}/messages")).json()["items"]
    assert {one["run_id"] for one in items} == {run["id"]}
    assert len({one["round_id"] for one in items}) == 1


async def test_a_conversation_without_a_name_is_called_default(serving: Serving) -> None:
    workflow = await serving.published(answering())
    talk = await made(serving)
    run = await serving.run(workflow, {"USER_INPUT": "a"}, conversation_id=talk["id"])
    assert run["answer"] == "Default: a"


async def test_the_same_start_again_says_nothing_twice(serving: Serving) -> None:
    workflow = await serving.published(answering())
    talk = await made(serving, name="售后")
    body = {"inputs": {"USER_INPUT": "a"}, "conversation_id": talk["id"], "idempotency_key": "once"}
    first = await serving.post(f"/workflows/{workflow}/runs", body)
    await serving.patch(f"/conversations/{talk['id']}", {"name": "退货"})
    again = await serving.post(f"/workflows/{workflow}/runs", body)
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(await said(serving, talk["id"])) == 2
    for other in ({"user_id": "bob"}, {"conversation_id": None}, {"inputs": {"USER_INPUT": "b"}}):
        assert (await serving.post(f"/workflows/{workflow}/runs", {**body, **other})).status_code == 409


async def test_a_run_of_a_conversation_that_is_not_there_is_refused(serving: Serving) -> None:
    workflow = await serving.published(answering())
    for unknown in ("12345", "nope"):
        answer = await serving.post(f"/workflows/{workflow}/runs", {"conversation_id": unknown})
        assert answer.status_code == 404


@pytest.mark.parametrize("other", [{"user_id": "bob"}, {"app_id": "x"}, {"channel": "x"}, {"version": "draft"}])
async def test_a_run_cannot_take_anothers_conversation(serving: Serving, other: Document) -> None:
    workflow = await serving.published(answering())
    talk = await made(serving)
    body = {"inputs": {"USER_INPUT": "a"}, "conversation_id": talk["id"], **other}
    answer = await serving.post(f"/workflows/{workflow}/runs", body)
    assert answer.status_code == 422
    assert await said(serving, talk["id"]) == []


async def test_a_test_run_takes_a_conversation_for_tests(serving: Serving) -> None:
    workflow = await serving.published(answering())
    talk = await made(serving, draft=True)
    run = await serving.run(workflow, {"USER_INPUT": "a"}, conversation_id=talk["id"], version="draft")
    assert run["kind"] == "test"
    assert len(await said(serving, talk["id"])) == 2


@pytest.mark.parametrize(
    "words", [{"user_id": ""}, {"user_id": "x" * 192}, {"app_id": "x" * 192}, {"channel": "x" * 65}, {"user_id": 7}]
)
async def test_words_that_are_too_long_are_refused(serving: Serving, words: Document) -> None:
    workflow = await serving.published(answering())
    assert (await serving.post(f"/workflows/{workflow}/runs", words)).status_code == 422


async def test_a_run_that_fails_answers_nothing(serving: Serving) -> None:
    broken = chain(
        start(USER_INPUT=TEXT),
        {"id": "read", "type": "json_from", "data": {"inputs": {"input": {"ref": ["start", "USER_INPUT"]}}}},
        end(),
    )
    workflow = await serving.published(broken)
    talk = await made(serving)
    run = await serving.run(workflow, {"USER_INPUT": "{nope"}, conversation_id=talk["id"])
    assert run["state"] == "failed"
    assert await said(serving, talk["id"]) == [("user", "{nope")]


async def test_conversations_outlive_the_process(tmp_path: Path) -> None:
    async with serve(tmp_path) as serving:
        talk = await made(serving, name="售后")
        await serving.post(f"/conversations/{talk['id']}/messages", {"role": "user", "content": "你好"})
    async with serve(tmp_path) as serving:
        assert await said(serving, talk["id"]) == [("user", "你好")]
