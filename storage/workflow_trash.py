"""What became of a workflow that nobody wants here: the trash, the way back, the end, and another space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, delete, or_, select, update
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from engine.values import Json
from storage.audit import Note
from storage.clock import now_ms
from storage.ids import read_id
from storage.paging import Page, columns_of, page_size
from storage.references import drop_references, refuse_used
from storage.tables import Folder, KeptDraft, Space, Workflow, WorkflowReference, WorkflowVersion
from storage.workflow_rows import OfOneSpace, author, check_folder, free_key, no_workflow, tell, touched

_AT_ONCE = 200
"""That emptying the trash takes away in one transaction: others write too."""


@dataclass(frozen=True, slots=True)
class Discarded:
    """A workflow in the trash. Its key is the one it had."""

    id: int
    key: str
    name: str
    description: str
    latest_version: str | None
    folder_id: int
    created: int
    deleted_at: int
    deleted_by: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What is different after the way back: the key where somebody has taken it, the folder where it is gone."""

    key: str
    key_before: str
    folder_id: int
    folder_before: int


class Trash(OfOneSpace):
    """The trash of one space."""

    async def page(self, *, cursor: str | None = None, limit: int = 50) -> Page[Discarded]:
        """What was thrown away last comes first."""
        size = page_size(limit)
        statement = select(*columns_of(Workflow, Discarded)).where(*self._thrown)
        if (last := _read_cursor(cursor)) is not None:
            moment, id_ = last
            same = and_(col(Workflow.deleted_at) == moment, col(Workflow.id) < id_)
            statement = statement.where(or_(col(Workflow.deleted_at) < moment, same))
        statement = statement.order_by(col(Workflow.deleted_at).desc(), col(Workflow.id).desc()).limit(size + 1)
        rows: Any = await self._database.read(lambda connection: connection.execute(statement).all())
        items = [Discarded(**{**row._mapping, "key": _key(row.key)}) for row in rows[:size]]
        return Page(items, f"{items[-1].deleted_at}-{items[-1].id}" if len(rows) > size else None)

    async def restore(self, workflow_id: int, *, by: int = 0, note: Note | None = None) -> Restored:
        """Bring it back, under another key when somebody has taken its own. Raises `NotFound`."""

        def job(connection: Connection) -> Restored:
            row = self._discarded(connection, workflow_id, Workflow.key, Workflow.name, Workflow.folder_id)
            before = _key(row.key)
            key = free_key(connection, self._space_id, before, workflow_id)
            there = select(col(Folder.id)).where(
                col(Folder.id) == row.folder_id, col(Folder.space_id) == self._space_id
            )
            folder = connection.scalar(there) or 0
            values = {"deleted_at": None, "deleted_by": 0, "key": key, "folder_id": folder}
            change = {**values, "updated": touched(), "updated_by": author(note, by)}
            connection.execute(update(Workflow).where(col(Workflow.id) == workflow_id).values(change))
            tell(connection, note, workflow_id, row.name, after={"key": key})
            return Restored(key, before, folder, row.folder_id)

        return await self._database.write(job)

    async def purge(self, workflow_id: int, *, note: Note | None = None) -> None:
        """End it for good, with all versions. Its runs stay readable. Raises `NotFound`, also when it is not in the
        trash.
        """
        await self._database.write(lambda connection: self._purge(connection, workflow_id, note))

    async def empty(self, *, older_than: int | None = None, note: Note | None = None) -> int:
        """End all that was thrown away before a moment; gives how many that were."""
        before = now_ms() + 1 if older_than is None else older_than
        some = select(col(Workflow.id)).where(*self._thrown, col(Workflow.deleted_at) < before).limit(_AT_ONCE)

        def job(connection: Connection) -> int:
            ids: Sequence[int] = connection.scalars(some).all()
            for one in ids:
                self._purge(connection, one, note)
            return len(ids)

        gone = 0
        while (number := await self._database.write(job)) > 0:
            gone += number
        return gone

    async def move(
        self,
        workflow_id: int,
        org_id: int,
        space_id: int,
        *,
        folder_id: int = 0,
        force: bool = False,
        by: int = 0,
        note: Note | None = None,
    ) -> str:
        """Let it belong to another space, with its versions; gives its key there. Runs stay in the space they are of.

        Raises `NotFound`, and without `force` `InUse` when others here call it: they would not find it any more.
        """

        def job(connection: Connection) -> str:
            row = self._row(connection, workflow_id, col(Workflow.key), col(Workflow.name))
            if not force:
                names = (str(workflow_id), row.key)
                refuse_used(connection, self._org_id, self._space_id, "workflow", names, but=workflow_id)
            alive = (col(Space.id) == space_id, col(Space.org_id) == org_id, col(Space.deleted_at).is_(None))
            if connection.scalar(select(col(Space.id)).where(*alive)) is None:
                raise NotFound("There is no such space.", space_id=str(space_id))
            check_folder(connection, org_id, space_id, folder_id)
            key = free_key(connection, space_id, row.key, workflow_id)
            place = {"org_id": org_id, "space_id": space_id}
            change = {**place, "key": key, "folder_id": folder_id, "updated": touched(), "updated_by": author(note, by)}
            connection.execute(update(Workflow).where(col(Workflow.id) == workflow_id).values(change))
            theirs = col(WorkflowVersion.workflow_id) == workflow_id
            connection.execute(update(WorkflowVersion).where(theirs).values(place))
            named = col(WorkflowReference.workflow_id) == workflow_id
            connection.execute(update(WorkflowReference).where(named).values(space_id=space_id))
            before: Json = {"space_id": str(self._space_id), "key": row.key}
            after: Json = {"space_id": str(space_id), "key": key}
            # Both spaces' people shall read of it.
            tell(connection, note, workflow_id, row.name, before=before, after=after)
            tell(connection, note, workflow_id, row.name, before=before, after=after, **place)
            return key

        if space_id == self._space_id:
            raise Conflict("It is in that space already.", field="space_id")
        return await self._database.write(job)

    # --- within -------------------------------------------------------------------------------------------------------

    @property
    def _thrown(self) -> tuple[Any, ...]:
        return (*self._here, col(Workflow.deleted_at).is_not(None))

    def _discarded(self, connection: Connection, workflow_id: int, *columns: Any) -> Any:
        found = connection.execute(select(*columns).where(*self._thrown, col(Workflow.id) == workflow_id)).one_or_none()
        if found is None:
            raise no_workflow(workflow_id)
        return found

    def _purge(self, connection: Connection, workflow_id: int, note: Note | None) -> None:
        row = self._discarded(connection, workflow_id, Workflow.key, Workflow.name)
        drop_references(connection, workflow_id)
        connection.execute(delete(KeptDraft).where(col(KeptDraft.workflow_id) == workflow_id))
        connection.execute(delete(WorkflowVersion).where(col(WorkflowVersion.workflow_id) == workflow_id))
        connection.execute(delete(Workflow).where(col(Workflow.id) == workflow_id))
        tell(connection, note, workflow_id, row.name, before={"key": _key(row.key)})


def _key(key: str) -> str:
    return key.partition("~")[0]


def _read_cursor(cursor: str | None) -> tuple[int, int] | None:
    if not cursor:
        return None
    moment, _, number = cursor.partition("-")
    if (when := read_id(moment)) is None or (id_ := read_id(number)) is None:
        raise InvalidInput("The cursor is not one that a page of this list gave out.", field="cursor")
    return when, id_
