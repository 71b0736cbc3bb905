"""What was spent on models: each call once, and sums of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, Literal

from sqlalchemy import Connection, case, delete, func, insert, select
from sqlmodel import col

from storage.database import Database
from storage.ids import new_id, read_id
from storage.ports import BEGUN, ModelCall
from storage.projection import fit
from storage.tables import ModelCallRow, Workflow
from storage.tables.columns import KEY_LENGTH, NODE_ID_LENGTH
from storage.tables.models import PROVIDER_LENGTH, VENDOR_MODEL_LENGTH

By = Literal["total", "day", "model", "node", "workflow", "run"]

DAY_MS: Final = 86_400_000
_AT_ONCE: Final = 200
_LENGTHS: Final = {
    "node": NODE_ID_LENGTH,
    "model": KEY_LENGTH,
    "provider": PROVIDER_LENGTH,
    "vendor_model": VENDOR_MODEL_LENGTH,
    "outcome": 32,
    "currency": 8,
}
_WORKFLOW: Final[tuple[Any, ...]] = (col(ModelCallRow.workflow_id), col(Workflow.name).label("workflow_name"))
_GROUPS: Final[dict[By, tuple[Any, ...]]] = {
    "total": (),
    "model": (col(ModelCallRow.model), col(ModelCallRow.provider), col(ModelCallRow.vendor_model)),
    "node": (*_WORKFLOW, col(ModelCallRow.node)),
    "workflow": _WORKFLOW,
    "run": (col(ModelCallRow.run_id), *_WORKFLOW),
}
_SUMS: Final = (
    func.count().label("calls"),
    func.sum(case((col(ModelCallRow.outcome).in_(("ok", BEGUN)), 0), else_=1)).label("failed"),
    func.sum(col(ModelCallRow.estimated)).label("estimated"),
    *(
        func.sum(getattr(ModelCallRow, name)).label(name)
        for name in (
            "input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens", "cost", "milliseconds",
        )
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Which:
    """Which calls are looked at; what is None makes no difference. Moments in UTC milliseconds, `until` left out."""

    since: int | None = None
    until: int | None = None
    space_id: int | None = None
    workflow_id: int | None = None
    run_id: int | None = None
    node: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What some calls came to, in one currency. Only the fields by which they were put together are set."""

    calls: int
    failed: int
    estimated: int
    input_tokens: int
    output_tokens: int
    cached_input_tokens: int
    reasoning_tokens: int
    cost: int
    """In millionths of the currency."""
    milliseconds: int
    currency: str
    day: int | None = None
    """Its beginning."""
    model: str | None = None
    provider: str | None = None
    vendor_model: str | None = None
    workflow_id: int | None = None
    workflow_name: str | None = None
    """None where it was no stored workflow."""
    node: str | None = None
    run_id: int | None = None


class SqlLedger:
    """Implements `storage.ports.ModelLedger`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, calls: Sequence[ModelCall]) -> None:
        """See the port."""
        rows = {_digest(call.key): _row(call) for call in calls}
        for start in range(0, len(rows), _AT_ONCE):
            await self._database.write(partial(_record, dict([*rows.items()][start : start + _AT_ONCE])))

    async def spent(
        self, org_id: int, by: By, which: Which, *, utc_offset_ms: int = 0, limit: int = 1_000
    ) -> list[Spent]:
        """Sums by day (the newest first, beginning `utc_offset_ms` before it does in UTC), or by what was called or who
        asked, the dearest first; currencies apart.
        """
        groups = (_day(utc_offset_ms),) if by == "day" else _GROUPS[by]
        same = {name: getattr(which, name) for name in ("space_id", "workflow_id", "run_id", "node", "model")}
        wanted = [getattr(ModelCallRow, name) == value for name, value in same.items() if value is not None]
        if which.since is not None:
            wanted.append(col(ModelCallRow.started) >= which.since)
        if which.until is not None:
            wanted.append(col(ModelCallRow.started) < which.until)
        dearest = (func.sum(col(ModelCallRow.cost)).desc(), func.sum(col(ModelCallRow.input_tokens)).desc())
        order = (groups[0].desc(),) if by == "day" else dearest
        statement = (
            select(*groups, col(ModelCallRow.currency), *_SUMS)
            .select_from(ModelCallRow)
            .outerjoin(Workflow, col(Workflow.id) == col(ModelCallRow.workflow_id))
            .where(col(ModelCallRow.org_id) == org_id, *wanted)
            .group_by(*groups, col(ModelCallRow.currency))
            .order_by(*order, *groups, col(ModelCallRow.currency))
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [Spent(**row._asdict()) for row in rows]


def _day(utc_offset_ms: int) -> Any:
    since_midnight = (col(ModelCallRow.started) + utc_offset_ms) % DAY_MS
    return (col(ModelCallRow.started) - since_midnight).label("day")


def _record(rows: dict[str, dict[str, Any]], connection: Connection) -> None:
    there = select(col(ModelCallRow.key), col(ModelCallRow.outcome)).where(col(ModelCallRow.key).in_([*rows]))
    known = {row.key: row.outcome for row in connection.execute(there)}
    ended = [key for key, outcome in known.items() if outcome == BEGUN != rows[key]["outcome"]]
    if ended:
        connection.execute(delete(ModelCallRow).where(col(ModelCallRow.key).in_(ended)))
    if fresh := [row for key, row in rows.items() if key not in known or key in ended]:
        connection.execute(insert(ModelCallRow), fresh)


def _row(call: ModelCall) -> dict[str, Any]:
    # What belongs to no stored run or workflow (the test of a model, a document from a file) belongs to 0.
    owners = {name: read_id(getattr(call, name)) or 0 for name in ("org_id", "space_id", "run_id", "workflow_id")}
    words = {name: fit(getattr(call, name))[:length] for name, length in _LENGTHS.items()}
    return {
        **asdict(call),
        **owners,
        **words,
        "id": new_id(),
        "key": _digest(call.key),
        "path": fit(call.path),
        "estimated": int(call.estimated),
    }


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
