"""The rules around plugins: a document that gives no tool is refused, and a key goes where it was given for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import JsonValue

from api.access import Member
from api.errors import InvalidRequest, NotServed
from api.plugins.document_text import read_text
from api.plugins.schemas import AuthIn, CallIn, CommonIn, PluginChange, PluginIn
from engine.errors import Conflict
from engine.openapi.document import Described, read_document
from engine.openapi.findings import Finding
from engine.values import Json
from nodes.tool_trial import ToolTrial, TrialCall
from nodes.tools.plugin_call import origin_of
from storage.audit import Actor, Deed, Note
from storage.ids import new_id
from storage.plugin_tools import write_key
from storage.plugins import SECRET_KIND, NewPlugin
from storage.ports.plugins import PluginKey
from storage.stores import Stores
from storage.tables import Plugin
from storage.vault import last4_of

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OURS: Final = frozenset({"connection", "content-length", "content-type", "expect", "host", "te", "transfer-encoding"})
"""Headers that say how a request is sent: whoever sends it says so."""
_KEYED: Final = frozenset({"api_key", "bearer"})


class PluginService:
    """Makes plugins of documents, changes and publishes them, and calls their tools on trial."""

    def __init__(self, stores: Stores, tools: ToolTrial | None) -> None:
        """`tools` is missing where this process has no way out."""
        self._stores = stores
        self._tools = tools

    async def create(self, body: PluginIn, member: Member, actor: Actor) -> tuple[Plugin, tuple[Finding, ...]]:
        """A new plugin, and what there is to say about its document."""
        document, described = await _read(body.document)
        auth = body.auth or AuthIn.model_validate(asdict(described.key))
        common = body.common or CommonIn()
        base_url = _address(body.base_url or described.base_url)
        _check(auth, common)
        new = NewPlugin(
            name=body.name or described.title[:200] or "Plugin",
            base_url=base_url,
            document=document,
            tools=described.tools,
            key=body.key,
            description=described.description if body.description is None else body.description,
            auth=auth.model_dump(),
            common=common.model_dump(),
        )
        plugin = await self._stores.plugins(member.org_id, member.space_id).create(new, _note(actor, "plugin.create"))
        return plugin, _with_consent(described.findings, auth)

    async def change(
        self, ref: str, body: PluginChange, member: Member, actor: Actor
    ) -> tuple[Plugin, tuple[Finding, ...]]:
        """The draft as it is then."""
        plugins = self._stores.plugins(member.org_id, member.space_id)
        plugin = await plugins.get(ref)
        if body.revision != plugin.revision:
            raise Conflict("The plugin has changed since you opened it.", revision=plugin.revision)
        given = body.model_fields_set
        changes: dict[str, Any] = {
            name: value
            for name in ("name", "description")
            if name in given and (value := getattr(body, name)) is not None
        }
        described: Described | None = None
        if body.document is not None:
            changes["document"], described = await _read(body.document)
            before = await asyncio.to_thread(read_document, plugin.document)
            if described.base_url and plugin.base_url == before.base_url:
                # It was the document that said where the tools are.
                changes["base_url"] = _address(described.base_url)
        if body.base_url is not None:
            changes["base_url"] = _address(body.base_url)
        auth = body.auth or AuthIn.model_validate(plugin.auth)
        common = body.common or CommonIn.model_validate(plugin.common)
        _check(auth, common)
        changes |= {"auth": auth.model_dump(), "common": common.model_dump()}
        tools = None if described is None else described.tools
        note = _note(actor, "plugin.change")
        changed = await plugins.change(plugin.id, changes, revision=body.revision, tools=tools, note=note)
        return changed, _with_consent(() if described is None else described.findings, auth)

    async def delete(self, ref: str, member: Member, actor: Actor) -> None:
        """Take a plugin out of sight, and its key out of the vault."""
        plugins = self._stores.plugins(member.org_id, member.space_id)
        secret_id = await plugins.delete((await plugins.get(ref)).id, _note(actor, "plugin.delete"))
        await self._forget(member, secret_id)

    # --- the vault ----------------------------------------------------------------------------------------------------

    async def keep_key(self, ref: str, text: str, member: Member, actor: Actor) -> str:
        """Store a key for the address that the draft has now, in place of the one before; gives what may be shown."""
        plugins = self._stores.plugins(member.org_id, member.space_id)
        plugin = await plugins.get(ref)
        auth = AuthIn.model_validate(plugin.auth)
        if auth.kind not in _KEYED:
            raise _wrong("key", f"This plugin is called without a key: its auth is {auth.kind}.")
        if text != text.strip() or not text.isascii() or not text.isprintable():
            raise _wrong("key", "The key has blanks around it, or characters that no key has.")
        secret = write_key(PluginKey(text, origin_of(plugin.base_url)))
        last4 = last4_of(text)
        kept = await self._stores.secrets.put(str(member.org_id), SECRET_KIND, secret, last4=last4)
        try:
            before = await plugins.keep_secret(plugin.id, int(kept), _note(actor, "plugin.set_key"))
        except BaseException:  # whatever it was, a cancellation too: no key stays behind without its plugin
            await self._stores.secrets.delete(str(member.org_id), kept)
            raise
        await self._forget(member, before)
        return last4

    async def forget_key(self, ref: str, member: Member, actor: Actor) -> None:
        """Take the key away for good."""
        plugins = self._stores.plugins(member.org_id, member.space_id)
        plugin = await plugins.get(ref)
        note = _note(actor, "plugin.forget_key")
        await self._forget(member, await plugins.keep_secret(plugin.id, None, note))

    async def hint(self, plugin: Plugin, member: Member) -> str | None:
        """What may be shown of the key; None where there is none."""
        if plugin.secret_id is None:
            return None
        id_ = str(plugin.secret_id)
        return (await self._stores.secrets.hints(str(member.org_id), SECRET_KIND, [id_])).get(id_)

    async def _forget(self, member: Member, secret_id: int | None) -> None:
        if secret_id is not None:
            await self._stores.secrets.delete(str(member.org_id), str(secret_id))

    # --- trying -------------------------------------------------------------------------------------------------------

    async def call(self, ref: str, tool: str, body: CallIn, member: Member) -> TrialCall:
        """Call a tool, for real. Raises `NotFound`, and `NotServed` where there is no way out."""
        if self._tools is None:
            raise NotServed("This process has no way out to call a tool.")
        org_id, space_id = str(member.org_id), str(member.space_id)
        found = await self._stores.plugin_tools.tool(org_id, space_id, ref, tool, body.version)
        key = None
        if found.auth.kind in _KEYED:
            key = await self._stores.plugin_tools.key(org_id, space_id, found.plugin_id)
        return await self._tools.call(found, key, body.arguments, f"trial/{new_id()}")


def _note(actor: Actor, action: str) -> Note:
    return Note(actor, Deed(action, "plugin"))


async def _read(given: Mapping[str, JsonValue] | str) -> tuple[dict[str, Json], Described]:
    """A document and what it describes. Raises `InvalidRequest` with every finding when that is no tool at all."""
    # In a thread: a large document takes a while.
    document = await asyncio.to_thread(read_text, given) if isinstance(given, str) else dict(given)
    described = await asyncio.to_thread(read_document, document)
    if described.tools:
        return document, described
    errors: list[JsonValue] = [
        {"field": f"document.{one.place}" if one.place else "document", "code": one.code, "message": one.message}
        for one in described.findings
        if one.severity == "error"
    ]
    raise InvalidRequest("No tool can be made of this document.", errors=errors)


def _address(url: str) -> str:
    """Where tools are. Raises `InvalidRequest`; whether it may be called shows with every call."""
    url = url.rstrip("/")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    else:
        if parts.username is not None or parts.password is not None:
            raise _wrong("base_url", "An address holds no name and no password: they would be shown. Store a key.")
        usable = usable and not (parts.query or parts.fragment or any(sign.isspace() for sign in url))
    if not url:
        raise _wrong("base_url", "The document names no whole address, so say where its tools are.")
    if not usable:
        raise _wrong("base_url", "The address must look like https://api.example.com/v1.")
    return url


def _check(auth: AuthIn, common: CommonIn) -> None:
    if auth.kind == "api_key":
        if not auth.name.strip():
            raise _wrong("auth.name", "An API key needs a name: that of a header, or of a query parameter.")
        if auth.place == "header" and not _is_header(auth.name):
            raise _wrong("auth.name", f"{auth.name[:64]!r} cannot be the name of a header for a key.")
    for name, value in common.header.items():
        if not _is_header(name) or not value.isprintable():
            raise _wrong(f"common.header.{name[:64]}", "This cannot be a header.")


def _is_header(name: str) -> bool:
    return _HEADER.fullmatch(name) is not None and name.lower() not in _OURS


def _with_consent(findings: tuple[Finding, ...], auth: AuthIn) -> tuple[Finding, ...]:
    if auth.kind != "oauth":
        return findings
    sentence = "Tools that need somebody's consent (OAuth) cannot be called yet: they fail, and say so."
    return (*findings, Finding("auth", "oauth_not_served", sentence))


def _wrong(field: str, sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, errors=[{"field": field, "code": "invalid_plugin", "message": sentence}])
