"""The published versions of a space's workflows: canvases that do not change, and the plans they compiled to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, insert, select, update
from sqlmodel import col

from engine.errors import NotFound
from engine.values import Json
from storage.audit import Note
from storage.clock import now_ms
from storage.ids import new_id
from storage.paging import Page, columns_of, cursor_id, fetch, page_size
from storage.references import named_in, put_references
from storage.tables import Workflow, WorkflowVersion
from storage.versions import parse_version, version_after
from storage.workflow_rows import OfOneSpace, author, tell, touched


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """A version as lists show it."""

    version: str
    plan_hash: str
    notes: str
    created: int
    created_by: int = 0
    withdrawn: int | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What one needs to know of a version to run it."""

    workflow_id: int
    key: str
    name: str
    version: str
    plan_hash: str
    description: str = ""


def _published(version: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(
            col(Workflow.id),
            col(Workflow.key),
            col(Workflow.name),
            col(WorkflowVersion.version),
            col(WorkflowVersion.plan_hash),
            col(Workflow.description),
        )
        .join(WorkflowVersion, col(WorkflowVersion.workflow_id) == col(Workflow.id))
        .where(
            col(Workflow.id) == bindparam("id"),
            col(Workflow.org_id) == bindparam("org_id"),
            col(Workflow.space_id) == bindparam("space_id"),
            col(Workflow.deleted_at).is_(None),
            col(WorkflowVersion.version) == version,
        )
    )


# Made once: they stand before every run, and making a statement costs more than running it.
_PUBLISHED_LATEST: Final = _published(col(Workflow.latest_version))
_PUBLISHED_AS: Final = _published(bindparam("version"))


