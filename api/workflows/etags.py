"""Tags of what was read: whoever changes it may say what he has seen, and whoever asks again what he has."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from fastapi import Header
from starlette.responses import Response

from storage.tables import Workflow
from storage.workflow_lists import WorkflowSummary
from storage.workflows import Match

IfMatch = Annotated[
    str | None,
    Header(
        max_length=1_000,
        description="The `ETag` of what you have read: when it has changed since, nothing is done (412).",
        examples=['"7"'],
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(max_length=1_000, description="The `ETag` of what you have: when it is still that, 304 and no body."),
]

NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "It is what `If-None-Match` names."}}

_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')


def draft_tag(revision: int) -> str:
    """Of a draft. What is wrong with it may change while it does not: that depends on others too."""
    return f'"{revision}"'


def workflow_tag(workflow: Workflow | WorkflowSummary) -> str:
    """Of what people read of a workflow, with its draft."""
    return f'"{workflow.revision}.{workflow.updated}"'


def matcher(header: str | None) -> Match | None:
    """What `If-Match` asks for: either tag of a workflow will do. None when it asks for nothing."""
    if header is None:
        return None
    tags = frozenset(_TAG.findall(header))
    anything = header.strip() == "*"
    return lambda revision, updated: anything or not tags.isdisjoint((str(revision), f"{revision}.{updated}"))


def unchanged(header: str | None, tag: str) -> Response | None:
    """The answer when `If-None-Match` names the tag."""
    if header is None or (header.strip() != "*" and tag.strip('"') not in _TAG.findall(header)):
        return None
    return Response(status_code=304, headers={"ETag": tag})
