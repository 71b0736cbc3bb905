"""Workflows in numbered pages, for programs that count pages instead of following a cursor."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import select, text
from sqlmodel import col

from storage.database import Database
from storage.paging import columns_of
from storage.tables import Workflow
from storage.workflow_lists import WorkflowSummary

Published = Literal["all", "published", "changed", "draft"]

# The word that says what somebody said is an input of the start: then the workflow takes part in a conversation.
_TALKS: Final = text(
    "EXISTS (SELECT 1 FROM json_each(workflow.draft, '$.nodes') AS node"
    " WHERE json_extract(node.value, '$.type') = 'start'"
    " AND json_type(node.value, '$.data.outputs.properties.USER_INPUT') IS NOT NULL)"
)
_DOES_NOT: Final = text(f"NOT {_TALKS.text}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which workflows: published how, in conversations or not (None: both), among which ids (None: all)."""

    published: Published = "all"
    talks: bool | None = None
    ids: Collection[int] | None = None


async def workflow_page(
    database: Database, org_id: int, space_id: int, wanted: Wanted, *, number: int, size: int
) -> tuple[list[WorkflowSummary], bool]:
    """A page of a space's workflows, the newest first, and whether more follow. Pages count from 1."""
    statement = select(*columns_of(Workflow, WorkflowSummary)).where(
        col(Workflow.org_id) == org_id,
        col(Workflow.space_id) == space_id,
        col(Workflow.deleted_at).is_(None),
        *_conditions(wanted),
    )
    statement = statement.order_by(col(Workflow.id).desc()).limit(size + 1).offset((number - 1) * size)
    rows = await database.read(lambda connection: connection.execute(statement).all())
    return [WorkflowSummary(*row) for row in rows[:size]], len(rows) > size


def _conditions(wanted: Wanted) -> list[Any]:
    latest = col(Workflow.latest_version)
    changed = col(Workflow.revision) != col(Workflow.published_revision)
    states: dict[Published, list[Any]] = {
        "all": [],
        "published": [latest.is_not(None)],
        "changed": [latest.is_not(None), changed],
        "draft": [latest.is_(None)],
    }
    found = states[wanted.published]
    if wanted.talks is not None:
        found.append(_TALKS if wanted.talks else _DOES_NOT)
    if wanted.ids is not None:
        found.append(col(Workflow.id).in_([*wanted.ids]))
    return found
