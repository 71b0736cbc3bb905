"""Readiness, branches, joins, errors, waits and messages, in memory."""

from __future__ import annotations

import asyncio

import pytest

from engine.errors import EngineError, FlowError, LimitExceeded
from engine.events import EventType
from engine.limits import Limits
from engine.runtime import CallRequest, CallResult, StepError
from tests.engine.draw import World, answer, callee, canvas, choose, end, event, node, run, start, told

DONE = EventType.STEP_SUCCEEDED


async def test_values_flow_from_start_to_end() -> None:
    drawn = canvas(
        start({"name": "string"}),
        node("a", "work", {"text": "你好 {{start.name}}"}),
        end({"said": "=a.text"}),
        lines="start>a>end",
    )
    result, runtime = await run(drawn, {"name": "世界"})
    assert result.output == {"said": "你好 世界"}
    assert told(runtime, DONE) == ["start", "a", "end"]


async def test_a_run_without_a_required_input_fails_and_names_it() -> None:
    drawn = canvas(start({"name": "string"}, "name"), end({"said": "=start.name"}), lines="start>end")
    with pytest.raises(FlowError, match="name"):
        await run(drawn, {})


async def test_parallel_branches_run_side_by_side_and_join_once() -> None:
    gate = asyncio.Barrier(2)

    class Together(World):
        async def work(self, request: CallRequest) -> CallResult:
            await gate.wait()
            return await super().work(request)

    drawn = canvas(
        start(),
        node("a", "work", {"text": "a"}),
        node("b", "work", {"text": "b"}),
        end({"a": "=a.text", "b": "=b.text"}),
        lines="start>a>end start>b>end",
    )
    result, runtime = await run(drawn, world=Together())
    assert result.output == {"a": "a", "b": "b"}
    assert told(runtime, DONE).count("end") == 1


@pytest.mark.parametrize(("number", "taken", "skipped"), [(5, "big", "small"), (1, "small", "big")])
async def test_only_the_chosen_branch_runs(number: int, taken: str, skipped: str) -> None:
    drawn = canvas(
        start({"n": "integer"}),
        choose("pick", large=("=start.n", "greater", 3)),
        node("big", "work", {"text": "big"}),
        node("small", "work", {"text": "small"}),
        node("after", "work", {"text": "after {{big.text}}"}),
        node("both", "merge", settings={"groups": {"text": [{"ref": ["big", "text"]}, {"ref": ["small", "text"]}]}}),
        end({"text": "=both.text", "big": "=big.text"}, text="string", big="string"),
        lines="start>pick pick:large>big>after>both pick:otherwise>small>both>end",
    )
    world = World()
    result, runtime = await run(drawn, {"n": number}, world)
    assert result.output["text"] == taken
    assert result.output["big"] == ("big" if taken == "big" else "")
    assert skipped not in world.calls
    assert skipped in told(runtime, EventType.STEP_SKIPPED)


async def test_a_long_skipped_chain_is_skipped_without_recursion() -> None:
    chain = [node(f"n{i}", "work", {"text": str(i)}) for i in range(900)]
    drawn = canvas(
        start(),
        choose("pick", never=(1, "equal", 2)),
        *chain,
        end({}),
        lines="start>pick pick:never>" + ">".join(f"n{i}" for i in range(900)) + ">end pick:otherwise>end",
    )
    result, runtime = await run(drawn)
    assert result.output == {}
    assert len(told(runtime, EventType.STEP_SKIPPED)) == 900


async def test_a_run_whose_every_path_is_left_unwired_says_so() -> None:
    drawn = canvas(
        start(),
        choose("pick", never=(1, "equal", 2)),
        node("a", "work", {"text": "a"}),
        node("b", "work", {"text": "b"}, on_error={"policy": "branch"}),
        node("c", "work", {"text": "c"}),
        end({}),
        lines="start>pick pick:never>a>end pick:otherwise>b b:error>end b>c",
    )
    with pytest.raises(FlowError):
        await run(drawn)


