"""What others see of an account: its name, what it is called at the login, its picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import col

from storage.database import Database
from storage.tables import Account


@dataclass(frozen=True, slots=True)
class Face:
    """An account as others see it."""

    account_id: int
    name: str
    login: str
    avatar: str


async def faces_of(database: Database, account_ids: Iterable[int]) -> dict[int, Face]:
    """The accounts of these ids, as far as there are any."""
    wanted = [*{one for one in account_ids if one}]
    if not wanted:
        return {}
    statement = select(
        col(Account.id), col(Account.name), col(Account.unique_name), col(Account.email), col(Account.avatar)
    ).where(col(Account.id).in_(wanted))
    rows = await database.read(lambda connection: connection.execute(statement).all())
    return {row.id: Face(row.id, row.name, row.unique_name or row.email, row.avatar) for row in rows}
