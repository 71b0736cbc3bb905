"""Whether the process is alive and ready, and the schema of the document that it understands."""

from __future__ import annotations

import asyncio
from functools import cache, partial
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission, anybody, require
from api.json_response import JsonResponse, write_json
from api.openapi import describe
from api.parts import ApiParts, Check
from api.problems import problems
from api.reading import strict_route
from engine.canvas import canvas_schema

router = APIRouter(tags=["system"], route_class=strict_route("run_input_bytes"))

_PATIENCE: Final = 1.5
"""Seconds for each check, all at once: whoever asks gives up soon, and then learns nothing."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@cache
def _canvas_schema() -> bytes:
    return write_json(canvas_schema())


class Live(BaseModel):
    """The process answers."""

    live: bool = True


class Ready(BaseModel):
    """Whether what the process needs is there."""

    ready: bool
    checks: dict[str, bool] = Field(description="What was looked at.", examples=[{"database": True, "temporal": True}])


@router.get("/health/live", response_model=Live)
async def live(everybody: Annotated[None, anybody()]) -> Response:
    """Say that the process is alive: a supervisor restarts one that does not."""
    return JsonResponse({"live": True})


@router.get("/health/ready", response_model=Ready, responses={503: {"model": Ready, "description": "Not yet."}})
async def ready(everybody: Annotated[None, anybody()], request: Request) -> Response:
    """Say whether requests may come: a load balancer sends them elsewhere until then."""
    parts: ApiParts = request.app.state.parts
    checks: dict[str, Check] = {"database": partial(parts.stores.unfinished.stale, 0, limit=1), **parts.checks}
    answers = await asyncio.gather(*(_holds(name, check) for name, check in checks.items()))
    found = dict(zip(checks, answers, strict=True))
    well = all(found.values())
    return JsonResponse({"ready": well, "checks": found}, 200 if well else 503)


async def _holds(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE):
            await check()
    except Exception as error:  # noqa: BLE001
        # Whatever keeps it from answering, it is not ready; the log says what.
        reason = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        _log.warning("not ready", check=name, error=reason)
        return False
    return True


@router.get(
    "/canvas-schema",
    responses={200: {"content": {"application/schema+json": {}}}, **problems(401, 403)},
    response_model=dict[str, Any],
)
async def get_canvas_schema(member: Annotated[Member, require(Permission.CATALOGUE_VIEW)]) -> Response:
    """The JSON Schema of a canvas."""
    return Response(_canvas_schema(), media_type="application/schema+json")


@router.get("/openapi.json", include_in_schema=False)
async def get_openapi_document(
    member: Annotated[Member, require(Permission.CATALOGUE_VIEW)], request: Request
) -> Response:
    """This description."""
    return JsonResponse(describe(request.app))
