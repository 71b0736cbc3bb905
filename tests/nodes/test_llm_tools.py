"""LLM with tools: what the model is shown, what becomes of its calls, and what it is told of their results."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.compile import Callee
from engine.errors import FlowError
from engine.events import EventType
from engine.interpret import RunResult
from engine.memory import InMemoryRuntime
from engine.runtime import StepError
from nodes.chat import ChatRequest
from tests.engine.draw import canvas, end, node, start
from tests.fakes.scripted_replies import Reply, ScriptedReplies
from tests.nodes.drawing import Walk, alone

WEATHER = canvas(
    start({"city": "string", "days": "integer", "key": "string"}, "city"),
    node("say", "text_concat", {"template": "{{start.city}}: {{start.days}} × rain {{start.key}}"}),
    end({"sky": "=say.output", "days": "=start.days"}, sky="string", days="integer"),
    lines="start>say>end",
)
GREET = canvas(
    start({"name": "string"}),
    node("end", "end", settings={"mode": "answer", "answer": "Hello {{start.name}}!"}),
    lines="start>end",
)
ASK = canvas(
    start(),
    node("q", "question", {"question": "Which colour?"}),
    end({"colour": "=q.answer"}, colour="string"),
    lines="start>q>end",
)
FAILS = canvas(
    start(),
    node("no", "unavailable", settings={"reason": "It is broken."}),
    end({"x": "=no.x"}),
    lines="start>no>end",
)
SPEAKS = canvas(
    start(),
    node("tell", "message", settings={"content": "psst"}),
    end({"done": "yes"}, done="string"),
    lines="start>tell>end",
)


def callee(name: str, drawn: Any, description: str = "", *callees: Callee, models: Any = None) -> Callee:
    walk = Walk(drawn, callees=callees, models=models)
    return Callee(name, "v1.0.0", walk.digest, walk.plan, name=name, description=description)


CALLEES = (
    callee("weather", WEATHER, "Tells the weather."),
    callee("greet", GREET),
    callee("colour", ASK),
    callee("broken", FAILS),
    callee("speaks", SPEAKS),
)


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"name": tool, "arguments": arguments}


class Talk:
    """An LLM node with tools, on a canvas of its own."""

    def __init__(
        self, *replies: Reply, tools: list[dict[str, Any]], callees: tuple[Callee, ...] = CALLEES, **data: Any
    ):
        inputs = {"model": "m", "prompt": "Go.", **data.pop("inputs", {})}
        settings = {"tools": tools, **data.pop("settings", {})}
        self.script = ScriptedReplies({"n": replies})
        self.walk = Walk(
            alone(node("n", "llm", inputs, settings=settings, **data)), callees=callees, models=self.script
        )

    async def run(self) -> RunResult:
        return await self.walk.run()

    async def output(self) -> dict[str, Any]:
        found: Any = (await self.run()).output["out"]
        return dict(found)

    @property
    def requests(self) -> list[ChatRequest]:
        return self.script.requests("n")

    def told(self, request: int) -> list[str]:
        """What the model was told by tools before this request."""
        return [message.text for message in self.requests[request].messages if message.role == "tool"]

    def event(self, key: str) -> dict[str, Any]:
        return next(event.data for event in self.walk.runtime.events if event.key == key)


async def asked(runtime: InMemoryRuntime, *places: str) -> None:
    """Returns when these questions are open."""
    while not runtime.waits.keys() >= {*places}:
        runtime.wait_opened.clear()
        await runtime.wait_opened.wait()


def workflow(id: str, **more: Any) -> dict[str, Any]:
    return {"kind": "workflow", "workflow": id, **more}


async def test_a_workflow_is_shown_by_its_name_description_and_inputs() -> None:
    talk = Talk("No need.", tools=[workflow("weather")])
    assert (await talk.output())["output"] == "No need."
    (spec,) = talk.requests[0].tools
    assert (spec.name, spec.description) == ("ts_weather_weather", "Tells the weather.")
    assert spec.parameters == {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "key": {"type": "string"}},
        "required": ["city"],
    }


async def test_a_tool_may_have_a_name_and_a_description_of_its_own_and_names_stay_apart() -> None:
    tools = [
        workflow("weather", name="look up: weather!", description="Look."),
        workflow("weather"),
        workflow("weather"),
        {"kind": "plugin", "plugin": "weather", "tool": "forecast"},
        {"kind": "plugin", "plugin": "weather", "tool": "forecast"},
    ]
    talk = Talk("No need.", tools=tools)
    await talk.run()
    names = [spec.name for spec in talk.requests[0].tools]
    assert names == ["look_up_weather", "ts_weather_weather", "ts_weather_weather_2", "forecast", "forecast_2"]
    assert talk.requests[0].tools[0].description == "Look."


async def test_what_a_tool_gives_is_told_to_the_model_as_json() -> None:
    talk = Talk(
        {"text": "Let me see.", "reasoning": "Hm.", "calls": [call("ts_weather_weather", city="杭州", days="2")]},
        "It rains.",
        tools=[workflow("weather")],
    )
    assert await talk.output() == {
        "output": "It rains.",
        "reasoning_content": None,
    }
    assert talk.told(1) == ['{"days":2,"sky":"杭州: 2 × rain "}']
    spoke = talk.requests[1].messages[-2]
    assert (spoke.role, spoke.text, spoke.reasoning) == ("assistant", "Let me see.", "Hm.")
    assert [one.name for one in spoke.tool_calls] == ["ts_weather_weather"]
    assert talk.requests[1].messages[-1].tool_call_id == spoke.tool_calls[0].id


async def test_the_record_shows_every_call_and_the_tokens_of_all_turns() -> None:
    talk = Talk(
        {"calls": [call("ts_weather_weather", city="A"), call("ts_broken_broken")]},
        "Done.",
        tools=[workflow("weather"), workflow("broken")],
    )
    result = await talk.run()
    done = talk.event("n:succeeded")
    assert done["details"]["tool_calls"] == [
        {"name": "ts_weather_weather", "arguments": {"city": "A"}, "output": {"sky": "A:  × rain ", "days": 0}},
        {
            "name": "ts_broken_broken",
            "arguments": {},
            "error": {"code": "node_unavailable_here", "message": "It is broken."},
        },
    ]
    assert done["usage"]["total_tokens"] == 30
    assert result.usage["total_tokens"] == 30
    first = talk.event("n/tools[1.0]:succeeded")
    assert (first["title"], first["node_type"]) == ("weather", "tool")
    assert talk.event("n/tools[1.1]:failed")["handled"] == "model"
    assert talk.event("n/tools[1.0]/say:succeeded")


async def test_hidden_arguments_are_not_shown_and_fixed_ones_are_given() -> None:
    talk = Talk(
        {"calls": [call("ts_weather_weather", city="A", key="guessed")]},
        "Done.",
        tools=[workflow("weather", fixed={"key": "secret"}, hidden=["days"], hidden_results=["days"])],
    )
    await talk.run()
    assert set(talk.requests[0].tools[0].parameters["properties"]) == {"city"}  # type: ignore[arg-type]
    assert talk.told(1) == ['{"sky":"A:  × rain secret"}']
    assert talk.event("n:succeeded")["details"]["tool_calls"][0]["arguments"] == {"city": "A"}
    turn: Any = next(step for step in talk.walk.plan.graph.steps if step.id == "n").action
    assert "secret" not in turn.turn.model_dump_json()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (call("ts_nothing"), "The tool failed: There is no tool ts_nothing; there are: ts_weather_weather."),
        (call("ts_weather_weather"), "The tool failed: The call does not fit: arguments.city is required and absent"),
        (call("ts_weather_weather", city="A", days="many"), "The tool failed: The call does not fit: arguments.days"),
    ],
)
async def test_a_call_that_cannot_be_made_is_told_to_the_model(wrong: dict[str, Any], sentence: str) -> None:
    talk = Talk({"calls": [wrong]}, "Well.", tools=[workflow("weather")])
    assert (await talk.output())["output"] == "Well."
    assert talk.told(1)[0].startswith(sentence)
    assert not any(event.path.startswith("n/tools[1.0]/") for event in talk.walk.runtime.events)


async def test_a_tool_that_fails_is_told_to_the_model() -> None:
    talk = Talk({"calls": [call("ts_broken_broken")]}, "Well.", tools=[workflow("broken")])
    assert (await talk.output())["output"] == "Well."
    assert talk.told(1) == ["The tool failed: It is broken."]


async def test_a_workflow_that_ends_with_an_answer_answers_in_the_models_place() -> None:
    talk = Talk(
        {"calls": [call("ts_weather_weather", city="A"), call("ts_greet_greet", name="Ada")]},
        tools=[workflow("greet"), workflow("weather")],
    )
    assert await talk.output() == {"output": "Hello Ada!", "reasoning_content": None}
    assert len(talk.requests) == 1
    assert talk.walk.world.said == ["Hello Ada!"]
    assert talk.event("n:succeeded")["details"]["tool_calls"][1]["output"] == "Hello Ada!"


async def test_a_direct_answer_is_read_as_json_where_values_are_declared() -> None:
    outputs = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}
    talk = Talk(
        {"calls": [call("ts_json_json")]},
        tools=[workflow("json")],
        callees=(
            callee(
                "json",
                canvas(
                    start(), node("end", "end", settings={"mode": "answer", "answer": '{"a": "7"}'}), lines="start>end"
                ),
            ),
        ),
        inputs={"response_format": "json"},
        outputs=outputs,
    )
    output = await talk.output()
    assert (output["a"], output["b"]) == (7, None)


async def test_messages_of_a_tool_reach_nobody_and_its_steps_are_recorded() -> None:
    talk = Talk({"calls": [call("ts_speaks_speaks")]}, "Ok.", tools=[workflow("speaks")])
    await talk.run()
    assert [event.path for event in talk.walk.runtime.events if event.type is EventType.MESSAGE_COMPLETED] == []
    assert talk.event("n/tools[1.0]/tell:succeeded")


async def test_tools_that_ask_people_are_answered_in_any_order() -> None:
    talk = Talk(
        {"calls": [call("ts_colour_colour"), call("ts_colour_colour")]},
        {"calls": [call("ts_colour_colour")]},
        "Nice.",
        tools=[workflow("colour")],
    )
    running = asyncio.create_task(talk.run())
    runtime = talk.walk.runtime
    await asked(runtime, "n/tools[1.0]/q", "n/tools[1.1]/q")
    assert sorted(runtime.waits) == ["n/tools[1.0]/q", "n/tools[1.1]/q"]
    runtime.answer("n/tools[1.1]/q", "green")
    runtime.answer("n/tools[1.0]/q", "red")
    await asked(runtime, "n/tools[2.0]/q")
    runtime.answer("n/tools[2.0]/q", "blue")
    assert (await running).output["out"]["output"] == "Nice."  # type: ignore[index, call-overload]
    assert talk.told(2) == ['{"colour":"red"}', '{"colour":"green"}', '{"colour":"blue"}']


async def test_a_plugins_tool_is_called_with_what_the_model_and_the_author_say() -> None:
    talk = Talk(
        {"calls": [call("forecast", city="杭州", days="3")]},
        "Rain.",
        tools=[{"kind": "plugin", "plugin": "weather", "tool": "forecast"}],
    )
    assert (await talk.output())["output"] == "Rain."
    assert talk.told(1) == ['{"city":"杭州","days":3,"sky":"rain"}']
    assert talk.event("n/tools[1.0]:succeeded")["output"]["sky"] == "rain"


async def test_a_plugins_tool_that_is_not_there_fails_the_node() -> None:
    talk = Talk("x", tools=[{"kind": "plugin", "plugin": "nothing", "tool": "forecast"}])
    with pytest.raises(FlowError, match="plugin"):
        await talk.run()


async def test_a_model_that_never_stops_calling_is_stopped() -> None:
    again: Reply = {"calls": [call("ts_weather_weather", city="A")]}
    talk = Talk(again, again, again, tools=[workflow("weather")], settings={"max_rounds": 2})
    with pytest.raises(StepError, match="in 2 rounds and wants to call more") as found:
        await talk.run()
    assert found.value.facts["limit"] == 2
    assert talk.event("n:failed")["usage"]["total_tokens"] == 45


async def test_a_turn_that_fails_is_tried_again_and_no_tool_is_called_twice() -> None:
    talk = Talk(
        {"calls": [call("ts_weather_weather", city="A")]},
        {"unavailable": "Busy."},
        {"fail": "Wrong key."},
        "Done.",
        tools=[workflow("weather")],
        on_error={"policy": "fail", "retries": 2},
    )
    assert (await talk.output())["output"] == "Done."
    started = [event.path for event in talk.walk.runtime.events if event.type is EventType.STEP_STARTED]
    assert [path for path in started if path.endswith("]")] == ["n/tools[1.0]"]
    assert [event.data["attempt"] for event in talk.walk.runtime.events if event.type is EventType.STEP_RETRIED] == [
        2,
        3,
    ]


async def test_who_stands_in_for_a_model_goes_on_in_its_place() -> None:
    talk = Talk(
        {"fail": "No key."},
        {"calls": [call("ts_weather_weather", city="A")]},
        "Done.",
        tools=[workflow("weather")],
        inputs={"fallback_models": ["other"]},
    )
    output = await talk.output()
    assert output["output"] == "Done."
    assert len(talk.event("n:succeeded")["warnings"]) == 1


async def test_the_policy_of_the_node_takes_a_failure_over() -> None:
    talk = Talk(
        {"calls": [call("ts_weather_weather", city="A")]},
        {"fail": "Wrong key."},
        tools=[workflow("weather")],
        on_error={"policy": "default", "default": {"output": "none"}, "codes": "numbers"},
    )
    output = await talk.output()
    assert (output["output"], output["isSuccess"]) == ("none", False)


async def test_talks_in_a_batch_have_places_of_their_own() -> None:
    script = ScriptedReplies(
        {
            f"each[{turn}]/n": [{"calls": [call("ts_weather_weather", city=f"c{turn}")]}, f"answer {turn}"]
            for turn in range(3)
        }
    )
    drawn = canvas(
        start(),
        node(
            "each",
            "batch",
            {"items": [1, 2, 3]},
            blocks=[node("n", "llm", {"prompt": "Go."}, settings={"tools": [workflow("weather")]})],
            lines="each>n>each",
            results={"all": "=n.output"},
        ),
        end({"all": "=each.all"}),
        lines="start>each>end",
    )
    walk = Walk(drawn, callees=CALLEES, models=script)
    assert (await walk.run()).output == {"all": ["answer 0", "answer 1", "answer 2"]}
    places = {event.path for event in walk.runtime.events if event.path.endswith("]") and "tools" in event.path}
    assert places == {f"each[{turn}]/n/tools[1.0]" for turn in range(3)}
    assert len(script.asked) == 6


async def test_a_talk_within_a_tool_of_a_talk_works() -> None:
    script = ScriptedReplies(
        {
            "n": [{"calls": [call("ts_inner_inner")]}, "outer done"],
            "m": [{"calls": [call("ts_weather_weather", city="A")]}, "inner done"],
        }
    )
    inner = canvas(
        start(),
        node("m", "llm", {"prompt": "Go."}, settings={"tools": [workflow("weather")]}),
        end({"said": "=m.output"}, said="string"),
        lines="start>m>end",
    )
    deep = callee("inner", inner, "", *CALLEES)
    drawn = alone(node("n", "llm", {"prompt": "Go."}, settings={"tools": [workflow("inner")]}))
    walk = Walk(drawn, callees=(*CALLEES, deep), models=script)
    assert (await walk.run()).output["out"]["output"] == "outer done"  # type: ignore[index, call-overload]
    assert script.requests("n")[1].messages[-1].text == '{"said":"inner done"}'
    assert any(event.path == "n/tools[1.0]/m/tools[1.0]/say" for event in walk.runtime.events)


async def test_what_was_said_before_tools_are_called_is_taken_back() -> None:
    talk = Talk(
        {"text": "Let me see.", "calls": [call("ts_weather_weather", city="A")]}, "Rain.", tools=[workflow("weather")]
    )
    await talk.run()
    taken = talk.event("n:retried:turn1")
    assert taken["error"]["code"] == "tools_called"
    assert (taken["attempt"], taken["delivery"]) == (1, 101)


async def test_of_a_flood_of_calls_the_first_are_made_and_the_model_goes_on() -> None:
    flood = {"calls": [call("ts_weather_weather", city=str(number)) for number in range(10_000)]}
    talk = Talk(flood, "Done.", tools=[workflow("weather")])
    assert (await talk.output())["output"] == "Done."
    assert len(talk.told(1)) == 64
    assert "63" in talk.told(1)[-1]
    assert any("calls 10000 tools at once" in one for one in talk.event("n:succeeded")["warnings"])
