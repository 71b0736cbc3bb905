"""The chat models that nodes may ask, each behind `nodes.context.ChatModel`."""
