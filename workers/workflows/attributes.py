"""The search attributes by which an operator finds a run in the Temporal UI."""

from __future__ import annotations

import json
from typing import Any, Final

from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

from engine.runtime import RunContext

ORG: Final = SearchAttributeKey.for_keyword("AppOrg")
SPACE: Final = SearchAttributeKey.for_keyword("AppSpace")
WORKFLOW: Final = SearchAttributeKey.for_keyword("AppWorkflow")
VERSION: Final = SearchAttributeKey.for_keyword("AppVersion")
RUN_KIND: Final = SearchAttributeKey.for_keyword("AppRunKind")
STATE: Final = SearchAttributeKey.for_keyword("AppState")
NODE: Final = SearchAttributeKey.for_keyword("AppNode")
ERROR_CODE: Final = SearchAttributeKey.for_keyword("AppErrorCode")

KEYS: Final = (ORG, SPACE, WORKFLOW, VERSION, RUN_KIND, STATE, NODE, ERROR_CODE)
"""Every attribute that the namespace must know. SQL visibility has room for ten of type Keyword."""

# SQL visibility keeps a keyword in 255 characters.
_LONGEST: Final = 240
# The server takes 400 bytes of a summary, and counts what stands around the text: its form, and that of its encryption.
_LONGEST_SUMMARY: Final = 180


def at_start(context: RunContext, kind: str, workflow_key: str = "") -> TypedSearchAttributes:
    """What a run carries from its beginning. A sub-workflow is found by its own workflow's id and version."""
    values = {
        ORG: context.org_id,
        SPACE: context.space_id,
        WORKFLOW: workflow_key or context.workflow_id,
        VERSION: context.version,
        RUN_KIND: kind,
        STATE: "running",
    }
    return TypedSearchAttributes([SearchAttributePair(key, shorten(value)) for key, value in values.items() if value])


def running() -> list[SearchAttributeUpdate[Any]]:
    """The run goes on."""
    return [STATE.value_set("running"), NODE.value_unset()]


def waiting(title: str) -> list[SearchAttributeUpdate[Any]]:
    """The run waits for an answer to this node."""
    return [STATE.value_set("waiting"), NODE.value_set(shorten(title))]


def failed(title: str, code: str) -> list[SearchAttributeUpdate[Any]]:
    """This node let the run fail, for this reason."""
    return [STATE.value_set("failed"), NODE.value_set(shorten(title)), ERROR_CODE.value_set(shorten(code))]


def shorten(text: str) -> str:
    """As much of a label as Temporal takes, in bytes."""
    return text.encode(errors="replace")[:_LONGEST].decode(errors="ignore")


def summary(text: str) -> str:
    """As much of a title as Temporal takes beside a workflow or a step, however much of it JSON escapes."""
    text = text[:_LONGEST_SUMMARY].encode(errors="replace").decode()
    while (over := len(json.dumps(text, ensure_ascii=False).encode()) - _LONGEST_SUMMARY) > 0:
        # No character takes more than six bytes, so this never cuts too much.
        text = text[: -max(1, over // 6)]
    return text
