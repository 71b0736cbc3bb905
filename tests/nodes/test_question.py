"""The question: free text, fields found in it by a model, options with ports, and options in other words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import FlowError
from engine.events import EventType, RunEvent
from nodes.chat import ModelFailed, ModelUnavailable
from tests.nodes.context import NodeWorld
from tests.nodes.drawing import Walk, alone, canvas, end, findings, node, start
from tests.nodes.replies import WrittenReplies

ADDRESS: Any = {
    "type": "object",
    "properties": {
        "answer": {"type": "string"},
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "city": {"type": "string"},
    },
    "required": ["name", "age"],
}


class Talk:
    """A canvas with one question, asked and answered in memory."""

    def __init__(self, step: dict[str, Any], ports: tuple[str, ...] = (), *replies: str | Exception) -> None:
        self.models = WrittenReplies([*replies])
        self.walk = Walk(alone(step, ports), NodeWorld(models=self.models))
        self.walk.world.spent.clear()

    async def hold(self, *answers: str, inputs: dict[str, Any] | None = None) -> dict[str, Any]:
        """Give these answers in turn; the run's output."""
        run = asyncio.create_task(self.walk.run(inputs))
        for number, answer in enumerate(answers, start=1):
            wait_id = "n" if number == 1 else f"n.{number}"
            while wait_id not in self.walk.runtime.waits:
                assert not run.done(), f"it ended before it asked {wait_id}: {run}"
                await asyncio.sleep(0)
            self.walk.runtime.answer(wait_id, answer)
        return dict((await run).output)

    def event(self, key: str) -> RunEvent:
        return next(event for event in self.walk.runtime.events if event.key == key)

    @property
    def asked(self) -> list[tuple[str, str, str]]:
        """Wait id, place and prompt of every question."""
        opened = (event for event in self.walk.runtime.events if event.type is EventType.WAIT_OPENED)
        return [(str(one.data["wait_id"]), one.path, str(one.data["prompt"])) for one in opened]


def extracting(**settings: Any) -> dict[str, Any]:
    return node("n", "question", {"question": "Who are you?"}, settings={"extract": True, **settings}, outputs=ADDRESS)


async def test_a_free_answer_is_the_output() -> None:
    talk = Talk(node("n", "question", {"question": "谁?"}))
    assert (await talk.hold("李雷"))["out"]["answer"] == "李雷"
    assert talk.event("n:succeeded").data["details"] == {"rounds": [{"question": "谁?", "answer": "李雷"}]}
    assert talk.models.requests == []


async def test_fields_are_found_in_an_answer() -> None:
    talk = Talk(extracting(), (), '{"fields": {"name": "Ada", "age": "36", "city": null, "zip": 1}, "question": ""}')
    out = (await talk.hold("Ada, 36 years"))["out"]
    assert out == {"answer": "Ada, 36 years", "name": "Ada", "age": 36, "city": None, "zip": 1}
    assert '"age":{"type":"integer"}' in talk.models.prompt()
    assert "Required fields: name, age." in talk.models.prompt()
    assert '"answer"' not in talk.models.prompt().partition("Answer with one JSON")[0]


async def test_what_is_missing_is_asked_for_until_it_is_known() -> None:
    talk = Talk(
        extracting(),
        (),
        '{"fields": {"name": "Ada"}, "question": "How old are you?"}',
        '```json\n{"fields": {"name": "Ada", "age": 36}, "question": ""}\n```',
    )
    out = (await talk.hold("I am Ada", "36"))["out"]
    assert (out["name"], out["age"], out["answer"]) == ("Ada", 36, "36")
    assert talk.asked == [("n", "n", "Who are you?"), ("n.2", "n", "How old are you?")]
    told = talk.event("n:succeeded").data
    assert told["details"] == {
        "rounds": [
            {"question": "Who are you?", "answer": "I am Ada"},
            {"question": "How old are you?", "answer": "36"},
        ]
    }
    said = [(one.role, one.text) for one in talk.models.requests[1].messages[1:4]]
    assert said == [("assistant", "Who are you?"), ("user", "I am Ada"), ("assistant", "How old are you?")]


async def test_the_tokens_of_all_rounds_add_up_in_the_record() -> None:
    talk = Talk(extracting(), (), '{"fields": {}, "question": "Name?"}', '{"fields": {"name": "A", "age": 1}}')
    talk.walk.world.spent = {}
    await talk.hold("hm", "A, 1")
    usage: Any = talk.event("n:succeeded").data["usage"]
    assert usage["total_tokens"] == 13 + 13


