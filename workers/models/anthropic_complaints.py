"""What a server of Anthropic's messages protocol complains about, by the status or the type that it gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from nodes.chat import ModelFailed, ModelUnavailable, Reason
from workers.models.complaints import reason_of, sentence_of
from workers.models.findings import answered, finding
from workers.models.provider import ModelConnection
from workers.models.waiting import wait_of

_STATUSES: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status that each type comes with; within a stream, which has begun with 200, the type comes alone."""
_SPENT: Final = re.compile(r"spend_limit_reached|usage limits|credit balance")
_FILTERED: Final = re.compile(r"content filtering policy")


def from_status(
    connection: ModelConnection, status: int, body: object, headers: Mapping[str, str]
) -> ModelFailed | ModelUnavailable:
    """The finding behind a status of 300 and above; names of `headers` in lower case."""
    said = sentence_of(body)
    reason = _reason(connection, status, body, said)
    wait = wait_of(headers, said) if reason in ("rate_limited", "overloaded") else None
    return answered(connection, reason, status, said, wait)


def within_stream(connection: ModelConnection, error: object) -> ModelFailed | ModelUnavailable:
    """The finding behind an error that came as an event of the answer."""
    said = sentence_of(error)
    reason = _reason(connection, _STATUSES.get(_kind(error), 500), error, said)
    return finding(
        connection,
        reason,
        f"The provider of the model {connection.vendor_model} broke its answer off: {said or 'it does not say why.'}",
    )


def _reason(connection: ModelConnection, status: int, body: object, said: str) -> Reason:
    kind = _kind(body)
    words = f"{kind} {_code(body)} {said}".lower()
    if status in (400, 402, 403, 429) and _SPENT.search(words):
        return "quota"
    if status < 500 and _FILTERED.search(words):
        return "content_filter"
    return reason_of(connection, status, kind, said)


def _error(body: object) -> Mapping[str, Any]:
    told: Mapping[str, Any] = cast("Mapping[str, Any]", body) if isinstance(body, dict) else {}
    inner = told.get("error")
    return cast("Mapping[str, Any]", inner) if isinstance(inner, dict) else told


def _kind(body: object) -> str:
    kind = _error(body).get("type")
    return kind if isinstance(kind, str) else ""


def _code(body: object) -> str:
    details = _error(body).get("details")
    code = cast("Mapping[str, Any]", details).get("error_code") if isinstance(details, dict) else None
    return code if isinstance(code, str) else ""
