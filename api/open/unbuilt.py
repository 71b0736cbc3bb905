"""Addresses that programs written for Coze know and that nobody answers here: they are told so, instead of nothing."""

from __future__ import annotations

import re
from typing import Final

from api.errors import NotBuilt

_LATER: Final = """
POST /v1/bot/create
POST /v1/bot/update
POST /v1/bot/publish
GET /v1/bot/get_online_info
GET /v1/space/published_bots_list
GET /v1/bots
GET /v1/bots/*
POST /v1/bots/*/unpublish
POST /v1/bots/*/collaboration_mode
POST /v1/bots/*/collaborators
DELETE /v1/bots/*/collaborators/*
GET /v1/bots/*/versions
POST /v3/chat
GET /v3/chat/retrieve
POST /v3/chat/retrieve
POST /v3/chat/cancel
POST /v3/chat/submit_tool_outputs
GET /v3/chat/message/list
GET /v1/datasets
POST /v1/datasets
PUT /v1/datasets/*
DELETE /v1/datasets/*
POST /v1/datasets/*/process
GET /v1/datasets/*/images
PUT /v1/datasets/*/images/*
POST /open_api/knowledge/document/create
POST /open_api/knowledge/document/list
POST /open_api/knowledge/document/update
POST /open_api/knowledge/document/delete
GET /v1/apps
GET /v1/apps/*
POST /v1/apps/*/collaborators
DELETE /v1/apps/*/collaborators/*
POST /v1/templates/*/duplicate
POST /v1/audio/speech
POST /v1/audio/transcriptions
GET /v1/audio/voices
DELETE /v1/workflows/*/collaborators/*
GET /v1/folders
GET /v1/folders/*
GET /v1/api_apps
POST /v1/api_apps
PUT /v1/api_apps/*
DELETE /v1/api_apps/*
GET /v1/api_apps/*/events
POST /v1/api_apps/*/events
DELETE /v1/api_apps/*/events
PUT /v1/connectors/*/bots/*
POST /v1/connectors/*/user_configs
POST /v1/connectors/*/install
POST /v1/enterprises/*/members
PUT /v1/enterprises/*/members/*
DELETE /v1/enterprises/*/members/*
POST /v1/enterprises/*/organizations
GET /api/permission/oauth2/authorize
GET /api/permission/oauth2/workspace_id/*/authorize
POST /api/permission/oauth2/device/code
POST /api/permission/oauth2/workspace_id/*/device/code
POST /api/permission/oauth2/account/*/token
"""
_NEVER: Final = """
POST /v1/audio/voices/clone
POST /v1/audio/rooms
GET /v1/audio/live/*
GET /v1/audio/voiceprint_groups
POST /v1/audio/voiceprint_groups
PUT /v1/audio/voiceprint_groups/*
DELETE /v1/audio/voiceprint_groups/*
POST /v1/audio/voiceprint_groups/*/speaker_identify
GET /v1/audio/voiceprint_groups/*/features
POST /v1/audio/voiceprint_groups/*/features
PUT /v1/audio/voiceprint_groups/*/features/*
DELETE /v1/audio/voiceprint_groups/*/features/*
GET /v1/commerce/benefit/benefits/get
POST /v1/commerce/benefit/limitations
GET /v1/commerce/benefit/bill_tasks
"""
LATER: Final = tuple(_LATER.split("\n")[1:-1])
NEVER: Final = tuple(_NEVER.split("\n")[1:-1])


def _pattern(addresses: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(one).replace(r"\*", "[^/]+") for one in addresses))


_IS_LATER: Final = _pattern(LATER)
_IS_NEVER: Final = _pattern(NEVER)


def refuse_unbuilt(method: str, path: str) -> NotBuilt | None:
    """What to say to who asks for this, when no route took it; None when Coze has nothing there either."""
    address = f"{method} {path}"
    if _IS_LATER.fullmatch(address):
        return NotBuilt(f"{address} is not built yet. docs/open-api.md lists what is.", address=address[:200])
    if _IS_NEVER.fullmatch(address):
        return NotBuilt(f"{address} is a service of the vendor's own: it is not here.", address=address[:200])
    return None
