"""The one table from a kind of error to a status, and the body that all errors share (RFC 9457)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, JsonValue
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.errors import (
    BodyTooLarge,
    InvalidRequest,
    MalformedBody,
    ModelTestFailed,
    NotBuilt,
    PermissionDenied,
    TooManyRequests,
    Unauthenticated,
    UnsupportedBody,
)
from api.json_response import JsonResponse
from api.language import current_language, spoken, told_in
from engine.errors import (
    Conflict,
    FlowError,
    InvalidCanvas,
    InvalidInput,
    LimitExceeded,
    NodeFailed,
    NodeTimeout,
    NotFound,
)
from storage.workflow_rows import InUse, Moved

STATUSES: Final[Mapping[type[FlowError], int]] = {
    MalformedBody: 400,
    Unauthenticated: 401,
    PermissionDenied: 403,
    NotFound: 404,
    Conflict: 409,
    InUse: 409,
    Moved: 412,
    BodyTooLarge: 413,
    UnsupportedBody: 415,
    InvalidRequest: 422,
    InvalidInput: 422,
    InvalidCanvas: 422,
    LimitExceeded: 422,
    ModelTestFailed: 422,
    NodeFailed: 422,
    TooManyRequests: 429,
    NotBuilt: 501,
    NodeTimeout: 504,
}
"""A subclass has the status of its nearest ancestor here. What is not listed is 503 when trying again may help; else it
is our own fault, and 500."""

_MOST_ERRORS: Final = 100
_LONGEST_FIELD: Final = 300
_CODES: Final = {404: "not_found", 405: "method_not_allowed"}
_SENTENCES: Final = {404: "There is nothing at this address.", 405: "This address does not take this method."}


class FieldError(BaseModel):
    """One thing that is wrong. Findings about a canvas carry more: `node`, `severity`, `facts`."""

    field: str = Field("", description="Where: a path within the body, or the name of a parameter.")
    code: str = Field("", description="Stable, for programs.")
    message: str = Field(description="A sentence for people.")


class Problem(BaseModel):
    """The body of every error (RFC 9457), sent as `application/problem+json`."""

    type: str = Field(description="A URN made of the code.", examples=["urn:mainspring:problem:not_found"])
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(description="Stable, for programs.", examples=["not_found"])
    detail: str = Field(description="A sentence for people.", examples=["There is no such workflow."])
    errors: list[FieldError] = Field([], description="Every finding, where there are several or one has a place.")
    facts: dict[str, JsonValue] = Field({}, description="What the sentence speaks of, as values.")
    request_id: str = Field("", description="The same as in the header `X-Request-ID` and in the log.")


class Refused(HTTPException):
    """An error raised while FastAPI reads the body: it lets nothing else through."""

    def __init__(self, error: FlowError) -> None:
        super().__init__(status_of(error), error.message)
        self.error = error


def status_of(error: FlowError) -> int:
    """The status of an error."""
    otherwise = 503 if error.retryable else 500
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), otherwise)


def problem_of(error: FlowError, request_id: str = "") -> Response:
    """The answer that says what is wrong."""
    facts = dict(error.facts)
    listed = facts.pop("errors", None) or facts.pop("diagnostics", None)
    errors: list[Any] = list(listed) if isinstance(listed, list) else []
    if not errors and isinstance(field := facts.get("field"), str):
        errors = [{"field": field, "code": error.code, "message": error.message}]
    return _answer(status_of(error), error.code, error.message, errors, facts, request_id, headers_of(error))


def headers_of(error: FlowError) -> dict[str, str]:
    """What an answer to this error says in its headers."""
    match status_of(error):
        case 401:
            return {"WWW-Authenticate": 'Bearer realm="mainspring"'}
        case 413:
            # Whoever sends more than we take is not listened to any longer.
            return {"Connection": "close"}
        case 429 | 503:
            room = {
                f"X-RateLimit-{name.capitalize()}": str(math.ceil(value))
                for name in ("limit", "remaining", "reset")
                if isinstance(value := error.facts.get(name), int | float)
            }
            seconds = error.facts.get("retry_after")
            return {"Retry-After": str(max(1, math.ceil(seconds)) if isinstance(seconds, int | float) else 1)} | room
        case _:
            return {}


def unexpected(request_id: str) -> Response:
    """The answer when something broke: it tells nothing of our insides, the log has it all under the request's id."""
    sentence = "Something broke on our side. The log says more under the request's id."
    return _answer(500, "internal_error", sentence, [], {}, request_id)


def _answer(
    status: int,
    code: str,
    detail: str,
    errors: Sequence[Any],
    facts: Mapping[str, JsonValue],
    request_id: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    language = current_language()
    body: dict[str, Any] = {
        "type": f"urn:mainspring:problem:{code}",
        "title": spoken(HTTPStatus(status).phrase, language),
        "status": status,
        "code": code,
        "detail": spoken(detail, language),
        "errors": errors if language == "en" else [_spoken(one) for one in errors],
        "facts": facts,
        "request_id": request_id,
    }
    sent = {**(headers or {}), **told_in()}
    return JsonResponse(body, status, sent, media_type="application/problem+json")


def _spoken(finding: Any) -> Any:
    """A finding with its sentence in the language of the request."""
    match finding:
        case {"message": str(message)}:
            return {**finding, "message": spoken(message)}
    return finding


def invalid_request(error: RequestValidationError) -> InvalidRequest:
    """What pydantic found, in our form. The value itself is left out: it may be large, or secret."""
    found: list[JsonValue] = []
    for one in error.errors()[:_MOST_ERRORS]:
        place = [str(part) for part in one["loc"]]
        # Where it stood (body, query, path) is plain from the name, except when there is no name.
        field = ".".join(place[1:] if len(place) > 1 else place)[:_LONGEST_FIELD]
        found.append({"field": field, "code": one["type"], "message": one["msg"]})
    first: Any = found[0]
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return InvalidRequest(f"{first['field']}: {first['message']}{more}.", errors=found)


def problem_with(status: int, request_id: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to what never reached a route."""
    code = _CODES.get(status, HTTPStatus(status).name.lower())
    return _answer(status, code, sentence_of(status), [], {}, request_id, headers)


def sentence_of(status: int) -> str:
    """What a status says to people."""
    return _SENTENCES.get(status) or f"{HTTPStatus(status).description or HTTPStatus(status).phrase}."


PROBLEM_CONTENT: Final[dict[str, Any]] = {
    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides success, for the OpenAPI document."""
    return {status: {"description": HTTPStatus(status).phrase, "content": PROBLEM_CONTENT} for status in statuses}
