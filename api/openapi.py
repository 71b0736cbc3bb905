"""The description of the API: what FastAPI knows of the routes, with our errors in place of its own."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.examples import add_examples
from api.open.envelope import FAILURE_CONTENT, Failure, is_open
from api.problems import PROBLEM_CONTENT, Problem
from api.tags import TAGS

DESCRIPTION: Final = """
Workflows are drawn as *canvases*, kept as *drafts*, published as *versions* and carried out as *runs*.

Nearly every address needs the header `Authorization: Bearer <token>`: a personal access token, one of an OAuth
application or a guest, or the operator's, made at the first start. Browsers that are logged in bring a cookie instead.
Ids are numbers of 63 bits, written as texts. Moments are UTC milliseconds. Every error has the same body
(`application/problem+json`) with a stable `code`, a sentence, and the `request_id` under which the log tells more; the
addresses of the open API, outside `/api/v1`, answer in the envelope of Coze instead. Lists come in pages: `next_cursor`
of one is the `cursor` of the next.
"""


_SPACE: Final = {
    "name": "X-Space-ID",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 100},
    "description": "The space that this is about, by its id, or by its key within one's organisation. Without it: "
    "where the token is at home, else one's personal space.",
}
_BEFORE_ROUTES: Final = {
    "404": "There is no such space, or one may not enter it.",
    "429": "More requests in a minute than one has: `Retry-After` says how many seconds to wait.",
}


def operation_id(route: APIRoute) -> str:
    """Functions are named like operations, and no two alike."""
    return route.name


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application, made once."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=[{"name": name, "description": said} for name, said in TAGS.items()],
        )
        schemas = found["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["Problem"] = problem
        failure = Failure.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(failure.pop("$defs", {}))
        schemas["Failure"] = failure
        add_examples(schemas)
        for address, path in found["paths"].items():
            for operation in path.values():
                if "security" in operation:
                    _describe_asking(operation, FAILURE_CONTENT if is_open(address) else PROBLEM_CONTENT)
                if is_open(address):
                    _describe_open(operation)
                    continue
                invalid = operation["responses"].get("422")
                if invalid is not None and "application/json" in invalid.get("content", {}):
                    operation["responses"]["422"] = {"description": "Unprocessable Content", "content": PROBLEM_CONTENT}
        app.openapi_schema = found
    return app.openapi_schema


def _describe_asking(operation: dict[str, Any], content: dict[str, Any]) -> None:
    """What every request may say of where it is, and what may become of it before its route is reached."""
    operation.setdefault("parameters", []).append(_SPACE)
    responses = operation["responses"]
    for status, sentence in _BEFORE_ROUTES.items():
        responses.setdefault(status, {"description": sentence, "content": content})


def _describe_open(operation: dict[str, Any]) -> None:
    """What FastAPI says of a request that does not fit is the envelope here."""
    operation["responses"]["422"] = {"description": "A parameter does not fit.", "content": FAILURE_CONTENT}
