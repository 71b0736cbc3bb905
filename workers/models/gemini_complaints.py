"""What Google's servers complain about: a status, and details that say what is behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from nodes.chat import ModelFailed, ModelUnavailable, Reason
from workers.models.complaints import reason_of, sentence_of
from workers.models.findings import answered, finding
from workers.models.provider import ModelConnection
from workers.models.waiting import wait_of

_KEY: Final = re.compile(r"api_key_invalid|api key not valid|api key expired|api key not found|access_token_expired")
_SPENT: Final = re.compile(r"perday|per day|prepa(?:id|yment) credits|billing account|spend(?:ing)? (?:cap|limit)")
_SECONDS: Final = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")


def from_status(
    connection: ModelConnection, status: int, body: object, headers: Mapping[str, str]
) -> ModelFailed | ModelUnavailable:
    """The finding behind a status of 300 and above; names of `headers` in lower case."""
    said = sentence_of(body)
    reason = _reason(connection, status, body, said)
    wait = None
    if reason in ("rate_limited", "overloaded"):
        wait = _told_wait(body)
        wait = wait_of(headers, said) if wait is None else wait
    return answered(connection, reason, status, said, wait)


def within_stream(connection: ModelConnection, status: int, body: object) -> ModelFailed | ModelUnavailable:
    """The finding behind an error that came as a piece of the answer."""
    said = sentence_of(body)
    sentence = f"The provider of the model {connection.vendor_model} broke its answer off: "
    return finding(
        connection, _reason(connection, status, body, said), sentence + (said or "it does not say why."), status=status
    )


def _reason(connection: ModelConnection, status: int, body: object, said: str) -> Reason:
    details = [*_details(body)]
    words = " ".join([said, *(str(one.get("reason", "")) for one in details)]).lower()
    if status in (400, 401, 403) and _KEY.search(words):
        return "auth"
    if status == 429:
        quotas = (one.get("quotaId") or one.get("quotaMetric") for one in _violations(details))
        spent = _SPENT.search(" ".join([words, *(str(one).lower() for one in quotas)]))
        return "quota" if spent else "rate_limited"
    kind = _error(body).get("status")
    return reason_of(connection, status, kind if isinstance(kind, str) else "", said)


def _told_wait(body: object) -> float | None:
    for detail in _details(body):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (match := _SECONDS.fullmatch(delay)):
            return float(match[1])
    return None


def _violations(details: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for detail in details:
        found = detail.get("violations")
        yield from (_mapping(one) for one in (found if isinstance(found, list) else []))


def _details(body: object) -> Iterator[Mapping[str, Any]]:
    found = _error(body).get("details")
    yield from (_mapping(one) for one in (found if isinstance(found, list) else []))


def _error(body: object) -> Mapping[str, Any]:
    if isinstance(body, list) and body:
        body = cast("list[object]", body)[0]
    told = _mapping(body)
    return _mapping(told.get("error")) or told


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}
