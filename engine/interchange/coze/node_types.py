"""Every node type of Coze by its number, and who translates it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.interchange.coze.nodes import (
    composites,
    conversations,
    data,
    entry_exit,
    http,
    kept,
    logic,
    models,
)
from engine.interchange.coze.nodes.conversations import Translate

NODE_TYPES: Final[Mapping[str, Translate]] = MappingProxyType(
    {
        "1": entry_exit.entry,
        "2": entry_exit.exit_node,
        "3": models.llm,
        "4": data.plugin,
        "5": logic.code,
        "6": data.knowledge_retrieve,
        "8": logic.condition,
        "9": logic.subworkflow,
        "12": data.database_sql,
        "13": entry_exit.output,
        "15": logic.text,
        "18": models.question,
        "19": composites.break_loop,
        "20": composites.set_variable,
        "21": composites.loop,
        "22": models.intent,
        "27": data.knowledge_write,
        "28": composites.batch,
        "29": composites.continue_loop,
        "30": entry_exit.form,
        "31": kept.comment,
        "32": logic.merge,
        "37": conversations.list_messages,
        "38": conversations.clear_conversation_history,
        "39": conversations.create_conversation,
        "40": data.assign_variables,
        "42": data.database_update,
        "43": data.database_query,
        "44": data.database_delete,
        "45": http.http_request,
        "46": data.database_insert,
        "51": conversations.update_conversation,
        "52": conversations.delete_conversation,
        "53": conversations.list_conversations,
        "54": conversations.conversation_history,
        "55": conversations.create_message,
        "56": conversations.update_message,
        "57": conversations.delete_message,
        "58": logic.json_to,
        "59": logic.json_from,
        "60": data.knowledge_delete,
    }
)
NEVER_HANDLES: Final = frozenset(
    {"start", "end", "message", "merge_variables", "set_variable", "break", "continue", "comment"}
)
"""Our node types that cannot fail, or only steer: they have no `on_error`."""
ASKED_IN_BATCHES: Final = frozenset({"3", "4", "9"})
"""Node types that may be made to run once for every item of a list."""