async def test_too_many_answers_are_an_error_that_still_tells_what_was_spent() -> None:
    again = '{"fields": {}, "question": "Once more?"}'
    talk = Talk(extracting(limit=2), (), again, again)
    with pytest.raises(FlowError, match="2 answers were given, which is the limit") as failed:
        await talk.hold("a", "b")
    assert (failed.value.facts["limit"], failed.value.facts["answers"]) == (2, 2)
    usage: Any = talk.event("n:failed").data["usage"]
    assert usage["total_tokens"] > 0


async def test_a_required_field_that_nobody_asks_for_is_null() -> None:
    talk = Talk(extracting(), (), '{"fields": {"name": "Ada"}, "question": ""}')
    assert (await talk.hold("Ada"))["out"]["age"] is None


async def test_a_value_that_does_not_fit_is_null_with_a_warning() -> None:
    talk = Talk(extracting(), (), '{"fields": {"name": "Ada", "age": "old"}, "question": ""}')
    assert (await talk.hold("Ada, old"))["out"]["age"] is None
    assert "age" in str(talk.event("n:succeeded").data["warnings"])


async def test_a_reply_that_cannot_be_read_fails_and_may_be_handled() -> None:
    talk = Talk(extracting(), (), "I do not know.")
    with pytest.raises(FlowError, match="not JSON"):
        await talk.hold("Ada")
    step = extracting()
    step["data"]["on_error"] = {"policy": "default", "default": {"name": "nobody"}}
    talk = Talk(step, (), "I do not know.")
    assert (await talk.hold("Ada"))["out"]["isSuccess"] is False


async def test_reading_is_tried_again_and_nobody_is_asked_twice() -> None:
    away = ModelUnavailable("Busy.", reason="overloaded")
    talk = Talk(extracting(), (), away, away, '{"fields": {"name": "Ada", "age": 1}, "question": ""}')
    assert (await talk.hold("Ada, 1"))["out"]["name"] == "Ada"
    retried = [event for event in talk.walk.runtime.events if event.type is EventType.STEP_RETRIED]
    assert [(one.key, one.path) for one in retried] == [("n:retried:2", "n"), ("n:retried:3", "n")]
    assert len(talk.asked) == 1


async def test_a_fallback_model_reads_where_the_first_cannot_and_each_round_begins_with_the_first() -> None:
    step = extracting()
    step["data"]["inputs"] |= {"model": {"value": "one"}, "fallback_models": {"value": ["two"]}}
    refused = ModelFailed("No.", reason="quota")
    talk = Talk(step, (), refused, '{"fields": {}, "question": "Age?"}', '{"fields": {"name": "A", "age": 1}}')
    await talk.hold("a", "b")
    assert talk.models.asked == ["one", "two", "one"]


async def test_what_else_the_model_should_mind_is_told_and_may_be_a_template() -> None:
    step = extracting()
    step["data"]["inputs"] |= {"tone": {"value": "kind"}, "system_prompt": {"template": "Be {{tone}}."}}
    talk = Talk(step, (), '{"fields": {"name": "A", "age": 1}}')
    await talk.hold("a")
    assert "Be kind." in talk.models.prompt()


OPTIONS: Any = {"options": ["yes, {{who}}", "no"]}


@pytest.mark.parametrize(
    ("answer", "reply", "out", "port"),
    [
        ("yes, Ada", None, ("A", "yes, Ada"), "option_0"),
        ("nope", "1", ("B", "no"), "option_1"),
        ("sure", '{"option": 0}', ("A", "yes, Ada"), "option_0"),
        ("elephant", "-1", ("other", "elephant"), "other"),
    ],
)
async def test_an_option_may_be_a_template_and_is_found_in_other_words(
    answer: str, reply: str | None, out: tuple[str, str], port: str
) -> None:
    step = node("n", "question", {"question": "Well?", "who": "Ada", "model": "m"}, settings=OPTIONS)
    talk = Talk(step, ("option_0", "option_1", "other"), *([] if reply is None else [reply]))
    said = (await talk.hold(answer))["out"]
    assert (said["answer"], said["option_id"], said["option_content"]) == (answer, *out)
    told = talk.event("n:succeeded").data
    assert (told["port"], told["details"]["selected"]) == (port, out[1])  # type: ignore[index, call-overload]
    assert len(talk.models.requests) == (reply is not None)