async def test_an_error_ends_the_run_and_cancels_what_is_in_flight() -> None:
    started = asyncio.Event()

    class Mixed(World):
        async def work(self, request: CallRequest) -> CallResult:
            if request.node == "slow":
                started.set()
                await asyncio.Event().wait()
            await started.wait()
            return await super().work(request)

    drawn = canvas(start(), node("bad", "work"), node("slow", "work"), end({}), lines="start>bad>end start>slow>end")
    runtime = (world := Mixed({"bad": 99})).runtime()
    with pytest.raises(StepError) as caught:
        await run(drawn, world=world, runtime=runtime)
    assert caught.value.error_code == "node_unavailable"
    assert caught.value.facts["node"] == "bad"
    assert told(runtime, EventType.STEP_CANCELLED) == ["slow"]
    assert event(runtime, "bad:failed").data["handled"] is None


async def test_a_default_output_replaces_a_failure() -> None:
    on_error = {"policy": "default", "default": {"text": "so be it"}}
    drawn = canvas(
        start(),
        node("bad", "work", on_error=on_error),
        end({"text": "=bad.text", "ok": "=bad.isSuccess"}),
        lines="start>bad>end",
    )
    result, runtime = await run(drawn, world=World({"bad": 99}))
    assert result.output == {"text": "so be it", "ok": False}
    assert event(runtime, "bad:failed").data["handled"] == "default"


@pytest.mark.parametrize(("failures", "path"), [(99, "sorry"), (0, "fine")])
async def test_the_error_branch_is_taken_only_after_a_failure(failures: int, path: str) -> None:
    drawn = canvas(
        start(),
        node("a", "work", {"text": "x"}, on_error={"policy": "branch"}),
        node("fine", "work", {"text": "fine"}),
        node("sorry", "work", {"text": "{{a.errorBody.errorMessage}}"}),
        end({"fine": "=fine.text", "sorry": "=sorry.text"}, fine="string", sorry="string"),
        lines="start>a>fine>end a:error>sorry>end",
    )
    result, _ = await run(drawn, world=World({"a": failures}))
    assert result.output == ({"fine": "", "sorry": "a is away."} if failures else {"fine": "fine", "sorry": ""})


async def test_retries_are_told_and_end_with_the_first_success() -> None:
    drawn = canvas(
        start(), node("a", "work", {"text": "x"}, on_error={"retries": 3}), end({"t": "=a.text"}), lines="start>a>end"
    )
    world = World({"a": 2})
    result, runtime = await run(drawn, world=world)
    assert result.output == {"t": "x"}
    assert world.calls == ["a", "a", "a"]
    assert [one.data["attempt"] for one in runtime.events if one.type == EventType.STEP_RETRIED] == [2, 3]
    assert {request.idempotency_key for request in world.requests} == {"1/a"}


async def test_retry_after_is_waited_for() -> None:
    class Busy(World):
        async def work(self, request: CallRequest) -> CallResult:
            if request.attempt == 1:
                raise StepError("node_unavailable", "Busy.", retryable=True, retry_after=7)
            return await super().work(request)

    drawn = canvas(start(), node("a", "work", settings={"attempts": 2}), end({}), lines="start>a>end")
    _, runtime = await run(drawn, world=Busy())
    assert runtime.slept == [7.0]


async def test_what_goes_elsewhere_is_tried_at_once() -> None:
    class Gone(World):
        async def work(self, request: CallRequest) -> CallResult:
            if request.attempt < 3:
                raise StepError("model_unavailable", "Ask b.", retryable=True, retry_after=7, retry_at_once=True)
            return await super().work(request)

    drawn = canvas(start(), node("a", "work", settings={"attempts": 3}), end({}), lines="start>a>end")
    _, runtime = await run(drawn, world=Gone())
    assert runtime.slept == []
    assert [one.data["delay_ms"] for one in runtime.events if one.type == EventType.STEP_RETRIED] == [0, 0]


async def test_a_question_waits_for_its_answer() -> None:
    drawn = canvas(
        start(), node("ask", "ask", {"question": "颜色?"}), end({"colour": "=ask.answer"}), lines="start>ask>end"
    )
    runtime = World().runtime()
    running = asyncio.create_task(run(drawn, runtime=runtime))
    await runtime.wait_opened.wait()
    assert runtime.waits["ask"].prompt == "颜色?"
    runtime.answer("ask", "蓝")
    result, _ = await running
    assert result.output == {"colour": "蓝"}


