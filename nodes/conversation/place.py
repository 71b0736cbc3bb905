"""Which conversation a node means, in the application and for the user that its run is for."""

from __future__ import annotations

from typing import Final

from engine.errors import NodeFailed, NotFound
from engine.runtime import RunContext
from nodes.context import NodeContext
from storage.ports.conversations import Conversation, Party

DEFAULT: Final = "Default"
"""What the conversation of a run is called when nobody named it."""

NEEDS_APP: Final = 702093204
ONLY_DEFAULT: Final = 720712033
NO_CONVERSATION: Final = 720702201
NOT_OURS_TO_CHANGE: Final = 720702250
MESSAGE_FAILED: Final = 777777781


def party_of(run: RunContext) -> Party:
    """Whose conversations a run sees."""
    return Party(run.org_id, run.space_id, run.app_id, run.user_id, run.channel, run.draft)


def party_with_app(ctx: NodeContext) -> Party:
    """The same, for a node that works on an application's conversations. Raises `NodeFailed` where there is none."""
    if not ctx.run.app_id:
        raise NodeFailed(
            "The conversations of an application are wanted, and the run is not one of an application: "
            "it was started without an app_id.",
            number=NEEDS_APP,
        )
    return party_of(ctx.run)


async def conversation_named(ctx: NodeContext, name: str) -> Conversation | None:
    """The conversation of that name: one of the application's with the user, or the one that the run is a turn of."""
    run, party = ctx.run, party_of(ctx.run)
    if run.app_id and (found := await ctx.conversations.find(party, name)) is not None:
        return found
    if not run.conversation_id:
        return None
    try:
        current = await ctx.conversations.get(run.org_id, run.space_id, run.conversation_id)
    except NotFound:
        # Deleted since the run began.
        return None
    return current if name == (current.name or DEFAULT) or (name == DEFAULT and not run.app_id) else None


async def conversation_for_messages(ctx: NodeContext, name: str) -> Conversation | None:
    """The same, for a node that works on messages: without an application only the run's own, called `Default`.

    Raises `NodeFailed` for another name then.
    """
    if not ctx.run.app_id and name != DEFAULT:
        raise NodeFailed(
            f'Without an application there is only the conversation "{DEFAULT}", not "{name[:200]}".',
            number=ONLY_DEFAULT,
        )
    return await conversation_named(ctx, name)


async def refuse_template(ctx: NodeContext, party: Party, name: str) -> None:
    """Raises `NodeFailed` when the application itself names this conversation: no run may rename or delete it."""
    if name in await ctx.conversations.templates(party.org_id, party.space_id, party.app_id):
        raise NodeFailed(
            f'The conversation "{name[:200]}" is one of the application\'s own: only those that runs made can be '
            "changed.",
            number=NOT_OURS_TO_CHANGE,
        )


def no_conversation(name: str) -> NodeFailed:
    """The finding that there is no conversation of that name."""
    return NodeFailed(f'There is no conversation "{name[:200]}".', number=NO_CONVERSATION)
