"""Plugins: made of OpenAPI documents, called by canvases and models."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import JsonValue
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.parameters import Cursor, Force, Limit
from api.plugins.schemas import (
    CallIn,
    CallOut,
    FindingOut,
    KeyIn,
    KeyKept,
    PluginChange,
    PluginIn,
    PluginListed,
    PluginOut,
    PluginPage,
    PluginRef,
    PluginSaved,
    PluginVersionIn,
    PluginVersionOut,
    PluginVersionPage,
    ToolChange,
    ToolList,
    ToolName,
    ToolOut,
)
from api.problems import problems
from api.provided import PluginsDep, StoresDep
from api.reading import strict_route
from api.told import in_its_language
from api.workflows.references import refuse_used
from engine.openapi.findings import Finding
from storage.audit import Deed, Note
from storage.plugins import ListedTool
from storage.ports.plugins import DRAFT
from storage.tables import Plugin

router = APIRouter(tags=["plugins"], dependencies=[in_its_language], route_class=strict_route("canvas_bytes"))

Viewer = Annotated[Member, require(Permission.PLUGIN_VIEW)]
Editor = Annotated[Member, require(Permission.PLUGIN_EDIT)]
Publisher = Annotated[Member, require(Permission.PLUGIN_PUBLISH)]


@router.post("/plugins", status_code=201, responses=problems(400, 401, 403, 409, 413, 415, 422))
async def create_plugin(body: PluginIn, member: Editor, actor: ActorDep, plugins: PluginsDep) -> PluginSaved:
    """Make a plugin of an OpenAPI document. What of it cannot be a tool is left out, and told."""
    plugin, findings = await plugins.create(body, member, actor)
    return PluginSaved(**_shown(plugin, None), findings=_findings(findings))


@router.get("/plugins", responses=problems(401, 403, 422))
async def list_plugins(
    member: Viewer,
    stores: StoresDep,
    search: Annotated[str, Query(max_length=200, description="A part of a name, key or description.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PluginPage:
    """List the plugins of the space, the newest first."""
    page = await stores.plugins(member.org_id, member.space_id).page(search=search, cursor=cursor, limit=limit)
    items = [
        PluginListed(id=str(one.id), **{name: getattr(one, name) for name in PluginListed.model_fields if name != "id"})
        for one in page.items
    ]
    return PluginPage(items=items, next_cursor=page.next)


@router.get("/plugins/{plugin}", responses=problems(401, 403, 404))
async def get_plugin(plugin: PluginRef, member: Viewer, stores: StoresDep, plugins: PluginsDep) -> PluginOut:
    """One plugin: its draft. Of its key no more is known than its end."""
    found = await stores.plugins(member.org_id, member.space_id).get(plugin)
    return PluginOut(**_shown(found, await plugins.hint(found, member)))


@router.patch("/plugins/{plugin}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def change_plugin(
    plugin: PluginRef, body: PluginChange, member: Editor, actor: ActorDep, plugins: PluginsDep
) -> PluginSaved:
    """Change the draft of a plugin. At another address its key has to be stored again."""
    changed, findings = await plugins.change(plugin, body, member, actor)
    return PluginSaved(**_shown(changed, await plugins.hint(changed, member)), findings=_findings(findings))


@router.delete("/plugins/{plugin}", status_code=204, responses=problems(401, 403, 404, 409, 422))
async def delete_plugin(
    plugin: PluginRef,
    member: Editor,
    actor: ActorDep,
    stores: StoresDep,
    plugins: PluginsDep,
    force: Force = False,
) -> Response:
    """Take a plugin away with all versions, and its key for good. Canvases that call it fail there."""
    await refuse_used(member, stores, "plugin", plugin, force=force)
    await plugins.delete(plugin, member, actor)
    return Response(status_code=204)


@router.get("/plugins/{plugin}/document", responses=problems(401, 403, 404))
async def get_plugin_document(plugin: PluginRef, member: Viewer, stores: StoresDep) -> dict[str, JsonValue]:
    """The document that the draft was made of."""
    return (await stores.plugins(member.org_id, member.space_id).get(plugin)).document


@router.get("/plugins/{plugin}/tools", responses=problems(401, 403, 404))
async def list_tools(
    plugin: PluginRef,
    member: Viewer,
    stores: StoresDep,
    version: Annotated[str, Query(max_length=32, description="draft, or a published version.")] = DRAFT,
) -> ToolList:
    """List the tools of the draft, or of a version."""
    mine = stores.plugins(member.org_id, member.space_id)
    tools = await mine.tools((await mine.get(plugin)).id, version)
    return ToolList(items=[_tool(one) for one in tools])


@router.patch(
    "/plugins/{plugin}/tools/{tool:path}", status_code=204, responses=problems(400, 401, 403, 404, 413, 415, 422)
)
async def change_tool(
    plugin: PluginRef, tool: ToolName, body: ToolChange, member: Editor, stores: StoresDep
) -> Response:
    """Switch a tool of the draft on or off. Published versions stay as they are."""
    mine = stores.plugins(member.org_id, member.space_id)
    await mine.enable((await mine.get(plugin)).id, tool, body.enabled)
    return Response(status_code=204)


@router.post("/plugins/{plugin}/tools/{tool:path}/call", responses=problems(400, 401, 403, 404, 413, 415, 422, 503))
async def call_tool(plugin: PluginRef, tool: ToolName, body: CallIn, member: Editor, plugins: PluginsDep) -> CallOut:
    """Call a tool, for real, and see what comes of it. Nothing is recorded."""
    return CallOut.model_validate(await plugins.call(plugin, tool, body, member), from_attributes=True)


@router.put("/plugins/{plugin}/credentials", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def put_credentials(
    plugin: PluginRef, body: KeyIn, member: Editor, actor: ActorDep, plugins: PluginsDep
) -> KeyKept:
    """Store the key of a plugin, in the place of the one before."""
    return KeyKept(set=True, last4=await plugins.keep_key(plugin, body.key.get_secret_value(), member, actor))


@router.delete("/plugins/{plugin}/credentials", status_code=204, responses=problems(401, 403, 404))
async def delete_credentials(plugin: PluginRef, member: Editor, actor: ActorDep, plugins: PluginsDep) -> Response:
    """Take the key of a plugin away for good."""
    await plugins.forget_key(plugin, member, actor)
    return Response(status_code=204)


@router.post("/plugins/{plugin}/versions", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def publish_plugin(
    plugin: PluginRef, body: PluginVersionIn, member: Publisher, actor: ActorDep, stores: StoresDep
) -> PluginVersionOut:
    """Freeze the draft as a version; canvases that name none get the newest."""
    mine = stores.plugins(member.org_id, member.space_id)
    note = Note(actor, Deed("plugin.publish", "plugin"))
    made = await mine.publish((await mine.get(plugin)).id, version=body.version, notes=body.notes, note=note)
    return PluginVersionOut.model_validate(made, from_attributes=True)


@router.get("/plugins/{plugin}/versions", responses=problems(401, 403, 404, 422))
async def list_plugin_versions(
    plugin: PluginRef, member: Viewer, stores: StoresDep, cursor: Cursor = None, limit: Limit = 50
) -> PluginVersionPage:
    """List the published versions, the newest first."""
    mine = stores.plugins(member.org_id, member.space_id)
    page = await mine.versions((await mine.get(plugin)).id, cursor=cursor, limit=limit)
    items = [PluginVersionOut.model_validate(one, from_attributes=True) for one in page.items]
    return PluginVersionPage(items=items, next_cursor=page.next)


def _shown(plugin: Plugin, last4: str | None) -> dict[str, Any]:
    names = ("key", "name", "description", "base_url", "revision", "latest_version", "created", "updated")
    return {
        "id": str(plugin.id),
        **{name: getattr(plugin, name) for name in names},
        "auth": plugin.auth,
        "common": plugin.common,
        "credentials": KeyKept(set=last4 is not None, last4=last4 or ""),
    }


def _findings(findings: tuple[Finding, ...]) -> list[FindingOut]:
    return [FindingOut(field=one.place, code=one.code, message=one.message, severity=one.severity) for one in findings]


def _tool(listed: ListedTool) -> ToolOut:
    tool = listed.tool
    names = ("name", "function_name", "title", "description", "method", "path", "auth")
    shown: dict[str, Any] = {name: getattr(tool, name) for name in names}
    return ToolOut(**shown, enabled=listed.enabled, parameters=tool.parameters(), result=tool.result)
