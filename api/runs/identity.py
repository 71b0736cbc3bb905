"""On whose behalf a run runs: the end user, the application, the channel, and the conversation it is a turn of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.access import Member
from api.runs.schemas import StartRun
from engine.errors import InvalidInput
from engine.plan import Plan
from engine.schema import properties_of
from engine.values import Json
from nodes.conversation.place import DEFAULT
from storage.conversations import SqlConversations
from storage.messages import no_conversation
from storage.ports.conversations import Conversation
from storage.turns import Turn

USER_INPUT: Final = "USER_INPUT"
"""The input of a workflow that is what the user said."""
CONVERSATION_NAME: Final = "CONVERSATION_NAME"
"""The input that is the name of the conversation."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose run it is. Ids are strings; empty where nobody said."""

    user_id: str
    app_id: str = ""
    channel: str = ""
    draft: bool = False
    conversation: Conversation | None = None

    @property
    def context(self) -> dict[str, Any]:
        """What `RunContext` and `RunStart` say of it."""
        return {
            "user_id": self.user_id,
            "app_id": self.app_id,
            "channel": self.channel,
            "draft": self.draft,
            "conversation_id": "" if self.conversation is None else self.conversation.id,
            "chat": self.conversation is not None,
        }

    def inputs(self, given: Mapping[str, Json], plan: Plan) -> dict[str, Json]:
        """The inputs, with the name of the conversation where the workflow asks for it and nobody gave it."""
        asks = self.conversation is not None and CONVERSATION_NAME in properties_of(plan.inputs)
        if not asks or given.get(CONVERSATION_NAME):
            return dict(given)
        return {**given, CONVERSATION_NAME: (self.conversation and self.conversation.name) or DEFAULT}

    def turn(self, shown: Mapping[str, Json]) -> Turn | None:
        """The turn of the conversation that the run is, with what the user says."""
        if self.conversation is None:
            return None
        said = shown.get(USER_INPUT)
        question = said if isinstance(said, str) else ""
        return Turn(int(self.conversation.id), int(self.conversation.section_id), question)


async def identity_of(conversations: SqlConversations, member: Member, body: StartRun, *, draft: bool) -> Identity:
    """Whose run is to be started. A conversation says what the request leaves open.

    Raises `NotFound` when there is no such conversation, `InvalidInput` when it is another's.
    """
    if not body.conversation_id:
        return Identity(
            user_id=body.user_id or member.person,
            app_id=body.app_id or "",
            channel=body.channel or "",
            draft=draft,
        )
    found = await conversations.get(str(member.org_id), str(member.space_id), body.conversation_id)
    party = found.party
    if not member.converses(party.user_id, party.app_id):
        raise no_conversation(body.conversation_id)
    for field, given, known in (
        ("user_id", body.user_id, party.user_id),
        ("app_id", body.app_id, party.app_id),
        ("channel", body.channel, party.channel),
    ):
        if given is not None and given != known:
            raise InvalidInput(f"The conversation has another {field}.", field=field, conversation_id=found.id)
    if party.draft != draft:
        raise InvalidInput(
            "A test run needs a conversation that was made for tests."
            if draft
            else "The conversation was made for test runs.",
            field="conversation_id",
            conversation_id=found.id,
        )
    return Identity(party.user_id, party.app_id, party.channel, draft, found)


def same_identity(stored: Any, body: StartRun) -> bool:
    """Whether a run that was started before is on behalf of whom a request says; what it leaves open is any."""
    given = (body.user_id, body.app_id, body.channel)
    known = (stored.user_id, stored.app_id, stored.channel)
    conversation = None if stored.conversation_id is None else str(stored.conversation_id)
    alike = all(one is None or one == (other or "") for one, other in zip(given, known, strict=True))
    return alike and (body.conversation_id or None) == conversation
