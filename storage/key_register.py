"""Which keys from outside something here is wrapped with: a wrong key is found at the start, not when it is needed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from typing import Final

from sqlalchemy import Connection, delete, exists, insert, select
from sqlmodel import col

from storage.clock import now_ms
from storage.keyring import KeyRing, WrongKey
from storage.sqlite.connections import database_file
from storage.sqlite.reader import Reader
from storage.sqlite.writer import Writer
from storage.tables import OrganisationKey, Secret, WrappingKey

WRAPPING: Final = (OrganisationKey, Secret)
"""The tables whose rows hold something wrapped."""


def registered_keys(database_url: str) -> list[str]:
    """The ids of the keys that something in a database is wrapped with; none when there is no database yet."""
    file = database_file(database_url)
    if not file.exists():
        return []
    used = " UNION ".join(f"SELECT kek_id FROM {table.__tablename__}" for table in WRAPPING)  # noqa: S608
    with closing(sqlite3.connect(file)) as connection:
        try:
            return sorted(str(kek_id) for (kek_id,) in connection.execute(used))
        except sqlite3.OperationalError:
            # A database from before there were keys, or one that is just being made.
            return []


def admit(ring: KeyRing, reader: Reader, writer: Writer) -> None:
    """See that the keys open what is there, and remember the current one. Raises `WrongKey`."""
    # Asked first: as a rule there is nothing to write.
    if not reader.submit(partial(_is_known, ring)).result():
        writer.submit(partial(_admit, ring)).result()


def register_current(connection: Connection, ring: KeyRing) -> None:
    """Within a job: let the current key wrap things from now on."""
    if not connection.execute(select(exists().where(col(WrappingKey.id) == ring.current))).scalar_one():
        row = {"id": ring.current, "check_value": ring.check_value(ring.current), "created": now_ms()}
        connection.execute(insert(WrappingKey).values(row))


def check_registered(connection: Connection, ring: KeyRing) -> None:
    """Within a job that wraps: raise `WrongKey` when the current key was retired since this process started."""
    if not connection.execute(select(exists().where(col(WrappingKey.id) == ring.current))).scalar_one():
        raise WrongKey(
            f"The encryption key {ring.current} was retired while this process ran: start it again with the new one.",
            key_id=ring.current,
        )


def retire_unused(connection: Connection, ring: KeyRing) -> list[str]:
    """Within a job: forget the keys that nothing is wrapped with any more, but for the current one; gives their ids."""
    others = connection.scalars(select(col(WrappingKey.id)).where(col(WrappingKey.id) != ring.current)).all()
    gone = [kek_id for kek_id in others if not _is_used(connection, kek_id)]
    if gone:
        connection.execute(delete(WrappingKey).where(col(WrappingKey.id).in_(gone)))
    return gone


def _is_known(ring: KeyRing, connection: Connection) -> bool:
    """Whether the current key is known, and no other is: nothing is to be looked at further."""
    found = connection.execute(select(col(WrappingKey.id), col(WrappingKey.check_value))).all()
    return [*map(tuple, found)] == [(ring.current, ring.check_value(ring.current))]


def _admit(ring: KeyRing, connection: Connection) -> None:
    for kek_id, check_value in connection.execute(select(col(WrappingKey.id), col(WrappingKey.check_value))).all():
        if kek_id in ring.ids:
            if ring.check_value(kek_id) != check_value:
                raise WrongKey(
                    f"The encryption key {kek_id} is not the one that was called so when secrets were encrypted with"
                    " it. Give that one, or another id to the new one.",
                    key_id=kek_id,
                )
        elif _is_used(connection, kek_id):
            raise WrongKey(
                f"Secrets in the database are encrypted with the key {kek_id}, which is not among those given"
                f" ({', '.join(ring.ids)}). Give it too, behind the new one and a comma, until `mainspring keys rotate`"
                " has moved everything to the new one.",
                key_id=kek_id,
                given=[*ring.ids],
            )
    register_current(connection, ring)
    retire_unused(connection, ring)


def _is_used(connection: Connection, kek_id: str) -> bool:
    return any(
        connection.execute(select(exists().where(col(table.kek_id) == kek_id))).scalar_one() for table in WRAPPING
    )
