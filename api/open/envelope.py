"""What every answer of the open API looks like, and the one table from a kind of error to its number."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, Field, JsonValue
from starlette.responses import Response

from api.errors import (
    BodyTooLarge,
    InvalidRequest,
    MalformedBody,
    NotBuilt,
    NotServed,
    PermissionDenied,
    TooManyRequests,
    Unauthenticated,
    UnsupportedBody,
)
from api.json_response import JsonResponse
from api.language import spoken, told_in
from api.problems import headers_of, status_of
from api.request_ids import current_request_id
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

PREFIXES: Final = ("/v1/", "/v3/", "/open_api/", "/api/permission/")
"""Below these everything is answered in the envelope, also what is not there."""


class NotPublished(Conflict):
    """The workflow has no published version that could run."""

    code = "not_published"


class Interrupted(Conflict):
    """Who started a run waits for its end, and the run waits for a person."""

    code = "interrupted"


class RunTimedOut(NodeTimeout):
    """The run goes on, but whoever waits for it has waited long enough."""

    code = "run_timed_out"


class RunFailed(NodeFailed):
    """The run that was asked for has failed, or somebody stopped it. The fact `number` says with which error."""

    code = "run_failed"


INTERNAL: Final = 5000
NO_ADDRESS: Final = 4040
CODES: Final[Mapping[type[FlowError], int]] = {
    MalformedBody: 4000,
    InvalidRequest: 4000,
    InvalidInput: 4000,
    InvalidCanvas: 4000,
    LimitExceeded: 4000,
    TooManyRequests: 4013,
    Conflict: 4090,
    Unauthenticated: 4100,
    PermissionDenied: 4101,
    BodyTooLarge: 4130,
    UnsupportedBody: 4150,
    NotFound: 4200,
    NotBuilt: 5010,
    NotServed: 5030,
    RunTimedOut: 6023,
    NotPublished: 6031,
    Interrupted: 6039,
    NodeFailed: 720701013,
    NodeTimeout: 777777776,
}
"""A subclass has the number of its nearest ancestor here. What is not listed is 5030 when trying again may help, else
our own fault: 5000. The long ones are those by which programs know that a run has failed."""
_BY_STATUS: Final = {400: 4000, 401: 4100, 403: 4101, 404: NO_ADDRESS, 405: 4050, 413: 4130, 415: 4150, 429: 4013}
_UNAVAILABLE: Final = 5030
_AT_THE_TOP: Final = frozenset({"debug_url", "execute_id", "interrupt_data"})
"""Facts that stand beside the sentence: the SDKs hand `debug_url` on with an error."""


class LogId(BaseModel):
    """Where the log tells more."""

    logid: str = Field("", description="The same as in the headers `X-Tt-Logid`, `X-Log-Id` and `X-Request-Id`.")


class Failure(BaseModel):
    """The body of every error of the open API."""

    code: int = Field(description="Stable, for programs; more than 0.", examples=[4200])
    msg: str = Field(description="A sentence for people.", examples=["There is no such workflow."])
    detail: LogId = LogId()


class Done(BaseModel):
    """The body of every success of the open API."""

    code: int = Field(0, description="0.")
    msg: str = Field("", description="Empty.")
    data: JsonValue = Field(None, description="What was asked for.")
    detail: LogId = LogId()


def done(data: Any, **top: Any) -> Response:
    """The answer of a request that was carried out. `top` stands beside `data`: use it where the SDK reads it there."""
    return JsonResponse({"code": 0, "msg": "", "data": data, **top, "detail": {"logid": current_request_id()}})


def is_open(path: str) -> bool:
    """Whether an address belongs to the open API."""
    return path.startswith(PREFIXES)


def code_of(error: FlowError) -> int:
    """The number of an error."""
    if isinstance(error, RunFailed) and isinstance(number := error.facts.get("number"), int) and number > 0:
        return number
    otherwise = _UNAVAILABLE if error.retryable else INTERNAL
    return next((CODES[kind] for kind in type(error).__mro__ if kind in CODES), otherwise)


def failed(error: FlowError) -> Response:
    """The answer that says what is wrong."""
    top = {name: value for name, value in error.facts.items() if name in _AT_THE_TOP}
    return _failure(status_of(error), code_of(error), error.message, top, headers_of(error))


def failed_with(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to what never reached a route."""
    return _failure(status, _BY_STATUS.get(status, 4000 if status < 500 else INTERNAL), sentence, {}, headers)


def _failure(
    status: int, code: int, sentence: str, top: Mapping[str, Any], headers: Mapping[str, str] | None
) -> Response:
    body = {"code": code, "msg": spoken(sentence), **top, "detail": {"logid": current_request_id()}}
    return JsonResponse(body, status, {**(headers or {}), **told_in()})


FAILURE_CONTENT: Final[dict[str, Any]] = {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}


def failures(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route of the open API may answer besides success, for the OpenAPI document."""
    return {status: {"description": HTTPStatus(status).phrase, "content": FAILURE_CONTENT} for status in statuses}
