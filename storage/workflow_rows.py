"""What the repositories of a space's workflows share: how one is found, and what is written down of it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, case, select
from sqlmodel import col

from engine.errors import Conflict, NotFound
from engine.values import Json
from storage.audit import Note
from storage.clock import now_ms
from storage.database import Database
from storage.tables import Folder, Workflow

ROOM_FOR_ID: Final = 43
"""Characters of a key before a hyphen and an id, 64 in all."""


class InUse(Conflict):
    """Others need it; the fact `used_by` says who. Whoever insists may do it all the same."""

    code = "in_use"


class Moved(Conflict):
    """It is not what somebody has seen; the facts say what it is now."""

    code = "precondition_failed"


@lru_cache(1_000)
def _in_space(org_id: int, space_id: int) -> tuple[Any, Any]:
    # Repositories are made for a request, and making these took a tenth of a short one.
    return col(Workflow.org_id) == org_id, col(Workflow.space_id) == space_id


_KEPT: Final = col(Workflow.deleted_at).is_(None)


class OfOneSpace:
    """The workflows of one space that are not in the trash."""

    def __init__(self, database: Database, org_id: int, space_id: int) -> None:
        self._database = database
        self._org_id = org_id
        self._space_id = space_id
        self._here = _in_space(org_id, space_id)
        self._mine = (*self._here, _KEPT)

    def _row(self, connection: Connection, workflow_id: int, *columns: Any) -> Any:
        statement = select(*columns).where(*self._mine, col(Workflow.id) == workflow_id)
        found = connection.execute(statement).one_or_none()
        if found is None:
            raise no_workflow(workflow_id)
        return found


def no_workflow(workflow_id: int) -> NotFound:
    """What is raised for one that is not there, or not in this space, or in the trash."""
    return NotFound("There is no such workflow.", workflow_id=str(workflow_id))


def touched() -> Any:
    """The value of `updated` after a change: now, and later than it was, so that no two states look alike."""
    now = now_ms()
    return case((col(Workflow.updated) >= now, col(Workflow.updated) + 1), else_=now)


def author(note: Note | None, by: int = 0) -> int:
    """The account that does it."""
    return note.actor.account_id if note is not None else by


def tell(connection: Connection, note: Note | None, workflow_id: int, name: str, **known: Json) -> None:
    """Write down what is done to a workflow, if somebody wants that."""
    if note is not None:
        known.setdefault("target_kind", "workflow")
        note.write(connection, target_id=workflow_id, target_name=name, **known)


def check_folder(connection: Connection, org_id: int, space_id: int, folder_id: int) -> None:
    """Raise `NotFound` unless the space has the folder; 0 is its top."""
    if not folder_id:
        return
    mine = (col(Folder.org_id) == org_id, col(Folder.space_id) == space_id, col(Folder.id) == folder_id)
    if connection.scalar(select(col(Folder.id)).where(*mine)) is None:
        raise NotFound("There is no such folder.", folder_id=str(folder_id))


def free_key(connection: Connection, space_id: int, key: str, workflow_id: int) -> str:
    """The key, or where somebody has it one with the id behind it."""
    taken = select(col(Workflow.id)).where(
        col(Workflow.space_id) == space_id, col(Workflow.key) == key, col(Workflow.id) != workflow_id
    )
    return key if connection.execute(taken).first() is None else f"{key[:ROOM_FOR_ID]}-{workflow_id}"
