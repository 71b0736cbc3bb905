"""What things of a space are called in the systems they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select
from sqlmodel import col

from engine.errors import InvalidInput
from engine.interchange.external_ids import KINDS
from storage.clock import now_ms
from storage.database import Database
from storage.tables import ExternalId
from storage.tables.columns import KEY_LENGTH

MOST_ENTRIES: Final = 20_000
"""Of one table that is given."""
Table = dict[str, dict[str, str]]
"""By kind, what things are called there, and what they are here."""


class ExternalIdRepository:
    """The external ids of one space, of one system."""

    def __init__(self, database: Database, org_id: int, space_id: int, source: str = "coze") -> None:
        self._database = database
        self._place = {"org_id": org_id, "space_id": space_id, "source": source}
        self._mine = (
            col(ExternalId.org_id) == org_id,
            col(ExternalId.space_id) == space_id,
            col(ExternalId.source) == source,
        )

    async def table(self) -> Table:
        """All that are known."""
        statement = select(col(ExternalId.kind), col(ExternalId.external), col(ExternalId.ours)).where(*self._mine)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        made: Table = {}
        for kind, external, ours in rows:
            made.setdefault(kind, {})[external] = ours
        return made

    async def put(self, table: Mapping[str, Mapping[str, str]]) -> None:
        """Keep these, instead of what was known of them. Raises `InvalidInput` for an unknown kind or a bad id."""
        entries = entries_of(table)
        await self._database.write(lambda connection: self.put_within(connection, entries))

    def put_within(self, connection: Connection, entries: Iterable[tuple[str, str, str]]) -> None:
        """As `put`, within somebody's transaction."""
        now = now_ms()
        rows = [
            {**self._place, "kind": kind, "external": external, "ours": ours, "updated": now}
            for kind, external, ours in entries
        ]
        if not rows:
            return
        # All at once: others wait for their turn to write meanwhile.
        one = (*self._mine, col(ExternalId.kind) == bindparam("_kind"), col(ExternalId.external) == bindparam("_there"))
        connection.execute(
            delete(ExternalId).where(*one), [{"_kind": row["kind"], "_there": row["external"]} for row in rows]
        )
        connection.execute(insert(ExternalId), rows)

    async def forget(self, kind: str, external: str) -> bool:
        """Whether it was known."""
        one = (*self._mine, col(ExternalId.kind) == kind, col(ExternalId.external) == external)
        statement = delete(ExternalId).where(*one)
        return bool(await self._database.write(lambda connection: connection.execute(statement).rowcount))


def entries_of(table: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str, str]]:
    """The table as rows. Raises `InvalidInput` that names what is wrong."""
    entries: list[tuple[str, str, str]] = []
    if (many := sum(map(len, table.values()))) > MOST_ENTRIES:
        raise InvalidInput(
            f"The table has {many} entries; one has up to {MOST_ENTRIES}.", field="table", limit=MOST_ENTRIES
        )
    for kind, known in table.items():
        if kind not in KINDS:
            raise InvalidInput(
                f'The table speaks of the kind "{kind[:40]}"; there are {", ".join(KINDS)}.', field="table"
            )
        for external, ours in known.items():
            for text in (external, ours):
                if not 1 <= len(text) <= KEY_LENGTH or "\x00" in text:
                    raise InvalidInput(f"An id has 1 to {KEY_LENGTH} characters.", field=f"table.{kind}")
            entries.append((kind, external, ours))
    return entries