@pytest.mark.parametrize("reply", ["two", "", "1.5", '{"option": "1"}', '{"option": true}', "7", "-2"])
async def test_a_model_that_names_no_option_fails_the_question(reply: str) -> None:
    step = node("n", "question", {"question": "Well?", "model": "m"}, settings={"options": ["yes", "no"]})
    with pytest.raises(FlowError, match="option"):
        await Talk(step, ("option_0", "option_1", "other"), reply).hold("hm")


async def test_without_a_model_other_words_are_other() -> None:
    step = node("n", "question", {"question": "Well?"}, settings={"options": ["yes", "no"]})
    talk = Talk(step, ("option_0", "option_1", "other"))
    assert (await talk.hold("hm"))["out"]["option_id"] == "other"


async def test_an_answer_that_means_no_option_is_asked_for_again_where_none_else_counts() -> None:
    settings = {"options": ["yes", "no"], "free": False}
    step = node("n", "question", {"question": "Well?", "model": "m"}, settings=settings)
    talk = Talk(step, ("option_0", "option_1"), "-1", "0")
    assert (await talk.hold("hm", "right"))["out"]["option_id"] == "A"
    assert [prompt for _, _, prompt in talk.asked] == ["Well?", "Well?"]


@pytest.mark.parametrize(("answer", "port"), [("绿", "option"), ("hm", "other")])
async def test_options_known_only_now_share_a_port(answer: str, port: str) -> None:
    step = node("n", "question", {"question": "Which?", "options": ["红", "绿"]}, settings={"dynamic": True})
    drawn = canvas(
        start(),
        step,
        node("a", "json_to", {"input": "option"}),
        node("b", "json_to", {"input": "other"}),
        node(
            "m", "merge_variables", settings={"groups": {"way": [{"ref": ["a", "output"]}, {"ref": ["b", "output"]}]}}
        ),
        end({"way": "=m.way"}),
        lines="start>n n:option>a>m>end n:other>b>m",
    )
    walk = Walk(drawn)
    run = asyncio.create_task(walk.run())
    await walk.runtime.wait_opened.wait()
    walk.runtime.answer("n", answer)
    assert (await run).output == {"way": f'"{port}"'}


async def test_a_list_of_options_that_is_empty_is_the_references_error() -> None:
    step = node("n", "question", {"question": "Which?", "options": []}, settings={"dynamic": True})
    step["data"]["on_error"] = {"policy": "branch", "codes": "numbers"}
    out = (await Talk(step, ("option", "other", "error")).hold())["out"]
    assert out["errorBody"]["errorCode"] == 720712049


async def test_only_the_first_26_options_are_asked() -> None:
    step = node("n", "question", {"question": "Which?", "options": [str(n) for n in range(40)]})
    talk = Talk(step)
    run = asyncio.create_task(talk.walk.run())
    await talk.walk.runtime.wait_opened.wait()
    assert len(talk.walk.runtime.waits["n"].options) == 26
    talk.walk.runtime.answer("n", "30")
    assert (await run).output["out"]["option_id"] == "other"  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    ("code", "step"),
    [
        ("nothing_to_extract", node("n", "question", {"question": "?"}, settings={"extract": True})),
        (
            "extract_and_options",
            node("n", "question", {"question": "?", "options": ["a"]}, settings={"extract": True}, outputs=ADDRESS),
        ),
        ("missing_options", node("n", "question", {"question": "?"}, settings={"dynamic": True})),
        ("dynamic_and_fixed", node("n", "question", {"question": "?"}, settings={"dynamic": True, "options": ["a"]})),
        ("unknown_placeholder", node("n", "question", {"question": "?"}, settings={"options": ["{{nobody.name}}"]})),
    ],
)
def test_a_question_that_cannot_work_is_found(code: str, step: dict[str, Any]) -> None:
    settings = step["data"]["settings"]
    ports = [f"option_{n}" for n, _ in enumerate(settings.get("options", ()))] or ["option"] * bool(
        settings.get("dynamic")
    )
    ways = " ".join(f"n:{port}>end" for port in [*ports, "other"]) if ports else "n>end"
    found = findings(start(), step, end(), lines=f"start>n {ways}")
    assert code in [one.code for one in found], found
