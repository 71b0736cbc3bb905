"""What end users of something published may do here: run what their token names, as themselves."""

from __future__ import annotations

from api.access import Member
from api.errors import PermissionDenied
from engine.errors import NotFound
from storage.ids import read_id
from storage.tables import Run


def check_workflow(member: Member, workflow_id: str) -> None:
    """Whether the workflow is one that a guest may run. Raises `NotFound`."""
    if member.guest is not None and read_id(workflow_id) not in member.guest.workflows:
        raise NotFound("There is no such workflow.", workflow_id=workflow_id[:64])


def check_run(member: Member, run: Run) -> None:
    """Whether the run is one of the end user's to whom somebody is kept. Raises `NotFound`."""
    check_workflow(member, str(run.workflow_id))
    if not member.sees(run.user_id or ""):
        raise NotFound("There is no such run.", run_id=str(run.id))


def user_of(member: Member, named: str | None) -> str | None:
    """On whose behalf a request is made. A guest is himself, and nobody else. Raises `PermissionDenied`."""
    if named and not member.sees(named):
        raise PermissionDenied("This token speaks for its own user alone.")
    return named or None
