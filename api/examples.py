"""Bodies as somebody would send them, where no single field is worth an example of its own."""

from __future__ import annotations

from typing import Any, Final

from pydantic import JsonValue

EXAMPLES: Final[dict[str, JsonValue]] = {
    "CancelIn": {"reason": "Started by mistake."},
    "ModelChange": {"revision": 3, "title": "For drafts", "enabled": True},
    "PluginChange": {"revision": 3, "description": "Weather of the next days."},
    "ToolChange": {"enabled": False},
    "KeyIn": {"key": "sk-0123456789abcdef"},
    "BaseIn": {"name": "手册", "description": "How returns and refunds are handled."},
    "BaseChange": {"description": "How returns and refunds are handled."},
    "DocumentIn": {"name": "refunds.md", "text": "Refunds take five working days."},
    "SearchIn": {"query": "How long does a refund take?", "search": "hybrid", "top_k": 5},
    "RowsIn": {"rows": [{"title": "红楼梦", "pages": 1606}]},
    "RowChange": {"values": {"pages": 1608}},
    "SheetIn": {"format": "csv", "text": "title,pages\n红楼梦,1606\n"},
    "NewConversation": {"name": "Order 4711", "app_id": "shop", "user_id": "customer-17"},
    "ConversationName": {"name": "Order 4711"},
    "NewMessage": {"role": "user", "content": "Where is my order?"},
    "ChangedMessage": {"content": "Where is my order 4711?"},
    "TemplateIn": {"app_id": "shop", "name": "售后"},
    "VariableChange": {"description": "The language of answers.", "default": "中文"},
    "TransferIn": {"account": "li@example.com"},
    "OpenRenameIn": {"name": "Order 4711"},
    "ChangedSaying": {"content": "Where is my order 4711?", "content_type": "text"},
    "OpenFeedbackIn": {"feedback_type": "unlike", "reason_types": ["wrong"], "comment": "The order had arrived."},
}
"""By the names of the schemas."""


def add_examples(schemas: dict[str, Any]) -> None:
    """Put them into the description."""
    for name, example in EXAMPLES.items():
        schemas[name].setdefault("examples", [example])
