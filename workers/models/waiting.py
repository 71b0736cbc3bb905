"""How long a busy provider wants us to stay away: it says so in one of several headers, or in its sentence."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from nodes.tools.http_reply import retry_after

LONGEST: Final = 24 * 3600.0
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PART: Final = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)"
_SPAN: Final = re.compile(rf"(?:{_PART})+")
_NUMBER: Final = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,9})?")
_SAID: Final = re.compile(
    rf"(?:try again|retry|wait)[^.0-9]{{0,40}}((?:{_PART})+|([0-9]{{1,6}}(?:\.[0-9]{{1,6}})?) ?sec)", re.IGNORECASE
)
_RESETS: Final = ("requests", "tokens")


def wait_of(headers: Mapping[str, str], said: str = "") -> float | None:
    """Seconds, at most a day; None when nothing is said. Names of headers in lower case."""
    found = _retry_after(headers)
    if found is None:
        found = _reset(headers)
    if found is None and (words := _SAID.search(said)):
        found = _span(words[1]) if words[4] is None else float(words[4])
    return None if found is None else min(found, LONGEST)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    exact, given = headers.get("retry-after-ms", "").strip(), headers.get("retry-after", "").strip()
    if _NUMBER.fullmatch(exact):
        return float(exact) / 1000
    if _NUMBER.fullmatch(given):
        return float(given)
    return _span(given) if _SPAN.fullmatch(given) else retry_after(given, datetime.now(UTC))


def _reset(headers: Mapping[str, str]) -> float | None:
    """When what has run out is there again. Where nothing is said to have run out, the first to come back counts."""
    spans: list[float] = []
    spent: list[float] = []
    for what in _RESETS:
        span = _moment(headers.get(f"x-ratelimit-reset-{what}", ""))
        if span is not None:
            spans.append(span)
            if headers.get(f"x-ratelimit-remaining-{what}", "").strip() == "0":
                spent.append(span)
    if spent:
        return max(spent)
    return min(spans) if spans else _moment(headers.get("x-ratelimit-reset", ""))


def _moment(text: str) -> float | None:
    """A span such as 6m0s, a number of seconds, or a moment since 1970 in seconds or milliseconds."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return _span(text) if _SPAN.fullmatch(text) else None
    number = float(text)
    if number > 1e11:
        number /= 1000
    return max(0.0, number - time.time()) if number > 1e9 else number


def _span(text: str) -> float:
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))
