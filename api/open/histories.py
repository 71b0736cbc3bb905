"""Runs that have been, as `workflows.runs.run_histories` of the SDK reads them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Annotated, Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from api.access import Member, Permission
from api.open.entering import require_where
from api.open.envelope import Done, done, failures
from api.open.fields import OpenRoute, QueryId
from api.open.outcomes import data_of, debug_url, failure_of, json_text, usage_of
from api.open.run_bodies import API_CHANNEL
from api.open.starting import OpenRuns, open_runs
from api.open.telling import SHOWN_BYTES, outcome_of
from api.runs.values import Showing
from engine.errors import NotFound
from engine.values import BLOB_KEY
from storage.tables import NodeRecord, Run

router = APIRouter(tags=["open API"], route_class=OpenRoute)

Viewer = Annotated[Member, require_where(Permission.RUN_VIEW, "workflow", "workflow_id", guests=True)]
OpenRunsDep = Annotated[OpenRuns, open_runs()]

_STATUSES: Final = {"succeeded": "Success", "failed": "Fail", "cancelled": "Fail"}
"""A run that waits is still running: the SDK knows three words."""
_MOST_NODES: Final = 1_000
_ASYNC: Final = 2
_SYNC: Final = 0
_OVER: Final = frozenset({"succeeded", "failed", "skipped", "cancelled"})
_TURN: Final = re.compile(r"\[(\d+)]")


@router.get(
    "/v1/workflows/{workflow_id}/run_histories/{execute_id}",
    response_model=Done,
    responses=failures(401, 403, 404),
)
async def open_get_run_history(workflow_id: str, execute_id: str, member: Viewer, open_runs: OpenRunsDep) -> Response:
    """One run, as a list of one."""
    run = await open_runs.of_workflow(member, workflow_id, execute_id)
    return done([await _history(open_runs, member, run)])


@router.get(
    "/v1/workflows/{workflow_id}/run_histories/{execute_id}/execute_nodes/{node_execute_uuid}",
    response_model=Done,
    responses=failures(401, 403, 404),
)
async def open_get_node_history(
    workflow_id: str, execute_id: str, node_execute_uuid: str, member: Viewer, open_runs: OpenRunsDep
) -> Response:
    """What became of one step of a run."""
    run = await open_runs.of_workflow(member, workflow_id, execute_id)
    # What a workflow does inside is not for its guests.
    place = "" if member.guest is not None else _place(node_execute_uuid)
    runs = open_runs.stores.runs(member.org_id, member.space_id)
    found = await runs.node_records(run.id, place=place, limit=1) if place else []
    if not found or found[0].path != place:
        raise NotFound("The run has no such step.", node_execute_uuid=node_execute_uuid[:200])
    output = await Showing(open_runs.stores.blobs, member.org_id, room=SHOWN_BYTES).whole(found[0].output)
    return done(
        {"is_finish": found[0].state in _OVER, "node_output": "" if output is None else json_text(output)},
    )


@router.get("/v1/workflow/get_run_history", response_model=Done, responses=failures(401, 403, 404, 422))
async def open_find_run_history(
    workflow_id: QueryId, member: Viewer, open_runs: OpenRunsDep, execute_id: QueryId = ""
) -> Response:
    """One run, at the address that Coze Studio's own server has for it."""
    run = await open_runs.of_workflow(member, workflow_id, execute_id)
    found = await _history(open_runs, member, run)
    output = json.loads(found["output"])["Output"] if found["output"] else ""
    more = {
        "output": output,
        "input": json_text(run.inputs),
        "token": str(found["usage"]["token_count"]),
        "cost": "0",
        "cost_unit": "",
        "error_msg": found["error_message"],
        "log_id": found["logid"],
    }
    return done([{**found, **more, "error_code": str(found["error_code"])}])


async def _history(open_runs: OpenRuns, member: Member, run: Run) -> dict[str, Any]:
    succeeded, over = run.state == "succeeded", run.finished is not None
    answer, output = await outcome_of(open_runs.stores, open_runs.catalogue, member, run)
    number, sentence = failure_of(run.state, run.error) if over and not succeeded else (0, "")
    records = await open_runs.stores.runs(member.org_id, member.space_id).node_records(run.id, limit=_MOST_NODES)
    return {
        "execute_id": str(run.id),
        "execute_status": _STATUSES.get(run.state, "Running"),
        "bot_id": run.app_id or "",
        "connector_id": run.channel or API_CHANNEL,
        "connector_uid": run.user_id or "",
        "run_mode": _SYNC if run.mode == "in_place" else _ASYNC,
        "logid": str(run.id),
        "create_time": run.created // 1000,
        "update_time": (run.finished or run.updated) // 1000,
        "output": json_text({"Output": data_of(answer, output)}) if succeeded else "",
        "error_code": number,
        "error_message": sentence,
        "debug_url": debug_url(open_runs.request, run.id),
        "node_execute_status": {one.path: _node(one) for one in records if member.guest is None},
        "usage": usage_of(run.input_tokens, run.output_tokens),
        "is_output_trimmed": isinstance(output, dict) and BLOB_KEY in json_text(output)[:10_000],
    }


def _node(record: NodeRecord) -> dict[str, Any]:
    turns = _TURN.findall(record.path)
    return {
        "node_id": record.node_id,
        "is_finish": record.state in _OVER,
        "update_time": (record.finished or record.started or 0) // 1000,
        "node_execute_uuid": base64.urlsafe_b64encode(record.path.encode()).decode().rstrip("="),
        **({"loop_index": int(turns[-1])} if turns else {}),
    }


def _place(uuid: str) -> str:
    """The place of a step, which may hold slashes: in an address it stands as a word."""
    try:
        return base64.urlsafe_b64decode(uuid + "=" * (-len(uuid) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
