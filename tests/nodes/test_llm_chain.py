"""LLM: a chain of models, one of which answers; pictures and thinking."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.errors import FlowError, InvalidInput
from engine.events import EventType
from engine.plan import Call
from engine.values import Json
from nodes.ai.llm import llm
from nodes.chat import ChatDelta, ChatRequest, MediaPart, ModelFailed, ModelUnavailable, Reason, TextPart
from tests.fakes.scripted_replies import ScriptedReplies
from tests.nodes.context import NodeWorld
from tests.nodes.drawing import Walk, alone, node

FINAL = ("auth", "not_found", "quota", "unsupported", "context_length", "content_filter")
PASSING = ("rate_limited", "overloaded", "timeout", "connection", "malformed")


@dataclass
class Voice:
    """A model that says two pieces, and then fails if it has a reason to, as often as it is told."""

    name: str
    reason: Reason | None = None
    times: int = 99

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta]:
        self.request = request
        yield ChatDelta(text=f"{self.name} ")
        if self.reason is not None and self.times > 0:
            self.times -= 1
            kind = ModelFailed if self.reason in (*FINAL, "bad_request") else ModelUnavailable
            raise kind(f"{self.name} cannot.", reason=self.reason, model=self.name, retry_after=600)
        yield ChatDelta(text="answers.")
        details = {"cached_input_tokens": 2, "reasoning_tokens": 1}
        yield ChatDelta(usage={"input_tokens": 4, "output_tokens": 2, **details}, finish_reason="stop")


@dataclass
class Voices:
    """The models of a test."""

    voices: Mapping[str, Voice]
    asked: list[str] = field(default_factory=list)

    async def chat(self, name: str) -> Voice:
        self.asked.append(name)
        if name not in self.voices:
            raise ModelFailed(f"There is no model {name!r}.", reason="not_found")
        return self.voices[name]

    async def takes(self, name: str) -> frozenset[str]:
        return frozenset()

    async def embedder(self, name: str) -> Any:
        raise AssertionError(name)

    async def reranker(self, name: str) -> Any:
        raise AssertionError(name)


def world(*voices: Voice) -> NodeWorld:
    return NodeWorld(models=Voices({one.name: one for one in voices}))


async def walked(there: NodeWorld, model: str, *others: str, **data: Any) -> tuple[Any, list[str], list[Any]]:
    """What the node gives or the run's error, who was asked, and what is told of its retries."""
    inputs = {"model": model, "fallback_models": [*others], "prompt": "Hi"}
    walk = Walk(alone(node("n", "llm", inputs, **data)), there)
    try:
        output: Any = (await walk.run()).output["out"]
    except FlowError as error:
        output = error
    retries = [one.data for one in walk.runtime.events if one.type == EventType.STEP_RETRIED]
    assert isinstance(there.models, Voices)
    return output, there.models.asked, retries


@pytest.mark.parametrize("reason", [*FINAL, *PASSING])
async def test_where_a_model_cannot_the_next_one_is_asked_at_once(reason: Reason) -> None:
    there = world(Voice("a", reason), Voice("b"))
    output, asked, retries = await walked(there, "a", "b")
    assert output["output"] == "b answers."
    assert (asked, [one["delay_ms"] for one in retries]) == (["a", "b"], [0])
    assert retries[0]["error"]["facts"]["reason"] == reason
    assert retries[0]["error"]["message"] == "a cannot. The model b is asked next."
    assert there.warned == ["The fallback model b answered, because a did not: the retries of this step say why."]
    assert there.spent == {"input_tokens": 4, "output_tokens": 2, "cached_input_tokens": 2, "reasoning_tokens": 1}


async def test_a_model_that_does_not_exist_is_passed_over() -> None:
    output, asked, _ = await walked(world(Voice("b")), "a", "b")
    assert (output["output"], asked) == ("b answers.", ["a", "b"])


