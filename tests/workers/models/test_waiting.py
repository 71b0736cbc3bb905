"""How long a busy provider wants us to stay away, in all the ways in which it says so."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from workers.models.waiting import LONGEST, wait_of


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "20s"}, 20),
        ({"retry-after": "0"}, 0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "250.5", "retry-after": "9"}, 0.2505),
        ({"retry-after": "999999999"}, LONGEST),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"x-ratelimit-reset-requests": "1s"}, 1),
        ({"x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-reset-requests": "20ms", "x-ratelimit-reset-tokens": "8.64s"}, 0.02),
        (
            {
                "x-ratelimit-reset-requests": "20ms",
                "x-ratelimit-remaining-requests": "4",
                "x-ratelimit-reset-tokens": "8.64s",
                "x-ratelimit-remaining-tokens": "0",
            },
            8.64,
        ),
        ({"x-ratelimit-reset": "12"}, 12),
        ({"x-ratelimit-reset": "1h1m"}, 3660),
        ({}, None),
    ],
)
def test_headers_are_read_in_each_form(headers: dict[str, str], seconds: float | None) -> None:
    assert wait_of(headers) == (None if seconds is None else pytest.approx(seconds))


def test_moments_become_spans() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3_000)
    assert wait_of({"retry-after": format_datetime(soon, usegmt=True)}) == pytest.approx(3_000, abs=60)
    assert wait_of({"x-ratelimit-reset": str(int(time.time()) + 4_000)}) == pytest.approx(4_000, abs=60)
    assert wait_of({"x-ratelimit-reset": str(int(time.time() * 1000) + 5_000_000)}) == pytest.approx(5_000, abs=60)
    assert wait_of({"x-ratelimit-reset": "1000000001"}) == 0


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Please try again in 20s. Visit …", 20),
        ("Please try again in 345ms.", 0.345),
        ("Please try again in 6m0s.", 360),
        ("Please retry after 12 seconds.", 12),
        ("Please wait for 1.5 sec", 1.5),
        ("Try again later.", None),
        ("You have 20 tokens.", None),
    ],
)
def test_a_sentence_says_it_where_no_header_does(said: str, seconds: float | None) -> None:
    assert wait_of({}, said) == (None if seconds is None else pytest.approx(seconds))
    assert wait_of({"retry-after": "1"}, said) == 1