async def test_several_questions_are_answered_in_any_order() -> None:
    drawn = canvas(
        start(),
        node("a", "ask", {"question": "a?"}),
        node("b", "ask", {"question": "b?"}),
        end({"a": "=a.answer", "b": "=b.answer"}),
        lines="start>a>end start>b>end",
    )
    runtime = World().runtime()
    running = asyncio.create_task(run(drawn, runtime=runtime))
    while len(runtime.waits) < 2:
        runtime.wait_opened.clear()
        await runtime.wait_opened.wait()
    runtime.answer("b", "2")
    runtime.answer("a", "1")
    assert (await running)[0].output == {"a": "1", "b": "2"}


async def test_a_cancelled_run_cancels_its_steps() -> None:
    drawn = canvas(start(), node("ask", "ask", {"question": "?"}), end({}), lines="start>ask>end")
    runtime = World().runtime()
    running = asyncio.create_task(run(drawn, runtime=runtime))
    await runtime.wait_opened.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert told(runtime, EventType.STEP_CANCELLED) == ["ask"]


async def test_an_answering_end_gives_its_text() -> None:
    drawn = canvas(
        start({"who": "string"}), answer("Hello {{who}}, {{nobody}}!", {"who": "=start.who"}), lines="start>end"
    )
    result, runtime = await run(drawn, {"who": "Li"})
    assert result.answer == "Hello Li, {{nobody}}!"
    assert event(runtime, "end:message").data["text"] == "Hello Li, {{nobody}}!"


async def test_a_streamed_output_is_forwarded_to_the_messages_that_hold_it() -> None:
    drawn = canvas(
        start({"who": "string"}),
        node("model", "work", {"text": "x"}, settings={"streams": "text"}),
        node("model2", "work", {"text": "y"}, settings={"streams": "text"}),
        answer("To {{start.who}}: {{model.text}} and {{second}}.", {"second": "=model2.text"}),
        lines="start>model>model2>end",
    )
    world = World()
    _, runtime = await run(drawn, {"who": "Li"}, world)
    targets = {request.node: [(one.path, one.prefix) for one in request.targets] for request in world.requests}
    assert targets == {"model": [], "model2": [("end", "To Li: x and ")]}
    assert event(runtime, "end:rest").data["text"] == "."
    assert event(runtime, "end:message").data["text"] == "To Li: x and y."


async def test_what_a_failed_stream_sent_is_taken_back() -> None:
    on_error = {"policy": "default", "default": {"text": "nothing"}}
    drawn = canvas(
        start(),
        node("model", "work", settings={"streams": "text"}, on_error=on_error),
        answer("Says: {{model.text}}"),
        lines="start>model>end",
    )
    _, runtime = await run(drawn, world=World({"model": 9}))
    assert event(runtime, "end:reset").data["text"] == "Says: nothing"


async def test_variables_are_read_before_the_step_that_refers_to_them() -> None:
    drawn = canvas(
        start(), end({"x": "=user.name.first", "y": "=app.motto", "run": "=system.run_id"}), lines="start>end"
    )
    result, _ = await run(drawn)
    assert result.output == {"y": "motto", "run": "1"}


async def test_a_sub_workflow_gets_inputs_and_gives_outputs() -> None:
    inner = canvas(
        start({"n": "string"}, "n"),
        node("w", "work", {"text": "<{{start.n}}>"}),
        end({"out": "=w.text"}, out="string"),
        lines="start>w>end",
    )
    pure = canvas(start({"n": "string"}), end({"out": "=start.n"}, out="string"), lines="start>end")
    drawn = canvas(
        start(),
        node("sub", "subworkflow", {"n": "一"}, settings={"workflow": "inner"}),
        node("here", "subworkflow", {"n": "=sub.out"}, settings={"workflow": "pure"}),
        end({"out": "=here.out"}),
        lines="start>sub>here>end",
    )
    result, runtime = await run(drawn, callees=(callee("inner", inner), callee("pure", pure)))
    assert result.output == {"out": "<一>"}
    assert "sub/w" in told(runtime, DONE)
    assert "here/end" in told(runtime, DONE)


