"""Clear Conversation History: let what was said so far be no context any more."""

from datetime import timedelta

from pydantic import BaseModel, Field

from nodes.conversation.place import conversation_named, party_with_app
from nodes.surface import Category, Example, NodeContext, Retry, activity_node


class Inputs(BaseModel):
    conversationName: str = Field("", description="The name of the conversation.")


class Output(BaseModel):
    isSuccess: bool = Field(description="Whether there is a conversation of that name.")


@activity_node(
    "clear_conversation_history",
    title="Clear Conversation History",
    category=Category.CONVERSATION,
    timeout=timedelta(seconds=30),
    retry=Retry(attempts=3),
    zero_inputs=True,
    examples=(
        Example(title="There is none of that name", inputs={"conversationName": "售后"}, output={"isSuccess": False}),
    ),
)
async def clear_conversation_history(inputs: Inputs, ctx: NodeContext) -> Output:
    """Begin a new section of a conversation: models no longer see what was said before, people still do."""
    party = party_with_app(ctx)
    conversation = await conversation_named(ctx, inputs.conversationName)
    if conversation is None:
        return Output(isSuccess=False)
    await ctx.conversations.clear(party.org_id, party.space_id, conversation.id, key=ctx.idempotency_key)
    return Output(isSuccess=True)
