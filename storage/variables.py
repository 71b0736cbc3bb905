"""Variables that outlive a run, in the relational store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, delete, insert, select
from sqlmodel import col

from engine.errors import InvalidInput, NotFound
from engine.values import Json
from storage.clock import now_ms
from storage.database import Database
from storage.definitions import DefinitionRepository
from storage.ids import parse_id
from storage.ports.variables import VariableDefinition, VariableScope
from storage.tables import Variable
from storage.tables.columns import KEY_LENGTH

_MOST_LISTED: Final = 10_000


class SqlVariables:
    """Implements `storage.ports.Variables`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(
        self, org_id: str, space_id: str, scope: VariableScope, owner: str, names: Sequence[str]
    ) -> dict[str, Json]:
        """See the port."""
        try:
            org, space = parse_id(org_id), parse_id(space_id)
        except NotFound:
            return {}
        statement = select(col(Variable.name), col(Variable.value)).where(
            col(Variable.org_id) == org,
            col(Variable.space_id) == space,
            col(Variable.scope) == scope,
            col(Variable.owner) == owner,
            col(Variable.name).in_(names),
        )
        found = await self._database.read(lambda connection: connection.execute(statement).all())
        return {row.name: row.value for row in found}

    async def write(
        self, org_id: str, space_id: str, scope: VariableScope, owner: str, values: Mapping[str, Json]
    ) -> None:
        """See the port."""
        if not values:
            return
        if any(len(text) > KEY_LENGTH for text in (owner, *values)):
            raise InvalidInput(f"The name of a variable has at most {KEY_LENGTH} characters.", field="name")
        place = {
            "org_id": parse_id(org_id, "organisation"),
            "space_id": parse_id(space_id, "space"),
            "scope": scope,
            "owner": owner,
            "updated": now_ms(),
        }
        rows = [{**place, "name": name, "value": value} for name, value in values.items()]
        old = delete(Variable).where(
            col(Variable.org_id) == place["org_id"],
            col(Variable.space_id) == place["space_id"],
            col(Variable.scope) == scope,
            col(Variable.owner) == owner,
            col(Variable.name).in_([*values]),
        )

        def job(connection: Connection) -> None:
            # Instead of an upsert, which every database spells in its own way.
            connection.execute(old)
            connection.execute(insert(Variable), rows)

        await self._database.write(job)

    async def forget(
        self, org_id: str, space_id: str, scope: VariableScope, owner: str, names: Sequence[str] | None = None
    ) -> int:
        """Let variables be as if nobody had ever set them; without names, all of the owner. How many there were."""
        gone = delete(Variable).where(
            col(Variable.org_id) == parse_id(org_id, "organisation"),
            col(Variable.space_id) == parse_id(space_id, "space"),
            col(Variable.scope) == scope,
            col(Variable.owner) == owner,
        )
        if names is not None:
            gone = gone.where(col(Variable.name).in_(names))
        return await self._database.write(lambda connection: connection.execute(gone).rowcount)

    async def all(self, org_id: str, space_id: str, scope: VariableScope, owner: str) -> dict[str, tuple[Json, int]]:
        """Every value of an owner by name, and when it was set (UTC milliseconds)."""
        statement = (
            select(col(Variable.name), col(Variable.value), col(Variable.updated))
            .where(
                col(Variable.org_id) == parse_id(org_id, "organisation"),
                col(Variable.space_id) == parse_id(space_id, "space"),
                col(Variable.scope) == scope,
                col(Variable.owner) == owner,
            )
            .order_by(col(Variable.name))
            .limit(_MOST_LISTED)
        )
        found = await self._database.read(lambda connection: connection.execute(statement).all())
        return {row.name: (row.value, row.updated) for row in found}

    async def definitions(
        self, org_id: str, space_id: str, app_id: str, scope: VariableScope
    ) -> Mapping[str, VariableDefinition]:
        """See the port."""
        try:
            mine = DefinitionRepository(self._database, parse_id(org_id), parse_id(space_id))
        except NotFound:
            return {}
        return await mine.of(app_id, scope)
