"""The vault: each secret under a key of its own, that key under the instance's, all bound to where they belong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlmodel import col

from engine.errors import InvalidInput, NotFound
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id, parse_id, read_id
from storage.key_register import WRAPPING, check_registered, register_current, retire_unused
from storage.keyring import KeyRing, Sealed, Wrapped, needed, new_key, seal, unseal
from storage.tables import Secret
from storage.tables.vault import KIND_LENGTH

_AT_ONCE: Final = 100
_LONG_ENOUGH: Final = 12
_SEALED: Final = (col(Secret.kek_id), col(Secret.wrap_nonce), col(Secret.wrapped), col(Secret.nonce), col(Secret.data))


def last4_of(text: str) -> str:
    """What may be shown of a secret; nothing when that would be too much of it."""
    return text[-4:] if len(text) >= _LONG_ENOUGH else ""


class SqlSecrets:
    """Implements `storage.ports.Secrets`."""

    def __init__(self, database: Database, ring: KeyRing | None) -> None:
        self._database = database
        self._ring = ring

    async def put(self, org_id: str, kind: str, text: str, *, secret_id: str = "", last4: str = "") -> str:
        """See the port."""
        ring = needed(self._ring)
        if not 1 <= len(kind) <= KIND_LENGTH or "|" in kind:
            raise InvalidInput(f"The kind of a secret has 1 to {KIND_LENGTH} characters.", field="kind")
        if len(last4) > 4:
            raise InvalidInput("Of a secret, four characters are shown at most.", field="last4")
        org = _organisation(org_id)
        id_ = parse_id(secret_id, "secret") if secret_id else new_id()
        now = now_ms()
        values = {**_lock(ring, _place(org, kind, id_), text), "last4": last4, "updated": now}

        def job(connection: Connection) -> None:
            check_registered(connection, ring)
            if not secret_id:
                fixed = {"id": id_, "org_id": org, "kind": kind, "created": now}
                connection.execute(insert(Secret).values(**fixed, **values))
            elif connection.execute(update(Secret).where(*_mine(org, kind, id_)).values(**values)).rowcount == 0:
                raise _nothing(secret_id)

        await self._database.write(job)
        return str(id_)

    async def open(self, org_id: str, kind: str, secret_id: str) -> str:
        """See the port."""
        ring = needed(self._ring)
        org, id_ = _organisation(org_id), parse_id(secret_id, "secret")
        statement = select(*_SEALED).where(*_mine(org, kind, id_))
        found = await self._database.read(lambda connection: connection.execute(statement).one_or_none())
        if found is None:
            raise _nothing(secret_id)
        kek_id, wrap_nonce, wrapped, nonce, data = found
        place = _place(org, kind, id_)
        key = ring.unwrap(Wrapped(kek_id, wrap_nonce, wrapped), f"key|{place}")
        return unseal(key, Sealed(nonce, data), place).decode()

    async def hints(self, org_id: str, kind: str, secret_ids: Sequence[str]) -> Mapping[str, str]:
        """See the port."""
        org, ids = _organisation(org_id), [number for one in secret_ids if (number := read_id(one)) is not None]
        statement = select(col(Secret.id), col(Secret.last4)).where(
            col(Secret.org_id) == org, col(Secret.kind) == kind, col(Secret.id).in_(ids)
        )
        found = await self._database.read(lambda connection: connection.execute(statement).all())
        return {str(id_): last4 for id_, last4 in found}

    async def delete(self, org_id: str, secret_id: str) -> None:
        """See the port."""
        if (id_ := read_id(secret_id)) is None:
            return
        mine = (col(Secret.org_id) == _organisation(org_id), col(Secret.id) == id_)
        await self._database.write(lambda connection: connection.execute(delete(Secret).where(*mine)).close())


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What a rotation did."""

    moved: int
    """Things that are wrapped with the current key now, and were not."""
    retired: tuple[str, ...]
    """Keys that nothing needs any more."""


async def rewrap(database: Database, ring: KeyRing | None) -> Rewrapped:
    """Wrap everything with the current key. Broken off anywhere it does no harm: both keys open what there is."""
    ring = needed(ring)
    await database.write(lambda connection: register_current(connection, ring))
    moved = 0
    for table in WRAPPING:
        while count := await database.write(partial(_move, table, ring)):
            moved += count
    return Rewrapped(moved, tuple(await database.write(lambda connection: retire_unused(connection, ring))))


def key_place(org_id: int, id_: int) -> str:
    """What the data key of an organisation is bound to."""
    return f"data|{org_id}|{id_}"


def _move(table: Any, ring: KeyRing, connection: Connection) -> int:
    """Some rows of one table."""
    place: Callable[[Any], str] = _place_of_secret if table is Secret else _place_of_data_key
    extra = (Secret.kind,) if table is Secret else ()
    columns = (table.id, table.org_id, table.kek_id, table.wrap_nonce, table.wrapped, *extra)
    rows = connection.execute(select(*columns).where(table.kek_id != ring.current).limit(_AT_ONCE)).all()
    for row in rows:
        key = ring.unwrap(Wrapped(row.kek_id, row.wrap_nonce, row.wrapped), place(row))
        connection.execute(update(table).where(table.id == row.id).values(_wrapped(ring, key, place(row))))
    return len(rows)


def _place_of_secret(row: Any) -> str:
    return f"key|{_place(row.org_id, row.kind, row.id)}"


def _place_of_data_key(row: Any) -> str:
    return key_place(row.org_id, row.id)


def _place(org_id: int, kind: str, id_: int) -> str:
    return f"{org_id}|{kind}|{id_}"


def _lock(ring: KeyRing, place: str, text: str) -> dict[str, Any]:
    key = new_key()
    sealed = seal(key, text.encode(), place)
    return {**_wrapped(ring, key, f"key|{place}"), "nonce": sealed.nonce, "data": sealed.data}


def _wrapped(ring: KeyRing, key: bytes, place: str) -> dict[str, Any]:
    wrapped = ring.wrap(key, place)
    return {"kek_id": wrapped.kek_id, "wrap_nonce": wrapped.nonce, "wrapped": wrapped.data}


def _mine(org_id: int, kind: str, id_: int) -> tuple[Any, ...]:
    return col(Secret.org_id) == org_id, col(Secret.kind) == kind, col(Secret.id) == id_


def _organisation(org_id: str) -> int:
    return parse_id(org_id, "organisation") if org_id else 0


def _nothing(secret_id: str) -> NotFound:
    return NotFound("There is no such secret.", secret_id=secret_id[:64])
