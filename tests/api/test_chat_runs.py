"""Runs that are turns of a conversation and go through Temporal: what they see of it, and what they leave there."""

import asyncio
from pathlib import Path
from typing import Any

from tests.api.drawings import TEXT, Document, chain, start
from tests.api.durable import durable
from tests.api.serving import Serving
from tests.api.test_conversations import made, said
from workers.embedded import EmbeddedTemporal


def answer(text: str, **inputs: Any) -> Document:
    """An end that answers."""
    bound = {name: {"ref": ref} for name, ref in inputs.items()}
    return {"id": "end", "type": "end", "data": {"inputs": bound, "settings": {"mode": "answer", "answer": text}}}


def node(id: str, node_type: str, inputs: Document, **data: Any) -> Document:
    return {"id": id, "type": node_type, "data": {"inputs": inputs, **data}}


def recalling(rounds: int = 5) -> Document:
    """A chat workflow that answers with what a model would see."""
    return chain(
        start(USER_INPUT=TEXT, CONVERSATION_NAME=TEXT),
        node("recall", "recall", {"rounds": {"value": rounds}}),
        answer("[{{seen}}]", seen=["recall", "output"]),
    )


async def ended(serving: Serving, run: str) -> Document:
    async with asyncio.timeout(60):
        while True:
            shown: Document = (await serving.get(f"/runs/{run}")).json()
            if shown["state"] in ("succeeded", "failed", "cancelled"):
                return shown
            await asyncio.sleep(0.02)


async def test_a_turn_sees_the_turns_before_it(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path) as there:
        serving = there.serving
        workflow = await serving.published(recalling())
        talk = await made(serving, name="售后")
        for question, seen in (
            ("一", "[]"),
            ("二", "[user: 一 / assistant: []]"),
            ("三", "[user: 一 / assistant: [] / user: 二 / assistant: [user: 一 / assistant: []]]"),
        ):
            run = await serving.run(workflow, {"USER_INPUT": question}, conversation_id=talk["id"])
            assert (run["state"], run["answer"], run["mode"]) == ("succeeded", seen, "durable")
        lines = await said(serving, talk["id"])
        assert [role for role, _ in lines] == ["user", "assistant"] * 3
        items = (await serving.get(f"/conversations/{talk['id']}/messages")).json()["items"]
        assert len({one["round_id"] for one in items}) == 3
        assert len({one["run_id"] for one in items}) == 3


async def test_a_cleared_conversation_begins_anew(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path) as there:
        serving = there.serving
        workflow = await serving.published(recalling())
        talk = await made(serving)
        await serving.run(workflow, {"USER_INPUT": "一"}, conversation_id=talk["id"])
        await serving.post(f"/conversations/{talk['id']}/clear")
        run = await serving.run(workflow, {"USER_INPUT": "二"}, conversation_id=talk["id"])
        assert run["answer"] == "[]"


