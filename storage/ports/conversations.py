"""What we ask of the conversation store: conversations by name and by id, their sections, and their messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

Role = Literal["user", "assistant"]
ContentType = Literal["text", "object_string"]
Kind = Literal["static", "dynamic"]

MOST_MESSAGES: Final = 50
"""On one page of messages."""
MOST_ROUNDS: Final = 100
"""In one reading of a history."""


@dataclass(frozen=True, slots=True)
class Party:
    """Between whom conversations are: an application and one of its users, who came through a channel.

    Test runs have conversations of their own (`draft`). Nothing of another party is ever found by its name.
    """

    org_id: str
    space_id: str
    app_id: str
    user_id: str
    channel: str = ""
    draft: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation. `section_id` names its current section: what was said in an earlier one is no context any more.

    A `static` one is named by a template of its application, a `dynamic` one by whoever made it; its name may be empty.
    """

    id: str
    party: Party
    kind: Kind
    name: str
    section_id: str
    created: int
    updated: int


@dataclass(frozen=True, slots=True)
class Message:
    """What one side said. `round_id` is the same for a user's message and what was answered to it.

    The content of an `object_string` is JSON: a list of parts. `run_id` names the run that it belongs to, if any.
    """

    id: str
    conversation_id: str
    section_id: str
    round_id: str
    run_id: str
    role: Role
    content_type: ContentType
    content: str
    created: int
    updated: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation that was got or made, and whether it was there before."""

    conversation: Conversation
    existed: bool


@dataclass(frozen=True, slots=True)
class Renamed:
    """The outcome of a wish to rename: done; or `taken`, then the id is that of whose name it is; or not found."""

    outcome: Literal["renamed", "taken", "missing"]
    conversation_id: str = "0"


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Some messages, the newest first, and whether there are more in the direction that was asked for."""

    messages: tuple[Message, ...]
    has_more: bool


class Conversations(Protocol):
    """The conversations of all spaces; of another space's nothing is found.

    A write with the `key` of an earlier one does nothing and gives the outcome of then: a node may run twice.
    """

    async def templates(self, org_id: str, space_id: str, app_id: str) -> tuple[str, ...]:
        """The names of an application's static conversations, in the order in which they were defined."""
        ...

    async def define(self, org_id: str, space_id: str, app_id: str, name: str) -> None:
        """Name a static conversation of an application; a known name is fine."""
        ...

    async def undefine(self, org_id: str, space_id: str, app_id: str, name: str) -> None:
        """Forget the name, and the conversations of that name with all users. Raises `NotFound`."""
        ...

    async def get(self, org_id: str, space_id: str, conversation_id: str) -> Conversation:
        """Raises `NotFound`."""
        ...

    async def find(self, party: Party, name: str) -> Conversation | None:
        """The conversation of that name: the static one, if the application has a template of the name."""
        ...

    async def of(self, party: Party) -> tuple[Conversation, ...]:
        """All the party's conversations, the oldest first."""
        ...

    async def open(self, party: Party, name: str, *, key: str = "") -> Opened:
        """Get the conversation of that name, or make it; without a name always a new one."""
        ...

    async def rename(self, party: Party, name: str, new_name: str, *, key: str = "") -> Renamed:
        """Give a dynamic conversation another name."""
        ...

    async def delete(self, org_id: str, space_id: str, conversation_id: str) -> None:
        """Delete it with all that was said. Raises `NotFound`."""
        ...

    async def delete_named(self, party: Party, name: str, *, key: str = "") -> bool:
        """Delete a dynamic conversation with all that was said in it; whether there was one."""
        ...

    async def clear(self, org_id: str, space_id: str, conversation_id: str, *, key: str = "") -> str:
        """Begin a new section, and give its id. Raises `NotFound`."""
        ...

    async def history(
        self, org_id: str, space_id: str, conversation_id: str, *, rounds: int, before_run: str = ""
    ) -> tuple[Message, ...]:
        """What was said in the last rounds of the current section, the oldest first, without the run `before_run`."""
        ...

    async def messages(
        self,
        org_id: str,
        space_id: str,
        conversation_id: str,
        *,
        before: str = "",
        after: str = "",
        limit: int = MOST_MESSAGES,
    ) -> MessagePage:
        """A page of messages of all sections: the newest, or those next to the message `before` or `after` which."""
        ...

    async def add(
        self,
        org_id: str,
        space_id: str,
        conversation_id: str,
        role: Role,
        content: str,
        *,
        content_type: ContentType = "text",
        run_id: str = "",
        key: str = "",
    ) -> Message:
        """Say something: a user opens a new round, an assistant answers in the current one. Raises `NotFound`."""
        ...

    async def edit(
        self,
        org_id: str,
        space_id: str,
        conversation_id: str,
        message_id: str,
        content: str,
        *,
        content_type: ContentType = "text",
    ) -> Message:
        """Put another content in the place of a message's. Raises `NotFound`."""
        ...

    async def remove(self, org_id: str, space_id: str, conversation_id: str, message_id: str, *, key: str = "") -> bool:
        """Delete a message; whether there was one. Raises `NotFound` when there is no such conversation."""
        ...
