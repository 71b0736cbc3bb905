"""Variables of users and applications, as `variables` of the SDK calls them."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints
from starlette.responses import Response

from api.access import Member, Permission, require
from api.errors import PermissionDenied
from api.open.connectors import channel_of
from api.open.envelope import Done, done, failures
from api.open.fields import OpenBody, OpenId, OpenRoute, QueryId
from api.provided import StoresDep
from api.variables.schemas import Scope, ValueOut
from api.variables.service import set_values, values_of
from engine.errors import InvalidInput
from engine.values import Json
from nodes.variables import Holder, definitions_of
from storage.stores import Stores

router = APIRouter(tags=["open API"], route_class=OpenRoute)

Viewer = Annotated[Member, require(Permission.VARIABLE_VIEW)]
Editor = Annotated[Member, require(Permission.VARIABLE_EDIT)]
_SCOPES: tuple[Scope, ...] = ("user", "app")


class OpenVariable(OpenBody):
    """A variable and its value, as a text."""

    keyword: Annotated[str, StringConstraints(min_length=1, max_length=191)]
    value: Annotated[str, StringConstraints(max_length=1_000_000)] = ""


class OpenVariablesIn(OpenBody):
    """Variables to be set."""

    app_id: OpenId = Field("", description="The application; or `bot_id`.")
    bot_id: OpenId = Field("", description="The agent; or `app_id`.")
    connector_id: OpenId = Field("", description="The channel: 1024 (also without it), 999 or 10000010.")
    connector_uid: OpenId = Field("", description="The end user; without it whoever asks.")
    data: Annotated[list[OpenVariable], Field(max_length=500)]


@router.get("/v1/variables", response_model=Done, responses=failures(401, 403, 404, 422))
async def open_retrieve_variables(
    member: Viewer,
    stores: StoresDep,
    app_id: QueryId = "",
    bot_id: QueryId = "",
    connector_id: QueryId = "",
    connector_uid: QueryId = "",
    keywords: Annotated[str, Query(max_length=10_000, description="Only these, separated by commas.")] = "",
) -> Response:
    """The variables of an end user of an application on a channel, and those of the application itself.

    Of two of one name it is the user's. Values that are no texts are JSON.
    """
    holder = _holder(member, app_id, bot_id, connector_id, connector_uid)
    found: dict[str, ValueOut] = {}
    for scope in _SCOPES:
        if holder.owner(scope):
            found = {one.name: one for one in await values_of(scope, holder, stores)} | found
    wanted = [name.strip() for name in keywords.split(",") if name.strip()]
    names = wanted or sorted(found)
    return done({"items": [_shown(found[name]) for name in names if name in found]})


@router.put("/v1/variables", response_model=Done, responses=failures(400, 401, 403, 404, 413, 415, 422))
async def open_update_variables(body: OpenVariablesIn, member: Editor, stores: StoresDep) -> Response:
    """Set variables: the user's, unless a name is one of the application's own alone."""
    holder = _holder(member, body.app_id, body.bot_id, body.connector_id, body.connector_uid)
    of_app = await definitions_of(stores.variables, holder, "app") if holder.owner("app") else None
    of_user = await definitions_of(stores.variables, holder, "user")
    values: dict[Scope, dict[str, Json]] = {"user": {}, "app": {}}
    for one in body.data:
        the_apps = one.keyword in (of_app or {}) and one.keyword not in (of_user or {})
        scope: Scope = "app" if the_apps else "user"
        definition = ((of_app if the_apps else of_user) or {}).get(one.keyword)
        kind = "string" if definition is None else definition.type.get("type")
        values[scope][one.keyword] = one.value if kind == "string" else _read(one)
    await _set(holder, values, stores)
    return done({})


async def _set(holder: Holder, values: dict[Scope, dict[str, Json]], stores: Stores) -> None:
    for scope in _SCOPES:
        if values[scope]:
            await set_values(scope, holder, values[scope], stores)


def _holder(member: Member, app_id: str, bot_id: str, connector_id: str, connector_uid: str) -> Holder:
    if app_id and bot_id:
        raise InvalidInput("bot_id and app_id exclude each other: send one of them.", field="app_id")
    if not app_id and not bot_id:
        raise InvalidInput("Say whose variables they are: app_id or bot_id.", field="app_id")
    user = connector_uid or member.person
    if not member.sees(user):
        raise PermissionDenied("This token speaks for one end user alone.", field="connector_uid")
    return Holder(str(member.org_id), str(member.space_id), user, app_id or bot_id, channel_of(connector_id))


def _read(one: OpenVariable) -> Json:
    """The value behind its text; what is no JSON is tried as the text that it is."""
    try:
        value: Json = json.loads(one.value, parse_constant=str)
    except (ValueError, RecursionError):
        return one.value
    return value


def _shown(one: ValueOut) -> dict[str, Any]:
    value = "" if one.value is None else one.value
    value = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    moment = (one.updated or 0) // 1000
    return {"keyword": one.name, "value": value, "create_time": moment, "update_time": moment}
