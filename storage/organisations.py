"""Organisations and their spaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, select
from sqlmodel import col

from engine.errors import NotFound
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.paging import fetch
from storage.tables import Organisation, Space

DEFAULT_KEY: Final = "default"


@dataclass(frozen=True, slots=True)
class Home:
    """A space and the organisation it belongs to."""

    org_id: int
    space_id: int


class OrganisationRepository:
    """All organisations: this one stands above them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure_default(self) -> Home:
        """The organisation and space that everything belongs to until there are others; made at the first start."""
        known = await self._database.read(_default)
        return known if known is not None else await self._database.write(_make_default)

    async def get(self, org_id: int) -> Organisation:
        """Raises `NotFound`."""
        statement = select(Organisation).where(col(Organisation.id) == org_id)
        found = await self._database.read(lambda connection: fetch(connection, statement))
        if not found:
            raise NotFound("There is no such organisation.", organisation_id=str(org_id))
        return found[0]

    async def spaces(self, org_id: int) -> list[Space]:
        """The spaces of an organisation, the oldest first."""
        statement = select(Space).where(col(Space.org_id) == org_id).order_by(col(Space.id))
        return await self._database.read(lambda connection: fetch(connection, statement))


def _default(connection: Connection) -> Home | None:
    found = connection.execute(
        select(col(Space.org_id), col(Space.id))
        .join(Organisation, col(Organisation.id) == col(Space.org_id))
        .where(col(Organisation.key) == DEFAULT_KEY, col(Space.key) == DEFAULT_KEY)
    ).one_or_none()
    return None if found is None else Home(*found)


def _make_default(connection: Connection) -> Home:
    # Asked again in here: two processes may make their first start together.
    if (known := _default(connection)) is not None:
        return known
    home, now = Home(new_id(), new_id()), now_ms()
    connection.execute(insert(Organisation).values(id=home.org_id, key=DEFAULT_KEY, name="Default", created=now))
    connection.execute(
        insert(Space).values(id=home.space_id, org_id=home.org_id, key=DEFAULT_KEY, name="Default", created=now)
    )
    return home
