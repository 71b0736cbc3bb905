"""What a person reads of a run while it goes."""

from __future__ import annotations

from typing import Any

import click
import pytest

from cli.complaint import CommandFailed
from cli.following import GivenAnswers, as_answer
from cli.progress import Lines, Silence, Table
from cli.run_view import RunView, place_of, seconds


class Events:
    """Makes events, each a little later than the one before."""

    def __init__(self) -> None:
        self.seq = 0

    def __call__(self, kind: str, path: str = "", **data: Any) -> dict[str, Any]:
        self.seq += 1
        node = place_of(path).rpartition("/")[2]
        return {"seq": self.seq, "type": kind, "at": 1_000 + self.seq * 100, "path": path, "node": node, "data": data}

    def step(self, path: str, **data: Any) -> list[dict[str, Any]]:
        """A step that takes time, and succeeds."""
        named = {"title": path.upper(), "node_type": "llm"}
        return [self("step.started", path, **named), self("step.succeeded", path, **named, **data)]


def told(progress: Lines, *events: dict[str, Any]) -> None:
    for event in events:
        progress.take(event)
    progress.close()


def read(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return click.unstyle(err).splitlines()


def test_a_step_is_told_when_it_has_ended_with_what_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    make = Events()
    told(Lines(), *make.step("ask", usage={"total_tokens": 7}))
    assert read(capsys) == ["  ✓ ASK  llm  100 ms  7 tokens"]


def test_a_text_is_told_as_it_comes_and_steps_that_end_meanwhile_come_after_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    make = Events()
    told(
        Lines(),
        make("message.delta", "say", text="你"),
        make("message.delta", "say", text="好\nAda"),
        *make.step("ask"),
        make("message.completed", "say", text="你好\nAda!"),
    )
    assert read(capsys) == ["  » 你好", "    Ada!", "  ✓ ASK  llm  100 ms"]


def test_a_text_that_starts_over_is_told_from_its_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    make = Events()
    told(
        Lines(),
        make("message.delta", "say", text="wrong"),
        make("message.reset", "say", text="ri"),
        make("message.completed", "say", text="right"),
    )
    assert read(capsys) == ["  » wrong", "  » right"]


def test_a_failure_says_why_and_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    make = Events()
    error = {"code": "node_failed", "message": "The page is gone."}
    told(
        Lines(),
        make("step.started", "get", title="Get", node_type="http_request"),
        make("step.retried", "get", error=error, attempt=2),
        make("step.failed", "get", error=error, handled="default", title="Get", node_type="http_request"),
    )
    assert read(capsys) == [
        "  · Get: again: The page is gone.",
        "  ✗ Get  http_request  200 ms  went on with its default  The page is gone.",
    ]


def test_a_step_that_succeeded_but_was_warned_says_of_what(capsys: pytest.CaptureFixture[str]) -> None:
    make = Events()
    told(Lines(), *make.step("sum", warnings=["数 must be a number.", "more", "still more"]))
    assert read(capsys) == ["  ✓ SUM  llm  100 ms  warning: 数 must be a number. (and 2 more)"]


def test_of_many_turns_the_first_are_told_and_the_rest_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    make, lines = Events(), Lines()
    told(lines, *(event for turn in range(100) for event in make.step(f"each[{turn}]/ask")))
    shown = read(capsys)
    assert len(shown) == 6
    assert shown[0].startswith("  ✓   EACH[0]/ASK [0]")
    assert shown[-1] == "  … further turns of EACH[99]/ASK are counted, not shown" or "further turns" in shown[-1]
    assert lines.view.rows["each/ask"].done == 100


def test_silence_shows_nothing_and_knows_all(capsys: pytest.CaptureFixture[str]) -> None:
    make, silence = Events(), Silence()
    for event in make.step("ask"):
        silence.take(event)
    assert read(capsys) == []
    assert silence.view.rows["ask"].state == "succeeded"


def test_a_table_shows_what_looks_like_markup_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    make, table = Events(), Table()
    table.take(make("message.completed", "say", text="[bold]你好[/]"))
    for event in make.step("ask"):
        table.take(event)
    table.close()
    assert "» [bold]你好[/]" in capsys.readouterr().err


def test_a_run_is_busy_while_a_step_works_and_not_while_it_only_waits_for_people() -> None:
    make, view = Events(), RunView()
    view.take(make("step.started", "loop"))
    view.take(make("step.started", "loop[0]/ask"))
    view.take(make("step.started", "work"))
    view.take(make("wait.opened", "loop[0]/ask", wait_id="loop[0]/ask", prompt="?"))
    assert view.busy
    view.take(make("step.succeeded", "work"))
    assert not view.busy
    assert [*view.waits] == ["loop[0]/ask"]
    view.take(make("wait.answered", "loop[0]/ask", wait_id="loop[0]/ask"))
    assert view.busy
    assert view.waits == {}


def test_a_wait_that_is_cancelled_is_open_no_more() -> None:
    make, view = Events(), RunView()
    view.take(make("step.started", "ask"))
    view.take(make("wait.opened", "ask", wait_id="ask"))
    view.take(make("step.cancelled", "ask"))
    assert (view.waits, view.busy) == ({}, False)


def test_turns_of_a_node_share_a_row_that_works_while_any_of_them_does() -> None:
    make, view = Events(), RunView()
    for turn in (0, 1):
        view.take(make("step.started", f"each[{turn}]/ask"))
    view.take(make("step.succeeded", "each[0]/ask", usage={"total_tokens": 3}))
    row = view.rows["each/ask"]
    assert (row.state, row.done, row.tokens) == ("running", 1, 3)
    view.take(make("step.succeeded", "each[1]/ask", usage={"total_tokens": 4}))
    assert (row.state, row.done, row.tokens, view.tokens) == ("succeeded", 2, 7, 7)


def test_durations_are_told_in_units_that_fit() -> None:
    assert [seconds(ms) for ms in (0, 999, 1_000, 59_949, 60_000, 3_725_000)] == [
        "0 ms", "999 ms", "1.0 s", "59.9 s", "1 min 0 s", "62 min 5 s",
    ]  # fmt: skip


def test_an_answer_is_taken_once_by_the_id_of_its_wait_or_of_its_node() -> None:
    answers = GivenAnswers(["ask=a=b", "ask=2", "loop[1]/ask=exact"])
    wait = {"wait_id": "loop[1]/ask", "kind": "question"}
    assert [answers.take(wait, "ask") for _ in range(4)] == ["exact", "a=b", "2", None]
    assert answers.unused == []


def test_an_answer_that_nobody_took_is_left() -> None:
    assert GivenAnswers(["ask=1", "nobody=2"]).unused == ["ask", "nobody"]


def test_an_answer_names_its_wait() -> None:
    with pytest.raises(CommandFailed, match="--answer takes WAIT=VALUE, but 'yes' came"):
        GivenAnswers(["yes"])


def test_a_form_takes_json_or_lines_and_a_question_a_text() -> None:
    form, question = {"kind": "form"}, {"kind": "question"}
    assert as_answer('{"a": 1}', form) == {"a": 1}
    assert as_answer("a: 1", form) == "a: 1"
    assert as_answer("42", form) == "42"
    assert as_answer('{"a": 1}', question) == '{"a": 1}'