async def test_a_request_that_is_wrong_is_wrong_for_all() -> None:
    output, asked, _ = await walked(world(Voice("a", "bad_request"), Voice("b")), "a", "b")
    assert output.error_code == "model_failed"
    assert asked == ["a"]


async def test_the_author_may_want_every_error_retried_and_then_the_next_one_is_asked() -> None:
    there = world(Voice("a", "bad_request"), Voice("b"))
    output, asked, _ = await walked(there, "a", "b", on_error={"retries": 1})
    assert (output["output"], asked) == ("b answers.", ["a", "b"])


async def test_the_last_of_a_chain_is_tried_as_often_as_one_alone() -> None:
    there = world(Voice("a", "auth"), Voice("b", "quota"), Voice("c", "overloaded", times=2))
    output, asked, retries = await walked(there, "a", "b", "c", on_error={"timeout_ms": 3_600_000})
    assert (output["output"], asked) == ("c answers.", ["a", "b", "c", "c", "c"])
    # It waits as long as the last one asks for.
    assert [one["delay_ms"] for one in retries] == [0, 0, 600_000, 600_000]
    output, asked, _ = await walked(world(Voice("a", "overloaded")), "a", on_error={"timeout_ms": 3_600_000})
    assert (output.error_code, asked) == ("model_unavailable", ["a"] * 3)


async def test_the_last_refusal_is_final_and_is_what_the_run_tells() -> None:
    output, asked, _ = await walked(world(Voice("a", "overloaded"), Voice("b", "auth")), "a", "b")
    assert (output.error_code, output.message, asked) == ("model_failed", "b cannot.", ["a", "b"])


def test_the_plan_says_how_often_the_models_are_tried() -> None:
    def attempts(fallbacks: Any) -> int:
        walk = Walk(alone(node("n", "llm", {"fallback_models": fallbacks})))
        action = next(step.action for step in walk.plan.graph.steps if step.id == "n")
        assert isinstance(action, Call)
        return action.attempts

    assert attempts([]) == 3
    assert attempts(["b", "c"]) == 5
    assert attempts({"list": [{"value": "b"}, {"ref": ["start"]}]}) == 5
    assert attempts({"ref": ["start"]}) == 3


async def test_a_chain_has_an_end() -> None:
    with pytest.raises(InvalidInput, match="fallback_models"):
        await llm.run({"fallback_models": ["m"] * 9}, world())


async def test_pictures_and_thinking_reach_the_model() -> None:
    voice = Voice("a")
    pictures: list[Json] = ["https://example.test/河.png", "data:image/png;base64,AAAA"]
    inputs: dict[str, Json] = {"model": "a", "prompt": "看", "images": pictures, "thinking": "disabled"}
    await llm.run(inputs, world(voice))
    assert voice.request.messages[-1].content == (
        TextPart("看"),
        MediaPart("image", url="https://example.test/河.png"),
        MediaPart("image", url="data:image/png;base64,AAAA"),
    )
    assert voice.request.options.thinking == "disabled"


async def test_a_picture_that_is_no_url_is_refused() -> None:
    with pytest.raises(InvalidInput, match="A picture is given by its URL") as found:
        await llm.run({"model": "a", "images": ["river.png"]}, world(Voice("a")))
    assert found.value.facts["field"] == "images"


async def test_a_fallback_model_may_be_asked_with_wishes_of_its_own() -> None:
    script = ScriptedReplies({"n": [{"fail": "No key."}, {"unavailable": "Busy."}, "Fine."]})
    ask = node(
        "n",
        "llm",
        {"prompt": "Hi", "fallback_models": ["b", "c"], "temperature": 0.7, "max_tokens": 9},
        settings={"fallback_options": [{"temperature": 0.1, "top_p": 0.5}]},
    )
    await Walk(alone(ask), models=script).run()
    wishes = [request.options for request in script.requests("n")]
    assert [(one.temperature, one.top_p, one.max_tokens) for one in wishes] == [
        (0.7, None, 9),
        (0.1, 0.5, 9),
        (0.7, None, 9),
    ]