async def test_a_run_that_never_stops_hits_the_limit_and_names_the_setting() -> None:
    drawn = canvas(
        start(),
        node(
            "turns",
            "loop",
            settings={"mode": "infinite"},
            blocks=[node("x", "compute", {"input": 1}, settings={"operation": "json.to"})],
            lines="turns>x>turns",
            results={"all": "=x.output"},
        ),
        end({}),
        lines="start>turns>end",
    )
    with pytest.raises((LimitExceeded, StepError), match="limit") as caught:
        await run(drawn, limits=Limits(executed_steps=500))
    assert caught.value.facts["setting"] == "MAINSPRING_EXECUTED_STEPS"


async def test_a_delay_sleeps() -> None:
    drawn = canvas(start(), node("nap", "delay", {"seconds": 90}), end({}), lines="start>nap>end")
    _, runtime = await run(drawn)
    assert runtime.slept == [90.0]


async def test_an_unknown_plan_fails_the_run_clearly() -> None:
    inner = callee("inner", canvas(start(), node("w", "work"), end({}), lines="start>w>end"))
    drawn = canvas(start(), node("sub", "subworkflow", settings={"workflow": "inner"}), end({}), lines="start>sub>end")
    with pytest.raises(EngineError, match="plan"):
        await run(drawn, callees=(inner,), runtime=World().runtime({}))


async def test_an_index_beyond_a_list_fails_the_step_that_names_it() -> None:
    drawn = canvas(
        start({"names": {"type": "array"}}),
        node("w", "work", {"text": "{{start.names[5]}}"}),
        end({}),
        lines="start>w>end",
    )
    with pytest.raises(StepError, match="no item 5"):
        await run(drawn, {"names": ["a"]})


async def test_lists_in_a_joined_text_are_joined() -> None:
    drawn = canvas(
        start({"names": {"type": "array"}}),
        node(
            "join",
            "compute",
            {"names": "=start.names", "template": "名: {{names}}"},
            settings={"operation": "text.concat", "options": {"joiner": "、"}},
        ),
        node("plain", "compute", {"template": {"template": "plain"}}, settings={"operation": "text.concat"}),
        end({"text": "=join.output", "plain": "=plain.output"}),
        lines="start>join>plain>end",
    )
    assert (await run(drawn, {"names": ["甲", "乙"]}))[0].output == {"text": "名: 甲、乙", "plain": "plain"}


async def test_a_secret_input_reaches_the_step_and_no_event() -> None:
    drawn = canvas(start(), node("w", "strict_work", {"url": "x", "token": "s3cret-文"}), end({}), lines="start>w>end")
    world = World(outputs={"w": {"status": 200, "body": "ok"}})
    _, runtime = await run(drawn, world=world)
    assert world.requests[0].inputs["token"] == "s3cret-文"
    assert event(runtime, "w:started").data["inputs"] == {"url": "x", "token": "***"}
    assert "s3cret" not in str(runtime.events)


async def test_a_step_that_nothing_leads_to_is_skipped_with_what_only_it_leads_to() -> None:
    drawn = canvas(
        start(),
        node("a", "work", {"text": "a"}),
        node("lost", "work", {"text": "lost"}),
        node("after", "work", {"text": "after"}),
        end({"a": "=a.text", "after": "=after.text"}, a="string", after="string"),
        lines="start>a>end lost>after>end",
    )
    result, runtime = await run(drawn)
    assert result.output == {"a": "a", "after": ""}
    assert told(runtime, EventType.STEP_SKIPPED) == ["after"]


async def test_a_variable_that_was_never_set_is_null() -> None:
    class Unset(World):
        async def variables(self, request: CallRequest) -> CallResult:
            return CallResult(output={"user": {}, "app": {}})

    drawn = canvas(start(), node("w", "work", {"text": "[{{user.topic}}]"}), end({"t": "=w.text"}), lines="start>w>end")
    assert (await run(drawn, world=Unset()))[0].output == {"t": "[]"}


async def test_a_path_of_absurd_length_leads_nowhere() -> None:
    drawn = canvas(start({"x": "array"}), end({"y": {"ref": ["start", "x", "9" * 5000]}}), lines="start>end")
    assert (await run(drawn, {"x": [1]}))[0].output == {}
