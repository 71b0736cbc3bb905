"""What there is for who is kept to one end user: runs of his own, and for a guest only of what his token names."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from api.access import Member
from api.errors import PermissionDenied
from api.event_stream import closing
from api.runs.schemas import StartRun
from engine.errors import NotFound
from engine.events import StoredEvent
from storage.tables import Run

_OF_STEPS = "step."


def as_himself(member: Member, body: StartRun) -> StartRun:
    """A run to be, on behalf of the end user whom somebody is kept to. Raises `PermissionDenied`."""
    user = member.confined_to
    if user is None:
        return body
    if body.user_id is not None and body.user_id != user:
        raise PermissionDenied("This token speaks for one end user alone.", field="user_id")
    if member.guest is None:
        return body.model_copy(update={"user_id": user})
    if body.version is not None or body.pins:
        raise PermissionDenied("A guest runs what was published last.", field="version")
    if body.app_id is not None and body.app_id != member.guest.app:
        raise PermissionDenied("A guest's token is for one application.", field="app_id")
    # A conversation says it itself.
    app = member.guest.app or None if body.conversation_id is None else None
    return body.model_copy(update={"user_id": user, "app_id": app})


def own_key(member: Member, key: str | None) -> str | None:
    """The idempotency key of a request: two end users who choose the same mean two runs."""
    if key is None or member.confined_to is None:
        return key
    return hashlib.sha256(f"{member.confined_to}\n{key}".encode()).hexdigest()


def check_run(member: Member, run: Run) -> Run:
    """The run, if it exists for him. Raises `NotFound`."""
    if not member.sees(run.user_id or "") or not member.may_run(run.workflow_id):
        raise NotFound("There is no such run.", id=str(run.id))
    return run


def check_workflow(member: Member, workflow_id: int) -> None:
    """Raises `NotFound` unless the workflow exists for him."""
    if not member.may_run(workflow_id):
        raise NotFound("There is no such workflow.", workflow_id=str(workflow_id))


def is_shown(member: Member, stored: StoredEvent) -> bool:
    """Whether somebody sees an event: what a workflow does inside is not for its guests."""
    return member.guest is None or not stored.event.type.value.startswith(_OF_STEPS)


def shown(member: Member, events: AsyncIterator[StoredEvent]) -> AsyncIterator[StoredEvent]:
    """The events that he sees."""
    return events if member.guest is None else _without_steps(member, events)


async def _without_steps(member: Member, events: AsyncIterator[StoredEvent]) -> AsyncIterator[StoredEvent]:
    async with closing(events):
        async for stored in events:
            if is_shown(member, stored):
                yield stored
