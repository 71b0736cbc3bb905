"""Conversation History: what was said last in a conversation."""

from datetime import timedelta

from pydantic import BaseModel, Field

from nodes.conversation.parts import flat_text
from nodes.conversation.place import conversation_named, no_conversation, party_with_app
from nodes.surface import Category, Example, NodeContext, Retry, activity_node


class Inputs(BaseModel):
    conversationName: str = Field("", description="The name of the conversation.")
    rounds: int = Field(0, description="How many rounds, counted by the messages of the user; at most 100.")


class Said(BaseModel):
    role: str
    content: str


class Output(BaseModel):
    messageList: list[Said]


@activity_node(
    "conversation_history",
    title="Conversation History",
    category=Category.CONVERSATION,
    tier="local",
    timeout=timedelta(seconds=30),
    retry=Retry(attempts=3),
    zero_inputs=True,
    examples=(
        Example(
            inputs={"conversationName": "售后", "rounds": 1},
            output={
                "messageList": [
                    {"role": "user", "content": "发货了吗？"},
                    {"role": "assistant", "content": "昨天发货了。"},
                ]
            },
        ),
    ),
)
async def conversation_history(inputs: Inputs, ctx: NodeContext) -> Output:
    """Read the last rounds of a conversation, the oldest message first, since its history was last cleared."""
    party = party_with_app(ctx)
    conversation = await conversation_named(ctx, inputs.conversationName)
    if conversation is None:
        raise no_conversation(inputs.conversationName)
    said = await ctx.conversations.history(party.org_id, party.space_id, conversation.id, rounds=inputs.rounds)
    return Output(messageList=[Said(role=one.role, content=flat_text(one.content, one.content_type)) for one in said])
