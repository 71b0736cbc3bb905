"""What the records say of a run, event by event; and that they say it again when made from the log."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import RUN_ENDS, EventType, RunEvent, StoredEvent
from storage.projection import RunFold, apply, fit, place_of
from tests.storage.samples import event

T = EventType


def fold(*events: RunEvent) -> RunFold:
    run = RunFold()
    for seq, one in enumerate(events, start=1):
        apply(run, StoredEvent(seq, one))
    return run


def loaded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def test_a_step_that_takes_time_runs_and_succeeds() -> None:
    started = event(T.STEP_STARTED, "ask", at=10, title="Ask", node_type="llm", inputs={"q": "谁"}, attempt=1)
    run = fold(event(T.RUN_STARTED, at=5, inputs={"q": "谁"}), started)
    node = run.nodes["ask"]
    assert (run.state, run.started, node.state, node.title, node.node_type) == ("running", 5, "running", "Ask", "llm")
    usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    done = event(
        T.STEP_SUCCEEDED,
        "ask",
        at=30,
        output={"a": "我"},
        usage=usage,
        warnings=["short"],
        logs=["打印"],
        port="true",
        attempt=1,
    )
    apply(run, StoredEvent(3, done))
    assert (node.state, node.started, node.finished, node.port) == ("succeeded", 10, 30, "true")
    assert (loaded(node.inputs), loaded(node.output), loaded(node.warnings)) == ({"q": "谁"}, {"a": "我"}, ["short"])
    assert loaded(node.logs) == ["打印"]
    assert (node.input_tokens, node.output_tokens, run.input_tokens, run.output_tokens) == (3, 4, 3, 4)


def test_an_inline_step_is_known_by_its_end_alone() -> None:
    run = fold(event(T.STEP_SUCCEEDED, "join", at=10, inputs={"a": 1}, output={"b": 2}, title="Join", node_type="text"))
    node = run.nodes["join"]
    assert (node.state, node.started, node.finished) == ("succeeded", 10, 10)
    assert (loaded(node.inputs), loaded(node.output)) == ({"a": 1}, {"b": 2})


def test_a_skipped_step_never_began() -> None:
    node = fold(event(T.STEP_SKIPPED, "ask", at=10, title="Ask")).nodes["ask"]
    assert (node.state, node.started, node.finished) == ("skipped", None, 10)


def test_retries_count_and_show_the_last_error_until_the_step_succeeds() -> None:
    run = fold(
        event(T.STEP_STARTED, "ask", attempt=1),
        event(T.STEP_RETRIED, "ask", key="ask:retried:2", attempt=2, error={"code": "node_unavailable"}),
    )
    node = run.nodes["ask"]
    assert (node.attempt, node.state, loaded(node.error)) == (2, "running", {"code": "node_unavailable"})
    apply(run, StoredEvent(3, event(T.STEP_SUCCEEDED, "ask", attempt=2, output={})))
    assert (node.attempt, node.state, node.error) == (2, "succeeded", None)


def test_a_handled_failure_keeps_its_error_and_the_output_that_stands_in() -> None:
    failed = event(T.STEP_FAILED, "ask", error={"code": "x"}, handled="default", output={"a": ""}, attempt=1)
    run = fold(failed, event(T.RUN_SUCCEEDED, output={"a": ""}))
    node = run.nodes["ask"]
    assert (node.state, node.handled, loaded(node.error), loaded(node.output)) == (
        "failed", "default", {"code": "x"}, {"a": ""},
    )  # fmt: skip
    assert run.state == "succeeded"


def test_executed_steps_are_those_that_did_something() -> None:
    run = fold(
        event(T.STEP_SUCCEEDED, "a"),
        event(T.STEP_FAILED, "b", handled="branch"),
        event(T.STEP_SKIPPED, "c"),
        event(T.STEP_CANCELLED, "d"),
    )
    assert run.executed_steps == 2


@pytest.mark.parametrize(
    ("path", "parent", "turn"),
    [
        ("ask", "", None),
        ("loop[3]/ask", "loop", 3),
        ("sub/ask", "sub", None),
        ("a[1]/b[22]/c", "a[1]/b", 22),
        ("a[1]/sub/c", "a[1]/sub", None),
    ],
)
def test_a_path_tells_the_turn_and_what_is_around(path: str, parent: str, turn: int | None) -> None:
    assert place_of(path) == (parent, turn)
    node = fold(event(T.STEP_SUCCEEDED, path)).nodes[path]
    assert (node.parent, node.turn) == (parent, turn)


def test_a_run_waits_as_long_as_a_question_is_open() -> None:
    run = fold(
        event(T.RUN_STARTED),
        event(T.WAIT_OPENED, "who", wait_id="who", kind="question", prompt="谁?", options=["我"], executor="run-1"),
        event(T.WAIT_OPENED, "when", wait_id="when", kind="form", schema={"type": "object"}),
    )
    assert (run.state, run.nodes["who"].state) == ("waiting", "waiting")
    wait = run.waits["who"]
    assert (wait.prompt, loaded(wait.options), wait.executor, wait.state) == ("谁?", ["我"], "run-1", "open")
    apply(run, StoredEvent(4, event(T.WAIT_ANSWERED, "who", at=50, wait_id="who", answer="我")))
    assert (run.state, run.nodes["who"].state) == ("waiting", "running")
    assert (wait.state, wait.closed, loaded(wait.answer)) == ("answered", 50, "我")
    apply(run, StoredEvent(5, event(T.WAIT_ANSWERED, "when", wait_id="when", answer={})))
    assert run.state == "running"


def test_a_question_whose_step_is_cancelled_can_no_longer_be_answered() -> None:
    run = fold(
        event(T.WAIT_OPENED, "who", wait_id="who"),
        event(T.STEP_CANCELLED, "who", at=60),
        event(T.WAIT_ANSWERED, "who", wait_id="who", answer="too late"),
    )
    assert (run.state, run.nodes["who"].state) == ("running", "cancelled")
    assert (run.waits["who"].state, run.waits["who"].closed, run.waits["who"].answer) == ("withdrawn", 60, None)


def test_a_question_may_be_asked_again_at_the_same_place() -> None:
    run = fold(
        event(T.WAIT_OPENED, "who", wait_id="who", prompt="谁?"),
        event(T.WAIT_ANSWERED, "who", wait_id="who", answer="?"),
        event(T.WAIT_OPENED, "who", key="who:opened:2", wait_id="who", prompt="到底谁?"),
    )
    assert (run.state, run.waits["who"].prompt, run.waits["who"].answer) == ("waiting", "到底谁?", None)


def test_what_is_in_progress_when_a_run_is_cancelled_is_cancelled() -> None:
    run = fold(
        event(T.STEP_STARTED, "loop"),
        event(T.STEP_STARTED, "loop[0]/ask"),
        event(T.WAIT_OPENED, "who", wait_id="who"),
        event(T.STEP_SUCCEEDED, "done"),
        event(T.RUN_CANCELLED, at=90, reason="用户取消"),
    )
    assert {path: node.state for path, node in run.nodes.items()} == {
        "loop": "cancelled", "loop[0]/ask": "cancelled", "who": "cancelled", "done": "succeeded",
    }  # fmt: skip
    assert run.nodes["loop"].finished == 90
    assert (run.state, run.finished, run.waits["who"].state) == ("cancelled", 90, "withdrawn")
    assert loaded(run.error) == {"code": "cancelled", "message": "用户取消"}


def test_when_a_run_fails_the_steps_around_the_failure_fail_and_others_in_progress_are_cancelled() -> None:
    error = {"code": "engine_error", "message": "x", "facts": {"path": "loop[2]/ask"}}
    run = fold(
        event(T.STEP_STARTED, "loop"),
        event(T.STEP_STARTED, "loop[2]/ask"),
        event(T.STEP_STARTED, "loop[2]/ask_more"),
        event(T.STEP_STARTED, "other"),
        event(T.RUN_FAILED, error=error),
    )
    assert {path: node.state for path, node in run.nodes.items()} == {
        "loop": "failed", "loop[2]/ask": "failed", "loop[2]/ask_more": "cancelled", "other": "cancelled",
    }  # fmt: skip
    assert loaded(run.error) == loaded(run.nodes["loop"].error) == error


def test_a_late_event_does_not_open_a_finished_step_again() -> None:
    run = fold(
        event(T.STEP_SUCCEEDED, "ask", at=30, output={"a": 1}),
        event(T.STEP_STARTED, "ask", at=10, inputs={"q": 1}, attempt=1),
        event(T.STEP_CANCELLED, "ask", at=40),
    )
    node = run.nodes["ask"]
    assert (node.state, node.started, node.finished, loaded(node.inputs)) == ("succeeded", 10, 30, {"q": 1})


def test_pieces_of_messages_are_no_records() -> None:
    run = fold(event(T.RUN_STARTED), event(T.STEP_DELTA, "ask", text="a"), event(T.MESSAGE_COMPLETED, "end", text="a"))
    assert (run.nodes, run.projected_seq) == ({}, 1)


def test_an_answer_with_half_a_surrogate_pair_can_still_be_stored() -> None:
    run = fold(event(T.WAIT_OPENED, "who", wait_id="who", prompt="\ud83d?"), event(T.RUN_SUCCEEDED, answer="好\ud83d"))
    assert (run.answer, run.waits["who"].prompt) == ("好?", "??")


def test_absurd_numbers_are_not_counted() -> None:
    run = fold(event(T.STEP_SUCCEEDED, "a", attempt=2**80, usage={"input_tokens": -5, "output_tokens": True}))
    assert (run.nodes["a"].attempt, run.input_tokens, run.output_tokens) == (1, 0, 0)


def test_long_paths_fit_the_index_and_stay_different() -> None:
    long = "/".join(["sub" * 20] * 20)
    assert len(fit(long + "a")) == 700
    assert fit(long + "a") != fit(long + "b")
    assert fit("loop[3]/问") == "loop[3]/问"


PATHS = ["a", "b", "loop", "loop[0]/a", "loop[1]/a", "sub/a", "x/" * 400]
DATA: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["Ask", "问"]),
        "inputs": st.sampled_from([None, {"q": 1}]),
        "output": st.sampled_from([None, {}, {"a": "中文"}]),
        "error": st.sampled_from([{"code": "x"}, {"code": "y", "facts": {"path": "loop[1]/a"}}]),
        "attempt": st.integers(1, 3),
        "usage": st.fixed_dictionaries({"input_tokens": st.integers(0, 9), "output_tokens": st.integers(0, 9)}),
        "handled": st.sampled_from([None, "default"]),
        "wait_id": st.sampled_from(PATHS),
        "prompt": st.just("谁?"),
        "answer": st.just("我"),
    },
)


@st.composite
def histories(draw: st.DrawFn) -> list[list[RunEvent]]:
    """Any events at all, in portions, some of them twice."""
    kinds = st.sampled_from([kind for kind in EventType if kind not in RUN_ENDS])
    events = [
        RunEvent(f"{path}:{kind}:{draw(st.integers(0, 1))}", kind, draw(st.integers(0, 50)), path, path[:3], draw(DATA))
        for kind, path in draw(st.lists(st.tuples(kinds, st.sampled_from(PATHS)), max_size=25))
    ]
    if draw(st.booleans()):
        events.append(RunEvent("end", draw(st.sampled_from(sorted(RUN_ENDS))), 99, data=draw(DATA)))
    cuts = sorted(draw(st.lists(st.integers(0, len(events)), max_size=5)))
    return [events[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(events)], strict=True)]


@settings(max_examples=50)
@given(histories())
def test_a_run_waits_exactly_while_it_has_an_open_question(portions: list[list[RunEvent]]) -> None:
    run = RunFold()
    for seq, one in enumerate((one for portion in portions for one in portion), start=1):
        apply(run, StoredEvent(seq, one))
        assert (run.state == "waiting") == any(wait.state == "open" for wait in run.waits.values())


@settings(max_examples=50)
@given(histories())
def test_nothing_is_in_progress_when_the_run_is_over(portions: list[list[RunEvent]]) -> None:
    run = fold(*(one for portion in portions for one in portion))
    if run.ended:
        assert {node.state for node in run.nodes.values()} <= {"succeeded", "failed", "skipped", "cancelled"}
        assert all(node.finished is not None for node in run.nodes.values())
        assert all(wait.closed is not None for wait in run.waits.values())
