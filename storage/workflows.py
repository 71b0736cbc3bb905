"""The workflows of a space: drafts that change, versions that do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, NotFound
from engine.values import Json
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.naming import checked_key, checked_name, key_from
from storage.paging import Page, columns_of, cursor_id, fetch, page_size
from storage.tables import Workflow, WorkflowVersion
from storage.versions import parse_version, version_after

Canvas = dict[str, Json]

_ROOM_FOR_ID: Final = 43
"""Characters of a key before a hyphen and an id, 64 in all."""


@dataclass(frozen=True, slots=True)
class WorkflowSummary:
    """A workflow as lists show it."""

    id: int
    key: str
    name: str
    description: str
    revision: int
    latest_version: str | None
    created: int
    updated: int


@dataclass(frozen=True, slots=True)
class VersionSummary:
    """A version as lists show it."""

    version: str
    plan_hash: str
    notes: str
    created: int


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


@dataclass(frozen=True, slots=True)
class NewWorkflow:
    """A workflow to be made under an id of the caller's; without a key it gets one like its name."""

    id: int
    name: str
    draft: Mapping[str, Json]
    key: str = ""
    description: str = ""


class WorkflowRepository:
    """The workflows of one space."""

    def __init__(self, database: Database, org_id: int, space_id: int) -> None:
        self._database = database
        self._org_id = org_id
        self._space_id = space_id
        self._mine = (
            col(Workflow.org_id) == org_id,
            col(Workflow.space_id) == space_id,
            col(Workflow.deleted_at).is_(None),
        )

    async def create(
        self, name: str, draft: Mapping[str, Json], *, key: str | None = None, description: str = ""
    ) -> Workflow:
        """A new workflow. Without a key it gets one like its name. Raises `Conflict` when the given key is taken."""
        id_, now = new_id(), now_ms()
        row: dict[str, Any] = {
            "id": id_,
            "org_id": self._org_id,
            "space_id": self._space_id,
            "key": key_from(name) or f"workflow-{id_}" if key is None else checked_key(key),
            "name": checked_name(name),
            "revision": 1,
            "created": now,
            "updated": now,
            "description": description,
            "draft": dict(draft),
        }
        try:
            await self._database.write(lambda connection: connection.execute(insert(Workflow).values(row)).close())
        except IntegrityError:
            if key is not None:
                raise Conflict("Another workflow of this space has this key.", field="key", key=key) from None
            # The id makes it unique: somebody has a workflow of the same name.
            row["key"] = f"{row['key']}-{id_}"
            await self._database.write(lambda connection: connection.execute(insert(Workflow).values(row)).close())
        return Workflow(**row)

    async def create_all(
        self, new: Sequence[NewWorkflow], within: Callable[[Connection], None] | None = None
    ) -> dict[int, str]:
        """Make several workflows, all or none, with whatever else `within` writes; gives their keys by id.

        A key that is taken gives way to one with the id behind it.
        """
        now = now_ms()
        rows: dict[int, dict[str, Any]] = {
            one.id: {
                "id": one.id,
                "org_id": self._org_id,
                "space_id": self._space_id,
                "key": (checked_key(one.key) if one.key else key_from(one.name)) or f"workflow-{one.id}",
                "name": checked_name(one.name),
                "revision": 1,
                "created": now,
                "updated": now,
                "description": one.description,
                "draft": dict(one.draft),
            }
            for one in new
        }

        def job(connection: Connection) -> None:
            taken = set(connection.execute(self._taken([row["key"] for row in rows.values()])).scalars())
            for row in rows.values():
                if row["key"] in taken:
                    row["key"] = f"{row['key'][:_ROOM_FOR_ID]}-{row['id']}"
                taken.add(row["key"])
                connection.execute(insert(Workflow).values(row))
            if within is not None:
                within(connection)

        await self._database.write(job)
        return {id_: str(row["key"]) for id_, row in rows.items()}

    async def taken_keys(self, keys: Sequence[str]) -> frozenset[str]:
        """Those of the keys that a workflow of the space has."""
        return frozenset(
            await self._database.read(lambda connection: connection.execute(self._taken(keys)).scalars().all())
        )

    async def get(self, workflow_id: int) -> Workflow:
        """With its draft. Raises `NotFound`."""
        return await self._one(col(Workflow.id) == workflow_id, workflow_id=str(workflow_id))

    async def get_by_key(self, key: str) -> Workflow:
        """With its draft. Raises `NotFound`."""
        return await self._one(col(Workflow.key) == key, key=key)

    async def page(self, *, search: str = "", cursor: str | None = None, limit: int = 50) -> Page[WorkflowSummary]:
        """The newest first; `search` is a part of a name, key or description."""
        statement = select(*columns_of(Workflow, WorkflowSummary)).where(*self._mine)
        if search:
            places = (col(Workflow.name), col(Workflow.key), col(Workflow.description))
            statement = statement.where(or_(*(place.icontains(search, autoescape=True) for place in places)))
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(Workflow.id) < before)
        statement = statement.order_by(col(Workflow.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        items = [WorkflowSummary(*row) for row in rows[:limit]]
        return Page(items, str(items[-1].id) if len(rows) > limit else None)

    async def save_draft(self, workflow_id: int, draft: Mapping[str, Json], *, revision: int) -> int:
        """Keep a draft and return its revision. Raises `Conflict` when `revision` is no longer the stored one."""
        statement = (
            update(Workflow)
            .where(*self._mine, col(Workflow.id) == workflow_id, col(Workflow.revision) == revision)
            .values(draft=dict(draft), revision=revision + 1, updated=now_ms())
        )

        def job(connection: Connection) -> None:
            if connection.execute(statement).rowcount == 0:
                stored = self._row(connection, workflow_id, col(Workflow.revision))[0]
                raise Conflict("The draft has changed since you opened it.", revision=stored)

        await self._database.write(job)
        return revision + 1

    async def rename(self, workflow_id: int, *, name: str | None = None, description: str | None = None) -> None:
        """Change what people read. Raises `NotFound`."""
        values: dict[str, Any] = {"updated": now_ms()}
        if name is not None:
            values["name"] = checked_name(name)
        if description is not None:
            values["description"] = description
        await self._change(workflow_id, values)

    async def delete(self, workflow_id: int) -> None:
        """Take it out of sight; its runs stay readable, and its key is free again. Raises `NotFound`."""

        def job(connection: Connection) -> None:
            (key,) = self._row(connection, workflow_id, col(Workflow.key))
            # No key has a tilde, so that this one clashes with none.
            values = {"deleted_at": now_ms(), "key": f"{key}~{workflow_id}"}
            connection.execute(update(Workflow).where(col(Workflow.id) == workflow_id).values(values))

        await self._database.write(job)

    # --- versions -----------------------------------------------------------------------------------------------------

    async def publish(
        self,
        workflow_id: int,
        canvas: Mapping[str, Json],
        plan_hash: str,
        *,
        version: str | None = None,
        notes: str = "",
    ) -> WorkflowVersion:
        """Freeze a canvas as the wanted or the next version. Raises `Conflict` when the wanted one is not greater."""
        row: dict[str, Any] = {
            "id": new_id(),
            "org_id": self._org_id,
            "space_id": self._space_id,
            "workflow_id": workflow_id,
            "plan_hash": plan_hash,
            "created": now_ms(),
            "notes": notes,
            "canvas": dict(canvas),
        }

        def job(connection: Connection) -> str:
            (latest,) = self._row(connection, workflow_id, col(Workflow.latest_version))
            given = version_after(latest, version)
            connection.execute(insert(WorkflowVersion).values(**row, version=given))
            connection.execute(
                update(Workflow)
                .where(col(Workflow.id) == workflow_id)
                .values(latest_version=given, updated=row["created"])
            )
            return given

        return WorkflowVersion(**row, version=await self._database.write(job))

    async def published(self, workflow_id: int, version: str | None = None) -> Published:
        """What runs: that version, or the latest. Raises `NotFound`."""
        values = {"id": workflow_id, "org_id": self._org_id, "space_id": self._space_id, "version": version}
        statement = _PUBLISHED_LATEST if version is None else _PUBLISHED_AS
        if version is None:
            del values["version"]
        found = await self._database.read(lambda connection: connection.execute(statement, values).one_or_none())
        if found is None:
            raise self._no_version(workflow_id, version)
        return Published(*found)

    async def version(self, workflow_id: int, version: str | None = None) -> WorkflowVersion:
        """With its canvas: that version, or the latest. Raises `NotFound`."""
        statement = self._versions(select(WorkflowVersion), workflow_id)
        wanted = col(Workflow.latest_version) if version is None else version
        statement = statement.where(col(WorkflowVersion.version) == wanted)
        found = await self._database.read(lambda connection: fetch(connection, statement))
        if not found:
            raise self._no_version(workflow_id, version)
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

    # --- within -------------------------------------------------------------------------------------------------------

    def _taken(self, keys: Sequence[str]) -> Select[str]:
        return select(col(Workflow.key)).where(col(Workflow.space_id) == self._space_id, col(Workflow.key).in_(keys))

    async def _one(self, which: Any, **facts: Json) -> Workflow:
        statement = select(Workflow).where(*self._mine, which)
        found = await self._database.read(lambda connection: fetch(connection, statement))
        if not found:
            raise NotFound("There is no such workflow.", **facts)
        return found[0]

    def _row(self, connection: Connection, workflow_id: int, *columns: Any) -> Any:
        statement = select(*columns).where(*self._mine, col(Workflow.id) == workflow_id)
        found = connection.execute(statement).one_or_none()
        if found is None:
            raise NotFound("There is no such workflow.", workflow_id=str(workflow_id))
        return found

    def _versions(self, statement: Select[Any], workflow_id: int) -> Select[Any]:
        return statement.join(Workflow, col(Workflow.id) == col(WorkflowVersion.workflow_id)).where(
            *self._mine, col(Workflow.id) == workflow_id
        )

    async def _change(self, workflow_id: int, values: dict[str, Any]) -> None:
        statement = update(Workflow).where(*self._mine, col(Workflow.id) == workflow_id).values(values)
        if not await self._database.write(lambda connection: connection.execute(statement).rowcount):
            raise NotFound("There is no such workflow.", workflow_id=str(workflow_id))

    def _no_version(self, workflow_id: int, version: str | None) -> NotFound:
        if version is None:
            return NotFound(
                "There is no such workflow, or no version of it is published.", workflow_id=str(workflow_id)
            )
        parse_version(version)
        return NotFound("There is no such version.", workflow_id=str(workflow_id), version=version)
