"""The keys that payloads of organisations are encrypted with: made once, kept wrapped, remembered by the process."""

from __future__ import annotations

import time
from typing import Any, Final

from sqlalchemy import Connection, insert, select
from sqlmodel import col

from engine.errors import NotFound
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id, parse_id
from storage.key_register import check_registered
from storage.keyring import KeyRing, Wrapped, needed, new_key
from storage.ports import DataKey
from storage.tables import OrganisationKey
from storage.vault import key_place

_CURRENT_SECONDS: Final = 60.0
"""How long a key is taken for the current one without asking again."""
_COLUMNS: Final = (
    col(OrganisationKey.id),
    col(OrganisationKey.org_id),
    col(OrganisationKey.generation),
    col(OrganisationKey.kek_id),
    col(OrganisationKey.wrap_nonce),
    col(OrganisationKey.wrapped),
)


class SqlDataKeys:
    """Implements `storage.ports.DataKeys`."""

    def __init__(self, database: Database, ring: KeyRing | None) -> None:
        self._database = database
        self._ring = ring
        self._known: dict[str, DataKey] = {}
        self._current: dict[str, tuple[DataKey, float]] = {}

    async def current(self, org_id: str) -> DataKey:
        """See the port."""
        remembered = self._current.get(org_id)
        if remembered is not None and remembered[1] > time.monotonic():
            return remembered[0]
        needed(self._ring)
        org = _organisation(org_id)
        row = await self._database.read(lambda connection: _newest(connection, org))
        if row is None:
            row = await self._database.write(lambda connection: _newest(connection, org) or self._make(connection, org))
        return self._remember(org_id, self._opened(row))

    async def renew(self, org_id: str) -> DataKey:
        """Make a new key that is current from now on; other processes take it within a minute."""
        needed(self._ring)
        org = _organisation(org_id)
        return self._remember(org_id, self._opened(await self._database.write(lambda one: self._make(one, org))))

    async def get(self, key_id: str) -> DataKey:
        """See the port."""
        if (known := self._known.get(key_id)) is not None:
            return known
        needed(self._ring)
        id_ = parse_id(key_id, "key")
        statement = select(*_COLUMNS).where(col(OrganisationKey.id) == id_)
        row = await self._database.read(lambda connection: connection.execute(statement).one_or_none())
        if row is None:
            raise NotFound("There is no such key.", key_id=key_id)
        return self._opened(row)

    async def organisations(self) -> list[str]:
        """Those that have keys, the instance (an empty text) included."""
        statement = select(col(OrganisationKey.org_id)).distinct().order_by(col(OrganisationKey.org_id))
        found = await self._database.read(lambda connection: connection.scalars(statement).all())
        return [str(org_id or "") for org_id in found]

    def _remember(self, org_id: str, key: DataKey) -> DataKey:
        self._current[org_id] = (key, time.monotonic() + _CURRENT_SECONDS)
        return key

    def _opened(self, row: Any) -> DataKey:
        id_, org, _, kek_id, nonce, wrapped = row
        if (known := self._known.get(str(id_))) is None:
            key = needed(self._ring).unwrap(Wrapped(kek_id, nonce, wrapped), key_place(org, id_))
            known = self._known[str(id_)] = DataKey(str(id_), key)
        return known

    def _make(self, connection: Connection, org: int) -> Any:
        """Within a job, so that of several who find none only the first one makes it."""
        ring = needed(self._ring)
        check_registered(connection, ring)
        newest = _newest(connection, org)
        id_, generation = new_id(), 1 if newest is None else newest.generation + 1
        wrapped = ring.wrap(new_key(), key_place(org, id_))
        row = {
            "id": id_,
            "org_id": org,
            "generation": generation,
            "kek_id": wrapped.kek_id,
            "created": now_ms(),
            "wrap_nonce": wrapped.nonce,
            "wrapped": wrapped.data,
        }
        connection.execute(insert(OrganisationKey).values(row))
        return id_, org, generation, wrapped.kek_id, wrapped.nonce, wrapped.data


def _newest(connection: Connection, org: int) -> Any:
    statement = select(*_COLUMNS).where(col(OrganisationKey.org_id) == org)
    return connection.execute(statement.order_by(col(OrganisationKey.generation).desc()).limit(1)).one_or_none()


def _organisation(org_id: str) -> int:
    return parse_id(org_id, "organisation") if org_id else 0
