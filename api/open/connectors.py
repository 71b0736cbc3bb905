"""The channels of Coze by their numbers, which here are their names as well."""

from __future__ import annotations

from typing import Final

from api.open.run_bodies import API_CHANNEL, CHAT_CHANNEL

CONSOLE_CHANNEL: Final = "10000010"
_KNOWN: Final = frozenset({API_CHANNEL, CHAT_CHANNEL, CONSOLE_CHANNEL})


def channel_of(connector_id: str) -> str:
    """The channel of a connector: the chat SDK and the console are kept apart, everything else came by the API."""
    return connector_id if connector_id in _KNOWN else API_CHANNEL
