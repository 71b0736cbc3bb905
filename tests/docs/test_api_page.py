"""docs/api.md names every address, event and error there is, and its function puts messages together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from api import errors as of_requests
from api.access import api_routes
from api.app import FEATURES
from api.problems import STATUSES
from engine.errors import FlowError, NodeFailed, NodeTimeout
from engine.events import EventType

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text("utf-8")
ADDRESSES: Final = [
    f"{method} {route.path}"
    for router in FEATURES
    for route in api_routes(router.routes)
    for method in sorted(route.methods or ())
]
OF_RUNS: Final = (NodeFailed, NodeTimeout)
"""What no request is answered with, but a run may end with."""


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_page_names_every_address(address: str) -> None:
    assert f"| `{address}` |" in PAGE


def test_the_page_names_no_address_that_is_not_there() -> None:
    assert set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \|", PAGE, re.M)) <= {*ADDRESSES}


@pytest.mark.parametrize("kind", [*EventType], ids=str)
def test_the_page_names_every_event(kind: EventType) -> None:
    assert f"| `{kind.value}` |" in PAGE


@pytest.mark.parametrize(
    "error", [one for one in STATUSES if one not in OF_RUNS], ids=lambda error: str(getattr(error, "code", ""))
)
def test_the_page_names_every_error_with_its_status(error: type[FlowError]) -> None:
    assert f"| {STATUSES[error]} | `{error.code}` |" in PAGE


def test_every_error_of_a_request_is_one_that_the_page_speaks_of() -> None:
    known = [one for one in vars(of_requests).values() if isinstance(one, type) and issubclass(one, FlowError)]
    assert {one.code for one in known if one is not FlowError} <= set(re.findall(r"`(\w+)`", PAGE))


@pytest.fixture
def texts() -> Callable[[Iterable[dict[str, Any]]], dict[str, str]]:
    """The function that the page shows."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    shown: dict[str, Any] = {}
    exec(code, shown)
    found: Callable[[Iterable[dict[str, Any]]], dict[str, str]] = shown["texts"]
    return found


def piece(text: str, attempt: int = 1, delivery: int = 1, source: str = "poem") -> dict[str, Any]:
    data = {"text": text, "source": source, "attempt": attempt, "delivery": delivery}
    return {"type": "message.delta", "path": "end", "data": data}


def again(attempt: int, **data: int) -> dict[str, Any]:
    return {"type": "step.retried", "path": "poem", "data": {"attempt": attempt, **data}}


def test_pieces_are_put_together(texts: Callable[..., dict[str, str]]) -> None:
    rest = {"type": "message.delta", "path": "end", "data": {"text": "!", "source": "end", "attempt": 1}}
    assert texts([piece("For 李雷: "), piece("Rivers"), rest]) == {"end": "For 李雷: Rivers!"}


def test_pieces_of_a_lost_attempt_are_taken_back(texts: Callable[..., dict[str, str]]) -> None:
    told = [piece("a", source="before"), piece("one"), again(2), piece("late"), piece("two", attempt=2)]
    assert texts(told) == {"end": "atwo"}


def test_pieces_of_a_process_that_died_are_taken_back(texts: Callable[..., dict[str, str]]) -> None:
    told = [piece("one"), again(1, delivery=2), piece("late"), piece("two", delivery=2)]
    assert texts(told) == {"end": "two"}


def test_pieces_from_within_a_sub_workflow_that_is_tried_again_are_taken_back(
    texts: Callable[..., dict[str, str]],
) -> None:
    told = [
        piece("a", source="before"),
        piece("one", source="sub/write"),
        {"type": "step.retried", "path": "sub", "data": {"attempt": 2, "below": True}},
        piece("late", source="sub/write"),
        piece("two", source="sub~2/write"),
    ]
    assert texts(told) == {"end": "atwo"}


def test_what_stands_instead_is_shown(texts: Callable[..., dict[str, str]]) -> None:
    reset = {"type": "message.reset", "path": "end", "data": {"text": "(no poem today)"}}
    assert texts([piece("one"), reset]) == {"end": "(no poem today)"}


def test_a_message_without_pieces_is_shown_whole(texts: Callable[..., dict[str, str]]) -> None:
    told = {"type": "message.completed", "path": "tell", "data": {"text": "请稍候。"}}
    assert texts([told]) == {"tell": "请稍候。"}