class Versions(OfOneSpace):
    """The versions of the workflows of one space."""

    async def publish(
        self,
        workflow_id: int,
        canvas: Mapping[str, Json],
        plan_hash: str,
        *,
        version: str | None = None,
        notes: str = "",
        revision: int = 0,
        by: int = 0,
        note: Note | None = None,
    ) -> WorkflowVersion:
        """Freeze a canvas as the wanted or the next version; `revision` is that of the draft it was.

        Raises `Conflict` when the wanted one is not greater than all there have been.
        """
        named = named_in(canvas)
        row: dict[str, Any] = {
            "id": new_id(),
            "org_id": self._org_id,
            "space_id": self._space_id,
            "workflow_id": workflow_id,
            "plan_hash": plan_hash,
            "created": now_ms(),
            "created_by": author(note, by),
            "notes": notes,
            "canvas": dict(canvas),
        }

        def job(connection: Connection) -> None:
            (name,) = self._row(connection, workflow_id, col(Workflow.name))
            newest = _newest(connection, workflow_id)
            latest = None if newest is None else newest.version
            row["version"] = version_after(latest, version)
            # Whoever publishes in another process may have made his id after ours, and come first.
            row["id"] = max(row["id"], 0 if newest is None else newest.id + 1)
            connection.execute(insert(WorkflowVersion).values(row))
            change = {"latest_version": row["version"], "published_revision": revision, "updated": touched()}
            connection.execute(update(Workflow).where(col(Workflow.id) == workflow_id).values(change))
            put_references(connection, self._space_id, workflow_id, row["version"], named)
            told: Json = {"version": row["version"], "plan": plan_hash}
            tell(connection, note, workflow_id, name, before={"version": latest}, after=told)

        await self._database.write(job)
        return WorkflowVersion(**row)

    async def published(self, workflow_id: int, version: str | None = None) -> Published:
        """What runs: that version, or the latest. Raises `NotFound`."""
        values = {"id": workflow_id, "org_id": self._org_id, "space_id": self._space_id, "version": version}
        statement = _PUBLISHED_LATEST if version is None else _PUBLISHED_AS
        if version is None:
            del values["version"]
        found = await self._database.read(lambda connection: connection.execute(statement, values).one_or_none())
        if found is None:
            raise _no_version(workflow_id, version)
        return Published(*found)

    async def version(self, workflow_id: int, version: str | None = None) -> WorkflowVersion:
        """With its canvas: that version, or the latest. Raises `NotFound`."""
        statement = self._versions(select(WorkflowVersion), workflow_id)
        wanted = col(Workflow.latest_version) if version is None else version
        statement = statement.where(col(WorkflowVersion.version) == wanted)
        found = await self._database.read(lambda connection: fetch(connection, statement))
        if not found:
            raise _no_version(workflow_id, version)
        frozen: WorkflowVersion = found[0]
        return frozen

    async def versions(self, workflow_id: int, *, cursor: str | None = None, limit: int = 50) -> Page[VersionSummary]:
        """The newest first. Raises `NotFound` when there is no such workflow."""
        columns = [col(WorkflowVersion.id), *columns_of(WorkflowVersion, VersionSummary)]
        statement = self._versions(select(*columns), workflow_id)
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(WorkflowVersion.id) < before)
        # Ids grow, and so do versions: the order is the same.
        statement = statement.order_by(col(WorkflowVersion.id).desc()).limit(page_size(limit) + 1)

        def query(connection: Connection) -> Any:
            self._row(connection, workflow_id, col(Workflow.id))
            return connection.execute(statement).all()

        rows = await self._database.read(query)
        items = [VersionSummary(*row[1:]) for row in rows[:limit]]
        return Page(items, str(rows[limit - 1][0]) if len(rows) > limit else None)

    async def newest(self, workflow_id: int) -> str | None:
        """The greatest version there has been, withdrawn or not. Raises `NotFound` for no workflow."""

        def query(connection: Connection) -> str | None:
            self._row(connection, workflow_id, col(Workflow.id))
            found = _newest(connection, workflow_id)
            return None if found is None else str(found.version)

        return await self._database.read(query)

    async def change_version(
        self,
        workflow_id: int,
        version: str,
        *,
        notes: str | None = None,
        withdrawn: bool | None = None,
        note: Note | None = None,
    ) -> None:
        """Write other notes to a version, or take it back: then the greatest that is left is the latest.

        Raises `NotFound`.
        """

        def job(connection: Connection) -> None:
            name, latest = self._row(connection, workflow_id, col(Workflow.name), col(Workflow.latest_version))
            one = (col(WorkflowVersion.workflow_id) == workflow_id, col(WorkflowVersion.version) == version)
            columns = (col(WorkflowVersion.notes), col(WorkflowVersion.withdrawn))
            found = connection.execute(select(*columns).where(*one)).one_or_none()
            if found is None:
                raise _no_version(workflow_id, version)
            values: dict[str, Any] = {} if notes is None else {"notes": notes}
            if withdrawn is not None and withdrawn != (found.withdrawn is not None):
                values["withdrawn"] = now_ms() if withdrawn else None
            if not values:
                return
            connection.execute(update(WorkflowVersion).where(*one).values(values))
            if "withdrawn" in values:
                left = _newest(connection, workflow_id, col(WorkflowVersion.withdrawn).is_(None))
                change = {"latest_version": None if left is None else left.version, "updated": touched()}
                connection.execute(update(Workflow).where(col(Workflow.id) == workflow_id).values(change))
            before: Json = {"version": version, "notes": found.notes, "withdrawn": found.withdrawn, "latest": latest}
            tell(connection, note, workflow_id, name, before=before, after={"version": version, **values})

        await self._database.write(job)

    # --- within -------------------------------------------------------------------------------------------------------

    def _versions(self, statement: Select[Any], workflow_id: int) -> Select[Any]:
        return statement.join(Workflow, col(Workflow.id) == col(WorkflowVersion.workflow_id)).where(
            *self._mine, col(Workflow.id) == workflow_id
        )


def _newest(connection: Connection, workflow_id: int, *which: Any) -> Any:
    return connection.execute(
        select(col(WorkflowVersion.id), col(WorkflowVersion.version))
        .where(col(WorkflowVersion.workflow_id) == workflow_id, *which)
        .order_by(col(WorkflowVersion.id).desc())
        .limit(1)
    ).one_or_none()


def _no_version(workflow_id: int, version: str | None) -> NotFound:
    if version is None:
        return NotFound("There is no such workflow, or no version of it is published.", workflow_id=str(workflow_id))
    parse_version(version)
    return NotFound("There is no such version.", workflow_id=str(workflow_id), version=version)
