"""What was done, by whom and from where: written in the transaction that does it, and never changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, insert

from engine.values import Json
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.tables import AuditEvent
from storage.tables.columns import KEY_LENGTH, NAME_LENGTH


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from where. Nothing is known of who acts from the machine itself."""

    org_id: int = 0
    space_id: int = 0
    account_id: int = 0
    token_id: int = 0
    name: str = ""
    ip: str = ""
    user_agent: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done: `workflow.publish`, to what, and what changed. Secrets never stand in it.

    `org_id` and `space_id` are those of the target where they are not the actor's.
    """

    action: str
    target_kind: str = ""
    target_id: str | int = ""
    target_name: str = ""
    before: Json = None
    after: Json = None
    outcome: str = "done"
    org_id: int | None = None
    space_id: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A deed to come, for whoever carries it out: he writes it in his transaction, with what is known only there."""

    actor: Actor
    deed: Deed

    def write(self, connection: Connection, **known: Any) -> None:
        """Write it down; `known` are further fields of the deed."""
        record(connection, self.actor, replace(self.deed, **known))


async def record_after(database: Database, actor: Actor, deed: Deed) -> None:
    """Write down what was just done where no transaction of ours reaches: in another file, or by another process."""
    await database.write(lambda connection: record(connection, actor, deed))


def record(connection: Connection, actor: Actor, deed: Deed) -> None:
    """Write down what is done, in the transaction that does it."""
    connection.execute(
        insert(AuditEvent).values(
            id=new_id(),
            at=now_ms(),
            org_id=actor.org_id if deed.org_id is None else deed.org_id,
            space_id=actor.space_id if deed.space_id is None else deed.space_id,
            account_id=actor.account_id,
            token_id=actor.token_id,
            actor=actor.name[:NAME_LENGTH],
            action=deed.action,
            target_kind=deed.target_kind,
            target_id=str(deed.target_id)[:KEY_LENGTH],
            target_name=deed.target_name[:NAME_LENGTH],
            outcome=deed.outcome,
            ip=actor.ip[:64],
            user_agent=actor.user_agent[:500],
            request_id=actor.request_id[:64],
            before=deed.before,
            after=deed.after,
        )
    )
