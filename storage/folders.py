"""Folders: where the workflows of a space are filed, in trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, LimitExceeded, NotFound
from engine.values import Json
from storage.audit import Note
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.tables import Folder, Workflow
from storage.tables.workflows import FOLDER_NAME_LENGTH
from storage.workflow_rows import author

DEEPEST: Final = 10
MOST_FOLDERS: Final = 2_000
"""Of one space: the tree is read, and shown, whole."""


@dataclass(frozen=True, slots=True)
class FolderSummary:
    """A folder, and how many workflows are filed in it, not below it."""

    id: int
    parent_id: int
    name: str
    created: int
    updated: int
    created_by: int
    workflows: int


class FolderRepository:
    """The folders of one space."""

    def __init__(self, database: Database, org_id: int, space_id: int) -> None:
        self._database = database
        self._org_id = org_id
        self._space_id = space_id
        self._mine = (col(Folder.org_id) == org_id, col(Folder.space_id) == space_id)

    async def all(self) -> list[FolderSummary]:
        """All of them, by their names."""
        filed = (
            select(col(Workflow.folder_id), func.count().label("number"))
            .where(col(Workflow.space_id) == self._space_id, col(Workflow.deleted_at).is_(None))
            .group_by(col(Workflow.folder_id))
            .subquery()
        )
        columns = (Folder.id, Folder.parent_id, Folder.name, Folder.created, Folder.updated, Folder.created_by)
        statement: Any = (
            select(*columns, func.coalesce(filed.c.number, 0))  # type: ignore[call-overload]
            .outerjoin(filed, filed.c.folder_id == col(Folder.id))
            .where(*self._mine)
            .order_by(func.lower(col(Folder.name)), col(Folder.id))
        )
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [FolderSummary(*row) for row in rows]

    async def get(self, folder_id: int) -> FolderSummary:
        """Raises `NotFound`."""
        found = next((one for one in await self.all() if one.id == folder_id), None)
        if found is None:
            raise _missing(folder_id)
        return found

    async def create(self, name: str, *, parent_id: int = 0, by: int = 0, note: Note | None = None) -> int:
        """A new folder, in another or at the top. Raises `Conflict` when a sibling has the name, `NotFound` for a
        parent that is not there, `LimitExceeded` when it would be too deep or too many.
        """
        id_, now, name = new_id(), now_ms(), _checked(name)
        row = {"id": id_, "org_id": self._org_id, "space_id": self._space_id, "parent_id": parent_id, "name": name}

        def job(connection: Connection) -> None:
            parents = self._parents(connection)
            if len(parents) >= MOST_FOLDERS:
                raise LimitExceeded(f"A space has at most {MOST_FOLDERS} folders.", limit=MOST_FOLDERS)
            _check_depth(_depth(parents, parent_id) + 1)
            made = {**row, "created": now, "updated": now, "created_by": author(note, by)}
            connection.execute(insert(Folder).values(made))
            _tell(connection, note, id_, name, after={"name": name, "parent_id": str(parent_id)})

        await self._write(job, name)
        return id_

    async def change(
        self, folder_id: int, *, name: str | None = None, parent_id: int | None = None, note: Note | None = None
    ) -> None:
        """Give it another name, or another place with all that is in it. Raises as `create`, and `Conflict` when it
        would come to stand within itself.
        """
        values: dict[str, Any] = {} if name is None else {"name": _checked(name)}
        if parent_id is not None:
            values["parent_id"] = parent_id

        def job(connection: Connection) -> None:
            stored = self._row(connection, folder_id)
            if parent_id is not None:
                parents = self._parents(connection)
                above = _above(parents, parent_id)
                if folder_id in above:
                    raise Conflict("A folder cannot stand within itself.", field="parent_id", folder_id=str(folder_id))
                _check_depth(len(above) + _height(parents, folder_id))
            change = {**values, "updated": now_ms()}
            connection.execute(update(Folder).where(*self._mine, col(Folder.id) == folder_id).values(change))
            before: Json = {"name": stored.name, "parent_id": str(stored.parent_id)}
            after: Json = {field: str(value) for field, value in values.items()}
            _tell(connection, note, folder_id, stored.name, before=before, after=after)

        await self._write(job, name or "")

    async def delete(self, folder_id: int, *, note: Note | None = None) -> None:
        """Take it away; what is in it goes one up. Raises `NotFound`, and `Conflict` when a folder of the same name
        is there already.
        """

        def job(connection: Connection) -> None:
            stored = self._row(connection, folder_id)
            inside = (*self._mine, col(Folder.parent_id) == folder_id)
            # First out of the way, or a folder within it of its own name could not take its place.
            connection.execute(delete(Folder).where(*self._mine, col(Folder.id) == folder_id))
            connection.execute(update(Folder).where(*inside).values(parent_id=stored.parent_id, updated=now_ms()))
            filed = (col(Workflow.space_id) == self._space_id, col(Workflow.folder_id) == folder_id)
            connection.execute(update(Workflow).where(*filed).values(folder_id=stored.parent_id))
            before: Json = {"name": stored.name, "parent_id": str(stored.parent_id)}
            _tell(connection, note, folder_id, stored.name, before=before)

        await self._write(job, "")

    # --- within -------------------------------------------------------------------------------------------------------

    async def _write(self, job: Any, name: str) -> None:
        try:
            await self._database.write(job)
        except IntegrityError:
            raise Conflict("A folder of this name is there already.", field="name", name=name) from None

    def _row(self, connection: Connection, folder_id: int) -> Any:
        statement = select(col(Folder.name), col(Folder.parent_id)).where(*self._mine, col(Folder.id) == folder_id)
        found = connection.execute(statement).one_or_none()
        if found is None:
            raise _missing(folder_id)
        return found

    def _parents(self, connection: Connection) -> dict[int, int]:
        rows = connection.execute(select(col(Folder.id), col(Folder.parent_id)).where(*self._mine))
        return {row.id: row.parent_id for row in rows}


def _above(parents: Mapping[int, int], folder_id: int) -> list[int]:
    """A folder and those it stands in; nothing for the top. Raises `NotFound`."""
    found: list[int] = []
    while folder_id:
        if folder_id not in parents:
            raise _missing(folder_id)
        found.append(folder_id)
        folder_id = parents[folder_id]
    return found


def _depth(parents: Mapping[int, int], folder_id: int) -> int:
    return len(_above(parents, folder_id))


def _height(parents: Mapping[int, int], folder_id: int) -> int:
    """How many levels a folder is, with those in it."""
    levels, here = 0, {folder_id}
    while here:
        levels += 1
        here = {one for one, parent in parents.items() if parent in here}
    return levels


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise LimitExceeded(f"Folders stand in each other at most {DEEPEST} deep.", limit=DEEPEST, field="parent_id")


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= FOLDER_NAME_LENGTH:
        raise InvalidInput(f"The name of a folder has 1 to {FOLDER_NAME_LENGTH} characters.", field="name")
    return name


def _missing(folder_id: int) -> NotFound:
    return NotFound("There is no such folder.", folder_id=str(folder_id))


def _tell(connection: Connection, note: Note | None, folder_id: int, name: str, **known: Json) -> None:
    if note is not None:
        note.write(connection, target_kind="folder", target_id=folder_id, target_name=name, **known)
