"""What was said before in the conversation that a run is a turn of, as a model takes it."""

from __future__ import annotations

from nodes.chat import ChatMessage
from nodes.context import NodeContext
from nodes.conversation.parts import model_content


async def history(ctx: NodeContext, rounds: int) -> tuple[ChatMessage, ...]:
    """The last rounds of the conversation, the oldest first; nothing of this run itself.

    Empty unless the run is a turn of a conversation. Rounds are counted by the messages of the user, from the end, and
    only those of the current section: what was said before the history was cleared does not count.
    """
    run = ctx.run
    if not run.chat or not run.conversation_id or rounds < 1:
        return ()
    said = await ctx.conversations.history(
        run.org_id, run.space_id, run.conversation_id, rounds=rounds, before_run=run.run_id
    )
    return tuple(ChatMessage(role=message.role, content=model_content(message)) for message in said)
