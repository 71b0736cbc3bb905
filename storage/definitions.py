"""What variables are, as a space or its applications define them, in the relational store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from engine.values import Json
from storage.audit import Note
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.paging import Page, cursor_id, page_size
from storage.ports.variables import VariableDefinition, VariableScope
from storage.tables import VariableDefinitionRow
from storage.tables.columns import KEY_LENGTH
from storage.tables.variables import VARIABLE_LENGTH

MOST_DEFINED: Final = 500
"""By one application: each of them is read before a step that refers to any."""

_NAME: Final = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{VARIABLE_LENGTH - 1}}}")
_RESERVED: Final = frozenset({"sys_uuid"})
_COLUMNS: Final[tuple[Any, ...]] = tuple(VariableDefinitionRow.__table__.columns)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition as it is kept."""

    id: int
    app_id: str
    definition: VariableDefinition
    created: int
    updated: int


class DefinitionRepository:
    """The definitions of one space. `app_id` is empty for those of the space, which hold for runs of no application."""

    def __init__(self, database: Database, org_id: int, space_id: int) -> None:
        self._database = database
        self._org_id = org_id
        self._space_id = space_id
        self._mine = (
            col(VariableDefinitionRow.org_id) == org_id,
            col(VariableDefinitionRow.space_id) == space_id,
        )

    async def create(self, app_id: str, new: VariableDefinition, note: Note | None = None) -> Defined:
        """Raises `Conflict` when the name is taken, `InvalidInput` when it is no name for a variable."""
        if _NAME.fullmatch(new.name) is None or new.name in _RESERVED:
            raise InvalidInput(
                f"The name of a variable has 1 to {VARIABLE_LENGTH} letters, digits and underscores, and does not "
                "begin with a digit.",
                field="name",
            )
        if len(app_id) > KEY_LENGTH:
            raise InvalidInput(f"app_id has at most {KEY_LENGTH} characters.", field="app_id")
        if len(await self.of(app_id, new.scope)) >= MOST_DEFINED:
            raise Conflict(f"An application defines at most {MOST_DEFINED} variables.", app_id=app_id)
        number, now = new_id(), now_ms()
        row = {
            "id": number,
            "org_id": self._org_id,
            "space_id": self._space_id,
            "app_id": app_id,
            "scope": new.scope,
            "name": new.name,
            "created": now,
            "updated": now,
            **_changing(new),
        }

        def job(connection: Connection) -> None:
            connection.execute(insert(VariableDefinitionRow).values(row))
            if note is not None:
                note.write(connection, target_id=number, target_name=new.name, after=_told(new))

        try:
            await self._database.write(job)
        except IntegrityError:
            raise Conflict("The variable is defined already.", field="name", name=new.name) from None
        return Defined(number, app_id, new, now, now)

    async def get(self, definition_id: int) -> Defined:
        """Raises `NotFound`."""
        statement = select(*_COLUMNS).where(*self._mine, col(VariableDefinitionRow.id) == definition_id)
        row = await self._database.read(lambda connection: connection.execute(statement).first())
        if row is None:
            raise _missing(definition_id)
        return _defined(row)

    async def of(self, app_id: str, scope: VariableScope) -> Mapping[str, VariableDefinition]:
        """All of an application, by name."""
        statement = (
            select(*_COLUMNS)
            .where(*self._mine, col(VariableDefinitionRow.app_id) == app_id, col(VariableDefinitionRow.scope) == scope)
            .order_by(col(VariableDefinitionRow.id))
        )
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return {row.name: _defined(row).definition for row in rows}

    async def page(
        self,
        *,
        app_id: str | None = None,
        scope: VariableScope | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Defined]:
        """The newest first."""
        statement = select(*_COLUMNS).where(*self._mine)
        if app_id is not None:
            statement = statement.where(col(VariableDefinitionRow.app_id) == app_id)
        if scope is not None:
            statement = statement.where(col(VariableDefinitionRow.scope) == scope)
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(VariableDefinitionRow.id) < before)
        statement = statement.order_by(col(VariableDefinitionRow.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        items = [_defined(row) for row in rows[:limit]]
        return Page(items, str(items[-1].id) if len(rows) > limit else None)

    async def change(self, definition_id: int, to: VariableDefinition, note: Note | None = None) -> Defined:
        """Give it another type, default, description, or switch it off; scope and name stay. Raises `NotFound`."""
        statement = (
            update(VariableDefinitionRow)
            .where(*self._mine, col(VariableDefinitionRow.id) == definition_id)
            .values(updated=now_ms(), **_changing(to))
        )
        which = select(*_COLUMNS).where(*self._mine, col(VariableDefinitionRow.id) == definition_id)

        def job(connection: Connection) -> None:
            row = connection.execute(which).first()
            connection.execute(statement)
            if note is not None and row is not None:
                before = _told(_defined(row).definition)
                note.write(connection, target_id=definition_id, target_name=row.name, before=before, after=_told(to))

        await self._database.write(job)
        return await self.get(definition_id)

    async def delete(self, definition_id: int, note: Note | None = None) -> None:
        """Its values stay. Raises `NotFound`."""
        mine = (*self._mine, col(VariableDefinitionRow.id) == definition_id)

        def job(connection: Connection) -> None:
            row = connection.execute(select(*_COLUMNS).where(*mine)).first()
            if row is None:
                raise _missing(definition_id)
            connection.execute(delete(VariableDefinitionRow).where(*mine))
            if note is not None:
                before = _told(_defined(row).definition)
                note.write(connection, target_id=definition_id, target_name=row.name, before=before)

        await self._database.write(job)


def _changing(definition: VariableDefinition) -> dict[str, Json]:
    return {
        "type": dict(definition.type),
        "initial": definition.initial,
        "description": definition.description,
        "enabled": int(definition.enabled),
    }


def _told(definition: VariableDefinition) -> dict[str, Json]:
    """What the audit log tells of a definition. What a variable holds may be a secret, its default too."""
    return {"scope": definition.scope, "type": dict(definition.type), "enabled": definition.enabled}


def _defined(row: Row[*tuple[Any, ...]]) -> Defined:
    definition = VariableDefinition(
        scope=cast("VariableScope", row.scope),
        name=row.name,
        type=row.type,
        initial=row.initial,
        description=row.description,
        enabled=bool(row.enabled),
    )
    return Defined(row.id, row.app_id, definition, row.created, row.updated)


def _missing(definition_id: int) -> NotFound:
    return NotFound("There is no such variable.", variable_id=str(definition_id))
