"""Intent detection: both modes, a port for each intent, and replies that name none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.errors import FlowError
from nodes.chat import ModelFailed
from storage.ports.conversations import Party
from tests.nodes.context import RUN, NodeWorld
from tests.nodes.drawing import LIBRARY, Walk, canvas, end, findings, node, start
from tests.nodes.replies import WrittenReplies

INTENTS = ["退货", "查询物流"]


def drawn(inputs: dict[str, Any] | None = None, **settings: Any) -> Any:
    """A canvas that tells by which port the node was left."""
    step = node("n", "intent", {"query": "=start.query", **(inputs or {})}, settings={"intents": INTENTS, **settings})
    ways = ("intent_0", "intent_1", "other")
    said = [node(f"at_{way}", "json_to", {"input": way}) for way in ways]
    merge = node("m", "merge_variables", settings={"groups": {"way": [{"ref": [one["id"], "output"]} for one in said]}})
    return canvas(
        start({"query": "string"}),
        step,
        *said,
        merge,
        end({"way": "=m.way", "id": "=n.classificationId", "reason": "=n.reason"}),
        lines="start>n m>end " + " ".join(f"n:{way}>at_{way}>m" for way in ways),
    )


async def classified(reply: str, query: Any = "我要退货", **settings: Any) -> tuple[Any, WrittenReplies]:
    models = WrittenReplies([reply])
    result = await Walk(drawn(**settings), NodeWorld(models=models)).run({"query": query})
    return result.output, models


@pytest.mark.parametrize(
    ("reply", "number", "port"),
    [
        ('{"classificationId": 1, "reason": "r"}', 1, "intent_0"),
        ('Here:\n```json\n{"classificationId": 2, "reason": "r"}\n```', 2, "intent_1"),
        ('{"classificationId": 0, "reason": "r"} {"classificationId": 2}', 0, "other"),
        ('{"reason": "r", "classificationId": 1, "more": {"a": {}}}', 1, "intent_0"),
    ],
)
async def test_the_mode_full_reads_a_number_and_a_reason(reply: str, number: int, port: str) -> None:
    output, models = await classified(reply)
    assert output == {"way": f'"{port}"', "id": number, "reason": "r"}
    assert "1: 退货\n2: 查询物流" in models.prompt()
    assert models.requests[0].messages[-1].text == "我要退货"


@pytest.mark.parametrize(
    ("reply", "number"), [("1", 1), (" 2\n", 2), ("0", 0), ('{"classificationId": 2}', 2), ("+1", 1)]
)
async def test_the_mode_fast_reads_a_number_alone(reply: str, number: int) -> None:
    output, models = await classified(reply, mode="fast")
    assert (output["id"], output["reason"]) == (number, None)
    assert "reason" not in models.prompt()


@pytest.mark.parametrize("mode", ["full", "fast"])
@pytest.mark.parametrize(
    "reply",
    [
        "",
        "  ",
        "退货",
        "{}",
        '{"classificationId": "1"}',
        '{"classificationId": 1.0}',
        '{"classificationId": true}',
        '{"classificationId": null}',
        '{"classificationId": 3}',
        '{"classificationId": -1}',
        "{",
        "[1]",
    ],
)
async def test_a_reply_that_names_no_intent_fails_the_node(mode: str, reply: str) -> None:
    with pytest.raises(FlowError, match="intent"):
        await classified(reply, mode=mode)


async def test_a_number_by_itself_is_no_reply_in_the_mode_full() -> None:
    with pytest.raises(FlowError, match="intent"):
        await classified("1")


async def test_the_system_prompt_counts_in_the_mode_full_alone_and_may_name_the_query() -> None:
    for mode, there in (("full", True), ("fast", False)):
        models = WrittenReplies(['{"classificationId": 1}'])
        asked = drawn({"system_prompt": "Mind {{query}}!", "temperature": 0.5}, mode=mode)
        await Walk(asked, NodeWorld(models=models)).run({"query": "this"})
        assert ("Mind this!" in models.prompt()) is there
        assert models.requests[0].options.temperature == 0.5


async def test_a_query_that_is_no_text_is_written_as_one() -> None:
    models = WrittenReplies(["1"])
    step = node("n", "intent", {"query": {"value": {"a": [1]}}}, settings={"intents": ["x"], "mode": "fast"})
    lines = "start>n n:intent_0>end n:other>end"
    await Walk(canvas(start(), step, end(), lines=lines), NodeWorld(models=models)).run()
    assert models.requests[0].messages[-1].text == '{"a":[1]}'


async def test_another_model_is_asked_where_the_first_refuses() -> None:
    models = WrittenReplies([ModelFailed("No.", reason="quota"), '{"classificationId": 1}'])
    asked = drawn({"model": "one", "fallback_models": ["two"]})
    await Walk(asked, NodeWorld(models=models)).run({"query": "x"})
    assert models.asked == ["one", "two"]


async def test_what_was_said_before_is_not_shown_outside_a_conversation() -> None:
    output, models = await classified('{"classificationId": 1}', history={"rounds": 3})
    assert output["id"] == 1
    assert len(models.requests[0].messages) == 2


@pytest.mark.parametrize("settings", [{}, {"intents": []}, {"intents": ["a"], "mode": "top_speed"}])
def test_settings_that_cannot_work_are_found(settings: dict[str, Any]) -> None:
    step = node("n", "intent", {"query": "x"}, settings=settings)
    assert any(
        one.severity == "error" and one.node == "n" for one in findings(start(), step, end(), lines="start>n>end")
    )


async def test_in_a_conversation_what_was_said_before_is_shown_with_media_by_their_urls() -> None:
    models = WrittenReplies(["1"])
    world = NodeWorld(models=models, settings={"intents": [*INTENTS], "mode": "fast", "history": {"rounds": 2}})
    party = Party("10", "20", "shop", "40")
    talk = (await world.conversations.open(party, "售后")).conversation
    picture = '[{"type":"text","text":"坏了"},{"type":"image","file_url":"https://example.test/a.png"}]'
    await world.conversations.add("10", "20", talk.id, "user", picture, content_type="object_string")
    await world.conversations.add("10", "20", talk.id, "assistant", "抱歉")
    run = replace(RUN, run_id="2", app_id="shop", chat=True, conversation_id=talk.id)
    await LIBRARY.activities["intent"].run({"query": "我要退货"}, replace(world, run=run))
    said = [(one.role, one.text) for one in models.requests[0].messages[1:]]
    assert said == [("user", "坏了\nhttps://example.test/a.png"), ("assistant", "抱歉"), ("user", "我要退货")]
