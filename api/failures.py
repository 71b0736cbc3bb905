"""Every error of the application is answered here, in the form of the interface at whose address it happened."""

from __future__ import annotations

from typing import Final

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.open.envelope import failed, failed_with, is_open
from api.open.unbuilt import refuse_unbuilt
from api.problems import Refused, invalid_request, problem_of, problem_with, sentence_of, status_of, unexpected
from engine.errors import FlowError

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

_BROKEN: Final = "Something broke on our side. The log says more under the request's id."


def answer_failures(app: FastAPI) -> None:
    """Let every error of the application be answered in one of our forms, never in the framework's."""

    async def flow_error(request: Request, error: FlowError) -> Response:
        if status_of(error) == 500:
            _log.error("request failed", code=error.code, exc_info=error)
        return _answer(request, error)

    async def validation(request: Request, error: RequestValidationError) -> Response:
        return _answer(request, invalid_request(error))

    async def http(request: Request, error: HTTPException) -> Response:
        if isinstance(error, Refused):
            return _answer(request, error.error)
        path, status = request.url.path, error.status_code
        if not is_open(path):
            return problem_with(status, request.state.request_id, error.headers)
        if status in {404, 405} and (unbuilt := refuse_unbuilt(request.method, path)) is not None:
            return failed(unbuilt)
        return failed_with(status, sentence_of(status), error.headers)

    app.add_exception_handler(FlowError, flow_error)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, validation)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, http)  # type: ignore[arg-type]


def broken(path: str, request_id: str) -> Response:
    """The answer when something broke: it tells nothing of our insides."""
    return failed_with(500, _BROKEN) if is_open(path) else unexpected(request_id)


def _answer(request: Request, error: FlowError) -> Response:
    return failed(error) if is_open(request.url.path) else problem_of(error, request.state.request_id)
