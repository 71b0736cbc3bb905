"""The runs of a space, and the records of what happened in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Select, and_, bindparam, case, exists, func, or_, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import EngineError, InvalidInput, NotFound
from engine.events import RunEvent, StoredEvent
from engine.values import Json
from storage.database import Database, Into, Rows
from storage.encoding import dump_or_none
from storage.paging import Page, columns_of, cursor_id, fetch, page_size
from storage.projection import RunFold, apply
from storage.records import (
    INTO_EVENTS,
    INTO_NODES,
    INTO_WAITS,
    PROJECTED,
    Owner,
    event_body,
    event_key,
    node_rows,
    projected_values,
    wait_rows,
)
from storage.run_search import EVERY_RUN, RunFilter, RunSummary
from storage.tables import NodeRecord, OpenWaitRow, Run
from storage.tables.columns import KEY_LENGTH
from storage.tables.runs import UNFINISHED, NodeState, RunKind, RunMode, RunState
from storage.turns import INTO_MESSAGES, Turn, turn_rows

T = TypeVar("T")

_GIVEN: Final = (
    "id",
    "org_id",
    "space_id",
    "workflow_id",
    "workflow_key",
    "workflow_name",
    "version",
    "plan_hash",
    "mode",
    "kind",
    "idempotency_key",
    "temporal_id",
    "created",
    "start_request",
    "user_id",
    "app_id",
    "channel",
)
_RECENT: Final = 200
"""How many of a workflow's latest runs are looked through for what a node was given."""
_INTO_RUNS: Final = Into("run", (*_GIVEN, "conversation_id", *PROJECTED))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What is known of a run when it begins. `start_request` is what it takes to start it, once more if need be."""

    id: int
    workflow_id: int
    workflow_key: str
    workflow_name: str
    version: str
    plan_hash: str
    mode: RunMode
    kind: RunKind
    created: int
    inputs: Json
    idempotency_key: str | None = None
    temporal_id: str = ""
    start_request: Json = None
    user_id: str | None = None
    app_id: str | None = None
    channel: str | None = None
    turn: Turn | None = None


_MINE: Final = (
    col(Run.id) == bindparam("id"),
    col(Run.org_id) == bindparam("org_id"),
    col(Run.space_id) == bindparam("space_id"),
)
# Made once: making a statement costs more than running it.
_BY_ID: Final = select(Run).where(*_MINE)
_IS_MINE: Final = select(col(Run.id)).where(*_MINE)


class RunRepository:
    """The runs of one space."""

    def __init__(self, database: Database, org_id: int, space_id: int) -> None:
        self._database = database
        self._org_id = org_id
        self._space_id = space_id

    async def create(self, new: NewRun) -> tuple[Run, bool]:
        """The run, and whether it is new: with an idempotency key that the workflow has seen, it is the run of then."""
        run = RunFold(inputs=dump_or_none(new.inputs), updated=new.created)
        rows: dict[Into, list[tuple[Any, ...]]] = {_INTO_RUNS: [self._row(new, run)]}
        if new.turn is not None:
            rows[INTO_MESSAGES] = turn_rows(new.turn, self._org_id, self._space_id, new.id, new.created)
        existing = await self._insert(new, rows)
        return existing or self._fresh(new), existing is None

    async def store_finished(self, new: NewRun, events: Sequence[RunEvent]) -> Run | None:
        """Store a run that is over, whole: itself, its events and its records. This is the fast way in.

        Returns None, or the run that has the same idempotency key: then nothing is stored.
        """
        owner = Owner(new.id, self._org_id, self._space_id)
        run = RunFold(inputs=dump_or_none(new.inputs), updated=new.created)
        logged: dict[str, tuple[Any, ...]] = {}
        for event in events:
            key = event_key(event)
            if key not in logged and not run.ended:
                stored = StoredEvent(len(logged) + 1, event)
                logged[key] = (new.id, stored.seq, key, event_body(event))
                apply(run, stored)
        if not run.ended:
            raise EngineError("The events of a finished run do not say how it ended.", run_id=str(new.id))
        rows: dict[Into, list[tuple[Any, ...]]] = {
            _INTO_RUNS: [self._row(new, run)],
            INTO_EVENTS: [*logged.values()],
            INTO_NODES: node_rows(owner, run.nodes.values()),
        }
        if run.waits:
            rows[INTO_WAITS] = wait_rows(owner, run.waits.values())
        if new.turn is not None:
            said: dict[str, Any] = {"answer": run.answer or "", "answered": run.finished or new.created}
            rows[INTO_MESSAGES] = turn_rows(new.turn, self._org_id, self._space_id, new.id, new.created, **said)
        return await self._insert(new, rows)

    async def get(self, run_id: int) -> Run:
        """Raises `NotFound`."""
        found = await self._database.read(
            lambda connection: fetch(connection, _BY_ID, id=run_id, org_id=self._org_id, space_id=self._space_id)
        )
        if not found:
            raise NotFound("There is no such run.", run_id=str(run_id))
        return found[0]

    async def find(self, workflow_id: int, idempotency_key: str) -> Run | None:
        """The run of a workflow that was started with this key."""
        statement = select(Run).where(
            col(Run.org_id) == self._org_id,
            col(Run.space_id) == self._space_id,
            col(Run.workflow_id) == workflow_id,
            col(Run.idempotency_key) == idempotency_key,
        )
        found = await self._database.read(lambda connection: fetch(connection, statement))
        return found[0] if found else None

    async def page(
        self, only: RunFilter = EVERY_RUN, *, cursor: str | None = None, limit: int = 50
    ) -> Page[RunSummary]:
        """The newest first."""
        statement = select(*columns_of(Run, RunSummary)).where(
            col(Run.org_id) == self._org_id, col(Run.space_id) == self._space_id, *only.conditions()
        )
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(Run.id) < before)
        statement = statement.order_by(col(Run.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        items = [RunSummary(*row) for row in rows[:limit]]
        return Page(items, str(items[-1].id) if len(rows) > limit else None)

    async def node_records(
        self,
        run_id: int,
        *,
        after: int = 0,
        limit: int = 1_000,
        place: str = "",
        node: str = "",
        states: Sequence[NodeState] = (),
    ) -> list[NodeRecord]:
        """In the order in which the steps began; `after` is the `seq` of the last one seen. Raises `NotFound`.

        `place` is a path: its own record, and those of everything inside it. `node` is the id of a node, wherever.
        """
        statement = select(NodeRecord).where(col(NodeRecord.run_id) == run_id, col(NodeRecord.seq) > after)
        if place:
            # Not LIKE, for which SQLite takes `A` and `a` to be the same.
            inside = func.substr(col(NodeRecord.path), 1, len(place) + 1).in_((f"{place}/", f"{place}["))
            statement = statement.where(or_(col(NodeRecord.path) == place, inside))
        if node:
            statement = statement.where(col(NodeRecord.node_id) == node)
        if states:
            statement = statement.where(col(NodeRecord.state).in_(states))
        return await self._of_run(run_id, statement.order_by(col(NodeRecord.seq)).limit(limit))

    async def latest_of_node(
        self, workflow_id: int, node_id: str, user_id: str, *, only: bool = False
    ) -> tuple[Run, NodeRecord] | None:
        """The newest record of a node that ran, with its run; test runs of this user come before all others.

        With `only` there are no runs but this user's.
        Only the latest runs of the workflow are looked through.
        """
        mine = (col(Run.org_id) == self._org_id, col(Run.space_id) == self._space_id)
        recent = (
            select(col(Run.id)).where(*mine, col(Run.workflow_id) == workflow_id).order_by(col(Run.id).desc())
        ).limit(_RECENT)
        if only:
            recent = recent.where(col(Run.user_id) == user_id)
        ran = and_(
            col(NodeRecord.run_id) == col(Run.id),
            col(NodeRecord.node_id) == node_id,
            col(NodeRecord.state).not_in(("skipped", "cancelled")),
        )
        tried = and_(col(Run.kind).in_(("test", "debug")), col(Run.user_id) == user_id)
        statement = (
            select(Run)
            .where(col(Run.id).in_(recent), exists().where(ran))
            .order_by(case((tried, 0), else_=1), col(Run.id).desc())
            .limit(1)
        )
        runs = await self._database.read(lambda connection: fetch(connection, statement))
        if not runs:
            return None
        records = (
            select(NodeRecord)
            .where(col(NodeRecord.run_id) == runs[0].id, col(NodeRecord.node_id) == node_id)
            .where(col(NodeRecord.state).not_in(("skipped", "cancelled")))
            .order_by(col(NodeRecord.seq).desc())
            .limit(1)
        )
        found = await self._database.read(lambda connection: fetch(connection, records))
        return (runs[0], found[0]) if found else None

    async def waits(self, run_id: int, *, only_open: bool = True) -> list[OpenWaitRow]:
        """The questions of a run, the oldest first. Raises `NotFound`."""
        statement = select(OpenWaitRow).where(col(OpenWaitRow.run_id) == run_id)
        if only_open:
            statement = statement.where(col(OpenWaitRow.state) == "open")
        return await self._of_run(run_id, statement.order_by(col(OpenWaitRow.opened), col(OpenWaitRow.wait_id)))

    # --- within -------------------------------------------------------------------------------------------------------

    async def _of_run(self, run_id: int, statement: Select[T]) -> list[T]:
        mine = {"id": run_id, "org_id": self._org_id, "space_id": self._space_id}

        def query(connection: Connection) -> list[T]:
            if connection.execute(_IS_MINE, mine).first() is None:
                raise NotFound("There is no such run.", run_id=str(run_id))
            return fetch(connection, statement)

        return await self._database.read(query)

    async def _insert(self, new: NewRun, rows: Rows) -> Run | None:
        """Insert; when the idempotency key is there already, the run that has it."""
        if new.idempotency_key is not None and not 1 <= len(new.idempotency_key) <= KEY_LENGTH:
            raise InvalidInput(f"An idempotency key has 1 to {KEY_LENGTH} characters.", field="idempotency_key")
        try:
            await self._database.insert(rows)
        except IntegrityError:
            existing = new.idempotency_key and await self.find(new.workflow_id, new.idempotency_key)
            if not existing:
                raise
            return existing
        return None

    def _row(self, new: NewRun, run: RunFold) -> tuple[Any, ...]:
        return (
            new.id,
            self._org_id,
            self._space_id,
            new.workflow_id,
            new.workflow_key,
            new.workflow_name,
            new.version,
            new.plan_hash,
            new.mode,
            new.kind,
            new.idempotency_key,
            new.temporal_id,
            new.created,
            dump_or_none(new.start_request),
            new.user_id,
            new.app_id,
            new.channel,
            None if new.turn is None else new.turn.conversation_id,
            *projected_values(run),
        )

    def _fresh(self, new: NewRun) -> Run:
        given = {name: getattr(new, name) for name in _GIVEN if name not in ("org_id", "space_id")}
        given["conversation_id"] = None if new.turn is None else new.turn.conversation_id
        return Run(**given, org_id=self._org_id, space_id=self._space_id, inputs=new.inputs, updated=new.created)


class UnfinishedRuns:
    """The runs of all spaces that are not over: for whoever looks after those that were left behind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stale(
        self,
        before: int,
        *,
        states: Sequence[RunState] = ("queued", "running"),
        limit: int = 100,
        behind: Run | None = None,
    ) -> list[Run]:
        """Runs of which nothing was heard since a moment (UTC milliseconds), the longest silent first.

        `behind` is the last one of a page: those that come after it are the next page.
        """
        statement = (
            select(Run)
            # The first condition is that of the partial index: with values bound, SQLite cannot see that it applies.
            .where(text(UNFINISHED), col(Run.state).in_(states), col(Run.updated) < before)
            .order_by(col(Run.updated), col(Run.id))
            .limit(limit)
        )
        if behind is not None:
            statement = statement.where(
                or_(
                    col(Run.updated) > behind.updated,
                    and_(col(Run.updated) == behind.updated, col(Run.id) > behind.id),
                )
            )
        return await self._database.read(lambda connection: fetch(connection, statement))
