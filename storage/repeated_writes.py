"""Writes that a node may make twice: the second time they give the outcome of the first and do nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection, delete, insert, select
from sqlmodel import col

from storage.clock import now_ms
from storage.hashing import hashed
from storage.tables import ConversationWrite

T = TypeVar("T", str, bool, dict[str, Any])

_KEPT: Final = 30 * 24 * 3_600_000
"""Milliseconds. A node runs again minutes after its process died, or days, where nobody started another one."""


def once(space: int, key: str, job: Callable[[Connection], T]) -> Callable[[Connection], T]:
    """The job, done once for a key. Its outcome is JSON. Without a key it is done every time."""
    if not key:
        return job
    mark = hashed(key)

    def job_once(connection: Connection) -> T:
        mine = (col(ConversationWrite.space_id) == space, col(ConversationWrite.key) == mark)
        if (known := connection.execute(select(col(ConversationWrite.outcome)).where(*mine)).first()) is not None:
            return cast("T", known.outcome)
        outcome, now = job(connection), now_ms()
        connection.execute(delete(ConversationWrite).where(col(ConversationWrite.made) < now - _KEPT))
        connection.execute(insert(ConversationWrite).values(space_id=space, key=mark, made=now, outcome=outcome))
        return outcome

    return job_once
