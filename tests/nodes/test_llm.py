"""LLM: what is asked, what comes of the answer, and how it streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import pytest

from conf.settings import Settings
from engine.errors import InvalidInput, NodeFailed, NodeUnavailable
from engine.events import EventType
from engine.plan import Call
from engine.values import Json
from nodes.ai.llm import llm
from nodes.ai.reply import read_object
from nodes.chat import ChatDelta, ChatMessage, ChatRequest, FinishReason
from tests.fakes.openai_server import openai_server
from tests.nodes.context import SITE, NodeWorld
from tests.nodes.drawing import Walk, alone, canvas, findings, node, start
from tests.workers.egress.loopback import calling
from workers.models.registry import ModelRegistry
from workers.models.scripted import MARK

FIELDS: dict[str, Json] = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "score": {"type": "integer"}, "reasoning_content": {"type": "string"}},
    "required": ["title"],
}


@dataclass
class Heard:
    """A model that gives one reply, and remembers what it was asked. Also the registry in which it is every model."""

    reply: str = "Fine."
    finish_reason: FinishReason = "stop"
    messages: list[ChatMessage] = field(default_factory=list)
    wishes: dict[str, Any] = field(default_factory=dict)
    closed: bool = False

    async def chat(self, name: str) -> Heard:
        return self

    async def takes(self, name: str) -> frozenset[str]:
        return frozenset()

    async def embedder(self, name: str) -> Any:
        raise AssertionError(name)

    async def reranker(self, name: str) -> Any:
        raise AssertionError(name)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        options = request.options
        self.messages = list(request.messages)
        self.wishes = {
            "temperature": options.temperature,
            "top_p": options.top_p,
            "max_tokens": options.max_tokens,
            "json_schema": request.json_schema,
        }
        try:
            yield ChatDelta(reasoning="Hm. ")
            yield ChatDelta(text=self.reply[:3])
            yield ChatDelta(text=self.reply[3:], reasoning="Well.")
            yield ChatDelta(usage={"input_tokens": 4, "output_tokens": 2}, finish_reason=self.finish_reason)
        finally:
            self.closed = True


def world(model: Heard, outputs: dict[str, Json] | None = None) -> NodeWorld:
    return NodeWorld(models=model, output_schema=outputs)


async def test_the_prompts_and_wishes_reach_the_model_and_the_answer_streams() -> None:
    model = Heard()
    there = world(model)
    inputs: dict[str, Json] = {
        "prompt": "Hi",
        "system_prompt": "Be kind.",
        "temperature": 0.3,
        "top_p": 0.9,
        "max_tokens": 5,
        "name": "x",
    }
    output = await llm.run(inputs, there)
    assert output == {"output": "Fine.", "reasoning_content": "Hm. Well."}
    assert model.messages == [ChatMessage("system", "Be kind."), ChatMessage("user", "Hi")]
    assert model.wishes == {"temperature": 0.3, "top_p": 0.9, "max_tokens": 5, "json_schema": None}
    assert there.said == ["Fin", "e."]
    assert there.spent == {"input_tokens": 4, "output_tokens": 2}
    assert there.warned == []


async def test_nothing_wished_for_is_nothing_sent() -> None:
    model = Heard()
    await llm.run({"prompt": None, "temperature": None, "system_prompt": None}, world(model))
    assert model.messages == [ChatMessage("user", "")]
    assert set(model.wishes.values()) == {None}


async def test_markdown_is_asked_for() -> None:
    model = Heard()
    await llm.run({"prompt": "Hi", "response_format": "markdown"}, world(model))
    assert model.messages[-1].content == "Hi\n\nAnswer in Markdown."


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
async def test_a_single_declared_text_is_the_answer_whatever_the_format(form: str) -> None:
    outputs: dict[str, Json] = {"type": "object", "properties": {"summary": {"type": "string"}}}
    there = world(Heard(), outputs)
    assert await llm.run({"prompt": "Hi", "response_format": form}, there) == {
        "summary": "Fine.",
        "reasoning_content": "Hm. Well.",
    }
    assert there.said == ["Fin", "e."]


async def test_declared_values_are_asked_for_by_their_schema_and_do_not_stream() -> None:
    model = Heard('{"title": "你", "score": 3}')
    there = world(model, FIELDS)
    assert await llm.run({"prompt": "Hi", "response_format": "json"}, there) == {
        "title": "你",
        "score": 3,
        "reasoning_content": "Hm. Well.",
    }
    prompt = model.messages[-1].text
    assert prompt.startswith("Hi\n\nAnswer with one JSON object")
    assert '"score":{"type":"integer"}' in prompt
    assert "reasoning_content" not in prompt
    assert model.wishes["json_schema"]["required"] == ["title"]
    assert there.said == []


@pytest.mark.parametrize(
    "reply",
    [
        '{"a": 1}',
        '  \n{"a": 1}\n ',
        '```json\n{"a": 1}\n```',
        '```\n{"a": 1}\n```',
        '```JSON {"a": 1}```',
        'json\n{"a": 1}',
    ],
)
def test_a_fence_around_the_json_is_forgiven(reply: str) -> None:
    assert read_object(reply) == {"a": 1}


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "no",
        "[1]",
        '"text"',
        "{'a': 1}",
        '{"a": 1',
        "null",
        "{" * 5000,
        'Here you are:\n```json\n{"a": 1}\n```\nAnything else?',
        'Sure! {"a": 1} I hope that helps.',
    ],
)
def test_a_reply_without_an_object_holds_none(reply: str) -> None:
    assert read_object(reply) is None


async def test_a_reply_that_is_no_json_leaves_the_outputs_empty_with_a_warning() -> None:
    there = world(Heard("I would rather not."), FIELDS)
    output = await llm.run({"response_format": "json"}, there)
    assert output == {"raw_output": "I would rather not.", "reasoning_content": "Hm. Well."}
    assert "not JSON" in there.warned[0]


async def test_a_reply_without_a_required_output_fails() -> None:
    with pytest.raises(NodeFailed, match="lacks the required output title") as found:
        await llm.run({"response_format": "json"}, world(Heard('{"score": 3}'), FIELDS))
    assert found.value.facts["missing"] == ["title"]


async def test_several_outputs_need_the_format_json() -> None:
    with pytest.raises(InvalidInput, match="must be one text"):
        await llm.run({"prompt": "Hi"}, world(Heard(), FIELDS))


@pytest.mark.parametrize(("reason", "sentence"), [("length", "greatest length"), ("content_filter", "withheld")])
async def test_an_answer_that_ends_early_is_warned_of(reason: FinishReason, sentence: str) -> None:
    there = world(Heard(finish_reason=reason))
    await llm.run({}, there)
    assert sentence in there.warned[0]


async def test_a_node_that_ends_early_lets_go_of_the_model() -> None:
    class Gone(NodeWorld):
        async def emit(self, text: str) -> None:
            raise NodeUnavailable("Nobody listens.")

    model = Heard()
    with pytest.raises(NodeUnavailable, match="Nobody listens"):
        await llm.run({}, Gone(models=model))
    assert model.closed


async def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(NodeFailed, match="no model 'gpt-9'; there are: default, scripted"):
        await llm.run({"model": "gpt-9"}, NodeWorld())


# --- on a canvas ---


def streams(**data: Any) -> str | None:
    walk = Walk(alone(node("n", "llm", data.pop("inputs", {}), **data)))
    action = next(step.action for step in walk.plan.graph.steps if step.id == "n")
    assert isinstance(action, Call)
    return action.streams


def test_the_plan_says_which_output_streams() -> None:
    one = {"type": "object", "properties": {"summary": {"type": "string"}, "reasoning_content": {"type": "string"}}}
    assert streams() == "output"
    assert streams(outputs=one) == "summary"
    assert streams(outputs=FIELDS, inputs={"response_format": "json"}) is None


def test_several_outputs_without_the_format_json_are_found() -> None:
    ask = node("n", "llm", {"prompt": "Hi"}, outputs=FIELDS)
    found = findings(start(), ask, node("end", "end"), lines="start>n>end")
    assert [(one.code, one.field) for one in found] == [("not_one_text", "data.outputs")]


async def test_the_default_model_says_that_it_is_none_and_its_json_is_converted() -> None:
    inputs = {"prompt": 'say: {"title": 5, "score": "7", "more": true}', "response_format": "json"}
    result = await Walk(alone(node("n", "llm", inputs, outputs=FIELDS))).run()
    values: Any = result.output["out"]
    assert (values["title"], values["score"], values["more"]) == ("5", 7, True)
    assert values["reasoning_content"] == MARK
    assert result.usage["total_tokens"] > 0


async def test_a_template_names_inputs_of_the_node_and_an_answer_forwards_the_text() -> None:
    ask = node("n", "llm", {"prompt": "say: Hello {{who}}", "who": {"ref": ["start", "name"]}})
    final = node("end", "end", settings={"mode": "answer", "answer": "> {{n.output}}"})
    walk = Walk(canvas(start({"name": "string"}), ask, final, lines="start>n>end"))
    assert (await walk.run({"name": "李雷"})).answer == f"> {MARK} Hello 李雷"


async def test_a_busy_model_is_asked_again() -> None:
    walk = Walk(alone(node("n", "llm", {"prompt": "busy: 2\nsay: at last"})))
    result = await walk.run()
    assert result.output["out"]["output"] == f"{MARK} at last"  # type: ignore[index, call-overload]
    assert [one.type for one in walk.runtime.events].count(EventType.STEP_RETRIED) == 2


async def test_a_provider_over_http_answers_with_its_usage() -> None:
    async with openai_server() as server, calling(server.place) as egress:
        models = ModelRegistry(egress, settings=Settings(model_base_url=server.base_url, model_name="echo"))
        there = NodeWorld(models=models.at(SITE))
        assert (await llm.run({"prompt": "one two"}, there))["output"] == "one two"
        assert (there.said, there.spent["total_tokens"]) == (["one", " two"], 10)
        await models.aclose()
