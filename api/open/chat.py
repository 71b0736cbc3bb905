"""Workflows that talk, as `workflows.chat` of the SDK calls them."""

from __future__ import annotations

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission
from api.event_stream import HEARTBEAT_SECONDS
from api.open.chat_events import ChatTurn
from api.open.conversations import application_of
from api.open.entering import require_where
from api.open.envelope import failures
from api.open.fields import OpenRoute
from api.open.guests import check_workflow, user_of
from api.open.run_bodies import OpenChatIn, OpenMessageIn
from api.open.sse import chat_stream
from api.open.starting import OpenRuns, open_runs
from api.provided import StoresDep
from api.runs.identity import CONVERSATION_NAME, USER_INPUT
from engine.errors import InvalidInput, NotFound
from nodes.conversation.place import DEFAULT
from storage.interrupted import waiting_run
from storage.ports.conversations import Conversation, Party, Role
from storage.stores import Stores
from storage.tables import Run

router = APIRouter(tags=["open API"], route_class=OpenRoute)

_EVENTS: Final[dict[str, Any]] = {
    "text/event-stream": {
        "schema": {
            "type": "object",
            "description": "The lines of one event: `event`, and `data`, which is JSON.",
            "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
            "required": ["event", "data"],
        }
    }
}


@router.post(
    "/v1/workflows/chat",
    response_model=None,
    responses={200: {"content": _EVENTS}, **failures(400, 401, 403, 404, 409, 413, 415, 422, 503)},
)
async def open_chat_workflow(
    request: Request,
    body: OpenChatIn,
    member: Annotated[Member, require_where(Permission.RUN_START, "workflow", "workflow_id", guests=True)],
    open_runs: Annotated[OpenRuns, open_runs()],
    stores: StoresDep,
) -> Response:
    """Say something to a workflow, as a turn of a conversation, and tell what it says.

    Where a run of the workflow in this conversation waits for its user, what is said is the answer, and that run goes
    on. The conversation is the one of `conversation_id`, or the user's of the name in `parameters.CONVERSATION_NAME`.
    """
    check_workflow(member, body.workflow_id)
    *before, said = _said(body.additional_messages)
    conversation = await _conversation(stores, member, body)
    run, after = await _interrupted(open_runs, member, body, conversation, said)
    if run is None:
        where = str(member.org_id), str(member.space_id), conversation.id
        for message in before:
            role: Role = "user" if message.role == "user" else "assistant"
            await stores.conversations.add(*where, role, _text(message))
        inputs = {**body.parameters, USER_INPUT: _text(said)}
        run = await open_runs.start(member, body, "sync", inputs=inputs, conversation_id=conversation.id)
    turn = ChatTurn(
        str(run.id),
        conversation.id,
        conversation.section_id,
        body.application or conversation.party.app_id,
        run.created // 1000,
        open_runs.where(run)["debug_url"],
    )
    events = turn.events(open_runs.telling(member, run).follow(after))
    return chat_stream(events, request.app.state.streams, HEARTBEAT_SECONDS)


def _said(messages: list[OpenMessageIn]) -> list[OpenMessageIn]:
    if not messages or messages[-1].role != "user":
        raise InvalidInput("additional_messages ends with what the user says.", field="additional_messages")
    if other := next((one.role for one in messages if one.role not in {"user", "assistant"}), None):
        raise InvalidInput(f"A message is of the user or the assistant, not of {other[:40]}.", field="role")
    return messages


async def _conversation(stores: Stores, member: Member, body: OpenChatIn) -> Conversation:
    """The conversation that is meant; one that is named is made at its first turn."""
    org_id, space_id = str(member.org_id), str(member.space_id)
    user = user_of(member, body.user)
    if body.conversation_id:
        found = await stores.conversations.get(org_id, space_id, body.conversation_id)
        if not member.converses(found.party.user_id, found.party.app_id):
            raise NotFound("There is no such conversation.", conversation_id=body.conversation_id)
        return found
    name = body.parameters.get(CONVERSATION_NAME)
    if body.bot_id:
        name = DEFAULT
    if not isinstance(name, str) or not name:
        raise InvalidInput(
            "Say which conversation it is: conversation_id, or parameters.CONVERSATION_NAME.", field="conversation_id"
        )
    party = Party(org_id, space_id, application_of(member, body.application), user or member.person, body.channel)
    return (await stores.conversations.open(party, name)).conversation


async def _interrupted(
    open_runs: OpenRuns, member: Member, body: OpenChatIn, conversation: Conversation, said: OpenMessageIn
) -> tuple[Run | None, int]:
    """The run of the conversation that waited for this, and the offset of its question; None when none did."""
    stores = open_runs.stores
    number = await waiting_run(stores.database, member.org_id, member.space_id, int(body.workflow_id), conversation.id)
    if not number:
        return None, 0
    runs = stores.runs(member.org_id, member.space_id)
    run, waits = await runs.get(number), await runs.waits(number)
    if not waits:
        return None, 0
    after = await open_runs.asked_at(run, waits[0].wait_id)
    await open_runs.answer(member, run, waits[0], _text(said))
    return run, after


def _text(message: OpenMessageIn) -> str:
    """What a message says; of one with several parts its texts, and the addresses of its files."""
    if message.content_type != "object_string":
        return message.content
    try:
        parts = orjson.loads(message.content)
    except orjson.JSONDecodeError:
        parts = None
    if not isinstance(parts, list):
        raise InvalidInput("The content of an object_string is a list of parts, as JSON in a text.", field="content")
    found = [one for one in parts if isinstance(one, dict)]
    said = [one.get("text") or one.get("file_url") or one.get("file_id") for one in found]
    return "\n".join(str(one) for one in said if one)
