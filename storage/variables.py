"""Variables that outlive a run, in the relational store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select
from sqlmodel import col

from engine.errors import InvalidInput, NotFound
from engine.values import Json
from storage.clock import now_ms
from storage.database import Database
from storage.ids import parse_id
from storage.ports import VariableScope
from storage.tables import Variable
from storage.tables.columns import KEY_LENGTH


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