async def test_a_run_that_clears_its_history_answers_in_the_new_section(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        serving = there.serving
        name = {"ref": ["start", "CONVERSATION_NAME"]}
        clearing = chain(
            start(USER_INPUT=TEXT, CONVERSATION_NAME=TEXT),
            node("clear", "clear_conversation_history", {"conversationName": name}),
            node("recall", "recall", {"rounds": {"value": 5}}),
            answer("[{{seen}}]", seen=["recall", "output"]),
        )
        talk = await made(serving, name="售后")
        await serving.run(await serving.published(recalling()), {"USER_INPUT": "一"}, conversation_id=talk["id"])
        run = await serving.run(await serving.published(clearing), {"USER_INPUT": "二"}, conversation_id=talk["id"])
        assert run["answer"] == "[]"
        now = (await serving.get(f"/conversations/{talk['id']}")).json()["section_id"]
        newest = (await serving.get(f"/conversations/{talk['id']}/messages", limit=1)).json()["items"][0]
        assert (newest["content"], newest["section_id"]) == ("[]", now)


async def test_a_run_of_an_application_works_on_its_conversations(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        serving = there.serving
        name = {"value": "备忘"}
        drawn = chain(
            start(text=TEXT),
            node("open", "create_conversation", {"conversationName": name}),
            node(
                "say",
                "create_message",
                {"conversationName": name, "role": {"value": "user"}, "content": {"ref": ["start", "text"]}},
            ),
            node("list", "list_messages", {"conversationName": name}),
            answer("{{messages[0].content}}", messages=["list", "messageList"]),
        )
        workflow = await serving.published(drawn)
        run = await serving.run(workflow, {"text": "买茶"}, app_id="shop", user_id="安娜")
        assert run["answer"] == "买茶"
        listed = (await serving.get("/conversations", app_id="shop", user_id="安娜")).json()["items"]
        assert [one["name"] for one in listed] == ["备忘"]
        assert await said(serving, listed[0]["id"]) == [("user", "买茶")]
        other = await serving.run(workflow, {"text": "x"})
        assert other["error"]["facts"]["number"] == 702093204


async def test_a_run_that_waits_for_its_user_answers_once_it_goes_on(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        serving = there.serving
        asking = chain(
            start(USER_INPUT=TEXT),
            node("ask", "question", {"question": {"value": "茶还是咖啡？"}}),
            answer("好的，{{drink}}。", drink=["ask", "answer"]),
        )
        talk = await made(serving)
        run = await serving.run(await serving.published(asking), {"USER_INPUT": "点单"}, conversation_id=talk["id"])
        assert run["state"] == "waiting"
        assert await said(serving, talk["id"]) == [("user", "点单")]
        await serving.post(f"/runs/{run['id']}/answers", {"wait_id": "ask", "answer": "茶"})
        await ended(serving, run["id"])
        assert await said(serving, talk["id"]) == [("user", "点单"), ("assistant", "好的，茶。")]


async def test_a_run_whose_conversation_is_deleted_meanwhile_succeeds_all_the_same(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        serving = there.serving
        holding = chain(
            start(USER_INPUT=TEXT),
            node("work", "work", {"text": {"ref": ["start", "USER_INPUT"]}}),
            answer("{{done}}", done=["work", "output"]),
        )
        talk = await made(serving)
        workflow = await serving.published(holding)
        run = await serving.run(workflow, {"USER_INPUT": "hold"}, conversation_id=talk["id"], mode="async")
        await there.work.began.wait()
        assert (await serving.delete(f"/conversations/{talk['id']}")).status_code == 204
        there.work.go.set()
        assert (await ended(serving, run["id"]))["state"] == "succeeded"
        assert (await serving.get(f"/conversations/{talk['id']}")).status_code == 404


async def test_a_run_that_is_cancelled_answers_nothing(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path) as there:
        serving = there.serving
        waiting = chain(start(USER_INPUT=TEXT), node("ask", "question", {"question": {"value": "?"}}), answer("never"))
        talk = await made(serving)
        run = await serving.run(await serving.published(waiting), {"USER_INPUT": "a"}, conversation_id=talk["id"])
        await serving.post(f"/runs/{run['id']}/cancel")
        assert (await ended(serving, run["id"]))["state"] == "cancelled"
        assert await said(serving, talk["id"]) == [("user", "a")]


async def test_variables_are_typed_and_a_later_run_reads_what_a_run_has_set(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        serving = there.serving
        await serving.post(
            "/variables",
            {"scope": "app", "app_id": "shop", "name": "visits", "type": {"type": "integer"}, "default": 3},
        )
        drawn = chain(
            start(next={"type": "integer"}),
            node("before", "json_to", {"input": {"ref": ["app", "visits"]}}),
            node(
                "set",
                "assign_variables",
                {"visits": {"ref": ["start", "next"]}},
                settings={"scopes": {"visits": "app"}},
            ),
            node("after", "json_to", {"input": {"ref": ["app", "visits"]}}),
            answer("{{before}} {{after}}", before=["before", "output"], after=["after", "output"]),
        )
        workflow = await serving.published(drawn)
        for next_, told in ((4, "3 4"), (5, "4 5")):
            assert (await serving.run(workflow, {"next": next_}, app_id="shop"))["answer"] == told
        unknown = chain(start(), answer("{{x}}", x=["app", "tax"]))
        run = await serving.run(await serving.published(unknown), app_id="shop")
        assert run["state"] == "failed"
        assert run["error"]["facts"]["number"] == 777777764


async def test_a_value_that_fits_its_type_no_more_is_null_and_the_step_says_so(
    temporal_server: EmbeddedTemporal, tmp_path: Path
) -> None:
    async with durable(temporal_server, tmp_path) as there:
        serving = there.serving
        whose = {"scope": "app", "app_id": "shop"}
        await serving.put("/variable-values", {**whose, "values": {"visits": "many"}})
        await serving.post("/variables", {**whose, "name": "visits", "type": {"type": "integer"}})
        reading = chain(start(), node("show", "json_to", {"input": {"ref": ["app", "visits"]}}), answer("read"))
        run = await serving.run(await serving.published(reading), app_id="shop")
        (record,) = (await serving.get(f"/runs/{run['id']}/nodes", node="show")).json()["items"]
        assert record["output"] == {"output": "null"}
        assert "visits" in record["warnings"][0]


async def test_a_run_knows_whose_it_is(temporal_server: EmbeddedTemporal, tmp_path: Path) -> None:
    async with durable(temporal_server, tmp_path) as there:
        serving = there.serving
        names = ("user_id", "app_id", "conversation_id", "sys_uuid")
        drawn = chain(
            start(), answer(" ".join(f"{{{{{name}}}}}" for name in names), **{one: ["system", one] for one in names})
        )
        workflow = await serving.published(drawn)
        talk = await made(serving)
        first = await serving.run(workflow, conversation_id=talk["id"])
        user, app, conversation, uuid = first["answer"].split(" ")
        assert (user, app, conversation) == ("安娜", "shop", talk["id"])
        again = await serving.run(workflow, user_id="安娜", app_id="shop", mode="async")
        assert (await ended(serving, again["id"]))["answer"] == f"安娜 shop  {uuid}"
        other = await serving.run(workflow, user_id="bob", app_id="shop")
        assert not other["answer"].endswith(uuid)
