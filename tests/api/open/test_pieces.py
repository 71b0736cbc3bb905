"""Pieces of messages are given out once each, whatever is tried again behind them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.open.pieces import Piece, Pieces
from engine.events import EventType, RunEvent


def event(kind: EventType, path: str = "end", **data: Any) -> RunEvent:
    return RunEvent("k", kind, 1, path, path, data)


def delta(text: str, attempt: int = 1, delivery: int = 1) -> RunEvent:
    return event(EventType.MESSAGE_DELTA, text=text, source="poem", attempt=attempt, delivery=delivery)


def completed(text: str) -> RunEvent:
    return event(EventType.MESSAGE_COMPLETED, text=text)


def retried(attempt: int) -> RunEvent:
    return event(EventType.STEP_RETRIED, "poem", attempt=attempt)


def read(*events: RunEvent) -> list[Piece]:
    pieces = Pieces()
    return [one for each in events for one in pieces.read(each, str(each.data.get("text", "")))]


def told(*events: RunEvent) -> list[tuple[str, bool]]:
    return [(one.text, one.last) for one in read(*events)]


def test_the_last_piece_is_marked() -> None:
    assert told(delta("a"), delta("b"), delta("c"), completed("abc")) == [("a", False), ("b", False), ("c", True)]


def test_a_message_without_pieces_is_one_piece() -> None:
    assert told(completed("你好")) == [("你好", True)]


def test_what_a_new_attempt_says_again_is_not_sent_again() -> None:
    events = (delta("a"), delta("b"), delta("c"), retried(2), delta("a", 2), delta("bc", 2), delta("d", 2))
    assert told(*events, completed("abcd")) == [("a", False), ("b", False), ("c", False), ("d", True)]


def test_pieces_of_an_attempt_that_is_lost_are_passed_over() -> None:
    assert told(delta("a"), retried(2), delta("x"), delta("b", 2), completed("b")) == [("b", True)]


def test_what_begins_otherwise_is_sent_whole_once_and_said_to_replace() -> None:
    found = read(delta("wrong"), delta(" way"), retried(2), delta("right", 2), delta(" way", 2), completed("right way"))
    assert [(one.text, one.last, one.replaces) for one in found] == [("wrong", False, False), ("right way", True, True)]


def test_a_reset_to_what_was_sent_goes_on_behind_it() -> None:
    reset = event(EventType.MESSAGE_RESET, text="ab!")
    assert told(delta("a"), delta("b"), delta("c"), reset, completed("ab!")) == [
        ("a", False),
        ("b", False),
        ("!", True),
    ]


def test_a_message_that_is_not_sent_after_all_ends() -> None:
    reset = event(EventType.MESSAGE_RESET, text="")
    assert told(delta("a"), delta("b"), reset) == [("a", False), ("", True)]
    assert told(delta("a"), reset) == []


@given(
    st.lists(st.lists(st.text(st.sampled_from("ab"), min_size=1, max_size=3), max_size=4), min_size=1, max_size=4),
)
def test_what_was_sent_is_the_text_or_is_replaced_by_it(attempts: list[list[str]]) -> None:
    events: list[RunEvent] = []
    for number, pieces in enumerate(attempts, 1):
        events += [retried(number)] if number > 1 else []
        events += [delta(text, number) for text in pieces]
    whole = "".join(attempts[-1])
    found = read(*events, completed(whole))
    assert [one.number for one in found] == [*range(len(found))]
    assert [one.last for one in found] == [False] * (len(found) - 1) + [True]
    if found[-1].replaces:
        assert found[-1].text == whole
        assert not whole.startswith("".join(one.text for one in found[:-1]))
    else:
        assert "".join(one.text for one in found) == whole
