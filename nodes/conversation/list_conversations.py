"""List Conversations: which conversations an application has with a user."""

from datetime import timedelta

from pydantic import BaseModel, Field

from nodes.conversation.place import party_with_app
from nodes.surface import Category, Example, NodeContext, Retry, activity_node


class Inputs(BaseModel):
    pass


class Listed(BaseModel):
    conversationName: str
    conversationId: str = Field(description="Its id; `0` while nothing was said in it yet.")


class Output(BaseModel):
    conversationList: list[Listed]


@activity_node(
    "list_conversations",
    title="List Conversations",
    category=Category.CONVERSATION,
    tier="local",
    timeout=timedelta(seconds=30),
    retry=Retry(attempts=3),
    examples=(Example(inputs={}, output={"conversationList": []}),),
)
async def list_conversations(inputs: Inputs, ctx: NodeContext) -> Output:
    """List the application's conversations with the user of the run.

    Those that the application itself names come first, then those that runs made, the newest first.
    """
    party = party_with_app(ctx)
    names = await ctx.conversations.templates(party.org_id, party.space_id, party.app_id)
    there = await ctx.conversations.of(party)
    static = {one.name: one.id for one in there if one.kind == "static"}
    listed = [Listed(conversationName=name, conversationId=static.get(name, "0")) for name in names]
    listed += [
        Listed(conversationName=one.name, conversationId=one.id)
        for one in there
        if one.kind == "dynamic" and one.name not in names
    ]
    return Output(conversationList=listed)
