"""Delete Conversation: forget a conversation and what was said in it."""

from datetime import timedelta

from pydantic import BaseModel, Field

from nodes.conversation.place import no_conversation, party_with_app, refuse_template
from nodes.surface import Category, Example, NodeContext, Retry, activity_node


class Inputs(BaseModel):
    conversationName: str = Field("", description="The name of the conversation.")


class Output(BaseModel):
    isSuccess: bool = True


@activity_node(
    "delete_conversation",
    title="Delete Conversation",
    category=Category.CONVERSATION,
    timeout=timedelta(seconds=30),
    retry=Retry(attempts=3),
    zero_inputs=True,
    examples=(Example(inputs={"conversationName": "售后"}, output={"isSuccess": True}),),
)
async def delete_conversation(inputs: Inputs, ctx: NodeContext) -> Output:
    """Delete a conversation that a run made, with all its messages. It fails when there is none of that name."""
    party = party_with_app(ctx)
    await refuse_template(ctx, party, inputs.conversationName)
    if not await ctx.conversations.delete_named(party, inputs.conversationName, key=ctx.idempotency_key):
        raise no_conversation(inputs.conversationName)
    return Output()
