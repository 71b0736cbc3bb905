"""What was spent on models, put together as one wants to see it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.access import Member, Permission, require
from api.parameters import Millis
from api.problems import problems
from api.provided import CatalogueDep, StoresDep
from api.reading import strict_route
from engine.errors import InvalidInput
from storage.clock import now_ms
from storage.ids import parse_id
from storage.ledger import DAY_MS, Spent, Which

router = APIRouter(tags=["usage"], route_class=strict_route("run_input_bytes"))

_USUAL_DAYS: Final = 30
_MOST_ROWS: Final = 1_000
_MICRO: Final = 1_000_000

By = Annotated[
    Literal["day", "model", "node", "workflow", "run"], Query(description="What the calls are put together by.")
]
Moment = Annotated[int | None, Query(ge=0, le=2**53)]


class UsageSum(BaseModel):
    """What some calls came to, in one currency."""

    calls: int
    failed: int = Field(description="Of these, how many gave no answer. They may have cost something all the same.")
    estimated: int = Field(description="Of these, for how many the tokens were counted by us.")
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = Field(description="A part of the input tokens.")
    reasoning_tokens: int = Field(description="A part of the output tokens.")
    cost: float = Field(description="In the currency; 0 where no price is known.")
    currency: str
    duration_ms: int = Field(description="How long the calls took, one after another.")


class UsageRow(UsageSum):
    """One line: of the fields below only those are set by which the calls were put together."""

    day: int | None = Field(None, description="The beginning of the day, in UTC milliseconds.")
    model: str | None = Field(None, description="Its key; also where nodes asked for `default`.")
    provider: str | None = None
    vendor_model: str | None = None
    workflow_id: str | None = None
    workflow_name: str | None = None
    node: str | None = None
    run_id: str | None = None


class UsageReport(BaseModel):
    """What was spent between two moments."""

    by: str
    since: Millis
    until: Millis
    items: list[UsageRow] = Field(description="The newest day first; otherwise the dearest first.")
    totals: list[UsageSum] = Field(description="Everything together, for each currency.")
    truncated: bool = Field(description="There are more lines than are given here; the totals count them too.")


@router.get("/usage", responses=problems(401, 403, 404, 422))
async def get_usage(
    member: Annotated[Member, require(Permission.USAGE_VIEW)],
    stores: StoresDep,
    catalogue: CatalogueDep,
    by: By = "day",
    from_: Annotated[Moment, Query(alias="from", description="UTC milliseconds; 30 days ago when absent.")] = None,
    to: Annotated[Moment, Query(description="UTC milliseconds, left out; now when absent.")] = None,
    workflow: Annotated[str | None, Query(max_length=100, description="Only this one, by its id or key.")] = None,
    run: Annotated[str | None, Query(max_length=30, description="Only this one.")] = None,
    node: Annotated[str | None, Query(max_length=64, description="Only this one.")] = None,
    model: Annotated[str | None, Query(max_length=191, description="Only what was asked for by this name.")] = None,
    utc_offset: Annotated[
        int, Query(ge=-840, le=840, description="Minutes: where days begin. 480 is Beijing.", examples=[480])
    ] = 0,
) -> UsageReport:
    """What the calls of the organisation's models cost."""
    until = now_ms() + 1 if to is None else to
    since = max(0, until - _USUAL_DAYS * DAY_MS) if from_ is None else from_
    if since > until:
        raise InvalidInput("It ends before it begins: `from` lies behind `to`.", field="from")
    which = Which(
        since=since,
        until=until,
        workflow_id=None if workflow is None else (await catalogue.workflow(member, workflow)).id,
        run_id=None if run is None else parse_id(run, "run"),
        node=node,
        model=model,
    )
    offset = utc_offset * 60_000
    rows = await stores.ledger.spent(member.org_id, by, which, utc_offset_ms=offset, limit=_MOST_ROWS + 1)
    totals = await stores.ledger.spent(member.org_id, "total", which)
    return UsageReport(
        by=by,
        since=since,
        until=until,
        items=[UsageRow(**_sum(row), **_place(row)) for row in rows[:_MOST_ROWS]],
        totals=[UsageSum(**_sum(row)) for row in totals],
        truncated=len(rows) > _MOST_ROWS,
    )


def _sum(row: Spent) -> dict[str, Any]:
    return {
        "calls": row.calls,
        "failed": row.failed,
        "estimated": row.estimated,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cached_input_tokens": row.cached_input_tokens,
        "reasoning_tokens": row.reasoning_tokens,
        "cost": row.cost / _MICRO,
        "currency": row.currency,
        "duration_ms": row.milliseconds,
    }


def _place(row: Spent) -> dict[str, Any]:
    return {
        "day": row.day,
        "model": row.model,
        "provider": row.provider,
        "vendor_model": row.vendor_model,
        # 0: what belonged to no stored workflow, or to no run.
        "workflow_id": str(row.workflow_id) if row.workflow_id else None,
        "workflow_name": row.workflow_name,
        "node": row.node,
        "run_id": str(row.run_id) if row.run_id else None,
    }
