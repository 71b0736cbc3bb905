"""Which run of a conversation waits for what its user says next."""

from __future__ import annotations

from sqlalchemy import select
from sqlmodel import col

from storage.database import Database
from storage.ids import parse_id
from storage.tables import Run


async def waiting_run(database: Database, org_id: int, space_id: int, workflow_id: int, conversation_id: str) -> int:
    """The newest run of the workflow that is a turn of the conversation and waits for a person; 0 for none."""
    statement = (
        select(col(Run.id))
        .where(
            # The few runs that are not done have an index of their own.
            col(Run.state) == "waiting",
            col(Run.workflow_id) == workflow_id,
            col(Run.conversation_id) == parse_id(conversation_id, "conversation"),
            col(Run.org_id) == org_id,
            col(Run.space_id) == space_id,
        )
        .order_by(col(Run.id).desc())
        .limit(1)
    )
    return await database.read(lambda connection: connection.execute(statement).scalar_one_or_none()) or 0
