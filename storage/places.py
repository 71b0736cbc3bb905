"""In which space a thing lies, by its id alone: for addresses that name no space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from sqlalchemy import Select, bindparam, select
from sqlmodel import col

from storage.database import Database
from storage.ids import read_id
from storage.tables import ConversationRow, FileRow, Run, Workflow

Thing = Literal["workflow", "run", "conversation", "file"]

# By primary key, and made once: it stands before every request.
_WHERE: Final[Mapping[Thing, Select[int]]] = {
    "workflow": select(col(Workflow.space_id)).where(col(Workflow.id) == bindparam("id")),
    "run": select(col(Run.space_id)).where(col(Run.id) == bindparam("id")),
    "conversation": select(col(ConversationRow.space_id)).where(col(ConversationRow.id) == bindparam("id")),
    "file": select(col(FileRow.space_id)).where(col(FileRow.id) == bindparam("id")),
}


class Places:
    """Knows where things lie. Whether one may go there is asked elsewhere, and always."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def space_of(self, thing: Thing, id_: str) -> int | None:
        """The space in which it lies; None when there is no such thing."""
        number = read_id(id_)
        if number is None:
            return None
        statement = _WHERE[thing]
        return await self._database.read(
            lambda connection: connection.execute(statement, {"id": number}).scalar_one_or_none()
        )
