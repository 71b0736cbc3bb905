"""Conversations and their messages: nodes that take and give what they are called there."""

from __future__ import annotations

from collections.abc import Callable

from engine.interchange.coze.parameters import fixed
from engine.interchange.coze.reader import Made, Reader

Translate = Callable[[Reader], Made]


def plain(kind: str, *inputs: str, zeros: bool = True) -> Translate:
    """A node type whose inputs are called as they are there."""
    known = {name: name for name in inputs}

    def translate(reader: Reader) -> Made:
        found, types = fixed(reader, known, zeros=zeros)
        return Made(kind, found, types, outputs=reader.declared if reader.outputs else None)

    return translate


list_messages = plain("list_messages", "conversationName", "limit", "beforeId", "afterId")
clear_conversation_history = plain("clear_conversation_history", "conversationName")
create_conversation = plain("create_conversation", "conversationName")
update_conversation = plain("update_conversation", "conversationName", "newConversationName")
delete_conversation = plain("delete_conversation", "conversationName")
list_conversations = plain("list_conversations", zeros=False)
conversation_history = plain("conversation_history", "conversationName", "rounds")
create_message = plain("create_message", "conversationName", "role", "content")
update_message = plain("update_message", "conversationName", "messageId", "newContent")
delete_message = plain("delete_message", "conversationName", "messageId")
